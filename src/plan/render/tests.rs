//! What the three outputs promise: a fixed look, a bounded size, and no way for a name to do harm.

use jiff::Timestamp;
use proptest::prelude::*;

use super::{COMMENT_LIMIT, Diffs, MARKER, TextOptions, json, markdown, neutral, text};
use crate::{
    access::{Action, Cause, Evidence, Reversibility, Text},
    plan::{
        Counts, FileProblem, FindingKind, Guard, GuardRefusal, Hold, HoldName, Origin, OriginKind, PLAN_VERSION, Plan,
        ReadingSummary, Row, Status, TargetPlan, TargetState,
    },
};

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn options() -> TextOptions {
    TextOptions { colour: false, width: 100, diffs: Diffs::Compared, verbose: false, now: now() }
}

fn row(status: Status, kind: &str, id: &str, why: &str) -> Row {
    let told = status == Status::Finding;
    Row {
        status,
        kind: kind.into(),
        id: id.into(),
        title: id.to_owned(),
        principal: None,
        action: (!told).then_some(Action::Revoke),
        cause: (!told).then_some(Cause::Undeclared),
        finding: told.then_some(FindingKind::Missing),
        reason: "undeclared: data/s2.yaml, ask data@example.com".to_owned(),
        why: why.to_owned(),
        origin: None,
        holds: Vec::new(),
        reversibility: Reversibility::Reversible,
        overdue: false,
        due_at: None,
        weight: 1,
        fingerprint: None,
        natural_key: id.into(),
        files: vec!["data/s2.yaml".into()],
        said: Text::default(),
        remarks: Vec::new(),
        live: String::new(),
        declared: String::new(),
    }
}

fn origin(line: u32, what: OriginKind) -> Option<Origin> {
    Some(Origin { file: "data/s2.yaml".to_owned(), line, what })
}

fn target(name: &str, system: &str, rows: Vec<Row>) -> TargetPlan {
    TargetPlan {
        target: name.into(),
        system: system.into(),
        state: TargetState::Planned,
        account: Some("acme".into()),
        reading: Some(ReadingSummary {
            started_at: "2026-11-21T11:57:00Z".parse().unwrap(),
            finished_at: "2026-11-21T11:57:02Z".parse().unwrap(),
            from_file: None,
            evidence: Evidence {
                requests: 3,
                pages: 3,
                proofs: vec!["access_tokens: has_more was false after 41".to_owned()],
                remarks: Vec::new(),
            },
        }),
        policy_digest: "aa".repeat(32).into(),
        snapshot_digest: "bb".repeat(32).into(),
        digest: "cc".repeat(32).into(),
        rows,
        refusals: Vec::new(),
        counts: Counts {
            live: 41,
            declarations: 30,
            declared: 29,
            allowed: 4,
            managed: 35,
            unmanaged: 3,
            ..Counts::default()
        },
        remarks: Vec::new(),
        past_unread: false,
    }
}

