//! What the operator's file may say, what it gets for saying it wrong, and what no error shows.

use std::path::Path;

use jiff::SignedDuration;

use super::*;
use crate::access::{
    AuthStyle, Description, Field, FieldRole, HostSpec, Kind, RequestRate, Reversibility, SelectField, Selectors,
    Shape, TargetField, TargetShape,
};

const fn field(name: &'static str, shape: Shape, role: FieldRole) -> Field {
    Field { name, shape, role, compare: None, doc: "" }
}

const fn kind(name: &'static str, list: &'static str, fields: &'static [Field], holds_own: bool) -> Kind {
    Kind {
        name,
        list,
        noun: name,
        fields,
        identities: &[&["id"]],
        limits: &[],
        allow_limits: &[],
        reversibility: Reversibility::Irreversible,
        holds_own,
        has_owner: false,
        splits_by: None,
        reissues_ids: false,
        read_alone: true,
    }
}

static MILL: Description = Description {
    system: "mill",
    title: "Mill",
    hosts: &[
        HostSpec { name: "main", key: "base_url", default: "https://api.mill.example/v1" },
        HostSpec { name: "rest", key: "rest_url", default: "https://rest.mill.example" },
    ],
    auth: AuthStyle::Bearer,
    own_claim: None,
    target_fields: &[
        TargetField { name: "organization", shape: TargetShape::Text, required: true, doc: "Its slug." },
        TargetField {
            name: "auth",
            shape: TargetShape::Auth(&[("bearer", AuthStyle::Bearer), ("key", AuthStyle::Header("X-Key"))]),
            required: false,
            doc: "",
        },
        TargetField { name: "include", shape: TargetShape::ManyOf(&["system"]), required: false, doc: "" },
        TargetField { name: "gates", shape: TargetShape::AllOrTexts, required: false, doc: "" },
        TargetField { name: "mode", shape: TargetShape::OneOf(&["one", "two"]), required: false, doc: "" },
    ],
    kinds: &[
        kind(
            "token",
            "tokens",
            &[
                field("id", Shape::Text, FieldRole::Exact),
                field("user", Shape::Person, FieldRole::Key),
                field("scope", Shape::Region, FieldRole::Content),
                field("wide", Shape::Bool, FieldRole::Content),
            ],
            false,
        ),
        kind("grant", "grants", &[field("id", Shape::Text, FieldRole::Exact)], false),
    ],
    requests: RequestRate { count: 100, seconds: 60 },
    concurrency: 4,
    knows_account: false,
    by_hand: false,
};

static WELL: Description = Description {
    system: "well",
    title: "Well",
    hosts: &[HostSpec { name: "main", key: "base_url", default: "https://well.example" }],
    target_fields: &[],
    kinds: &[kind("key", "keys", &[field("id", Shape::Text, FieldRole::Exact)], true)],
    ..MILL
};

fn read(text: &str) -> Result<Config, Vec<crate::yaml::Problem>> {
    load("portcullis.yaml", Path::new("/etc/portcullis/portcullis.yaml"), text.as_bytes(), &[&MILL, &WELL])
}

fn problems(text: &str) -> Vec<String> {
    let problems = read(text).err().unwrap_or_default();
    problems.iter().map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message)).collect()
}

/// A file with one target of the system `well` and these lines in it.
fn well(lines: &str) -> String {
    format!("version: 1\ntargets:\n  w:\n    system: well\n    credential: {{ env: WELL }}\n{lines}")
}

