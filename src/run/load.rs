//! Makes declarations of what was gathered, with every problem of every file at once.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    files::{self, SourceFile},
    gather::{Contents, Gathered, PeopleFile, Sources, gather},
    operators::{Unknown, resolve, unclear, unknown_people},
};
use crate::{
    access::Text,
    config::Config,
    policy::{self, Blocked, Delegated, KnownTarget, People, Policies, Source},
    systems,
    yaml::Problem,
};

/// Everything that was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The operator's file.
    pub config: Arc<Config>,
    /// What the policies say.
    pub policies: Arc<Policies>,
    /// Every problem of the tree and the files in it; a target that it touches is in `blocked`.
    pub problems: Vec<Problem>,
    /// The targets to which no request may go, and why.
    pub blocked: BTreeMap<Text, String>,
    /// The targets of which it cannot be told what is own or protected, and why: not even an order may go there.
    pub unclear: BTreeMap<Text, String>,
}

/// Loads everything.
///
/// # Errors
/// The problems of a broken operator's file, with all others that could be found without it. With it whole, problems of
/// policies stand in [`Loaded::problems`] and block what they touch.
pub fn load(sources: &Sources) -> Result<Loaded, Vec<Problem>> {
    gather(sources).map(build)
}

/// Parses what was gathered. Problems of policies stand in [`Loaded::problems`] and block what they touch.
pub fn build(gathered: Gathered) -> Loaded {
    let Gathered { mut config, tree, unread: mut problems, people, .. } = gathered;
    let root = config.policies.clone();
    let whole_tree = problems.is_empty();
    let (people, is_read) = match people {
        PeopleFile::None => (None, true),
        PeopleFile::Read(file) => (Some(file), true),
        PeopleFile::Broken(problem) => {
            problems.push(problem);
            (None, false)
        }
    };
    let mut policies = parse(&config, people.as_ref(), &tree);
    let is_people = |problem: &Problem| people.as_ref().is_some_and(|file| problem.file == file.name);
    let whole_people = is_read && !policies.problems.iter().any(is_people);
    let known = People::of(&policies.people);
    let mut unknown = if whole_people { unknown_people(&config, &known) } else { Unknown::default() };
    let unclear = unclear(&config, whole_people, &unknown);
    resolve(&mut config, &known);
    problems.append(&mut unknown.problems);
    let placed = |problem| if is_people(&problem) { problem } else { files::placed(problem, &root) };
    problems.extend(policies.problems.drain(..).map(placed));
    if !whole_tree || !whole_people {
        policies.blocked = Blocked::All;
    }
    let mut blocked = blocked(&config, &policies, &mut problems);
    for name in unknown.named.into_keys() {
        blocked.entry(name).or_insert_with(|| "portcullis.yaml names somebody for it who is not known".to_owned());
    }
    problems.sort();
    problems.dedup();
    Loaded { config: Arc::new(config), policies: Arc::new(policies), problems, blocked, unclear }
}

/// What files said of a target, from their bytes; `files`: digests by name. None where a byte of them is not there, or where by
/// the configuration of today they would not load as a whole.
pub fn read_again(
    config: &Config,
    target: &Text,
    people: &Text,
    files: &BTreeMap<Text, Text>,
    contents: &Contents,
) -> Option<Policies> {
    let file = |name: &str, digest: &Text| {
        let bytes = contents.get(digest).filter(|bytes| policy::file_digest(bytes) == *digest)?;
        Some(SourceFile { name: name.to_owned(), bytes: bytes.to_vec() })
    };
    let people = if people.is_empty() { None } else { Some(file("people", people)?) };
    let tree: Vec<SourceFile> = files.iter().map(|(name, digest)| file(name, digest)).collect::<Option<_>>()?;
    let policies = parse(config, people.as_ref(), &tree);
    (policies.problems.is_empty() && !policies.blocked.contains(target)).then_some(policies)
}