/// One of everything.
fn sample() -> Plan {
    let mut leaked = row(Status::Change, "access_token", "service/old-export", "named by absent: SEC-9, leaked");
    leaked.cause = Some(Cause::Absent);
    leaked.reversibility = Reversibility::Irreversible;
    leaked.origin = origin(17, OriginKind::Absent);

    let mut group = row(Status::Change, "grant", "grn_7", "lies in the managed set and nothing declares it");
    group.title = "assistant/Payroll for department/Sales, editor".to_owned();
    group.principal = Some("department/Sales".into());
    group.weight = 14;
    group.reversibility = Reversibility::Lossy;
    group.origin = origin(5, OriginKind::ManagedSet);
    group.remarks = vec!["an unmatched declaration of the same principal stands at data/s2.yaml:31".to_owned()];

    let mut wide = row(Status::Change, "access_token", "service/ingest", "holds more than declared, on_excess: revoke");
    wide.cause = Some(Cause::OverScoped);
    wide.reversibility = Reversibility::Irreversible;
    wide.origin = origin(9, OriginKind::Declaration);
    wide.live = "id: service/ingest\nscope:\n  streams: { prefix: \"\" }\n  stream: [read, write]\n".to_owned();
    wide.declared =
        "id: service/ingest\nscope:\n  streams: { prefix: \"ingest/\" }\n  stream: [read, write]\n".to_owned();

    let mut held = row(Status::Held, "access_token", "service/new", "lies in the managed set and nothing declares it");
    held.reversibility = Reversibility::Irreversible;
    held.origin = origin(4, OriginKind::ManagedSet);
    held.holds = vec![
        Hold {
            name: HoldName::Notice,
            why: "first recorded 3 h ago, goes unattended after 20 h".to_owned(),
            way_on: Some("wait, or apply at a terminal".to_owned()),
        },
        Hold { name: HoldName::Ceiling, why: "its group is refused by share".to_owned(), way_on: None },
    ];

    let mut hostile = row(
        Status::Change,
        "access_token",
        "x\u{1b}[2K\r- revoke nothing\u{202e}gnp|`a`<img src=x>[b](http://c)@anna",
        "lies in the managed set and nothing declares it",
    );
    hostile.principal = Some("@evil\u{200b}\n## heading".into());
    hostile.reversibility = Reversibility::Irreversible;

    let mut missing = row(Status::Finding, "access_token", "id=service/gone", "declared, and no live entry matches");
    missing.origin = origin(22, OriginKind::Declaration);
    missing.declared = "id: service/gone\n".to_owned();
    let mut dead = row(Status::Finding, "access_token", "ci/1", "past its own expiry");
    dead.finding = Some(FindingKind::Dead);

    let refused = ["ci/a", "ci/b"].map(|id| {
        let mut row = row(Status::Held, "access_token", id, "lies in the managed set and nothing declares it");
        row.origin = origin(4, OriginKind::ManagedSet);
        row.holds =
            vec![Hold { name: HoldName::Ceiling, why: "its group is over the share guard".to_owned(), way_on: None }];
        row
    });

    let rows = [leaked, wide, hostile, held, missing, dead].into_iter().chain(refused).collect();
    let mut s2 = target("s2-production", "s2", rows);
    s2.refusals = vec![GuardRefusal {
        guard: Guard::Share,
        over: "undeclared rows of data/s2.yaml".to_owned(),
        figure: "12 of 35 (34 %) in 24 h".to_owned(),
        limit: "25 % (8)".to_owned(),
        way_on: "--expect-revocations s2-production=12, if all of these are meant".to_owned(),
        counts: true,
    }];
    s2.remarks = vec!["the journal is ephemeral: ceilings count this run only".to_owned()];
    s2.counts.dead = 1;

    let mut saved = target("s2-staging", "s2", Vec::new());
    if let Some(reading) = &mut saved.reading {
        reading.from_file = Some("snapshots/s2-staging.json".to_owned());
        reading.started_at = "2026-11-18T12:00:00Z".parse().unwrap();
    }
    let mut unreadable = target("buildkite-acme", "buildkite", Vec::new());
    unreadable.reading = None;
    unreadable.state = TargetState::Unreadable {
        what: "the organization is null (POST /graphql)".to_owned(),
        advice: Some("check the slug, and that the token has GraphQL access".to_owned()),
    };
    let mut blocked = target("pinata", "pinata", Vec::new());
    blocked.reading = None;
    blocked.state = TargetState::Blocked { what: "policies/pinata.yaml is broken".to_owned() };

    Plan {
        version: PLAN_VERSION,
        made_at: "2026-11-21T11:57:05Z".parse().unwrap(),
        revision: None,
        problems: vec![FileProblem {
            file: "policies/pinata\u{202e}.yaml".to_owned(),
            line: 3,
            column: 7,
            message: "`expire` is not a field of a declaration @anna".to_owned(),
            hint: Some("did you mean `expires`?".to_owned()),
        }],
        targets: vec![target("aitronos-acme", "aitronos", vec![group]), unreadable, blocked, s2, saved],
    }
}

#[test]
fn the_text_of_a_plan() {
    insta::assert_snapshot!(text(&sample(), &options()));
}

#[test]
fn the_text_of_a_plan_with_everything() {
    insta::assert_snapshot!(text(&sample(), &TextOptions { verbose: true, diffs: Diffs::All, width: 0, ..options() }));
}

#[test]
fn the_markdown_of_a_plan() {
    insta::assert_snapshot!(markdown(&sample(), now(), COMMENT_LIMIT));
}

#[test]
fn the_json_of_a_plan() {
    insta::assert_snapshot!(json(&sample()));
}

