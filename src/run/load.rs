//! Loads the operator's file, the people file and the policy tree, with every problem of every file at once.

use std::{collections::BTreeMap, path::PathBuf};

use super::files::{self, SourceFile};
use crate::{
    access::{Kind, Selectors, Text},
    config::{self, Config, OwnList},
    policy::{self, Blocked, Delegated, KnownTarget, Policies, Source},
    systems,
    yaml::Problem,
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
    pub config: Config,
    /// What the policies say.
    pub policies: Policies,
    /// Every problem of the tree and the files in it; a target that it touches is in `blocked`.
    pub problems: Vec<Problem>,
    /// The targets to which no request may go, and why.
    pub blocked: BTreeMap<Text, String>,
}

/// Loads everything.
///
/// # Errors
/// The problems of a broken operator's file, with all others that could be found without it. With it whole, problems of
/// policies stand in [`Loaded::problems`] and block what they touch.
pub fn load(sources: &Sources) -> Result<Loaded, Vec<Problem>> {
    let shown = sources.config.display().to_string();
    let bytes = files::read_file(&sources.config).map_err(|mut problem| {
        problem.hint = Some("`portcullis init` writes one; --config names another place".into());
        problem.rendered.push_str("\n  = help: `portcullis init` writes one; --config names another place");
        vec![problem]
    })?;
    let mut config = config::load(&shown, &sources.config, &bytes, &systems::descriptions())?;
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
    let whole_tree = problems.is_empty();
    let people = match &config.people {
        Some(path) => match files::read_file(path) {
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
    let mut policies = parse(&config, people.as_ref(), &tree);
    resolve(&mut config, &policies);
    let people_name = people.as_ref().map(|file| file.name.as_str());
    problems.extend(policies.problems.drain(..).map(|problem| {
        if Some(problem.file.as_str()) == people_name { problem } else { files::placed(problem, &root) }
    }));
    if !whole_tree || !whole_people {
        policies.blocked = Blocked::All;
    }
    let blocked = blocked(&config, &policies, &mut problems);
    problems.sort();
    problems.dedup();
    Ok(Loaded { config, policies, problems, blocked })
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
    policy::load(&files, people.map(source), &targets, &delegated)
}

/// Names of people in the operator's selectors mean what they mean in the policies.
fn resolve(config: &mut Config, policies: &Policies) {
    for target in config.targets.values_mut() {
        let system = target.description.system;
        let person = |kind: &'static Kind, selectors: &mut Selectors| {
            *selectors = policy::resolve_people(selectors, kind, system, &policies.people);
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

/// Every blocked target with its reason. An enforced target that no file speaks of is a problem of its own: an empty tree
/// must not look like the wish that nothing exists.
fn blocked(config: &Config, policies: &Policies, problems: &mut Vec<Problem>) -> BTreeMap<Text, String> {
    let mut blocked = BTreeMap::new();
    for target in config.targets.values() {
        if policies.blocked.contains(&target.name) {
            blocked.insert(target.name.clone(), "a file that bears on it is broken; no request was sent".to_owned());
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
