use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::run::{self, Sources};

/// Two S2 targets, each with files of its own, and people.
struct Files {
    dir: TempDir,
}

const END: &str = "2026-11-20T10:00:00Z";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
}

fn policy(target: &str, id: &str, expires: &str) -> String {
    format!("version: 1\ntarget: {target}\naccess_tokens:\n  - {{ id: {id}, justification: x, expires: {expires} }}\n")
}

impl Files {
    fn new() -> Self {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        let target = |name: &str| {
            format!(
                "  {name}:\n    system: s2\n    account: {name}\n    credential: {{ env: {name} }}\n    enforce: [access_tokens]\n"
            )
        };
        files.write(
            "portcullis.yaml",
            &format!("version: 1\npeople: people.yaml\ntargets:\n{}{}", target("A"), target("B")),
        );
        files.write("people.yaml", "version: 1\npeople:\n  anna: { email: anna@x.example }\n");
        files.write("policies/a.yaml", &policy("A", "temp/a", END));
        files.write("policies/a2.yaml", &policy("A", "temp/a2", END));
        files.write("policies/b.yaml", &policy("B", "temp/b", END));
        files
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn config(&self) -> std::path::PathBuf {
        self.dir.path().join("portcullis.yaml")
    }

    fn found(&self, config: &Config) -> Found {
        match run::gather(&Sources { config: self.config(), ..Sources::default() }) {
            Ok(gathered) => {
                let digests = gathered.digests();
                Found::Tree { loaded: run::build(gathered), digests, revision: None }
            }
            Err(problems) => Found::BrokenConfig { problems, digests: run::digests_by(config) },
        }
    }

    /// The trees with which a daemon begins that knows this of the last good one.
    fn begin(&self, kept: BTreeMap<Text, GoodTree>) -> (Trees, Changed) {
        let gathered = run::gather(&Sources { config: self.config(), ..Sources::default() }).unwrap();
        let digests = gathered.digests();
        let loaded = run::build(gathered);
        let mut trees = Trees::new(&loaded, kept, at(0));
        let changed = trees.take(Found::Tree { loaded, digests, revision: None }, at(0));
        (trees, changed)
    }

    fn take(&self, trees: &mut Trees, minute: i64) -> Changed {
        let found = self.found(&Arc::clone(trees.config()));
        trees.take(found, at(minute))
    }
}

/// The declarations that may go of a target: all of them where nothing is broken.
fn ends(trees: &Trees, target: &str) -> Option<Vec<String>> {
    let only = trees.basis(target).unwrap().only_expired.as_ref()?;
    let mut keys: Vec<String> = only.ends.keys().map(|(_, key)| key.to_string()).collect();
    keys.sort();
    Some(keys)
}

fn look(changed: &Changed) -> Vec<&str> {
    changed.look.iter().map(Text::as_str).collect()
}

#[test]
fn only_targets_whose_policies_changed_are_looked_at_and_only_those_that_are_broken_are_held() {
    let files = Files::new();
    let (mut trees, changed) = files.begin(BTreeMap::new());
    assert_eq!(look(&changed), ["A", "B"]);
    assert_eq!(changed.keep.len(), 2);
    assert_eq!(files.take(&mut trees, 1), Changed::default(), "the same files change nothing");
    files.write("policies/b.yaml", &format!("# a remark\n{}", policy("B", "temp/b", END)));
    let changed = files.take(&mut trees, 2);
    assert_eq!(look(&changed), [] as [&str; 0], "it means the same");
    assert_eq!(changed.keep.len(), 1, "and its bytes are others");
    files.write("policies/b.yaml", &policy("B", "temp/b", "2027-01-01"));
    assert_eq!(look(&files.take(&mut trees, 3)), ["B"]);

    files.write("policies/a.yaml", "version: 1\ntarget: A\nteam: [\n");
    let changed = files.take(&mut trees, 4);
    assert_eq!(look(&changed), ["A"]);
    assert_eq!(changed.keep, [], "a broken tree is no good one");
    assert_eq!(ends(&trees, "A").unwrap(), ["id=temp/a2"], "the other file is as it was");
    assert_eq!(ends(&trees, "B"), None);
    assert_eq!(trees.bad_since(), Some(at(4)));
    assert_eq!(look(&files.take(&mut trees, 5)), [] as [&str; 0], "since when does not change");
    files.write("policies/a.yaml", &policy("A", "temp/a", END));
    assert_eq!(look(&files.take(&mut trees, 6)), ["A"]);
    assert_eq!((ends(&trees, "A"), trees.bad_since()), (None, None));
}

#[test]
fn what_was_planned_by_older_files_is_told_by_the_targets_generation() {
    let files = Files::new();
    let (mut trees, _) = files.begin(BTreeMap::new());
    let both = |trees: &Trees| ["A", "B"].map(|name| trees.generation(name).unwrap());
    let [a, b] = both(&trees);
    files.write("policies/b.yaml", &format!("# a remark\n{}", policy("B", "temp/b", END)));
    files.take(&mut trees, 1);
    assert_eq!(both(&trees), [a, b], "it means the same");
    files.write("policies/b.yaml", &policy("B", "temp/b", "2027-01-01"));
    files.take(&mut trees, 2);
    let [a2, b2] = both(&trees);
    assert!(a2 == a && b2 != b, "only what the change bears on");
    files.write("policies/a.yaml", "version: 1\ntarget: A\nteam: [\n");
    files.take(&mut trees, 3);
    assert!(trees.generation("A") != Some(a), "a tree that breaks is another one, too");
    let config = std::fs::read_to_string(files.config()).unwrap();
    files.write("portcullis.yaml", &format!("stop_file: STOP\n{config}"));
    files.take(&mut trees, 4);
    assert!(trees.generation("B") != Some(b2), "so is another configuration");
    assert_eq!(trees.generation("C"), None);
}

#[test]
fn what_loads_of_a_broken_tree_and_says_otherwise_counts() {
    let files = Files::new();
    let (mut trees, _) = files.begin(BTreeMap::new());
    files.write("policies/a.yaml", "version: 1\ntarget: A\nteam: [\n");
    files.write("policies/later.yaml", &policy("A", "temp/a2", "2099-01-01"));
    files.take(&mut trees, 1);
    assert_eq!(ends(&trees, "A").unwrap(), [] as [&str; 0], "it was given more time in a file that loads");
}

#[test]
fn another_people_file_a_broken_configuration_and_a_lost_source_hold_every_target() {
    let files = Files::new();
    let (mut trees, _) = files.begin(BTreeMap::new());
    let whole = std::fs::read_to_string(files.config()).unwrap();
    files.write("portcullis.yaml", "version: 1\ntargets: 7\n");
    assert_eq!(look(&files.take(&mut trees, 1)), ["A", "B"]);
    assert_eq!(ends(&trees, "A").unwrap(), ["id=temp/a", "id=temp/a2"]);
    files.write("people.yaml", "version: 1\npeople:\n  anna: { email: anna@y.example }\n");
    files.take(&mut trees, 2);
    assert_eq!(ends(&trees, "A").unwrap(), [] as [&str; 0]);
    files.write("portcullis.yaml", &whole);
    assert_eq!(look(&files.take(&mut trees, 3)), ["A", "B"]);
    assert_eq!((ends(&trees, "A"), trees.problems().len()), (None, 0));

    let error = SourceError::Unsettled { what: "a test".into() };
    let digests = run::digests_by(trees.config());
    let changed = trees.take(Found::Unreadable { error, digests }, at(4));
    assert_eq!((look(&changed), changed.gone.len()), (vec!["A", "B"], 0));
    assert_eq!(ends(&trees, "A").unwrap().len(), 2);
    assert!(trees.failing().is_some());
    files.take(&mut trees, 5);
    assert!(trees.failing().is_none() && ends(&trees, "A").is_none());
}

#[test]
fn after_a_restart_only_what_the_journal_knows_to_have_been_so_may_end() {
    let files = Files::new();
    let (_, changed) = files.begin(BTreeMap::new());
    let kept: BTreeMap<Text, GoodTree> = changed.keep.into_iter().collect();
    files.write("policies/new.yaml", &policy("A", "temp/new", END));
    files.write("policies/a.yaml", "version: 1\ntarget: A\nteam: [\n");
    let (trees, _) = files.begin(kept.clone());
    assert_eq!(ends(&trees, "A").unwrap(), ["id=temp/a2"]);
    assert!(trees.basis("A").unwrap().only_expired.as_ref().unwrap().by_last_match);
    let (trees, _) = files.begin(BTreeMap::new());
    assert_eq!(ends(&trees, "A").unwrap(), [] as [&str; 0], "nothing is known");
    // The same end, less loosely than the last good tree had it: another file that does not load now had more to say.
    let mut looser = kept.clone();
    let key = ("access_token".into(), "id=temp/a2".into());
    looser.get_mut("A").unwrap().ends.insert(key, "2027-01-01T00:00:00Z".parse().unwrap());
    let (trees, _) = files.begin(looser);
    assert_eq!(ends(&trees, "A").unwrap(), [] as [&str; 0]);
}

#[test]
fn a_target_that_is_configured_no_more_is_gone_with_its_trees() {
    let files = Files::new();
    let (mut trees, _) = files.begin(BTreeMap::new());
    let text = std::fs::read_to_string(files.config()).unwrap();
    let (without, _) = text.split_once("  B:\n").unwrap();
    files.write("portcullis.yaml", without);
    std::fs::remove_file(files.dir.path().join("policies/b.yaml")).unwrap();
    let changed = files.take(&mut trees, 1);
    assert_eq!(look(&changed), ["A"]);
    assert_eq!(changed.gone, BTreeSet::from(["B".into()]));
    assert!(trees.basis("B").is_none());
}

/// What happens to the files.
#[derive(Debug, Clone, Copy)]
enum Step {
    Break(usize),
    Mend(usize),
    Extend(usize),
    People(bool),
    Configuration(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..3).prop_map(Step::Break),
        (0usize..3).prop_map(Step::Mend),
        (0usize..3).prop_map(Step::Extend),
        any::<bool>().prop_map(Step::People),
        any::<bool>().prop_map(Step::Configuration),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_happens_to_files_a_target_is_free_only_by_a_tree_that_loads_for_it(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let files = Files::new();
        let (mut trees, _) = files.begin(BTreeMap::new());
        let configuration = std::fs::read_to_string(files.config()).unwrap();
        let names = ["policies/a.yaml", "policies/a2.yaml", "policies/b.yaml"];
        let good = [policy("A", "temp/a", END), policy("A", "temp/a2", END), policy("B", "temp/b", END)];
        for (minute, step) in (1..).zip(steps) {
            match step {
                Step::Break(file) => files.write(names[file], &good[file].replace("expires", "expirse")),
                Step::Mend(file) => files.write(names[file], &good[file]),
                Step::Extend(file) => files.write(names[file], &good[file].replace(END, "2027-01-01")),
                Step::People(well) => {
                    let people = if well { "version: 1\npeople:\n  anna: { email: anna@x.example }\n" } else { "version: 7\n" };
                    files.write("people.yaml", people);
                }
                Step::Configuration(well) => {
                    files.write("portcullis.yaml", if well { &configuration } else { "version: 1\ntargets: 7\n" });
                }
            }
            files.take(&mut trees, minute);
            let now = run::load(&Sources { config: files.config(), ..Sources::default() });
            for target in ["A", "B"] {
                let loads = now.as_ref().is_ok_and(|now| !now.blocked.contains_key(target));
                let ends = ends(&trees, target);
                prop_assert_eq!(ends.is_none(), loads, "{} after {:?}", target, step);
                for key in ends.into_iter().flatten() {
                    let file = names.iter().zip(&good).find(|(_, text)| text.contains(key.trim_start_matches("id=")));
                    let (name, _) = file.unwrap();
                    let text = std::fs::read_to_string(files.dir.path().join(name)).unwrap();
                    prop_assert!(!text.contains("expirse"), "{} of a broken file", key);
                }
            }
        }
    }
}

#[test]
fn nothing_of_a_tree_is_read_from_where_it_is_not() {
    assert!(run::digests_by(&config_without_policies()).files.is_empty());
}

fn config_without_policies() -> Config {
    let text = "version: 1\npolicies: nowhere/\ntargets:\n  A: { system: s2, account: x, credential: { env: X } }\n";
    let descriptions = crate::systems::descriptions();
    crate::config::load("portcullis.yaml", Path::new("/nonexistent/portcullis.yaml"), text.as_bytes(), &descriptions)
        .unwrap()
}
