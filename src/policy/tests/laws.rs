//! What the digest depends on, what order does not matter for, and that nothing panics.

use proptest::prelude::*;

use super::{PEOPLE, STORE_FILE, load_all, people_file, problems, targets};
use crate::policy::{Blocked, Source, load};

#[test]
fn the_digest_follows_what_decides_and_nothing_else() {
    let digest = |files: &[(&str, &str)], people: &str| {
        let files: Vec<Source<'_>> = files.iter().map(|(name, text)| Source { name, bytes: text.as_bytes() }).collect();
        let people = Source { name: "p", bytes: people.as_bytes() };
        let policies = load(&files, people_file(people), &targets(), &[]);
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
            let policies = load(&[source], people_file(source), &targets(), &[]);
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