#[test]
fn a_full_file_becomes_plain_data() {
    let config = read(
        r#"
version: 1
policies: policies/
people: /srv/people.yaml
journal: ephemeral
guards: { max_count_total: 7 }
stop_file: STOP
watch: { interval: 5m, listen: 127.0.0.1:9464 }
freeze: [{ cron: "0 18 * * FRI", duration: 62h, time_zone: UTC }]
delegate:
  - { path: "data/**", target: mill-1, within: { tokens: [{ id: "service/*" }], grants: all } }
targets:
  mill-1:
    system: mill
    organization: acme
    auth: key
    include: [system]
    gates: all
    credential: { command: [./bin/token, --raw] }
    base_url: http://127.0.0.1:8080/v1/
    allow_host: true
    account: acc-1
    own: { tokens: [{ id: own/1 }], grants: unlisted }
    must_see: { tokens: { user: [Root@example.com, ops] } }
    protected: { tokens: [{ id: "root/*", wide: true }] }
    enforce: [tokens]
    guards: { max_share: 10%, max_count: 20, keep_at_least: 3, notice: 48h, max_clock_skew: 1m }
    may_open: [g1]
    settle: 30s
    max_in_flight: 3d
    limits: { requests: 1000/h, concurrency: 2 }
    interval: 1h
    ca_file: ca.pem
"#,
    )
    .unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(config.policies, Path::new("/etc/portcullis/policies"));
    assert_eq!(config.people.as_deref(), Some(Path::new("/srv/people.yaml")));
    assert_eq!((config.journal, config.max_count_total), (JournalPlace::Ephemeral, 7));
    assert_eq!(config.freeze[0].duration, SignedDuration::from_hours(62));
    let [Delegation { path, target, within }] = &config.delegate[..] else { panic!() };
    assert_eq!((path.as_str(), target.as_str(), within.len()), ("data/**", "mill-1", 2));
    assert_eq!(within[1].1, Selectors::All);
    let mill = &config.targets["mill-1"];
    assert_eq!(mill.auth, AuthStyle::Header("X-Key"));
    assert_eq!(mill.fields["mode"], ["one"], "the first word is the default");
    assert_eq!(mill.fields["gates"], ["all"]);
    assert_eq!(mill.hosts["main"].as_str(), "http://127.0.0.1:8080/v1");
    assert_eq!(mill.hosts["rest"].as_str(), "https://rest.mill.example/");
    let words = ["/etc/portcullis/./bin/token", "--raw"].map(str::to_owned).to_vec();
    assert_eq!(mill.credential, CredentialRef::Command(words));
    assert_eq!(mill.own[1].1, OwnList::Unlisted);
    let Selectors::Any(seen) = &mill.must_see[0].1 else { panic!() };
    let condition = &seen[0].conditions[0];
    assert!(condition.field == SelectField::Field(1) && condition.ignore_case && condition.any_of.len() == 2);
    assert_eq!(mill.enforce, [&MILL.kinds[0]]);
    assert_eq!(mill.guards.max_share_percent, 10);
    assert_eq!(mill.guards.notice, SignedDuration::from_hours(48));
    assert_eq!(mill.limits, RequestLimits { requests: RequestRate { count: 1000, seconds: 3600 }, concurrency: 2 });
    assert_eq!(mill.max_in_flight, SignedDuration::from_hours(72));
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = read(&well("")).unwrap();
    assert_eq!(config.journal, JournalPlace::File("/etc/portcullis/.portcullis/journal.db".into()));
    assert_eq!((config.max_count_total, config.delegate.len(), config.people), (100, 0, None));
    let well = &config.targets["w"];
    let guards = Guards {
        max_share_percent: 25,
        max_count: 50,
        keep_at_least: 1,
        notice: SignedDuration::from_hours(20),
        max_clock_skew: SignedDuration::from_mins(5),
    };
    assert_eq!((&well.guards, well.max_in_flight), (&guards, SignedDuration::from_hours(7 * 24)));
    assert!(well.enforce.is_empty(), "nothing is changed until the operator says so");
    assert_eq!((well.settle, well.limits.requests), (SignedDuration::from_mins(2), WELL.requests));
}

#[test]
fn every_error_is_told_at_once_with_its_place() {
    let text = r#"
version: 2
polices: x
delegate: [{ path: ../up, target: mil, within: { tokens: all } }]
targets:
  "-x": { system: well, credential: { env: A } }
  m:
    system: mill
    credential: { env: B }
    enfroce: [tokens]
    enforce: [token]
    protected: { tokens: [{ scope: "a*", id: "" }] }
    guards: { max_share: 0%, notice: 400d }
  near: { system: wel, credential: { env: C }, settle: 9 }
"#;
    assert_eq!(
        problems(text),
        [
            "2:10 `version` has to be a whole number from 1 to 1, and here is `2`",
            "3:1 `polices` is not a field of the configuration",
            "4:20 `../up` is no path of the policy tree",
            "4:35 no target is called `mil`",
            "6:3 `-x` cannot be the name of a target",
            "8:5 `organization` is missing, and Mill needs it",
            "10:5 `enfroce` is not a field of the target `m`",
            "11:15 `enforce` cannot be `token`",
            "12:29 tokens cannot be selected by `scope`",
            "12:46 `id` is empty",
            "13:26 `max_share` has to be a share from 1% to 100%",
            "13:38 `notice` has to be from 0s to 90d",
            "14:19 `system` cannot be `wel`",
            "14:56 `settle` has to be a duration, and here is `9`",
        ]
    );
    let hints: Vec<_> = read(text).unwrap_err().into_iter().filter_map(|problem| problem.hint).collect();
    for hint in
        ["did you mean `policies`?", "did you mean `enforce`?", "did you mean `tokens`?", "did you mean `well`?"]
    {
        assert!(hints.iter().any(|given| given == hint), "{hint}");
    }
}

