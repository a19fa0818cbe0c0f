use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::run::{self, Sources};

/// Two S2 targets, each with files of its own, and people.
struct Files {
    dir: TempDir,
}

const END: &str = "2026-11-20T10:00:00Z";

/// A policy file that is broken and can be read to its end.
const BROKEN: &str = "version: 1\ntarget: A\nacess_tokens: []\n";

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

    fn found(&self) -> Found {
        match run::gather(&Sources { config: self.config(), ..Sources::default() }) {
            Ok(gathered) => {
                let (digests, contents) = (gathered.digests(), gathered.contents());
                Found::Tree { loaded: run::build(gathered), digests, contents, revision: None }
            }
            Err(problems) => Found::BrokenConfig { problems, digests: self.digests() },
        }
    }

    fn digests(&self) -> Digests {
        let path = |name: &str| Some(self.dir.path().join(name));
        run::digests_at(&Sources { config: self.config(), policies: path("policies"), people: path("people.yaml") })
    }

    /// The trees with which a daemon begins that knows this of the last good one.
    fn begin(&self, kept: BTreeMap<Text, GoodTree>) -> (Trees, Changed) {
        let gathered = run::gather(&Sources { config: self.config(), ..Sources::default() }).unwrap();
        let (digests, contents) = (gathered.digests(), gathered.contents());
        let loaded = run::build(gathered);
        let mut trees = Trees::new(&loaded, kept);
        let changed = trees.take(Found::Tree { loaded, digests, contents, revision: None }, at(0));
        (trees, changed)
    }

    fn take(&self, trees: &mut Trees, minute: i64) -> Changed {
        trees.take(self.found(), at(minute))
    }
}

/// The declarations that may go of a target: all of them where nothing is broken.
fn ends(trees: &Trees, target: &str) -> Option<Vec<String>> {
    let only = trees.basis(target).unwrap().only_expired.as_ref()?;
    let mut keys: Vec<String> = only.ends.keys().map(|(_, key)| key.to_string()).collect();
    keys.sort();
    Some(keys)
}

/// The journal keeps what it is to keep: so many trees.
fn kept(trees: &mut Trees, count: usize) -> BTreeMap<Text, GoodTree> {
    let unkept = trees.unkept();
    assert_eq!(unkept.len(), count);
    for (name, tree) in &unkept {
        trees.was_kept(name, tree.clone());
    }
    assert_eq!(trees.unkept(), []);
    unkept.into_iter().collect()
}

fn look(changed: &Changed) -> Vec<&str> {
    changed.look.iter().map(Text::as_str).collect()
}

#[test]
fn only_targets_whose_policies_changed_are_looked_at_and_only_those_that_are_broken_are_held() {
    let files = Files::new();
    let (mut trees, changed) = files.begin(BTreeMap::new());
    assert_eq!(look(&changed), ["A", "B"]);
    kept(&mut trees, 2);
    assert_eq!(files.take(&mut trees, 1), Changed::default(), "the same files change nothing");
    files.write("policies/b.yaml", &format!("# a remark\n{}", policy("B", "temp/b", END)));
    let changed = files.take(&mut trees, 2);
    assert_eq!(look(&changed), [] as [&str; 0], "it means the same");
    kept(&mut trees, 1);
    files.write("policies/b.yaml", &policy("B", "temp/b", "2027-01-01"));
    assert_eq!(look(&files.take(&mut trees, 3)), ["B"]);
    kept(&mut trees, 1);

    files.write("policies/a.yaml", BROKEN);
    let changed = files.take(&mut trees, 4);
    assert_eq!(look(&changed), ["A"]);
    kept(&mut trees, 0);
    assert_eq!(ends(&trees, "A").unwrap(), ["id=temp/a2"], "the other file is as it was");
    assert_eq!(ends(&trees, "B"), None);
    assert_eq!(trees.bad_since(), Some(at(4)));
    assert_eq!(look(&files.take(&mut trees, 5)), [] as [&str; 0], "since when does not change");
    for cut_short in ["version: 1\ntarget: nobody\n", "version: 1\ntarget: A\nteam: [\n"] {
        files.write("policies/a.yaml", cut_short);
        files.take(&mut trees, 5);
        assert_eq!(ends(&trees, "A").unwrap(), [] as [&str; 0], "it may say more: {cut_short}");
    }
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
    files.write("policies/a.yaml", BROKEN);
    files.take(&mut trees, 3);
    assert!(trees.generation("A") != Some(a), "a tree that breaks is another one, too");
    let config = std::fs::read_to_string(files.config()).unwrap();
    files.write("portcullis.yaml", &format!("stop_file: STOP\n{config}"));
    files.take(&mut trees, 4);
    assert!(trees.generation("B") != Some(b2), "so is another configuration");
    assert_eq!(trees.generation("C"), None);
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
    let digests = files.digests();
    let changed = trees.take(Found::Unreadable { error, digests }, at(4));
    assert_eq!((look(&changed), changed.gone.len()), (vec!["A", "B"], 0));
    assert_eq!(ends(&trees, "A").unwrap().len(), 2);
    assert!(trees.failing().is_some());
    files.take(&mut trees, 5);
    assert!(trees.failing().is_none() && ends(&trees, "A").is_none());
}

