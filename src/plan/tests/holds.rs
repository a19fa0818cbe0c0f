//! Ambiguity holds rows, not targets.

use super::world::{World, accessowl, facts, object};
use crate::{
    access::Value,
    plan::{FindingKind, HoldName, Status},
};

fn managed(mut world: World) -> World {
    world.policy.sets.clear();
    world.manage(0, "all");
    world
}

#[test]
fn an_entry_whose_declaration_now_matches_nothing_may_be_renamed() {
    let mut world = World::of("buildkite");
    let (user, description) = (1, 2);
    let anna = object("user", "u1", "anna@example.com", None);
    let values = |label: &str| {
        let mut values = vec![Value::Absent; 4];
        values[0] = Value::Text("t1".into());
        values[user] = Value::Object(anna.clone());
        values[description] = Value::Text(label.into());
        values
    };
    world.entry("t1", values("deploy")).principal = Some(anna.clone());
    world.live("t2");
    world.declare("t2");
    let mut declared = vec![Value::Absent; 4];
    declared[description] = Value::Text("deploy".into());
    world.declaration("user=anna description=deploy", declared, Some(super::world::person("anna", None)));
    let mut world = managed(world);
    assert!(world.plan().rows.is_empty());
    world.remember();
    world.snapshot.entries[0].values = values("deploy v2").into();
    assert_eq!(world.holds("t1"), [HoldName::MaybeRenamed]);
    // Without the record the row goes, with a remark.
    world.history.matches.clear();
    let plan = world.plan();
    assert!(plan.changes().next().unwrap().remarks[0].contains("matches nothing"), "{:?}", plan.rows);
}

#[test]
fn an_entry_that_was_renamed_does_not_escape_the_end_of_its_declaration_unseen() {
    let mut world = World::of("buildkite");
    let description = world.kind().field_index("description").unwrap();
    let anna = object("user", "u1", "anna@example.com", None);
    let labelled = |label: &str| {
        let mut values = vec![Value::Absent; 4];
        values[1] = Value::Object(anna.clone());
        values[description] = Value::Text(label.into());
        values
    };
    world.entry("t1", labelled("deploy")).principal = Some(anna.clone());
    let mut declared = vec![Value::Absent; 4];
    declared[description] = Value::Text("deploy".into());
    let declaration =
        world.declaration("user=anna description=deploy", declared, Some(super::world::person("anna", None)));
    std::sync::Arc::make_mut(&mut declaration.limits).expires = Some(super::world::days_ago(1));
    assert_eq!(world.sent(), [("t1".to_owned(), "expired")]);
    world.remember();
    world.snapshot.entries[0].values = labelled("deploy ").into();
    assert_eq!(world.holds("t1"), [HoldName::MaybeRenamed]);
    assert!(!world.plan().in_sync());
    // A class that covers it as it is called now does not hide it either, and on a wrong clock nothing is over.
    world.manage(0, "all");
    world.allow(0, "all").select = crate::access::Selectors::All;
    assert_eq!(world.holds("t1"), [HoldName::MaybeRenamed]);
    world.snapshot.clock_skew = Some(jiff::SignedDuration::from_hours(30));
    assert!(world.plan().rows.iter().all(|row| row.finding == Some(FindingKind::Missing)), "{:?}", world.plan().rows);
    world.snapshot.clock_skew = None;
    // Whoever takes the declaration away says that it may stay.
    world.policy.declarations.clear();
    assert_eq!(world.plan().rows, []);
}

#[test]
fn no_longer_declared_goes_at_once_and_only_if_unchanged_since() {
    let mut world = World::of("s2");
    world.live("service/a");
    world.live("service/b");
    world.declare("service/a");
    world.declare("service/b");
    let mut world = managed(world);
    world.settings.notice = jiff::SignedDuration::from_hours(20);
    world.remember();
    world.policy.declarations.remove(1);
    assert_eq!(world.sent_ids(), ["service/b"]);
    assert!(world.plan().rows[0].remarks[0].contains("a.yaml:11"), "the vanished declaration is told");
    world.snapshot.entries[1].expires_at = Some(super::world::now());
    assert_eq!(world.holds("service/b"), [HoldName::Notice], "it changed: its notice starts anew");
}

