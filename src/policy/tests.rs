//! What files mean, what is refused and where, and what the digest depends on.

use proptest::prelude::*;

use super::{Blocked, Delegated, KnownTarget, OnExcess, Policies, Source, load, wanted_names};
use crate::access::{
    AuthStyle, Description, Field, FieldRole, Kind, Limit, RequestRate, Reversibility, Selectable, Selector, Selectors,
    Shape, Value, shown,
};

const fn field(name: &'static str, shape: Shape, role: FieldRole) -> Field {
    Field { name, shape, role, compare: None, doc: "" }
}

const fn kind(name: &'static str, list: &'static str, fields: &'static [Field]) -> Kind {
    Kind {
        name,
        list,
        noun: name,
        fields,
        identities: &[&["id"]],
        limits: &[Limit::Expires],
        allow_limits: &[Limit::MustExpireWithin],
        reversibility: Reversibility::Irreversible,
        holds_own: false,
        has_owner: false,
        splits_by: None,
        read_alone: true,
    }
}

const fn description(system: &'static str, kinds: &'static [Kind]) -> Description {
    Description {
        system,
        title: system,
        hosts: &[],
        auth: AuthStyle::Bearer,
        own_claim: None,
        target_fields: &[],
        kinds,
        requests: RequestRate { count: 1, seconds: 1 },
        concurrency: 1,
        knows_account: false,
        by_hand: false,
        dead_after_seconds: None,
    }
}

const FLAGS: &[(&str, &[&str])] = &[("stream", &["read", "write"])];
const SCOPE: &[Field] =
    &[field("streams", Shape::Region, FieldRole::Content), field("op_groups", Shape::Flags(FLAGS), FieldRole::Content)];

/// A store of tokens.
static STORE: Description = description(
    "store",
    &[kind(
        "token",
        "tokens",
        &[
            field("id", Shape::Text, FieldRole::Exact),
            field("scope", Shape::Record(SCOPE), FieldRole::Content),
            field("auto_prefix", Shape::Bool, FieldRole::Content),
        ],
    )],
);

/// A system of grants to people.
static GRANTS: Description = description(
    "club",
    &[Kind {
        identities: &[&["id"], &["user", "application", "resource"], &["entity", "user"]],
        limits: &[Limit::Expires, Limit::MaxAge],
        allow_limits: &[],
        ..kind(
            "grant",
            "grants",
            &[
                field("id", Shape::Text, FieldRole::Exact),
                field("user", Shape::Person, FieldRole::Key),
                field(
                    "application",
                    Shape::Object { class: "application", lookup: true, within: None },
                    FieldRole::Key,
                ),
                field(
                    "resource",
                    Shape::Object { class: "resource", lookup: true, within: Some("application") },
                    FieldRole::OptionalKey,
                ),
                field("entity", Shape::TypedObject { classes: &["assistant", "store"] }, FieldRole::Key),
                field("permissions", Shape::Set { known: &[] }, FieldRole::Content),
                field("level", Shape::Level(&["read", "write", "admin"]), FieldRole::Content),
            ],
        )
    }],
);

fn targets() -> Vec<KnownTarget> {
    let target = |name: &str, description| KnownTarget { name: name.into(), description };
    vec![target("store-a", &STORE), target("store-b", &STORE), target("club", &GRANTS)]
}

const PEOPLE: &str = "version: 1
people:
  anna: { email: Anna@example.com, aliases: { club: usr_1 } }
  ben: { email: ben@agency.example, until: 2027-03-31 }
  bot: { email: bot@example.com, service: true }
groups:
  platform: [anna, bot]
";

fn load_all(files: &[(&str, &str)]) -> Policies {
    let files: Vec<Source<'_>> = files.iter().map(|(name, text)| Source { name, bytes: text.as_bytes() }).collect();
    load(&files, Some(Source { name: "people.yaml", bytes: PEOPLE.as_bytes() }), &targets(), &[])
}

fn problems(policies: &Policies) -> Vec<String> {
    let line = |problem: &crate::yaml::Problem| {
        let hint = problem.hint.as_ref().map(|hint| format!(" | {hint}")).unwrap_or_default();
        format!("{}:{}:{} {}{hint}", problem.file, problem.line, problem.column, problem.message)
    };
    policies.problems.iter().map(line).collect()
}

/// A policy without problems.
fn good(files: &[(&str, &str)]) -> Policies {
    let policies = load_all(files);
    assert_eq!(problems(&policies), Vec::<String>::new());
    assert_eq!(policies.blocked, Blocked::default());
    policies
}