#[test]
fn a_saved_plan_reads_back_as_it_was_and_meets_its_schema() {
    let document = json(&sample());
    assert_eq!(serde_json::from_str::<Plan>(&document).unwrap(), sample());
    let schema = jsonschema::validator_for(&schemars::schema_for!(Plan).to_value()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert!(schema.is_valid(&value));
    let mut other = value;
    other["targets"][0]["rows"][0]["status"] = "maybe".into();
    assert!(!schema.is_valid(&other), "the schema says something");
}

#[test]
fn without_colour_no_escape_is_written_and_with_colour_the_words_are_the_same() {
    let plain = text(&sample(), &options());
    let colourful = text(&sample(), &TextOptions { colour: true, ..options() });
    assert!(!plain.contains('\u{1b}'));
    assert!(colourful.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&colourful).to_string(), plain);
}

#[test]
fn a_long_comment_is_cut_with_a_count_and_keeps_changes_before_findings() {
    let mut plan = sample();
    let many = (0..2_000).map(|n| row(Status::Finding, "access_token", &format!("gone/{n}"), "no live entry matches"));
    plan.targets[0].rows.splice(0..0, many);
    let comment = markdown(&plan, now(), COMMENT_LIMIT);
    assert!(comment.len() <= COMMENT_LIMIT, "{}", comment.len());
    assert!(comment.starts_with(MARKER));
    assert!(comment.contains("service/old-export"), "a change of the last target stays before findings of the first");
    let left = comment.lines().last().unwrap();
    assert!(left.contains("Left out") && left.contains("findings"), "{left}");
    for limit in [0, 500, 3_000, 10_000] {
        let head = markdown(&plan, now(), 0).len();
        assert!(markdown(&plan, now(), limit).len() <= limit.max(head));
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "\u{1b}[31m",
        "\u{1b}]8;;http://x\u{7}",
        "\n",
        "\r",
        "\t",
        "\u{0}",
        "\u{7f}",
        "\u{9b}",
        "\u{202e}",
        "\u{2066}",
        "\u{2069}",
        "\u{200b}",
        "\u{feff}",
        "\u{2028}",
        "\u{e0041}",
        "|",
        "`",
        "```",
        "<script>",
        "</details>",
        "@org",
        "](http://x)",
        "![",
        "-->",
        "&#64;",
        "\\",
        "# ",
    ]);
    prop::collection::vec(prop_oneof![nasty.prop_map(str::to_owned), any::<String>()], 0..6)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever a name, a file or an answer says, no output has a raw control or bidirectional character, and no name
    /// begins a line of its own.
    #[test]
    fn no_name_does_harm(names in prop::collection::vec(hostile(), 12)) {
        let mut plan = sample();
        let lines_before = text(&plan, &TextOptions { width: 0, diffs: Diffs::None, ..options() }).lines().count();
        let s2 = &mut plan.targets[3];
        let held = &mut s2.rows[3];
        held.title.clone_from(&names[0]);
        held.title.push('t');
        held.principal = Some(names[1].as_str().into());
        held.why = format!("w{}", names[2]);
        held.holds[0].why.clone_from(&names[3]);
        held.holds[0].way_on = Some(names[4].clone());
        held.origin.as_mut().unwrap().file.clone_from(&names[5]);
        held.live = format!("id: {}\n", names[6]);
        held.declared = format!("id: x\nname: {}\n", names[7]);
        s2.refusals[0].figure.clone_from(&names[8]);
        s2.remarks[0].clone_from(&names[9]);
        s2.account = Some(names[10].as_str().into());
        s2.target = names[11].as_str().into();
        let shown = text(&plan, &TextOptions { width: 0, diffs: Diffs::None, ..options() });
        prop_assert_eq!(shown.lines().count(), lines_before);
        for output in [
            text(&plan, &TextOptions { verbose: true, diffs: Diffs::All, ..options() }),
            markdown(&plan, now(), COMMENT_LIMIT),
            json(&plan),
        ] {
            prop_assert!(!output.chars().any(|c| c != '\n' && neutral::is_unsafe(c)), "{:?}", output);
        }
        prop_assert_eq!(serde_json::from_str::<Plan>(&json(&plan)).unwrap(), plan);
    }

    /// Outside of code spans and fences, Markdown from names has no active character.
    #[test]
    fn prose_is_inert(name in hostile()) {
        let shown = neutral::prose(&name).replace("<span>@</span>", "").replace("<span>#</span>", "");
        prop_assert!(!shown.contains(['<', '>', '|', '`', '[', ']', '@', '*', '_', '\\']), "{}", shown);
    }
}