#[test]
fn a_name_that_resolves_to_nothing_holds_what_it_could_mean() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &[]);
    world.state("s2", "ben", "GitHub", "prod", &[]);
    world.state("s3", "anna", "Jira", "prod", &[]);
    world.access("ben", "GitHub", "prod", &[]);
    world.access("anna", "Git Hub", "prod", &[]);
    let world = managed(world);
    assert_eq!(world.holds("s1"), [HoldName::Unresolved]);
    assert_eq!(world.holds("s3"), [HoldName::Unresolved], "any application could be meant");
    let mut world = world;
    world.policy.declarations.pop();
    world.access("anna", "GitHub", "produ", &[]);
    assert_eq!(world.holds("s1"), [HoldName::Unresolved]);
    assert_eq!(world.sent_ids(), ["s3"], "another application is not meant");
}

#[test]
fn a_mistyped_person_does_not_mean_somebody_who_is_known() {
    let mut world = accessowl();
    world.snapshot.directory.add(object("user", "u-zoe", "zoe@example.com", None));
    world.state("s1", "ben", "GitHub", "prod", &[]);
    world.state("s2", "zoe", "GitHub", "prod", &[]);
    world.state("s3", "cleo", "Jira", "prod", &[]);
    world.access("cleo", "Jira", "prod", &[]);
    world.access("nobody", "GitHub", "prod", &[]);
    let world = managed(world);
    assert_eq!(world.sent_ids(), ["s1"], "ben is in the people file");
    assert_eq!(world.holds("s2"), [HoldName::Unresolved], "nobody else claims zoe");
}

/// What holds an entry, and the way on.
fn told(world: &World, id: &str) -> (String, String) {
    let plan = world.plan();
    let row = plan.rows.iter().find(|row| row.id == id).unwrap();
    let hold = row.holds.first().unwrap();
    (hold.why.clone(), hold.way_on.clone().unwrap())
}

#[test]
fn where_a_person_has_no_user_yet_the_way_on_is_the_people_file_and_not_the_line_of_a_group() {
    let mut world = accessowl();
    world.snapshot.directory.add(object("user", "u-x", "x@agency.example", None));
    world.people.insert("zed".into(), super::world::person("zed", None));
    world.state("s1", "ben", "GitHub", "prod", &[]);
    world.state("s2", "x", "GitHub", "prod", &[]);
    world.access("ben", "GitHub", "prod", &[]);
    world.access("zed", "GitHub", "prod", &[]);
    let mut world = managed(world);
    let (why, way_on) = told(&world, "s2");
    assert_eq!(
        why,
        "the declaration at a.yaml:11 could mean it: zed (zed@example.com) has no user at AccessOwl, or not yet"
    );
    assert_eq!(
        way_on,
        "if this is held by zed, put `aliases: { accessowl: u-x }`, or the address that AccessOwl has now, into the people \
         file; if it has to go, name it under `absent:`; this also ends once zed has a user there, or is taken out of \
         a.yaml:11"
    );
    // Who stands in no people file can only be corrected where the address stands.
    world.people.remove("zed");
    let (_, way_on) = told(&world, "s2");
    assert!(way_on.starts_with("if this is held by zed, write the address that AccessOwl has now at a.yaml:11; "));
    // A name that is no person's keeps its words.
    world.access("ben", "Git Hub", "prod", &[]);
    world.state("s3", "ben", "Jira", "prod", &[]);
    let (why, way_on) = told(&world, "s3");
    assert_eq!(why, "the declaration at a.yaml:12 could mean it: \"Git Hub\" stands for nothing live");
    assert_eq!(way_on, "correct the name at a.yaml:12, or declare the entry by its id");
}