#[test]
fn bad_values_are_refused_one_by_one() {
    let cases = [
        ("    base_url: http://well.example\n", "plain HTTP"),
        ("    base_url: https://evil.example\n", "is not a host of Well"),
        ("    base_url: https://well.example:8443\n", "is not a host of Well"),
        ("    base_url: http://127.0.0.1:1\n", "is not a host of Well"),
        ("    allow_host: true\n    base_url: http://10.0.0.1\n", "plain HTTP"),
        ("    allow_host: true\n    base_url: ftp://x.example\n", "begin with https"),
        ("    base_url: https://well.example?a=b\n", "query or a fragment"),
        ("    own: { keys: all }\n", "does not name entries"),
        ("    own: {}\n", "`own` is empty"),
        ("    own: { keys: [] }\n", "empty list"),
        ("    protected: { keys: [{}] }\n", "empty selector"),
        ("    protected: { keys: ~ }\n", "has to be"),
        ("    enforce: []\n", "empty list"),
        ("    enforce: [keys, keys]\n", "twice"),
        ("    limits: { requests: 10/d }\n", "number of requests"),
        ("    limits: { concurrency: 0 }\n", "from 1 to 64"),
        ("    settle: 2h\n", "from 1s to 1h"),
        ("    freeze: [{ cron: \"0 18 * * *\", duration: 1h, time_zone: Nowhere/Atall }]\n", "no time zone"),
        ("    organization: x\n", "is not a field"),
        ("watch: { listen: here }\n", "an address and a port"),
        ("guards: { max_count: 3 }\n", "is not a field of the guards of all targets"),
        ("journal: ~\n", "`journal`"),
        ("delegate: []\n", "empty list"),
    ];
    for (lines, part) in cases {
        let found = problems(&well(lines));
        assert!(found.len() == 1 && found[0].contains(part), "{lines}{found:#?}");
    }
}

#[test]
fn a_credential_file_is_shown_only_where_it_is_written_as_a_path() {
    for (written, is_shown) in [("a/token", true), ("Bq7vT0k3n9", false)] {
        let config =
            read(&format!("version: 1\ntargets:\n  w: {{ system: well, credential: {{ file: {written} }} }}\n"));
        let config = config.unwrap();
        let CredentialRef::File { path, shown } = &config.targets["w"].credential else { panic!() };
        assert_eq!((path.ends_with(written), *shown), (true, is_shown));
    }
}

#[test]
fn no_error_shows_what_may_be_a_credential() {
    const SECRET: &str = "Bq7vT0k3n9";
    let cases = [
        format!("    credential: {SECRET}\n"),
        format!("    credential: \"{SECRET}\"\n"),
        format!("    credential: {{ env: {SECRET} }}\n"),
        format!("    credential: {{ token: {SECRET} }}\n"),
        format!("    credential: {{ {SECRET}: x }}\n"),
        format!("    credential: [{SECRET}]\n"),
        format!("    credential: {{ command: run --with {SECRET} }}\n"),
        format!("    credential: {{ env: A, file: {SECRET} }}\n"),
        format!("    credential: |\n      {SECRET}\n      {SECRET}\n"),
        format!("    credential: !secret {SECRET}\n"),
        format!("    credential: \"{SECRET}\n"),
        format!("    credental: {SECRET}\n"),
        format!("    credential: {{ env: A }}\n    token: {SECRET}\n"),
        format!("    credential: {{ env: A }}\n    base_url: https://u:{SECRET}@well.example\n"),
        format!("    credential: {{ env: A }}\n    base_url: https://evil.example/?t={SECRET}\n"),
    ];
    for lines in cases {
        let found = read(&format!("version: 1\ntargets:\n  w:\n    system: well\n{lines}")).unwrap_err();
        assert!(!found.is_empty() && !format!("{found:?}").contains(SECRET), "{lines}{found:#?}");
    }
    let one_line = format!("version: 1\ntargets: {{ w: {{ system: wells, credential: {SECRET} }} }}\n");
    let found = read(&one_line).unwrap_err();
    assert!(found.len() == 2 && !format!("{found:?}").contains(SECRET), "{found:#?}");
    // Where nothing secret can stand, the line is shown.
    let shown = read(&well("    enforce: [key]\n")).unwrap_err();
    assert!(shown[0].rendered.contains("enforce: [key]"), "{}", shown[0].rendered);
}

#[test]
fn two_targets_may_not_share_an_account() {
    let two = |one: &str, other: &str| {
        problems(&format!("version: 1\ntargets:\n  a: {{ system: {one} }}\n  b: {{ system: {other} }}\n"))
    };
    let shared = |one: &str, other: &str| {
        let found = two(one, other);
        assert!(found.len() == 1 && found[0].starts_with("4:") && found[0].contains("`a` and `b`"), "{found:#?}");
    };
    shared("mill, organization: acme, credential: { env: A }", "mill, organization: Acme, credential: { env: B }");
    shared("well, credential: { env: A }", "well, credential: { env: A }");
    shared("well, account: x, credential: { env: A }", "well, account: x, credential: { env: B }");
    let apart = |one: &str, other: &str| assert_eq!(two(one, other), [""; 0]);
    apart("mill, organization: acme, credential: { env: A }", "mill, organization: other, credential: { env: A }");
    apart("well, credential: { env: A }", "well, credential: { env: B }");
    apart("well, credential: { env: A }", "mill, organization: acme, credential: { env: A }");
    let cased = "version: 1\ntargets:\n  a: { system: well, credential: { env: A } }\n  A: { system: well, credential: { env: B } }\n";
    assert!(problems(cased)[0].contains("differ by case only"));
}
