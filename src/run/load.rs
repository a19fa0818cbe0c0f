//! Loads the operator's file, the people file and the policy tree, with every problem of every file at once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::files::{self, SourceFile};
use crate::{
    access::{Kind, Selectors, Text},
    config::{self, Config, OwnList, Target},
    policy::{self, Blocked, Delegated, KnownTarget, People, PeopleFile, Policies, Source},
    systems,
    yaml::{Problem, did_you_mean, quoted},
};

/// Which files to load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The operator's file.
    pub config: PathBuf,
    /// Another policy root than the one that it names.
    pub policies: Option<PathBuf>,
    /// Another people file than the one that it names.
    pub people: Option<PathBuf>,
}

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

/// Everything as bytes, before any policy is parsed.
#[derive(Debug)]
pub struct Gathered {
    config: Config,
    config_digest: Text,
    named: Sources,
    tree: Vec<SourceFile>,
    people: Option<SourceFile>,
    whole_people: bool,
    problems: Vec<Problem>,
}

/// Bytes of files, by their digests.
pub type Contents = BTreeMap<Text, Arc<[u8]>>;

/// What was gathered, as digests: equal ones load equally.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// Of the operator's file.
    pub config: Text,
    /// Of the people file; empty where there is none or it cannot be read.
    pub people: Text,
    /// Of each policy file, by its name below the policy root.
    pub files: BTreeMap<Text, Text>,
    /// What could not be read, in words.
    pub unreadable: Vec<String>,
}

impl Gathered {
    /// The digests of what was gathered.
    pub fn digests(&self) -> Digests {
        Digests { config: self.config_digest.clone(), ..digests(&self.tree, self.people.as_ref(), &self.problems) }
    }

    /// The bytes of the people file and of every policy file.
    pub fn contents(&self) -> Contents {
        let files = self.tree.iter().chain(&self.people);
        files.map(|file| (policy::file_digest(&file.bytes), file.bytes.as_slice().into())).collect()
    }

    /// Where the operator's file says that the files are, as it names them: links on the way there are not followed.
    pub fn named(&self) -> &Sources {
        &self.named
    }
}

fn digests(tree: &[SourceFile], people: Option<&SourceFile>, problems: &[Problem]) -> Digests {
    Digests {
        config: Text::default(),
        people: people.map(|file| policy::file_digest(&file.bytes)).unwrap_or_default(),
        files: tree.iter().map(|file| (file.name.as_str().into(), policy::file_digest(&file.bytes))).collect(),
        unreadable: problems.iter().map(|problem| problem.rendered.clone()).collect(),
    }
}

/// The digests of the policy and people files at these places, where the operator's file cannot be used. What cannot be reached
/// is not among them.
pub fn digests_at(sources: &Sources) -> Digests {
    let (tree, mut problems) = sources.policies.as_deref().map(files::read_tree).unwrap_or_default();
    let people = sources.people.as_ref().and_then(|path| match files::read_file(path) {
        Ok(bytes) => Some(SourceFile { name: path.display().to_string(), bytes }),
        Err(problem) => {
            problems.push(problem);
            None
        }
    });
    digests(&tree, people.as_ref(), &problems)
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

/// Reads every file.
///
/// # Errors
/// The problems of a broken operator's file.
pub fn gather(sources: &Sources) -> Result<Gathered, Vec<Problem>> {
    let (mut config, bytes) = operators(sources)?;
    let named = Sources {
        config: sources.config.clone(),
        policies: Some(config.policies.clone()),
        people: config.people.clone(),
    };
    if let Some(policies) = &sources.policies {
        config.policies.clone_from(policies);
    }
    if let Some(people) = &sources.people {
        config.people = Some(people.clone());
    }
    let root = config.policies.clone();
    let (tree, problems) = files::read_tree(&root);
    let of_root = root.display().to_string();
    let in_tree = |problem: Problem| if problem.file == of_root { problem } else { files::placed(problem, &root) };
    let mut problems: Vec<Problem> = problems.into_iter().map(in_tree).collect();
    let people = match &config.people {
        Some(path) => match read_people(path, sources.people.is_some()) {
            Ok(bytes) => Ok(Some(SourceFile { name: path.display().to_string(), bytes })),
            Err(problem) => Err(problem),
        },
        None => Ok(None),
    };
    let (people, whole_people) = match people {
        Ok(people) => (people, true),
        Err(problem) => {
            problems.push(problem);
            (None, false)
        }
    };
    Ok(Gathered { config, config_digest: policy::file_digest(&bytes), named, tree, people, whole_people, problems })
}

/// Reads the operator's file alone, before anything else is there.
///
/// # Errors
/// Its problems.
pub fn operators_file(sources: &Sources) -> Result<Config, Vec<Problem>> {
    operators(sources).map(|(config, _)| config)
}

fn operators(sources: &Sources) -> Result<(Config, Vec<u8>), Vec<Problem>> {
    let shown = sources.config.display().to_string();
    let bytes = files::read_file(&sources.config).map_err(|mut problem| {
        problem.hint = Some("`portcullis init` writes one; --config names another place".into());
        problem.rendered.push_str("\n  = help: `portcullis init` writes one; --config names another place");
        vec![problem]
    })?;
    let config = config::load(&shown, &sources.config, &bytes, &systems::descriptions())?;
    Ok((config, bytes))
}

/// The operator's own file may be a link to anywhere; one that was named on the command line may be of a branch under review.
fn read_people(path: &Path, is_named: bool) -> Result<Vec<u8>, Problem> {
    if is_named { files::read_named(path) } else { files::read_file(path) }
}

/// Parses what was gathered. Problems of policies stand in [`Loaded::problems`] and block what they touch.
pub fn build(gathered: Gathered) -> Loaded {
    let Gathered { mut config, config_digest: _, named: _, tree, people, whole_people, mut problems } = gathered;
    let root = config.policies.clone();
    // What could not be read of the tree, the people file aside.
    let whole_tree = problems.len() == usize::from(!whole_people);
    let mut policies = parse(&config, people.as_ref(), &tree);
    let whole_people = whole_people
        && !people.as_ref().is_some_and(|file| policies.problems.iter().any(|problem| problem.file == file.name));
    let known = People::of(&policies.people);
    let mut unknown = if whole_people { unknown_people(&config, &known) } else { Unknown::default() };
    let unclear = unclear(&config, whole_people, &unknown);
    resolve(&mut config, &known);
    problems.append(&mut unknown.problems);
    let people_name = people.as_ref().map(|file| file.name.as_str());
    problems.extend(policies.problems.drain(..).map(|problem| {
        if Some(problem.file.as_str()) == people_name { problem } else { files::placed(problem, &root) }
    }));
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
    let people = people.map(|file| PeopleFile { source: source(file), systems: &systems });
    policy::load(&files, people, &targets, &delegated)
}

/// Names of people in the operator's selectors mean what they mean in the policies.
fn resolve(config: &mut Config, people: &People) {
    for target in config.targets.values_mut() {
        let system = target.description.system;
        let person = |kind: &'static Kind, selectors: &mut Selectors| {
            *selectors = policy::resolve_people(selectors, kind, system, people);
        };
        for (kind, list) in &mut target.own {
            if let OwnList::Listed(selectors) = list {
                person(kind, selectors);
            }
        }
        for (kind, selectors) in target.must_see.iter_mut().chain(&mut target.protected) {
            person(kind, selectors);
        }
    }
}