#[test]
fn whose_address_changed_is_told_with_the_id_that_the_people_file_needs() {
    let mut world = World::of("buildkite");
    let owned = |id: &str, email: &str| object("user", id, email, None);
    let values = |user: &std::sync::Arc<crate::access::Object>| {
        let mut values = vec![Value::Absent; 4];
        values[1] = Value::Object(user.clone());
        values[2] = Value::Text("deploy".into());
        values
    };
    for name in ["anna", "ben"] {
        world.people.insert(name.into(), super::world::person(name, None));
        let user = owned(&format!("u-{name}"), &format!("{name}@example.com"));
        world.entry(&format!("t-{name}"), values(&user)).principal = Some(user.clone());
        let mut declared = vec![Value::Absent; 4];
        declared[2] = Value::Text("deploy".into());
        let person = world.people.get(name).cloned();
        world.declaration(&format!("user={name} description=deploy"), declared, person);
    }
    let mut world = managed(world);
    world.remember();
    let moved = owned("u-ben", "ben.miller@example.com");
    world.snapshot.entries[1].values = values(&moved).into();
    world.snapshot.entries[1].principal = Some(moved);
    let (why, way_on) = told(&world, "t-ben");
    assert_eq!(why, "this very entry last matched the declaration at a.yaml:11, which now matches nothing");
    assert_eq!(
        way_on,
        "if this is held by ben, put `aliases: { buildkite: u-ben }`, or the address that Buildkite has now, into the people \
         file; else take ben out of a.yaml:11"
    );
    // A wrong alias: without a record the row goes, and the remark tells both ids, once.
    let mut ben = (*super::world::person("ben", None)).clone();
    ben.aliases.insert("buildkite".into(), "u-old".into());
    let ben = std::sync::Arc::new(ben);
    world.people.insert("ben".into(), std::sync::Arc::clone(&ben));
    world.policy.declarations[1].person = Some(ben);
    assert!(told(&world, "t-ben").1.contains("correct the people file: `aliases: { buildkite: u-ben }`"));
    let user = owned("u-ben", "ben@example.com");
    world.snapshot.entries[1].values = values(&user).into();
    world.snapshot.entries[1].principal = Some(user);
    world.history.matches.clear();
    let plan = world.plan();
    let row = plan.rows.iter().find(|row| row.id == "t-ben").unwrap();
    assert_eq!(
        row.remarks,
        [
            "the same holder's declaration \"user=ben description=deploy\" at a.yaml:11 matches nothing: by the alias u-old of \
          the people file, and this one's holder is u-ben"
        ]
    );
}

#[test]
fn several_objects_of_one_name_hold_only_those() {
    let mut world = accessowl();
    world.snapshot.directory.add(object("application", "a-Twin", "GitHub", None));
    world.snapshot.directory.add(object("resource", "r-Twin-prod", "prod", Some("a-Twin")));
    world.state("s1", "anna", "GitHub", "prod", &[]);
    world.state("s2", "anna", "Twin", "prod", &[]);
    world.state("s3", "anna", "Jira", "prod", &[]);
    world.state("s4", "ben", "Jira", "prod", &[]);
    world.access("anna", "GitHub", "prod", &[]);
    world.access("ben", "Jira", "prod", &[]);
    let mut world = managed(world);
    assert_eq!(world.sent_ids(), ["s3"]);
    assert_eq!((world.holds("s1"), world.holds("s2")), (vec![HoldName::Unresolved], vec![HoldName::Unresolved]));
    // Where the journal knows which object the name stood for, only that one is meant.
    let mut before = accessowl();
    before.state("s1", "anna", "GitHub", "prod", &[]);
    before.access("anna", "GitHub", "prod", &[]);
    before.remember();
    world.history = before.history;
    world.history.matches.values_mut().for_each(|last| last.id = "gone".into());
    let matches = std::mem::take(&mut world.history.matches);
    world.history.matches = matches.into_values().map(|last| ((last.kind.clone(), last.id.clone()), last)).collect();
    assert_eq!(world.sent_ids(), ["s2", "s3"]);
}

const TWINS: &str = "entity=assistant/asst_1 grantee=department/dept_1";

/// Grants on one assistant; the first two to the same department, for which it is declared.
fn twins(ids: &[&str]) -> World {
    let mut world = World::of("aitronos");
    ids.iter().for_each(|id| grant(&mut world, id));
    let fields = world.kind().fields.len();
    let mut declared = vec![Value::Absent; fields];
    declared[world.kind().field_index("entity").unwrap()] = Value::Text("assistant/asst_1".into());
    declared[world.kind().field_index("grantee").unwrap()] = Value::Text("department/dept_1".into());
    world.declaration(TWINS, declared, None);
    world
}

