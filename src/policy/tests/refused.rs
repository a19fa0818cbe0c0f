//! What is refused, and where, and what that blocks.

use super::{STORE, STORE_FILE, load_all, people_file, problems, targets};
use crate::{
    access::{Selectable, Selector, Selectors},
    policy::{Blocked, Delegated, Policies, Source, load},
};

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
        (
            head,
            "holds: { tokens: [{ id: x, justification: z }] }\n",
            &[
                "f:3:19 `until` is missing | a hold ends: say when, as `until: 2027-01-31`, or as a time with its offset",
            ],
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
                  cleo: { aliases: { my-target: u } }\n  \
                  flo: { aliases: { club: flo@x.com } }\n  \
                  eva: {}\n  dan: { email: dan }\n  no: { email: n@x.com }\ngroups:\n  all: [anna, bne, anna]\n";
    let source = Source { name: "people.yaml", bytes: people.as_bytes() };
    let policies = load(&[], people_file(source), &targets(), &[]);
    assert_eq!(policies.blocked, Blocked::All);
    assert_eq!(
        problems(&policies),
        [
            "people.yaml:3:38 `clubb` is not a system | did you mean `club`?",
            "people.yaml:4:17 `ben` and `anna` have the same e-mail address",
            "people.yaml:5:22 `my-target` is not a system | an alias is an id at a system, not at a target: store, club",
            "people.yaml:6:27 `flo@x.com` is no user id | an alias is the vendor's id; an address goes into `email`",
            "people.yaml:7:3 `eva` has neither `email` nor `aliases`",
            "people.yaml:8:17 `dan` is no e-mail address",
            "people.yaml:9:3 some readers take the key `no` for a truth value | put it in quotes",
            "people.yaml:11:15 `bne` is not among `people` | did you mean `ben`?",
            "people.yaml:11:20 `anna` stands twice in this group",
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
fn files_outside_of_their_delegation_are_one_problem() {
    let kind = &STORE.kinds[0];
    let id = Selectable::all(kind)[0];
    let within = Selectors::Any(vec![Selector { conditions: vec![id.condition(["service/*", "ci/*"]).unwrap()] }]);
    let delegated = [Delegated { path: "data/**".into(), target: "store-a".into(), within: vec![(kind, within)] }];
    let check = |files: &[(&str, &str)]| -> Policies {
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
fn a_control_character_in_a_name_of_somebody_is_refused_at_its_place() {
    let control = |at: &str, what: &str| format!("{at} {what} holds the control character U+001B");
    let club = "version: 1\ntarget: club\ngrants:\n  - { application: a, justification: x, ";
    for (field, column, what) in [
        ("user: \"an\\ena@x.example\" }", 47, "`user`"),
        ("users: [anna, \"an\\ena@x.example\"] }", 55, "`users`"),
        ("groups: [\"plat\\eform\"] }", 50, "`groups`"),
    ] {
        let found = problems(&load_all(&[("f", &format!("{club}{field}\n"))]));
        assert!(found.contains(&control(&format!("f:4:{column}"), what)), "{field}: {found:?}");
    }
    let people = "version: 1\npeople:\n  ann: { email: ann@x.example }\n";
    for (more, at, what) in [
        ("  \"b\\en\": { email: b@x.example }\n", "4:3", "the key"),
        ("  ben: { email: \"b\\e@x.example\" }\n", "4:17", "`email`"),
        ("  ben: { aliases: { club: \"u\\e1\" } }\n", "4:27", "an alias"),
        ("  ben: { aliases: { \"cl\\eub\": u1 } }\n", "4:21", "the key"),
        ("groups: { g: [\"a\\enn\"] }\n", "4:15", "a member"),
        ("groups: { \"g\\e\": [ann] }\n", "4:11", "the key"),
    ] {
        let text = format!("{people}{more}");
        let source = Source { name: "people.yaml", bytes: text.as_bytes() };
        let found = problems(&load(&[], people_file(source), &targets(), &[]));
        assert!(found.contains(&control(&format!("people.yaml:{at}"), what)), "{more}: {found:?}");
    }
    // Raw, it may not stand in any file.
    let raw = format!("{people}  ben: {{ email: \"b\u{1b}@x.example\" }}\n");
    let source = Source { name: "people.yaml", bytes: raw.as_bytes() };
    let found = problems(&load(&[], people_file(source), &targets(), &[]));
    assert!(found[0].starts_with("people.yaml:4:19 the control character U+001B may not stand in a file"), "{found:?}");
}