#[test]
fn what_is_planned_stays_in_force_while_the_source_fails_in_ever_other_words() {
    let files = Files::new();
    let (mut trees, _) = files.begin(BTreeMap::new());
    let fail = |trees: &mut Trees, what: &str, digests| {
        let error = SourceError::Unsettled { what: what.into() };
        look(&trees.take(Found::Unreadable { error, digests }, at(1))).len()
    };
    assert_eq!(fail(&mut trees, "a test", files.digests()), 2);
    let planned = trees.generation("A");
    assert_eq!(fail(&mut trees, "a test of 21 ms", files.digests()), 0);
    assert_eq!(trees.generation("A"), planned);
    let told = trees.basis("A").unwrap().only_expired.as_ref().unwrap().told();
    assert!(told.contains("21 ms"), "what is told is new: {told}");
    assert_eq!(fail(&mut trees, "a test", Digests::default()), 2, "nothing is known of the files any more");
    assert_ne!(trees.generation("A"), planned);
}

#[test]
fn after_a_restart_the_last_good_tree_is_the_one_that_the_journal_keeps() {
    let files = Files::new();
    let whole = std::fs::read_to_string(files.config()).unwrap();
    let (mut trees, _) = files.begin(BTreeMap::new());
    let known = kept(&mut trees, 2);
    files.write("policies/new.yaml", &policy("A", "temp/new", END));
    files.write("policies/a.yaml", BROKEN);
    let (trees, _) = files.begin(known.clone());
    assert_eq!(ends(&trees, "A").unwrap(), ["id=temp/a2"]);
    let policy = &trees.basis("A").unwrap().loaded.policies.targets["A"];
    let names: Vec<&str> = policy.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.yaml", "a2.yaml"], "it is planned by the whole of it");
    let (trees, _) = files.begin(BTreeMap::new());
    assert_eq!(ends(&trees, "A").unwrap(), [] as [&str; 0], "nothing is known");

    let spoilt = |spoil: &dyn Fn(&mut GoodTree)| {
        let mut known = known.clone();
        spoil(known.get_mut("A").unwrap());
        ends(&files.begin(known).0, "A").unwrap()
    };
    assert_eq!(spoilt(&|tree| tree.meaning = "another".into()), [] as [&str; 0], "it does not mean what it meant");
    assert_eq!(spoilt(&|tree| drop(tree.contents.pop_first())), [] as [&str; 0], "a file is lost");
    let damage = |tree: &mut GoodTree| tree.contents.values_mut().for_each(|bytes| *bytes = b"version: 1\n"[..].into());
    assert_eq!(spoilt(&damage), [] as [&str; 0], "the bytes are not those of the digest");

    std::fs::rename(files.dir.path().join("policies/a2.yaml"), files.dir.path().join("policies/a3.yaml")).unwrap();
    assert_eq!(ends(&files.begin(known.clone()).0, "A").unwrap(), [] as [&str; 0], "its file has another name");
    std::fs::rename(files.dir.path().join("policies/a3.yaml"), files.dir.path().join("policies/a2.yaml")).unwrap();
    for (from, to) in [
        ("    account: A\n", "    account: elsewhere\n"),
        ("    account: A\n", "    account: A\n    base_url: http://127.0.0.1:9\n    allow_host: true\n"),
        ("    account: A\n", "    account: A\n    protected: { access_tokens: [{ id: temp/z }] }\n"),
        ("    account: A\n", "    account: A\n    own: { access_tokens: [{ id: temp/z }] }\n"),
    ] {
        files.write("portcullis.yaml", &whole.replacen(from, to, 1));
        assert_eq!(ends(&files.begin(known.clone()).0, "A").unwrap(), [] as [&str; 0], "{to}");
        // The same while the daemon runs.
        files.write("portcullis.yaml", &whole);
        let (mut trees, _) = files.begin(known.clone());
        assert_eq!(ends(&trees, "A").unwrap(), ["id=temp/a2"]);
        files.write("portcullis.yaml", &whole.replacen(from, to, 1));
        files.take(&mut trees, 1);
        assert_eq!(ends(&trees, "A").unwrap(), [] as [&str; 0], "{to}");
        files.write("portcullis.yaml", &whole);
    }
    files.write("people.yaml", "version: 1\npeople:\n  anna: { email: anna@y.example }\n");
    assert_eq!(ends(&files.begin(known).0, "A").unwrap(), [] as [&str; 0], "people are others");
}

#[test]
fn what_could_not_be_kept_is_to_be_kept_still() {
    let files = Files::new();
    let (mut trees, _) = files.begin(BTreeMap::new());
    let (first, second) = (trees.unkept(), trees.unkept());
    assert_eq!((first.len(), &first), (2, &second), "as long as nobody says that it was");
    kept(&mut trees, 2);
    files.write("policies/b.yaml", &policy("B", "temp/b", "2027-01-01"));
    files.take(&mut trees, 1);
    trees.was_kept(&"B".into(), first[1].1.clone());
    assert_eq!(trees.unkept().len(), 1, "an older one was kept meanwhile");
    kept(&mut trees, 1);
    trees.keep_anew();
    kept(&mut trees, 2);
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
    let files = Files::new();
    assert_eq!(files.digests().files.len(), 3);
    std::fs::rename(files.dir.path().join("policies"), files.dir.path().join("elsewhere")).unwrap();
    assert!(files.digests().files.is_empty() && !files.digests().unreadable.is_empty());
}