fn grant(world: &mut World, id: &str) {
    let typed = |class: &str, id: &str| {
        Value::Object(std::sync::Arc::new(crate::access::Object {
            typed: true,
            ..(*object(class, id, id, None)).clone()
        }))
    };
    let mut values = vec![Value::Absent; world.kind().fields.len()];
    values[0] = Value::Text(id.into());
    values[world.kind().field_index("entity").unwrap()] = typed("assistant", "asst_1");
    values[world.kind().field_index("grantee").unwrap()] =
        typed("department", if id == "g3" { "dept_9" } else { "dept_1" });
    world.entry(id, values);
}

#[test]
fn entries_that_share_a_declared_key_are_held_unless_one_is_known() {
    let world = twins(&["g1", "g2", "g3"]);
    let plan = world.plan();
    assert!(plan.rows.iter().all(|row| row.finding == Some(FindingKind::Duplicate)), "nothing would remove them");
    assert!(!plan.in_sync());
    let mut world = managed(world);
    assert_eq!(world.sent_ids(), ["g3"]);
    assert_eq!((world.holds("g1"), world.holds("g2")), (vec![HoldName::Duplicate], vec![HoldName::Duplicate]));
    std::sync::Arc::make_mut(&mut world.policy.declarations[0].limits).expires = Some(super::world::days_ago(1));
    world.policy.sets[0].allow_empty = true;
    assert_eq!(world.sent_ids(), ["g1", "g2", "g3"], "whichever was meant, both go");
}

#[test]
fn where_the_journal_knows_which_one_was_meant_the_other_is_undeclared() {
    let mut world = managed(twins(&["g1"]));
    world.remember();
    grant(&mut world, "g2");
    assert_eq!(world.sent(), [("g2".to_owned(), "undeclared")]);
    let plan = world.plan();
    let row = plan.changes().next().unwrap();
    assert!(row.remarks.iter().any(|remark| remark.contains("[g1]")), "{:?}", row.remarks);
    assert_eq!((plan.counts.declared, plan.counts.managed), (1, 2));
    world.settings.notice = jiff::SignedDuration::from_hours(20);
    assert_eq!(world.holds("g2"), [HoldName::Notice], "like any other that is undeclared");
    world.policy.sets.clear();
    let plan = world.plan();
    assert!(plan.rows.is_empty() && plan.in_sync(), "nothing speaks of it: {:?}", plan.rows);
    assert_eq!(plan.counts.unmanaged, 1);
}

#[test]
fn the_other_one_stays_in_doubt_where_the_known_one_changed_or_goes() {
    let known = || {
        let mut world = managed(twins(&["g1"]));
        world.remember();
        grant(&mut world, "g2");
        world.policy.sets[0].allow_empty = true;
        world
    };
    let doubt = [HoldName::Duplicate];
    let level = known().kind().field_index("level").unwrap();
    let mut changed = known();
    changed.snapshot.entries[0].values[level] = Value::Text("admin".into());
    assert_eq!(changed.holds("g2"), doubt);
    assert!(changed.sent().is_empty());
    let mut leaving = known();
    leaving.snapshot.entries[0].life = crate::access::Life::InFlight { since: None, what: "waits".into() };
    assert_eq!(leaving.holds("g2"), doubt);
    let mut absent = known();
    absent.absent("g1");
    assert_eq!((absent.holds("g2"), absent.sent_ids()), (doubt.to_vec(), vec!["g1".to_owned()]));
    let mut open = known();
    open.history.open.push(crate::access::OpenIntent {
        intent: "i".into(),
        kind: open.kind().name.into(),
        id: "g1".into(),
        since: super::world::days_ago(1),
        in_flight: false,
    });
    assert_eq!(open.holds("g2"), doubt, "its removal may have come through");
    let mut gone = known();
    gone.snapshot.entries.remove(0);
    assert!(gone.plan().rows.is_empty(), "alone it is the declared one");
}

#[test]
fn removing_an_application_would_imply_what_lies_below() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "", &[]);
    world.state("s2", "anna", "GitHub", "prod", &[]);
    world.state("s3", "ben", "GitHub", "", &[]);
    world.access("anna", "GitHub", "prod", &[]);
    let world = managed(world);
    assert_eq!(world.holds("s1"), [HoldName::Implied]);
    assert_eq!(world.sent_ids(), ["s3"], "another person's is not implied");
}