/// Names in the operator's selectors that mean nobody.
#[derive(Default)]
struct Unknown {
    problems: Vec<Problem>,
    /// By target, and whether one stands in `own` or `protected`.
    named: BTreeMap<Text, bool>,
}

/// A literal name has to be known, as in the policies: a misspelled one would protect nobody.
fn unknown_people(config: &Config, people: &People) -> Unknown {
    let mut unknown = Unknown::default();
    let mut check = |target: &Target, at: &str, guards: bool, kind: &'static Kind, selectors: &Selectors| {
        let system = target.description.system;
        let mut refuse = |what: &str, hint: &str| {
            let what = format!("{at}, {}: {what}", kind.list);
            unknown.problems.push(files::problem(config.path.display().to_string(), what, Some(hint)));
            *unknown.named.entry(target.name.clone()).or_default() |= guards;
        };
        for person in policy::named_people(selectors, kind, true).iter().filter_map(|text| people.find(text, system)) {
            if let Some((what, hint)) = policy::told_by_nothing(person, system) {
                refuse(&what, &hint);
            }
        }
        let unknown = |text: &&String| !text.contains('@') && people.find(text, system).is_none();
        for text in policy::named_people(selectors, kind, false).iter().filter(unknown) {
            let hint = match did_you_mean(text, people.all().keys().map(Text::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write the e-mail address, or the system's own user id as `principal`".to_owned(),
            };
            refuse(&format!("the people file does not know {}", quoted(text)), &hint);
        }
    };
    for target in config.targets.values() {
        for (kind, selectors) in guarded(target) {
            check(target, &format!("`own` or `protected` of {}", target.name), true, kind, selectors);
        }
        for (kind, selectors) in &target.must_see {
            check(target, &format!("`must_see` of {}", target.name), false, kind, selectors);
        }
    }
    for one in &config.delegate {
        for (kind, selectors) in &one.within {
            if let Some(target) = config.targets.get(&one.target) {
                check(target, &format!("`delegate` of {} to {}", one.target, one.path), false, kind, selectors);
            }
        }
    }
    unknown
}

/// What never goes: listed own entries and protected ones.
fn guarded(target: &Target) -> impl Iterator<Item = (&'static Kind, &Selectors)> {
    let own = target.own.iter().filter_map(|(kind, list)| match list {
        OwnList::Listed(selectors) => Some((*kind, selectors)),
        OwnList::Unlisted => None,
    });
    own.chain(target.protected.iter().map(|(kind, selectors)| (*kind, selectors)))
}

/// Where it cannot be told what never goes. To be asked before names are resolved.
fn unclear(config: &Config, whole_people: bool, unknown: &Unknown) -> BTreeMap<Text, String> {
    let why = |target: &Target| {
        if unknown.named.get(&target.name) == Some(&true) {
            return Some("its `own` or `protected` names somebody whom the people file does not know");
        }
        let names_people = guarded(target).any(|(kind, list)| !policy::named_people(list, kind, true).is_empty());
        (!whole_people && names_people)
            .then_some("its `own` or `protected` names people, and the people file is broken")
    };
    config.targets.values().filter_map(|target| Some((target.name.clone(), why(target)?.to_owned()))).collect()
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
            problems.push(files::problem(
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
