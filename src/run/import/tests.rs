use super::*;
use crate::{
    access::History,
    apply::tests::world::{MADE_UP, World, entry},
    plan::{Confirmation, Input, plan_target},
    policy::{KnownTarget, Policies, Source, load},
    run::settings,
};

fn parsed(file: &str, description: &'static Description) -> Policies {
    let target = KnownTarget { name: "t".into(), description };
    let policies = load(&[Source { name: "imported.yaml", bytes: file.as_bytes() }], None, &[target], &[]);
    assert_eq!(policies.problems, [], "{file}");
    policies
}

#[test]
fn the_plan_after_an_import_is_empty_whatever_the_names() {
    let hostile = [
        "service/ingest",
        "no",
        "1.10",
        "0o10",
        "null",
        "~",
        "a: b # c",
        "x\n- id: y",
        "quote\"\\",
        "\u{202e}evil",
        "* &x",
        "- dash",
        "{a}",
        "née",
        "tab\there",
        "\u{1b}[2Jx\u{0}",
        "\u{3164}filler\u{ad}",
        "%",
        "@at",
        "`tick`",
    ];
    let snapshot = World::of(hostile.map(entry)).snapshot();
    let people = BTreeMap::new();
    let now = snapshot.finished_at;
    let import = Import { target: "t", description: &MADE_UP, snapshot: &snapshot, people: &people, now };
    let file = super::import(&import);
    assert!(!file.contains('\u{202e}'), "nothing in it may fool its reader");
    let policies = parsed(&file, &MADE_UP);
    let policy = &policies.targets["t"];
    assert_eq!(policy.declarations.len(), hostile.len());
    let settings = settings(&[], &crate::run::tests::target("t"), None, false, (now, None));
    let history = History { persistent: true, ..History::default() };
    let plan = plan_target(&Input {
        description: &MADE_UP,
        settings: &settings,
        policy,
        people: &people,
        snapshot: &snapshot,
        history: &history,
        confirmation: &Confirmation::Unattended,
        stated: None,
        saved: None,
        now,
        from_file: None,
        observe: false,
        upcoming: false,
    })
    .plan;
    assert_eq!(plan.rows, [], "{file}");
    assert_eq!(plan.counts.declared as usize, hostile.len());
    assert_eq!(policy.sets.len(), 1, "of the kind that there are entries of");
}

#[test]
fn quotes_escape_what_is_not_plain() {
    assert_eq!(text::quoted("a\"b\\c\u{7}\u{2028}\u{1F600}é"), r#""a\"b\\c\x07\u2028\U0001f600é""#);
}
