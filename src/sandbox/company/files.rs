//! The sample files as they are in the repository, and a configuration that names a running sandbox.

use crate::sandbox::Urls;

/// The sample policy files: path below the policy root, and text.
pub const POLICIES: &[(&str, &str)] = &[
    ("ai/aitronos.yaml", include_str!("../../../policies/ai/aitronos.yaml")),
    ("data/s2.yaml", include_str!("../../../policies/data/s2.yaml")),
    ("design/accessowl.yaml", include_str!("../../../policies/design/accessowl.yaml")),
    ("engineering/accessowl.yaml", include_str!("../../../policies/engineering/accessowl.yaml")),
    ("engineering/buildkite.yaml", include_str!("../../../policies/engineering/buildkite.yaml")),
    ("go-to-market/accessowl.yaml", include_str!("../../../policies/go-to-market/accessowl.yaml")),
    ("it/slack.yaml", include_str!("../../../policies/it/slack.yaml")),
    ("media/pinata.yaml", include_str!("../../../policies/media/pinata.yaml")),
    ("platform/s2.yaml", include_str!("../../../policies/platform/s2.yaml")),
];

/// The sample people file.
pub fn people() -> &'static str {
    include_str!("../../../people.yaml")
}

/// A `portcullis.yaml` for a sandbox at these addresses. Paths in it are relative to where it is put; credentials are the
/// files `credentials/SYSTEM` beside it.
pub fn configuration(urls: &Urls) -> String {
    let Urls { accessowl, aitronos, buildkite_graphql, buildkite_rest, pinata, s2, control } = urls;
    format!(
        r#"# Made by the sandbox for its imitated systems. Its control interface is {control}
version: 1
policies: policies/
people: people.yaml
journal: .portcullis/journal.db
targets:
  accessowl-northlight:
    system: accessowl
    base_url: {accessowl}
    allow_host: true
    credential: {{ file: credentials/accessowl }}
    account: northlight
    enforce: [access]
    must_see: {{ access: [{{ user: anna.keller@example.com }}] }}
    # In a playground nobody waits for the notice of 20 hours.
    guards: {{ notice: 0h }}
    limits: {{ requests: 100/s, concurrency: 4 }}
  aitronos-northlight:
    system: aitronos
    base_url: {aitronos}
    allow_host: true
    organization: org_northlight
    credential: {{ file: credentials/aitronos }}
    enforce: [grants]
    guards: {{ notice: 0h }}
    limits: {{ requests: 100/s, concurrency: 4 }}
  buildkite-northlight:
    system: buildkite
    graphql_url: {buildkite_graphql}
    rest_url: {buildkite_rest}
    allow_host: true
    organization: northlight
    credential: {{ file: credentials/buildkite }}
    enforce: [api_tokens]
    guards: {{ notice: 0h }}
    limits: {{ requests: 100/s, concurrency: 4 }}
  pinata-northlight:
    system: pinata
    base_url: {pinata}
    allow_host: true
    gateways: all
    account: northlight-media
    credential: {{ file: credentials/pinata }}
    enforce: [gateway_keys, api_keys]
    guards: {{ notice: 0h }}
    limits: {{ requests: 100/s, concurrency: 4 }}
  s2-northlight:
    system: s2
    base_url: {s2}
    allow_host: true
    account: northlight
    credential: {{ file: credentials/s2 }}
    own: {{ access_tokens: [{{ id: portcullis/reconciler }}] }}
    must_see: {{ access_tokens: [{{ id: root/owner }}] }}
    protected: {{ access_tokens: [{{ id: "root/*" }}] }}
    enforce: [access_tokens]
    guards: {{ notice: 0h }}
    limits: {{ requests: 100/s, concurrency: 4 }}
"#
    )
}