#[test]
fn an_owner_that_is_not_told_any_more_holds() {
    let mut world = World::of("buildkite");
    world.live("t1").principal = Some(object("user", "u1", "anna@example.com", None));
    world.live("t2");
    world.declare("t2");
    let mut world = managed(world);
    world.remember();
    world.snapshot.entries[0].principal = None;
    assert_eq!(world.holds("t1"), [HoldName::OwnerUnknown]);
}

#[test]
fn a_token_that_may_revoke_tokens_goes_only_by_its_exact_id() {
    let mut world = World::of("s2");
    world.live("admin/1").facts = facts(|facts| facts.revokes_tokens = true);
    world.live("service/a");
    world.declare("service/a");
    let mut world = managed(world);
    assert_eq!(world.holds("admin/1"), [HoldName::TokenManager]);
    world.absent("admin/1");
    assert_eq!(world.sent(), [("admin/1".to_owned(), "absent")]);
}

#[test]
fn a_refused_entry_waits_until_the_policies_say_something_else() {
    let mut world = World::of("s2");
    world.live("service/a");
    world.live("service/b");
    world.declare("service/b");
    let mut world = managed(world);
    let said = world.plan().changes().next().unwrap().said.clone();
    let refusal = crate::access::Refusal { at: super::world::now(), why: "no".into(), said };
    world.history.refusals.insert(("access_token".into(), "service/a".into()), refusal);
    assert_eq!(world.holds("service/a"), [HoldName::Refused]);
    assert_eq!(told(&world, "service/a").1, "change what the policies say of it, or apply with --retry-refused");
    let known = world.history.refusals.values_mut().next().unwrap();
    known.why = "S2 refused; the credential may not revoke this token (HTTP 403)".into();
    let way_on = "give the credential the right, then: portcullis apply --target t --retry-refused";
    assert_eq!(told(&world, "service/a").1, way_on);
    world.settings.retry_refused = true;
    assert_eq!(world.sent_ids(), ["service/a"]);
    world.settings.retry_refused = false;
    world.absent("service/a");
    assert_eq!(world.sent(), [("service/a".to_owned(), "absent")], "now they say something else");
}

#[test]
fn own_and_protected_are_nothing_unless_absent_or_due() {
    let mut world = World::of("s2");
    for id in ["root/1", "me", "service/a"] {
        world.live(id);
    }
    world.declare("service/a");
    world.protect("root/*");
    world.own("me");
    let mut world = managed(world);
    assert!(world.plan().rows.is_empty(), "{:?}", world.plan().rows);
    world.absent("root/1");
    world.absent("me");
    assert_eq!(world.holds("root/1"), [HoldName::Protected]);
    assert_eq!(world.holds("me"), [HoldName::Own]);
    assert!(world.plan().rows.iter().all(|row| row.status == Status::Held));
}

#[test]
fn an_entry_that_lost_its_declaration_does_not_fall_to_the_limits_of_a_looser_item() {
    let mut world = World::of("s2");
    world.live("service/a");
    world.declare("service/a");
    let mut world = managed(world);
    world.allow(0, "*").limits.max_age = Some(jiff::SignedDuration::from_hours(24));
    world.remember();
    // The vendor re-issued the same token under the same id, and the file now misspells it.
    world.policy.declarations[0].values = {
        let mut values = vec![Value::Absent; world.kind().fields.len()];
        values[0] = Value::Text("service/aa".into());
        values.into()
    };
    world.live("service/b");
    world.declare("service/b");
    assert_eq!(world.holds("service/a"), [HoldName::MaybeRenamed]);
}

#[test]
fn no_longer_declared_waits_its_notice_while_a_declaration_could_have_been_mistyped() {
    let mut world = World::of("s2");
    world.live("service/a");
    world.live("service/b");
    world.declare("service/a");
    world.declare("service/b");
    let mut world = managed(world);
    world.settings.notice = jiff::SignedDuration::from_hours(20);
    world.remember();
    world.policy.declarations.remove(1);
    world.declare("service/bb");
    assert_eq!(world.holds("service/b"), [HoldName::Notice], "S2 tells no principal: any unmatched one could be meant");
    let plan = world.plan();
    let row = plan.rows.iter().find(|row| row.id == "service/b").unwrap();
    assert_eq!(
        row.remarks[1],
        "the declaration \"id=service/bb\" at a.yaml:11 matches nothing and may have been meant for it: so it has notice all \
         the same"
    );
    // One that is over was not meant for it: whatever it names has gone, or goes by itself.
    let over = world.policy.declarations.last_mut().unwrap();
    std::sync::Arc::make_mut(&mut over.limits).expires = Some(super::world::days_ago(1));
    assert_eq!(world.sent_ids(), ["service/b"]);
}

