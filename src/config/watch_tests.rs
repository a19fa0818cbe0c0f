//! What `watch:` may say, what it gets for saying it wrong, and what no error shows.

use std::path::Path;

use jiff::SignedDuration;

use super::*;
use crate::access::{AuthStyle, Description, HostSpec, RequestRate};

static WELL: Description = Description {
    system: "well",
    title: "Well",
    hosts: &[HostSpec { name: "main", key: "base_url", default: "https://well.example" }],
    auth: AuthStyle::Bearer,
    own_claim: None,
    target_fields: &[],
    kinds: &[],
    requests: RequestRate { count: 100, seconds: 60 },
    concurrency: 4,
    knows_account: false,
    by_hand: false,
};

fn read(watch: &str) -> Result<WatchSettings, Vec<crate::yaml::Problem>> {
    let text =
        format!("version: 1\ntargets: {{ w: {{ system: well, credential: {{ env: WELL }} }} }}\nwatch:\n{watch}");
    let path = Path::new("/etc/portcullis/portcullis.yaml");
    load("portcullis.yaml", path, text.as_bytes(), &[&WELL]).map(|config| config.watch)
}

fn env(name: &str) -> CredentialRef {
    CredentialRef::Env(name.to_owned())
}

#[test]
fn full_settings_become_plain_data() {
    let settings = read(
        r#"
  interval: 90s
  files: poll
  listen: 0.0.0.0:8080
  token: { file: secrets/token }
  metrics: open
  webhooks: [{ from: github, secret: { env: HOOK } }, { from: bitbucket, secret: { env: OTHER } }]
  max_backoff: 1h
  grace: 40s
  notify:
    - { slack: { env: SLACK }, about: [refusals, failures] }
    - { webhook: https://ops.example.com/hook, secret: { command: [./bin/secret] } }
    - { webhook: http://127.0.0.1:8099/hook, secret: { env: LOCAL } }
    - { command: [./page, portcullis] }
"#,
    )
    .unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!((settings.interval.as_secs(), settings.max_backoff.as_secs()), (90, 3_600));
    assert_eq!((settings.grace, settings.open_metrics), (SignedDuration::from_secs(40), true));
    assert!(settings.poll_files);
    assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
    let token = CredentialRef::File { path: "/etc/portcullis/secrets/token".into(), shown: true };
    assert_eq!(settings.token, Some(token));
    let github = Webhook { from: WebhookHost::GitHub, secret: env("HOOK") };
    assert_eq!(settings.webhooks, [github, Webhook { from: WebhookHost::Bitbucket, secret: env("OTHER") }]);
    let [slack, webhook, _, command] = &settings.notify[..] else { panic!("{:#?}", settings.notify) };
    assert_eq!(slack.to, NotifyTo::Slack { url: env("SLACK") });
    assert_eq!(slack.on, [NotifyOn::Refusals, NotifyOn::Failures]);
    let NotifyTo::Webhook { url, secret } = &webhook.to else { panic!() };
    let words = vec!["/etc/portcullis/./bin/secret".to_owned()];
    assert_eq!((url.as_str(), secret), ("https://ops.example.com/hook", &CredentialRef::Command(words)));
    assert!(webhook.on.is_empty(), "left out it means everything");
    let words = ["/etc/portcullis/./page", "portcullis"].map(str::to_owned).to_vec();
    assert_eq!(command.to, NotifyTo::Command(words));
}

#[test]
fn the_receivers_of_the_readme_are_taken() {
    let (_, rest) = include_str!("../../README.md").split_once("## Notifications").unwrap();
    let shown = rest.split_once("watch:\n").unwrap().1.split_once("```").unwrap().0;
    let settings = read(shown).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(settings.notify.len(), 3);
}

#[test]
fn what_is_left_out_has_its_default() {
    assert_eq!(read("  grace: 25s\n").unwrap(), WatchSettings::default());
    let other = read("  listen: \"[::1]:0\"\n").unwrap();
    assert_eq!((other.listen.to_string().as_str(), other.token), ("[::1]:0", None));
    assert!(!read("  metrics: token\n").unwrap().open_metrics);
    assert!(!read("  files: events\n").unwrap().poll_files);
}

#[test]
fn bad_values_are_refused_one_by_one() {
    const SIGNED: &str = "secret: { env: S }";
    let many = |item: &str| format!("[{}]", vec![item; 17].join(", "));
    let cases = [
        ("intervall: 5m".to_owned(), "`intervall` is not a field of `watch`", "did you mean `interval`?"),
        ("interval: 0s".to_owned(), "from 1s to 7d", ""),
        ("max_backoff: 2d".to_owned(), "from 1s to 1d", ""),
        ("grace: 0s".to_owned(), "from 1s to 10m", ""),
        ("listen: here".to_owned(), "an address and a port", "127.0.0.1:9464"),
        ("listen: 0.0.0.0:9464".to_owned(), "there is no `token`", "add `token:"),
        ("listen: \"[::]:9464\"".to_owned(), "there is no `token`", "add `token:"),
        ("files: pol".to_owned(), "`files` cannot be `pol`", "did you mean `poll`?"),
        ("metrics: opne".to_owned(), "`metrics` cannot be `opne`", "did you mean `open`?"),
        ("metrics: true".to_owned(), "some readers take", ""),
        ("webhooks: []".to_owned(), "empty list", ""),
        ("webhooks: [{ from: githup, secret: { env: S } }]".to_owned(), "cannot be `githup`", "`github`"),
        ("webhooks: [{ from: github }]".to_owned(), "`secret` is missing", ""),
        (format!("webhooks: [{{ {SIGNED} }}]"), "`from` is missing", ""),
        (format!("webhooks: {}", many("{ from: gitea, secret: { env: S } }")), "17 items", ""),
        (format!("notify: {}", many("{ command: [page] }")), "17 items", ""),
        ("notify: { slack: { env: S } }".to_owned(), "`notify` has to be", ""),
        ("notify: [{ about: [changes] }]".to_owned(), "exactly one of", ""),
        (format!("notify: [{{ slack: {{ env: S }}, webhook: https://x.example, {SIGNED} }}]"), "exactly one of", ""),
        ("notify: [{ webhook: https://x.example/ }]".to_owned(), "`secret` is missing", ""),
        (format!("notify: [{{ slack: {{ env: S }}, {SIGNED} }}]"), "belongs to a `webhook`", "address"),
        (format!("notify: [{{ webhook: http://x.example, {SIGNED} }}]"), "plain HTTP", "loopback only"),
        (format!("notify: [{{ webhook: ftp://x.example, {SIGNED} }}]"), "begin with https", ""),
        (format!("notify: [{{ webhook: \"https://u:p@x.example\", {SIGNED} }}]"), "a user or a password", "revoke"),
        (format!("notify: [{{ webhook: \"https://x.example/?a=b\", {SIGNED} }}]"), "a query or a fragment", ""),
        (format!("notify: [{{ webhook: x.example, {SIGNED} }}]"), "no address", ""),
        (format!("notify: [{{ webhook: [https://x.example], {SIGNED} }}]"), "has to be an address", ""),
        (format!("notify: [{{ webhook: https://hooks.slack.com/services/T/B/x, {SIGNED} }}]"), "Slack", "slack: {"),
        ("notify: [{ command: page }]".to_owned(), "`command` has to be a list", ""),
        ("notify: [{ command: [] }]".to_owned(), "`command` has to be a list", ""),
        ("notify: [{ command: [page], about: [] }]".to_owned(), "empty list", ""),
        ("notify: [{ command: [page], about: [refusal] }]".to_owned(), "`refusal`", "did you mean `refusals`?"),
        ("notify: [{ command: [page], about: [changes, changes] }]".to_owned(), "twice", ""),
        ("notify: [{ command: [page], about: [revocations, recoveries] }]".to_owned(), "what they end", "`failures`"),
    ];
    for (line, part, hint) in cases {
        let found = read(&format!("  {line}\n")).unwrap_err();
        let [problem] = &found[..] else { panic!("{line}\n{found:#?}") };
        assert!(problem.message.contains(part) && problem.line == 4, "{line}\n{problem:#?}");
        assert!(problem.hint.as_deref().unwrap_or("").contains(hint), "{line}\n{problem:#?}");
    }
}

#[test]
fn every_error_is_told_at_once_with_its_place() {
    let found = read(
        "  interval: 5\n  token: { env: x }\n  webhooks: [{ from: git, secret: {} }]\n  notify:\n    - { slack: [] }\n    - { about: [x] }\n",
    )
    .unwrap_err();
    let places: Vec<(u32, &str)> = found.iter().map(|one| (one.line, one.message.as_str())).collect();
    let lines: Vec<u32> = places.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [4, 5, 6, 6, 8, 9, 9], "{places:#?}");
}

#[test]
fn no_error_shows_what_may_be_a_secret() {
    const SECRET: &str = "Bq7vT0k3n9";
    let cases = [
        format!("  token: {SECRET}\n"),
        format!("  token: {{ env: {SECRET} }}\n"),
        format!("  token: {{ file: {SECRET}, env: A }}\n"),
        format!("  tokne: {SECRET}\n"),
        format!("  webhooks: [{{ from: github, secret: {SECRET} }}]\n"),
        format!("  webhooks: [{{ from: githup, secret: {{ {SECRET}: x }} }}]\n"),
        format!("  notify: [{{ slack: https://hooks.slack.com/services/{SECRET} }}]\n"),
        format!("  notify: [{{ slcak: https://hooks.slack.com/services/{SECRET} }}]\n"),
        format!("  notify:\n    - slack: \"https://hooks.slack.com/services/{SECRET}\"\n      abuot: [changes]\n"),
        format!("  notify: [{{ webhook: https://hooks.slack.com/services/{SECRET}, secret: {{ env: S }} }}]\n"),
        format!("  notify: [{{ webhook: http://x.example/{SECRET}, secret: {{ env: S }} }}]\n"),
        format!("  notify: [{{ webhook: https://x.example/{SECRET} }}]\n"),
        format!("  notify: [{{ webhook: \"https://u:{SECRET}@x.example\", secret: {{ env: S }} }}]\n"),
        format!("  notify: [{{ webhook: https://x.example, secret: {SECRET} }}]\n"),
        format!("  notify: [{{ command: page --key {SECRET} }}]\n"),
        format!("  notify: [{{ command: [page, --key, {SECRET}], about: [chnges] }}]\n"),
        format!("  notify: [{{ command: [page, --key, {SECRET}], secret: {{ env: S }} }}]\n"),
    ];
    for watch in cases {
        let found = read(&watch).unwrap_err();
        assert!(!found.is_empty() && !format!("{found:?}").contains(SECRET), "{watch}{found:#?}");
    }
    // Where nothing secret can stand, the line is shown.
    let shown = read("  token: { env: TOKEN }\n  metrics: opn\n").unwrap_err();
    assert!(shown[0].rendered().contains("metrics: opn"), "{}", shown[0].rendered());
}