const STORE_FILE: &str = "version: 1
target: store-a
team: data@example.com
manage:
  tokens: { select: [{ id: \"service/*\" }, { id: \"ci/*\" }], except: [{ id: \"service/legacy-*\" }] }
tokens:
  - id: service/ingest
    justification: OPS-123, ingest pipeline
    expires: 2027-01-31
    scope: { streams: { prefix: \"ingest/\" }, op_groups: { stream: { write: true, read: false } } }
allow:
  tokens:
    - { select: { id: \"ci/*\" }, must_expire_within: 2d, justification: per-run CI tokens }
absent:
  tokens:
    - { id: service/old-export, justification: 'SEC-9, leaked' }
holds:
  tokens:
    - { id: service/x, until: 2026-12-24, justification: holidays }
reason: { undeclared: \"{cause}: {file}, ask {team}\" }
";

#[test]
fn a_whole_file_means_what_it_says() {
    let policies = good(&[("data/s.yaml", STORE_FILE)]);
    let policy = &policies.targets["store-a"];
    let [declaration] = policy.declarations.as_slice() else { panic!("one declaration") };
    assert_eq!(declaration.key, "id=service/ingest");
    assert_eq!(shown(declaration.value("scope")), "(prefix \"ingest/\", [stream.write])");
    assert_eq!(*declaration.value("auto_prefix"), Value::Absent);
    assert_eq!(declaration.limits.expires.unwrap().to_string(), "2027-02-01T00:00:00Z");
    assert_eq!(*declaration.teams, ["data@example.com"]);
    assert_eq!(declaration.places[0].line, 7);
    assert_eq!((policy.sets.len(), policy.sets[0].except.len(), policy.sets[0].allow_empty), (1, 1, false));
    assert_eq!(policy.allows[0].must_expire_within.unwrap().as_hours(), 48);
    assert_eq!(shown(&policy.absents[0].values[0]), "service/old-export");
    assert_eq!(policy.holds[0].until.to_string(), "2026-12-25T00:00:00Z");
    assert_eq!(policy.files[0].reasons.len(), 1);
}

#[test]
fn people_and_groups_expand_to_one_declaration_each() {
    let text = "version: 1\ntarget: club\ngrants:\n  - { users: [ben, X@Example.com], groups: [platform], application: \
                \"Git Hub\", resource: core }\n  - { user: usr_1, entity: assistant/a1, level: read }\n  - { user: \
                ANNA@example.com, entity: assistant/a2 }\n";
    let policies = good(&[("a.yaml", text)]);
    let keys: Vec<&str> = policies.targets["club"].declarations.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "user=ben application=\"Git Hub\" resource=core",
            "user=x@example.com application=\"Git Hub\" resource=core",
            "user=anna application=\"Git Hub\" resource=core",
            "user=bot application=\"Git Hub\" resource=core",
            "user=anna entity=assistant/a1",
            "user=anna entity=assistant/a2",
        ]
    );
    let names = wanted_names(&policies.targets["club"], "club");
    assert!(names.iter().any(|name| name.field == "resource" && name.within.as_deref() == Some("Git Hub")));
    assert!(names.iter().any(|name| name.field == "user" && name.name == "usr_1"));
}

#[test]
fn bad_input_is_refused_at_its_place() {
    let head = "version: 1\ntarget: store-a\n";
    let club = "version: 1\ntarget: club\n";
    let table: &[(&str, &str, &[&str])] = &[
        ("", "target: store-a\n", &["f:1:1 `version` is missing"]),
        (
            "",
            "version: 2\ntarget: store-a\n",
            &["f:1:10 `version` has to be a whole number from 1 to 1, and here is `2`"],
        ),
        ("", "version: 1\ntarget: store-c\n", &["f:2:9 `store-c` is not a known target | did you mean `store-a`?"]),
        ("", "version: 1\n", &["f:1:1 `target` is missing | name a target of the operator's file"]),
        (
            "",
            "version: 1\ntargets: [store-a, club]\ntokens: [{ id: a }]\n",
            &["f:3:1 `tokens` is not a field of a policy file \
               | known are version, target, targets, team, manage, allow, absent, holds, reason"],
        ),
        (head, "token: []\n", &["f:3:1 `token` is not a field of a policy file | did you mean `tokens`?"]),
        (head, "tokens: []\n", &["f:3:9 `tokens` is an empty list | leave the field out, or name something"]),
        (head, "manage:\n", &["f:3:7 `manage` has to be a mapping, and here is nothing"]),
        (head, "manage: {}\n", &["f:3:9 `manage` is empty | leave it out, or name a list"]),
        (
            head,
            "manage: { tokens: }\n",
            &["f:3:17 the managed set of `tokens` has to be a list of selectors, and here is nothing"],
        ),
        (
            head,
            "manage: { tokens: [] }\n",
            &["f:3:19 the managed set of `tokens` is empty | name something, or leave it out"],
        ),
        (
            head,
            "manage: { tokens: [{}] }\n",
            &["f:3:20 an empty selector would select everything | write `all` if that is meant"],
        ),
        (head, "manage: { tokens: { except: [{ id: a }] } }\n", &["f:3:19 `select` is missing"]),
        (
            head,
            "manage: { tokens: [{ scope: x }] }\n",
            &["f:3:22 `scope` is not a field of a selector | known are id, auto_prefix, principal, label"],
        ),
        (
            head,
            "manage: { tokens: [{ id: 'a\\b' }] }\n",
            &["f:3:26 `id` is no pattern: a backslash may stand only before `*` or another backslash"],
        ),
        (
            head,
            "tokens:\n  - { id: a, expire: 2027-01-01 }\n",
            &["f:4:14 `expire` is not a field of an item of `tokens` | did you mean `expires`?"],
        ),
        (
            head,
            "tokens:\n  - { id: a, max_age: 2d }\n  - { id: b, expires: soon }\n",
            &[
                "f:4:23 store cannot answer `max_age` for `tokens` | it can answer expires",
                "f:5:23 `expires` has to be a date or a time with its offset, and here is `soon` \
             | write 2027-01-31 (its end in UTC) or 2027-01-31T18:00:00Z",
            ],
        ),
        (head, "tokens:\n  - justification: x\n", &["f:4:5 nothing says which token is meant | give `id`"]),
        (
            head,
            "tokens:\n  - { id: 010 }\n",
            &["f:4:11 `id` has to be text, and some readers take `010` for a number | put it in quotes: \"010\""],
        ),
        (
            head,
            "tokens:\n  - { id: a, scope: { streams: { prefix: a, exact: b } } }\n",
            &["f:4:32 `streams` has to have either `exact` or `prefix`"],
        ),
        (
            head,
            "tokens:\n  - { id: a, scope: { op_groups: { stream: { wirte: true } } } }\n",
            &["f:4:46 `wirte` is not a field of `stream` | did you mean `write`?"],
        ),
        (
            head,
            "tokens:\n  - { id: a, auto_prefix: yes }\n",
            &["f:4:27 `auto_prefix` has to be `true` or `false`, and here is `yes` \
             | write `true` or `false`, without quotes"],
        ),
        (
            head,
            "tokens:\n  - { id: a, on_excess: remove }\n",
            &["f:4:25 `remove` is no known word of `on_excess` | did you mean `revoke`?"],
        ),
        (
            head,
            "allow: { tokens: [{ select: all, must_expire_within: 2d }] }\n",
            &["f:3:18 this file manages no `tokens`, so it can allow none \
             | an `allow` speaks of entries in its own file's managed set only"],
        ),
        (
            head,
            "absent: { tokens: [{ id: 'a/*' }] }\n",
            &[
                "f:3:26 `id` is taken literally here, and has a star | name each entry by itself; to remove a whole class, \
             let `manage` select it and declare none; a star that is meant is written `\\*`",
            ],
        ),
        (
            head,
            "absent: { tokens: [{ justification: x }] }\n",
            &["f:3:20 nothing says which entry is meant | give at least one of id"],
        ),
        (head, "holds: { tokens: [{ id: x, until: 2027-01-01 }] }\n", &["f:3:19 `justification` is missing"]),
        (
            head,
            "reason: { undeclared: '{caus} {run}', ordered: x }\n",
            &[
                "f:3:23 `{caus}` is no placeholder | did you mean `{cause}`?",
                "f:3:23 `{run}` is no placeholder | known are {cause}, {file}, {team} and {justification}",
                "f:3:39 `ordered` is not a field of `reason` \
             | known are absent, expired, too_old, idle, unused, over_scoped, undeclared",
            ],
        ),
        (
            club,
            "grants:\n  - { user: ana, application: x }\n",
            &["f:4:13 the people file does not know `ana` | did you mean `anna`?"],
        ),
        (
            club,
            "grants:\n  - { groups: platfrom, application: x }\n",
            &["f:4:15 the people file has no group `platfrom` | did you mean `platform`?"],
        ),
        (
            club,
            "grants:\n  - { user: anna, users: [ben], application: x }\n",
            &[
                "f:4:5 `user` names one person, and `users` or `groups` more | put all of them into `users` and `groups`",
            ],
        ),
        (
            club,
            "grants:\n  - { user: anna }\n",
            &["f:4:5 `application` is missing | give `id`, or `user` and `application`, or `entity` and `user`"],
        ),
        (
            club,
            "grants:\n  - { id: x, application: z }\n",
            &["f:4:5 id and application do not go together \
             | give `id`, or `user` and `application`, or `entity` and `user`"],
        ),
        (
            club,
            "grants:\n  - { user: anna, entity: asistant/x, level: wriet }\n",
            &[
                "f:4:27 `entity` has to be a class and a name with a slash between, and here is `asistant/x` \
             | did you mean `assistant/…`?",
                "f:4:46 `wriet` is no known word of `level` | did you mean `write`?",
            ],
        ),
    ];
    let mut wrong = Vec::new();
    for (head, text, expected) in table {
        let text = format!("{head}{text}");
        let policies = load_all(&[("f", &text)]);
        if problems(&policies) != *expected {
            wrong.push(format!("{text}{:#?}", problems(&policies)));
        }
        assert_ne!(policies.blocked, Blocked::default(), "{text}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_broken_people_file_names_every_mistake_and_blocks_all() {
    let people = "version: 1\npeople:\n  anna: { email: a@x.com, aliases: { clubb: u } }\n  ben: { email: A@x.com }\n  \
                  eva: {}\n  dan: { email: dan }\n  no: { email: n@x.com }\ngroups:\n  all: [anna, bne, anna]\n";
    let source = Source { name: "people.yaml", bytes: people.as_bytes() };
    let policies = load(&[], Some(source), &targets(), &[]);
    assert_eq!(policies.blocked, Blocked::All);
    assert_eq!(
        problems(&policies),
        [
            "people.yaml:3:38 `clubb` is not a system | did you mean `club`?",
            "people.yaml:4:17 `ben` and `anna` have the same e-mail address",
            "people.yaml:5:3 `eva` has neither `email` nor `aliases`",
            "people.yaml:6:17 `dan` is no e-mail address",
            "people.yaml:7:3 some readers take the key `no` for a truth value | put it in quotes",
            "people.yaml:9:15 `bne` is not among `people` | did you mean `ben`?",
            "people.yaml:9:20 `anna` stands twice in this group",
        ]
    );
}

#[test]
fn a_broken_file_blocks_what_it_names_or_all() {
    let some = |names: &[&str]| Blocked::Some(names.iter().map(|name| (*name).into()).collect());
    let blocked = |text: &str| load_all(&[("f", text), ("g", STORE_FILE)]).blocked;
    assert_eq!(blocked("version: 1\ntarget: store-b\nx: 1\n"), some(&["store-b"]));
    assert_eq!(blocked("version: 1\ntargets: [store-b, club]\nx: 1\n"), some(&["store-b", "club"]));
    assert_eq!(blocked("version: 1\ntarget: store-b\ntokens: [\n"), some(&["store-b"]), "broken after the target");
    assert_eq!(blocked("version: 1\ntarget: store-b\n]\ntarget: club\n"), Blocked::All, "another target was not read");
    assert_eq!(blocked("version: 1\ntarget: store-b\ntarget: club\n"), some(&["store-b", "club"]));
    assert_eq!(blocked("version: 1\ntargets: [store-b, nowhere]\n"), Blocked::All);
    assert_eq!(blocked("version: 1\n"), Blocked::All);
    assert_eq!(blocked(""), Blocked::All);
}

#[test]
fn equal_declarations_merge_and_different_ones_are_refused() {
    let file = |items: &str| format!("version: 1\ntarget: club\ngrants:\n{items}");
    let a = file(
        "  - { user: anna, application: G, justification: one, team: t1, expires: 2027-01-01, on_excess: revoke }\n",
    );
    let b = file("  - { user: anna@example.com, application: G, justification: two, team: t2, expires: 2027-06-01 }\n");
    let policies = good(&[("a", &a), ("b", &b)]);
    let [one] = policies.targets["club"].declarations.as_slice() else { panic!("merged") };
    assert_eq!(
        (&*one.justifications, &*one.teams),
        (&["one".into(), "two".into()][..], &["t1".into(), "t2".into()][..])
    );
    assert_eq!(one.limits.expires.unwrap().to_string(), "2027-06-02T00:00:00Z");
    assert_eq!((one.on_excess, one.places.len()), (OnExcess::Report, 2));
    let never = file("  - { user: anna, application: G }\n");
    let policies = good(&[("a", &a), ("b", &never)]);
    assert_eq!(policies.targets["club"].declarations[0].limits.expires, None, "left out is the loosest");

    let read = file("  - { user: anna, application: G, level: read, permissions: [x] }\n");
    let admin = file("  - { user: anna, application: G, level: admin, permissions: [x] }\n");
    let group = file("  - { groups: [platform], application: G, level: admin, permissions: [z] }\n");
    let policies = load_all(&[("a", &read), ("b", &admin)]);
    assert_eq!(
        problems(&policies),
        ["b:4:3 `user=anna application=G` is declared twice with different `level`: first at a:4 \
         | make them equal, or keep one of them"]
    );
    assert_eq!(policies.blocked, Blocked::Some(["club".into()].into()));
    for order in [[("a", &read), ("b", &group)], [("a", &group), ("b", &read)]] {
        let policies = good(&order.map(|(name, text)| (name, text.as_str())));
        let anna = policies.targets["club"].declarations.iter().find(|one| one.key.contains("anna")).unwrap();
        assert_eq!((shown(anna.value("level")), shown(anna.value("permissions"))), ("admin".into(), "[x, z]".into()));
    }
    let policies = load_all(&[("a", &group), ("b", &read), ("c", &admin)]);
    assert_eq!(policies.problems.len(), 1, "two direct ones differ, whatever a group says");
}

#[test]
fn names_of_people_in_selectors_mean_their_address_and_alias() {
    let text = "version: 1\ntarget: club\nmanage: { grants: [{ user: anna }, { groups: platform }, { principal: \"*@x\" }] }\n";
    let policies = good(&[("a", text)]);
    let Selectors::Any(list) = &policies.targets["club"].sets[0].select else { panic!("a list") };
    let patterns = |selector: &Selector| -> Vec<String> {
        selector.conditions[0].any_of.iter().map(ToString::to_string).collect()
    };
    assert_eq!(patterns(&list[0]), ["Anna@example.com", "usr_1"]);
    assert_eq!(patterns(&list[1]), ["Anna@example.com", "usr_1", "bot@example.com"]);
    assert_eq!(patterns(&list[2]), ["*@x"]);
}

#[test]
fn files_outside_of_their_delegation_are_one_problem() {
    let kind = &STORE.kinds[0];
    let id = Selectable::all(kind)[0];
    let within = Selectors::Any(vec![Selector { conditions: vec![id.condition(["service/*", "ci/*"]).unwrap()] }]);
    let delegated = [Delegated { path: "data/**".into(), target: "store-a".into(), within: vec![(kind, within)] }];
    let check = |files: &[(&str, &str)]| {
        let files: Vec<Source<'_>> = files.iter().map(|(name, text)| Source { name, bytes: text.as_bytes() }).collect();
        load(&files, None, &targets(), &delegated)
    };
    assert_eq!(problems(&check(&[("data/s.yaml", STORE_FILE)])), Vec::<String>::new());
    let wide = "version: 1\ntarget: store-a\nmanage: { tokens: all }\nabsent: { tokens: [{ id: root/x }] }\n";
    let other = "version: 1\ntarget: store-b\ntokens: [{ id: service/a }]\n";
    let policies =
        check(&[("data/s.yaml", STORE_FILE), ("data/w.yaml", wide), ("data/z.yaml", other), ("x.yaml", STORE_FILE)]);
    assert_eq!(
        problems(&policies),
        [
            "data/w.yaml:4:1 these act outside of what `delegate:` gives to their paths: data/w.yaml:4 (tokens of store-a), \
         data/z.yaml:3 (tokens of store-b), x.yaml:7 (tokens of store-a) | the operator's file says which path may act on \
         what; names have to be written as they are there"
        ]
    );
    assert_eq!(policies.blocked, Blocked::Some(["store-a".into(), "store-b".into()].into()));
}

#[test]
fn the_digest_follows_what_decides_and_nothing_else() {
    let digest = |files: &[(&str, &str)], people: &str| {
        let files: Vec<Source<'_>> = files.iter().map(|(name, text)| Source { name, bytes: text.as_bytes() }).collect();
        let people = Source { name: "p", bytes: people.as_bytes() };
        let policies = load(&files, Some(people), &targets(), &[]);
        assert_eq!(problems(&policies), Vec::<String>::new());
        (policies.targets["store-a"].digest.clone(), policies.targets.get("club").map(|club| club.digest.clone()))
    };
    let club = "version: 1\ntarget: club\ngrants:\n  - { user: anna, application: G }\n";
    let (store, grants) = digest(&[("s", STORE_FILE), ("c", club)], PEOPLE);
    let commented = format!("# hello\n\n{STORE_FILE}");
    let other = "version: 1\ntarget: store-b\ntokens: [{ id: x }]\n";
    let same = digest(&[("c", &commented), ("zz", club), ("o", other)], PEOPLE);
    assert_eq!(same, (store.clone(), grants.clone()), "comments, names, order and other targets change nothing");
    for (from, to) in [
        ("service/ingest", "service/ingesu"),
        ("2027-01-31", "2027-02-01"),
        ("except: [{ id: \"service/legacy-*\" }]", "allow_empty: true"),
        ("must_expire_within: 2d", "must_expire_within: 3d"),
        ("service/old-export", "service/old"),
        ("2026-12-24", "2026-12-25"),
        ("write: true", "read: true"),
        ("ask {team}", "ask"),
        ("team: data@", "team: other@"),
    ] {
        let changed = STORE_FILE.replacen(from, to, 1).replace("read: true, read: false", "read: true");
        assert_ne!(changed, STORE_FILE);
        assert_ne!(digest(&[("s", &changed), ("c", club)], PEOPLE).0, store, "{from} to {to}");
    }
    let until = PEOPLE.replace("club: usr_1 }", "club: usr_1 }, until: 2026-12-31");
    assert_ne!(digest(&[("s", STORE_FILE), ("c", club)], &until).1, grants, "the end of a declared person decides");
    let alias = PEOPLE.replace("usr_1", "usr_2");
    assert_ne!(digest(&[("s", STORE_FILE), ("c", club)], &alias).1, grants, "and so does the alias");
    let stranger = PEOPLE.replace("groups:", "  eva: { email: eva@example.com }\ngroups:");
    assert_eq!(digest(&[("s", STORE_FILE), ("c", club)], &stranger).1, grants, "a new colleague does not");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_files_does_not_matter(
        files in prop::collection::vec((0u8..6, prop::sample::select(vec!["anna", "ben", "x@y.z"]), 0u8..3, any::<bool>()), 1..8),
        turn in any::<prop::sample::Index>(),
    ) {
        let texts: Vec<(String, String)> = files
            .iter()
            .enumerate()
            .map(|(index, (application, user, level, broken))| {
                let level = ["read", "write", "admin"][usize::from(*level)];
                let junk = if *broken && index % 3 == 0 { "junk: 1\n" } else { "" };
                let text = format!("version: 1\ntarget: club\ngrants:\n  - {{ user: {user}, application: a{application}, level: {level} }}\n{junk}");
                (format!("{index}.yaml"), text)
            })
            .collect();
        let mut files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let one = load_all(&files);
        let turn = turn.index(files.len());
        files.rotate_left(turn);
        files.reverse();
        let other = load_all(&files);
        prop_assert_eq!(&one.problems, &other.problems);
        prop_assert_eq!(&one.blocked, &other.blocked);
        prop_assert_eq!(format!("{:?}", one.targets), format!("{:?}", other.targets));
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..120), at in any::<prop::sample::Index>()) {
        let mut spoiled = STORE_FILE.as_bytes().to_vec();
        let at = at.index(spoiled.len());
        spoiled.splice(at..(at + bytes.len()).min(spoiled.len()), bytes.iter().copied());
        for bytes in [&bytes, &spoiled] {
            let source = Source { name: "f", bytes };
            let policies = load(&[source], Some(source), &targets(), &[]);
            prop_assert!(!policies.problems.is_empty(), "no people file is a policy file");
            prop_assert_eq!(policies.blocked, Blocked::All);
        }
    }

    #[test]
    fn a_deleted_line_never_panics(skip in any::<prop::sample::Index>(), swap in any::<prop::sample::Index>()) {
        let mut lines: Vec<&str> = STORE_FILE.lines().collect();
        let to = swap.index(lines.len());
        let line = lines.remove(skip.index(lines.len()));
        lines.insert(to.min(lines.len()), line);
        let text = lines.join("\n");
        let policies = load_all(&[("f", &text)]);
        prop_assert_eq!(policies.problems.is_empty(), policies.blocked == Blocked::default());
    }
}