#[test]
fn a_lone_resource_may_be_spelled_out_by_its_id() {
    let mut world = accessowl();
    world.snapshot.directory.add(object("application", "a-Solo", "Solo", None));
    world.snapshot.directory.add(object("resource", "r-Solo-only", "", Some("a-Solo")));
    world.state("s1", "anna", "Solo", "only", &[]);
    world.state("s2", "anna", "Solo", "", &[]);
    world.access("anna", "Solo", "r-Solo-only", &[]);
    world.state("s3", "ben", "Jira", "prod", &[]);
    world.access("ben", "Jira", "prod", &[]);
    let world = managed(world);
    assert!(!world.sent_ids().contains(&"s1".to_owned()), "{:?}", world.plan().rows);
}

#[test]
fn a_declared_entry_that_is_held_is_not_taken_along_either() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "", &[]);
    world.state("s2", "anna", "GitHub", "prod", &[]);
    world.state("s3", "ben", "Jira", "prod", &[]);
    world.access("ben", "Jira", "prod", &[]);
    let limits = &mut world.access("anna", "GitHub", "prod", &[]).limits;
    std::sync::Arc::make_mut(limits).expires = Some(super::world::days_ago(1));
    let mut world = managed(world);
    assert_eq!(world.sent_ids(), ["s1", "s2"]);
    world.protect("s2");
    assert_eq!(world.holds("s1"), [HoldName::Implied]);
}

#[test]
fn a_hold_keeps_its_entry_until_it_ends_and_absent_beats_it() {
    let mut world = World::of("s2");
    world.live("service/a");
    world.live("service/b");
    world.declare("service/b");
    let mut world = managed(world);
    let mut values = vec![Value::Absent; world.kind().fields.len()];
    values[0] = Value::Text("service/a".into());
    world.policy.holds.push(crate::policy::Hold {
        kind: world.kind(),
        values: values.into(),
        person: None,
        until: super::world::now() + jiff::SignedDuration::from_hours(1),
        justification: "migration".into(),
        place: crate::policy::Place { file: 0, line: 9 },
    });
    assert_eq!(world.holds("service/a"), [HoldName::Hold]);
    world.absent("service/a");
    assert_eq!(world.sent(), [("service/a".to_owned(), "absent")]);
    world.policy.absents.clear();
    world.policy.holds[0].until = super::world::now();
    assert_eq!(world.sent_ids(), ["service/a"]);
}

#[test]
fn a_name_in_absent_that_does_not_resolve_names_nothing_and_is_told() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &[]);
    let absent = |application: &str| {
        let text = |text: &str| Value::Text(text.into());
        crate::policy::Absent {
            kind: &crate::systems::accessowl::DESCRIPTION.kinds[0],
            values: vec![Value::Absent, Value::Absent, text(application), Value::Absent, Value::Absent].into(),
            person: None,
            justification: None,
            team: None,
            place: crate::policy::Place { file: 1, line: 7 },
        }
    };
    world.policy.absents = vec![absent("Git Hub")];
    let plan = world.plan();
    assert!(plan.rows.is_empty(), "{:?}", plan.rows);
    assert_eq!(plan.remarks, ["the `absent:` item at b.yaml:7 names nothing: \"Git Hub\" stands for nothing live"]);
    world.snapshot.directory.add(object("application", "a-Twin", "GitHub", None));
    world.policy.absents = vec![absent("GitHub"); 30];
    let plan = world.plan();
    assert!(plan.rows.is_empty() && plan.remarks[0].contains("several objects"), "{:?}", plan.remarks);
    assert_eq!((plan.remarks.len(), plan.remarks[20].starts_with("10 more")), (21, true));
    world.policy.absents = vec![absent("a-GitHub")];
    assert_eq!(world.sent(), [("s1".to_owned(), "absent")]);
    assert!(world.plan().remarks.is_empty());
}