fn parse(config: &Config, people: Option<&SourceFile>, tree: &[SourceFile]) -> Policies {
    fn source(file: &SourceFile) -> Source<'_> {
        Source { name: &file.name, bytes: &file.bytes }
    }
    let targets: Vec<KnownTarget> = config
        .targets
        .values()
        .map(|target| KnownTarget { name: target.name.clone(), description: target.description })
        .collect();
    let delegated: Vec<Delegated> = config
        .delegate
        .iter()
        .map(|one| Delegated { path: one.path.as_str().into(), target: one.target.clone(), within: one.within.clone() })
        .collect();
    let files: Vec<Source<'_>> = tree.iter().map(source).collect();
    let systems: Vec<&str> = systems::descriptions().iter().map(|one| one.system).collect();
    let people = people.map(|file| policy::PeopleFile { source: source(file), systems: &systems });
    policy::load(&files, people, &targets, &delegated)
}

/// Every blocked target with its reason. An enforced target that no file speaks of is a problem of its own: an empty tree
/// must not look like the wish that nothing exists.
fn blocked(config: &Config, policies: &Policies, problems: &mut Vec<Problem>) -> BTreeMap<Text, String> {
    let mut blocked = BTreeMap::new();
    for target in config.targets.values() {
        if policies.blocked.contains(&target.name) {
            blocked.insert(target.name.clone(), "a file that bears on it is broken".to_owned());
            continue;
        }
        let has_file = policies.targets.get(&target.name).is_some_and(|policy| !policy.files.is_empty());
        if !target.enforce.is_empty() && !has_file {
            let why = format!("target `{}` is enforced, and no policy file names it", target.name);
            problems.push(Problem::of_file(
                config.path.display().to_string(),
                why.clone(),
                Some("write a policy file for it, or take its kinds out of `enforce:`"),
            ));
            blocked.insert(target.name.clone(), why);
        }
    }
    blocked
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEOPLE: &str = "version: 1\npeople:\n  anna: { email: anna@x.example, aliases: { accessowl: u-1 } }\n";

    fn loaded(selector: &str, people: &str) -> Loaded {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("portcullis.yaml");
        std::fs::create_dir(dir.path().join("policies")).unwrap();
        std::fs::write(dir.path().join("people.yaml"), people).unwrap();
        let text = format!(
            "version: 1\npolicies: policies/\npeople: people.yaml\njournal: ephemeral\ntargets:\n  owl:\n    \
             system: accessowl\n    account: x\n    credential: {{ env: OWL }}\n    {selector}\n"
        );
        std::fs::write(&config, text).unwrap();
        load(&Sources { config, ..Sources::default() }).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    #[test]
    fn a_name_of_the_operators_that_nobody_has_blocks_its_target() {
        for (selector, order_too) in
            [("protected: { access: [{ user: ana }] }", true), ("must_see: { access: [{ user: ana }] }", false)]
        {
            let loaded = loaded(selector, PEOPLE);
            let told = &loaded.problems[0];
            assert!(told.message.contains("`ana`") && told.hint.as_ref().unwrap().contains("anna"), "{told:?}");
            assert!(loaded.blocked.contains_key("owl"));
            assert_eq!(loaded.unclear.contains_key("owl"), order_too, "{selector}");
        }
        for known in ["anna", "u-1", "who@x.example", "\"a*\""] {
            let loaded = loaded(&format!("protected: {{ access: [{{ user: {known} }}] }}"), PEOPLE);
            assert!(loaded.problems.is_empty() && loaded.blocked.is_empty() && loaded.unclear.is_empty(), "{known}");
        }
    }

    #[test]
    fn with_a_broken_people_file_only_what_names_nobody_can_be_told() {
        let broken = format!("{PEOPLE}  bert: 7\n");
        let unclear = |field: &str| {
            let loaded = loaded(&format!("protected: {{ access: [{{ {field} }}] }}"), &broken);
            assert!(loaded.blocked.contains_key("owl") && !loaded.problems.is_empty());
            !loaded.unclear.is_empty()
        };
        assert!(unclear("user: bert") && unclear("principal: bert") && unclear("user: anna"));
        // Whose address it is, and what they are called at the system, is in that file as well.
        assert!(unclear("user: bert@x.example"));
        assert!(!unclear("user: \"*@x.example\"") && !unclear("label: bert"));
    }
}
