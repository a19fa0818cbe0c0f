//! The schemas and the parsers agree: on samples, good and bad, and on every name.

use std::{collections::BTreeSet, path::Path, sync::LazyLock};

use serde_json::Value;

use super::*;
use crate::{config, policy, systems, yaml};

pub(crate) fn descriptions() -> Vec<&'static Description> {
    vec![
        &systems::accessowl::DESCRIPTION,
        &systems::aitronos::DESCRIPTION,
        &systems::buildkite::DESCRIPTION,
        &systems::pinata::DESCRIPTION,
        &systems::s2::DESCRIPTION,
    ]
}

static VALIDATORS: LazyLock<Vec<(Which, jsonschema::Validator)>> = LazyLock::new(|| {
    let compiled = |which| (which, jsonschema::draft202012::new(&schema(which, &descriptions())).unwrap());
    [Which::Policy, Which::People, Which::Config].into_iter().map(compiled).collect()
});

fn problems_of_schema(which: Which, text: &str) -> Vec<String> {
    let instance: Value = serde_yaml::from_str(text).unwrap();
    let validator = VALIDATORS.iter().find(|(of, _)| *of == which).map(|(_, validator)| validator).unwrap();
    validator.iter_errors(&instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Whether a text fits its schema.
pub(crate) fn validates(which: Which, text: &str) -> bool {
    problems_of_schema(which, text).is_empty()
}

fn problems_of_parser(which: Which, text: &str) -> Vec<yaml::Problem> {
    match which {
        Which::Config => {
            config::load("f.yaml", Path::new("f.yaml"), text.as_bytes(), &descriptions()).err().unwrap_or_default()
        }
        Which::People => {
            let systems: Vec<&str> = descriptions().iter().map(|one| one.system).collect();
            policy::People::read(policy::Source { name: "f.yaml", bytes: text.as_bytes() }, &systems).1
        }
        Which::Policy => {
            let known: Vec<policy::KnownTarget> = descriptions()
                .into_iter()
                .map(|description| policy::KnownTarget { name: description.system.into(), description })
                .collect();
            let file = policy::Source { name: "f.yaml", bytes: text.as_bytes() };
            let people = policy::Source { name: "people.yaml", bytes: PEOPLE.as_bytes() };
            let systems: Vec<&str> = descriptions().iter().map(|one| one.system).collect();
            let people = policy::PeopleFile { source: people, systems: &systems };
            policy::load(&[file], Some(people), &known, &[]).problems
        }
        Which::Plan | Which::Snapshot => unreachable!("no file that people write"),
    }
}

fn both_accept(which: Which, text: &str) {
    assert_eq!(problems_of_parser(which, text), [], "{text}");
    assert_eq!(problems_of_schema(which, text), [""; 0], "{text}");
}

fn both_refuse(which: Which, text: &str) {
    assert!(!problems_of_parser(which, text).is_empty(), "the parser takes\n{text}");
    assert!(!validates(which, text), "the schema takes\n{text}");
}

const PEOPLE: &str = "
version: 1
people:
  anna: { email: anna@example.com, aliases: { aitronos: usr_1 } }
  ben: { email: ben@agency.example, until: 2027-03-31 }
  deploy-bot: { email: deploy@example.com, service: true }
groups:
  platform: [anna, deploy-bot]
";

const CONFIG: &str = r#"
version: 1
policies: policies/
people: people.yaml
journal: .portcullis/journal.db
guards: { max_count_total: 100 }
delegate:
  - { path: "data/**", target: storage, within: { access_tokens: [{ id: "service/*" }, { id: "ci/*" }] } }
watch:
  interval: 5m
  files: poll
  listen: 127.0.0.1:9464
  token: { file: secrets/token }
  metrics: open
  webhooks: [{ from: github, secret: { env: HOOK_SECRET } }]
  max_backoff: 15m
  grace: 25s
  notify:
    - { slack: { env: SLACK_WEBHOOK_URL }, about: [refusals, failures] }
    - { webhook: https://ops.example.com/hook, secret: { file: secrets/hook } }
    - { command: [/usr/local/bin/page, portcullis] }
freeze: [{ cron: "0 18 * * FRI", duration: 62h, time_zone: Europe/Zurich }]
stop_file: stop
targets:
  storage:
    system: s2
    credential: { env: S2_ACCESS_TOKEN }
    own: { access_tokens: [{ id: portcullis/reconciler }] }
    must_see: { access_tokens: [{ id: root/owner }] }
    protected: { access_tokens: [{ id: "root/*" }] }
    enforce: [access_tokens]
    guards: { max_share: 10%, max_count: 20, keep_at_least: 3, notice: 48h, max_clock_skew: 2m }
    limits: { requests: 1000/h, concurrency: 4 }
    interval: 5m
  builds:
    system: buildkite
    organization: acme
    include: [system]
    credential: { file: /run/secrets/buildkite }
    graphql_url: http://127.0.0.1:8080/v1
    rest_url: http://127.0.0.1:8080/v2
    allow_host: true
    protected: { api_tokens: [{ users: [ops@example.com] }] }
  pins:
    system: pinata
    gateways: [gw.example.com]
    own: { api_keys: unlisted }
    may_open: [gw.example.com]
    account: acme
    settle: 2m
    max_in_flight: 7d
    credential: { command: [vault, read, pinata] }
  ai: { system: aitronos, organization: org_1, auth: api_key, credential: { env: AITRONOS_KEY }, ca_file: ca.pem }
  apps: { system: accessowl, include: [unlinked, discovered], credential: { env: ACCESSOWL_TOKEN } }
"#;

const POLICIES: [&str; 5] = [
    r#"
version: 1
target: s2
team: data@example.com
manage:
  access_tokens: { select: [{ id: "service/*" }, { id: "ci/*" }], except: [{ id: "service/legacy-*" }], allow_empty: false }
access_tokens:
  - id: service/ingest
    justification: OPS-123, the ingest pipeline
    expires: 2027-01-31
    scope: { streams: { prefix: "ingest/" }, basins: { exact: b-1 }, ops: [append, read], op_groups: { stream: { write: true } } }
    auto_prefix_streams: true
    on_excess: revoke
allow:
  access_tokens:
    - { select: { id: "ci/*" }, must_expire_within: 2d, justification: tokens of single runs }
absent:
  access_tokens:
    - { id: service/old-export, justification: "SEC-9, leaked" }
reason: { undeclared: "{cause}: {file}, ask {team}" }
"#,
    r#"
version: 1
targets: [accessowl]
manage: { access: all }
access:
  - { user: anna, application: GitHub, resource: infra, permissions: [read], max_age: 90d }
  - { users: [ben, x@example.com], groups: [platform], application: Slack }
  - { id: st_1, expires: 2027-01-31T10:00:00Z }
holds: { access: [{ user: ben, application: GitHub, until: 2026-12-24, justification: handover }] }
"#,
    r#"
version: 1
target: aitronos
manage: { grants: { select: { entity: "assistant/*", groups: platform }, allow_empty: true } }
grants:
  - { entity: assistant/asst_1, grantee: role/editors, level: write }
  - { entity: vector_store/vs_1, user: anna, level: admin }
absent: { grants: [{ users: [ben] }] }
"#,
    r#"
version: 1
target: buildkite
api_tokens:
  - { user: anna, description: deploys, scopes: [read_builds, graphql], max_idle: 30d, max_unused: 4w }
  - { uuid: 0b2f9a52-1c1e-4a51-9a9e-ef2f6a1d8f00, team: ops }
"#,
    r#"
version: 1
target: pinata
manage: { gateway_keys: [{ gateway: gw.example.com }] }
gateway_keys: [{ gateway: gw.example.com, id: k1 }]
api_keys: [{ key: abc }, { name: uploader, scopes: [] }]
"#,
];

#[test]
fn samples_are_accepted_by_both() {
    both_accept(Which::Config, CONFIG);
    both_accept(Which::People, PEOPLE);
    both_refuse(Which::People, &PEOPLE.replace("usr_1", "anna@old.example"));
    POLICIES.iter().for_each(|policy| both_accept(Which::Policy, policy));
}

#[test]
fn broken_configurations_are_refused_by_both() {
    let well = "version: 1\ntargets: { t: { system: s2, credential: { env: T } } }\n";
    both_accept(Which::Config, well);
    let cases = [
        ("version: 1", "version: 2"),
        ("version: 1", "versoin: 1"),
        ("version: 1", "version: 1\njournal: ~"),
        ("version: 1", "version: 1\ndelegate: []"),
        ("version: 1", "version: 1\nguards: { max_count_total: -1 }"),
        ("version: 1", "version: 1\nfreeze: [{ cron: \"* *\", duration: 1h, time_zone: UTC }]"),
        ("version: 1", "version: 1\nfreeze: [{ cron: \"0 1 * * *\", duration: 1h }]"),
        ("version: 1", "version: 1\nwatch: { intervall: 5m }"),
        ("version: 1", "version: 1\nwatch: { metrics: closed }"),
        ("version: 1", "version: 1\nwatch: { token: abc }"),
        ("version: 1", "version: 1\nwatch: { webhooks: [] }"),
        ("version: 1", "version: 1\nwatch: { webhooks: [{ from: github }] }"),
        ("version: 1", "version: 1\nwatch: { webhooks: [{ from: svn, secret: { env: S } }] }"),
        ("version: 1", "version: 1\nwatch: { webhooks: [{ from: github, secret: { key: S } }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ about: [changes] }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ slack: https://hooks.slack.com/x }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ slack: { env: S }, command: [x] }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ slack: { env: S }, secret: { env: S } }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ webhook: 'https://x.example' }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ webhook: 'ftp://x.example', secret: { env: S } }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ command: x }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ command: [x], about: [all] }] }"),
        ("version: 1", "version: 1\nwatch: { notify: [{ command: [x], about: [changes, changes] }] }"),
        ("t: {", "\"t x\": {"),
        ("{ t: { system: s2, credential: { env: T } } }", "{}"),
        ("system: s2", "system: s3"),
        ("system: s2", "system: aitronos"),
        ("system: s2", "system: s2, organization: x"),
        ("system: s2", "system: s2, enforce: [api_keys]"),
        ("system: s2", "system: s2, enforce: []"),
        ("system: s2", "system: s2, own: { access_tokens: all }"),
        ("system: s2", "system: s2, own: {}"),
        ("system: s2", "system: s2, protected: { access_tokens: [{}] }"),
        ("system: s2", "system: s2, protected: { access_tokens: [{ scope: x }] }"),
        ("system: s2", "system: s2, protected: { access_tokens: [{ id: 'a\\b' }] }"),
        ("system: s2", "system: s2, guards: { max_share: 0.1 }"),
        ("system: s2", "system: s2, guards: { notice: 2 days }"),
        ("system: s2", "system: s2, limits: { requests: 10 }"),
        ("system: s2", "system: s2, limits: { concurrency: 0 }"),
        ("system: s2", "system: s2, base_url: ftp://a.s2.dev"),
        ("system: s2", "system: s2, allow_host: 'true'"),
        ("{ env: T }", "abc"),
        ("{ env: T }", "{ env: lower }"),
        ("{ env: T }", "{ env: T, file: x }"),
        ("{ env: T }", "{}"),
        ("{ env: T }", "{ command: run }"),
        ("{ env: T }", "{ token: x }"),
    ];
    for (from, to) in cases {
        assert!(well.contains(from));
        both_refuse(Which::Config, &well.replace(from, to));
    }
}

#[test]
fn broken_policies_and_people_are_refused_by_both() {
    let refused = [
        "version: 1\n",
        "version: 1\ntarget: s2\ntargets: [s2]\n",
        "target: s2\n",
        "version: 1\ntarget: s2\nmanage: {}\n",
        "version: 1\ntarget: s2\nmanage: { access_tokens: ~ }\n",
        "version: 1\ntarget: s2\nmanage: { access_tokens: [] }\n",
        "version: 1\ntarget: s2\nmanage: { access_tokens: [{}] }\n",
        "version: 1\ntarget: s2\nmanage: { access_tokens: { id: x } }\n",
        "version: 1\ntarget: s2\naccess_tokens: []\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ justification: x }]\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ id: a, max_age: 3d }]\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ id: a, must_expire_within: 3d }]\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ id: a, expires: soon }]\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ id: a, on_excess: drop }]\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ id: a, scope: { ops: [fly] } }]\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ id: a, scope: { streams: { exact: a, prefix: b } } }]\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ id: a, scope: { op_groups: { stream: { append: true } } } }]\n",
        "version: 1\ntarget: s2\naccess_tokens: [{ id: 12 }]\n",
        "version: 1\ntarget: s2\nabsent: { access_tokens: [{ id: 'a*' }] }\n",
        "version: 1\ntarget: s2\nabsent: { access_tokens: [{ justification: x }] }\n",
        "version: 1\ntarget: s2\nreason: { undeclared: '{who}' }\n",
        "version: 1\ntarget: s2\nreason: { ordered: x }\n",
        "version: 1\ntarget: accessowl\naccess: [{ user: anna }]\n",
        "version: 1\ntarget: accessowl\naccess: [{ id: x, user: anna, application: y }]\n",
        "version: 1\ntarget: accessowl\naccess: [{ user: anna, users: [ben], application: y }]\n",
        "version: 1\ntarget: accessowl\nholds: { access: [{ user: ben, until: 2027-01-01 }] }\n",
        "version: 1\ntarget: aitronos\ngrants: [{ entity: asst_1, grantee: role/x }]\n",
        "version: 1\ntarget: aitronos\ngrants: [{ entity: assistant/a, grantee: role/x, level: owner }]\n",
        "version: 1\ntarget: buildkite\napi_tokens: [{ user: anna, description: x, max_idle: 0.5d }]\n",
    ];
    refused.iter().for_each(|text| both_refuse(Which::Policy, text));
    let refused = [
        "version: 1\n",
        "version: 1\npeople: { anna: {} }\n",
        "version: 1\npeople: { anna: { email: nobody } }\n",
        "version: 1\npeople: { 'a b': { email: a@example.com } }\n",
        "version: 1\npeople: { anna: { mail: a@example.com } }\n",
        "version: 1\npeople: { anna: { email: a@example.com, service: 'true' } }\n",
        "version: 1\npeople: { anna: { email: a@example.com, until: tomorrow } }\n",
        "version: 1\npeople: { anna: { email: a@example.com } }\ngroups: { g: anna }\n",
        "version: 1\npeople: { anna: { email: a@example.com } }\ngroups: { g: [anna, anna] }\n",
    ];
    refused.iter().for_each(|text| both_refuse(Which::People, text));
}

/// A name that is nobody's, near no other: the parser answers with all the names it knows.
const STRANGE: &str = "qqqqqqqqqqqqqqqqqqqq";

fn names_of_parser(which: Which, text: &str) -> BTreeSet<String> {
    let problems = problems_of_parser(which, text);
    let hints: Vec<&str> = problems
        .iter()
        .filter(|problem| problem.message.contains(STRANGE))
        .filter_map(|problem| problem.hint.as_deref()?.strip_prefix("known are "))
        .collect();
    let [names] = hints[..] else { panic!("{text}: {problems:#?}") };
    names.split(", ").map(str::to_owned).collect()
}

/// The names that the schema knows at a place: `*` steps into a list or a free mapping, and every alternative is looked at.
fn names_of_schema(schema: &Value, path: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let alternatives = ["anyOf", "oneOf", "allOf"].iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
    for alternative in alternatives {
        names.extend(names_of_schema(alternative, path));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    match path {
        [] if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
            names.extend(properties.into_iter().flat_map(|properties| properties.keys().cloned()));
        }
        [] => {}
        ["*", rest @ ..] => {
            for inner in [schema.get("items"), schema.get("additionalProperties")].into_iter().flatten() {
                names.extend(names_of_schema(inner, rest));
            }
        }
        [name, rest @ ..] => {
            if let Some(inner) = properties.and_then(|properties| properties.get(*name)) {
                names.extend(names_of_schema(inner, rest));
            }
        }
    }
    names
}

#[test]
fn every_name_of_a_policy_is_the_parsers() {
    let schema = schema(Which::Policy, &descriptions());
    for description in descriptions() {
        for kind in description.kinds {
            let list = kind.list;
            let head = format!("version: 1\ntarget: {}\n", description.system);
            let places: [(String, Vec<&str>); 7] = [
                (format!("{list}: [{{ {STRANGE}: x }}]"), vec![list, "*"]),
                (format!("manage: {{ {list}: {{ {STRANGE}: x, select: all }} }}"), vec!["manage", list]),
                (format!("manage: {{ {list}: [{{ {STRANGE}: x }}] }}"), vec!["manage", list, "*"]),
                (
                    format!("manage: {{ {list}: {{ select: [{{ {STRANGE}: x }}] }} }}"),
                    vec!["manage", list, "select", "*"],
                ),
                (
                    format!("manage: {{ {list}: all }}\nallow: {{ {list}: [{{ {STRANGE}: x }}] }}"),
                    vec!["allow", list, "*"],
                ),
                (format!("absent: {{ {list}: [{{ {STRANGE}: x }}] }}"), vec!["absent", list, "*"]),
                (format!("holds: {{ {list}: [{{ {STRANGE}: x }}] }}"), vec!["holds", list, "*"]),
            ];
            for (text, path) in places {
                let mut of_parser = names_of_parser(Which::Policy, &format!("{head}{text}\n"));
                // The parser knows every limit everywhere, to say which system cannot answer it.
                let answered: Vec<&str> = kind
                    .limits
                    .iter()
                    .chain(if path[0] == "allow" { kind.allow_limits } else { &[] })
                    .map(|limit| limit.name())
                    .collect();
                of_parser.retain(|name| {
                    answered.contains(&name.as_str()) || !super::policy::LIMITS.iter().any(|limit| limit.name() == name)
                });
                assert_eq!(names_of_schema(&schema, &path), of_parser, "{text}");
            }
        }
    }
    let mut of_parser = BTreeSet::new();
    for description in descriptions() {
        of_parser.extend(names_of_parser(
            Which::Policy,
            &format!("version: 1\ntarget: {}\n{STRANGE}: x\n", description.system),
        ));
    }
    assert_eq!(names_of_schema(&schema, &[]), of_parser);
    let of_parser = names_of_parser(Which::Policy, &format!("version: 1\ntarget: s2\nreason: {{ {STRANGE}: x }}\n"));
    assert_eq!(names_of_schema(&schema, &["reason"]), of_parser);
}

#[test]
fn every_name_of_the_people_file_is_the_parsers() {
    let schema = schema(Which::People, &descriptions());
    let file =
        names_of_parser(Which::People, &format!("version: 1\npeople: {{ a: {{ email: a@b }} }}\n{STRANGE}: x\n"));
    assert_eq!(names_of_schema(&schema, &[]), file);
    let person =
        names_of_parser(Which::People, &format!("version: 1\npeople: {{ a: {{ email: a@b, {STRANGE}: x }} }}\n"));
    assert_eq!(names_of_schema(&schema, &["people", "*"]), person);
}

#[test]
fn every_name_of_the_daemons_settings_is_the_parsers() {
    let schema = schema(Which::Config, &descriptions());
    let places: [(&str, &[&str]); 3] = [
        ("{ STRANGE: x }", &["watch"]),
        ("{ webhooks: [{ STRANGE: x }] }", &["watch", "webhooks", "*"]),
        ("{ notify: [{ STRANGE: x, command: [x] }] }", &["watch", "notify", "*"]),
    ];
    for (text, path) in places {
        let text = text.replace("STRANGE", STRANGE);
        let text = format!("version: 1\ntargets: {{ t: {{ system: s2, credential: {{ env: T }} }} }}\nwatch: {text}\n");
        assert_eq!(names_of_schema(&schema, path), names_of_parser(Which::Config, &text), "{text}");
    }
}

#[test]
fn every_property_is_described() {
    fn look(schema: &Value, at: &str) {
        match schema {
            Value::Object(object) => {
                for (name, inner) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
                    assert_ne!(inner, &Value::Bool(true), "{at}/{name} takes anything");
                }
                object.iter().for_each(|(name, inner)| look(inner, &format!("{at}/{name}")));
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, at)),
            _ => {}
        }
    }
    for which in Which::ALL {
        let schema = schema(which, &descriptions());
        assert!(jsonschema::meta::is_valid(&schema), "{}", which.name());
        if !matches!(which, Which::Plan | Which::Snapshot) {
            look(&schema, which.name());
        }
    }
}

#[test]
fn a_plan_fits_its_schema() {
    let plan = Plan {
        version: crate::plan::PLAN_VERSION,
        made_at: "2026-11-21T10:00:00Z".parse().unwrap(),
        revision: None,
        problems: crate::run::told(&[]),
        targets: Vec::new(),
    };
    let validator = jsonschema::draft202012::new(&schema(Which::Plan, &[])).unwrap();
    let mut document = serde_json::to_value(&plan).unwrap();
    assert!(validator.is_valid(&document));
    document["targets"] = json!([{ "target": 7 }]);
    assert!(!validator.is_valid(&document));
}
