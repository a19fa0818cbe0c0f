//! All files together: what they say of each target, what is wrong, and which targets that blocks.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    access::{Description, Kind, Selectors, Text},
    yaml::{Problem, Reporter},
};

use super::{
    Blocked, Place, Policies, TargetPolicy, delegate, digest,
    file::{self, Parsed},
    items::Declared,
    merge,
    people::People,
};

/// A file as bytes with the name that is shown: its path below the policy root, with `/`.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The name.
    pub name: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// A target that policies may name.
#[derive(Debug, Clone)]
pub struct KnownTarget {
    /// Its name.
    pub name: Text,
    /// Its system.
    pub description: &'static Description,
}

/// What files below a path may act on. Names of people in `within` have to be resolved, see [`super::resolve_people`].
#[derive(Debug, Clone)]
pub struct Delegated {
    /// A glob over the files' names: `**` is any number of segments, `*` a part of one.
    pub path: Text,
    /// The target.
    pub target: Text,
    /// Per kind, what may be acted on.
    pub within: Vec<(&'static Kind, Selectors)>,
}

/// Loads all policy files and the people file. Never fails as a whole: problems and what they block are in the result, and
/// the same input gives the same result, whatever the order of `files`. Files are read on several threads.
pub fn load(
    files: &[Source<'_>],
    people: Option<Source<'_>>,
    targets: &[KnownTarget],
    delegated: &[Delegated],
) -> Policies {
    let mut policies = Policies::default();
    let systems: Vec<&str> = targets.iter().map(|target| target.description.system).collect();
    let (people, problems) = people.map(|source| People::read(source, &systems)).unwrap_or_default();
    if !problems.is_empty() {
        policies.blocked = Blocked::All;
    }
    policies.problems = problems;

    let mut files: Vec<Source<'_>> = files.to_vec();
    files.sort_by_key(|source| (source.name, source.bytes));
    let mut parsed = parse_all(&files, &people, targets);
    for one in &mut parsed {
        policies.problems.append(&mut one.problems);
        policies.blocked.join(std::mem::take(&mut one.blocked));
    }
    if !delegated.is_empty() {
        // Names of people mean in `delegate:` what they mean in the files' own selectors.
        let resolved: Vec<Delegated> = delegated.iter().map(|one| with_people(one, targets, &people)).collect();
        check_delegation(&files, &parsed, &resolved, &mut policies);
    }

    // Room for all at once: growing would hold them twice.
    let mut counts: BTreeMap<Text, (usize, usize)> = BTreeMap::new();
    for part in parsed.iter().flat_map(|one| &one.parts) {
        for name in &part.targets {
            let (files, items) = counts.entry(name.clone()).or_default();
            (*files, *items) = (*files + 1, *items + part.declarations.len());
        }
    }
    let room = |(files, items)| if files > 1 { Vec::with_capacity(items) } else { Vec::new() };
    let mut declared: BTreeMap<Text, Vec<Declared>> =
        counts.into_iter().map(|(name, count)| (name, room(count))).collect();
    for one in parsed {
        take(one, &mut policies.targets, &mut declared);
    }
    for (name, policy) in &mut policies.targets {
        let mut conflicts = Vec::new();
        policy.declarations = merge::merge(declared.remove(name).unwrap_or_default(), &mut conflicts);
        for conflict in conflicts {
            policies.problems.push(conflict_problem(&conflict, policy, &files));
            policies.blocked.join(Blocked::Some([name.clone()].into()));
        }
        let system = targets.iter().find(|target| target.name == *name).map_or("", |target| target.description.system);
        policy.digest = digest::of(policy, system, &people);
    }
    policies.people = people.all().clone();
    policies.problems.sort();
    policies.problems.dedup();
    policies
}

/// Loads the people file alone.
pub fn load_people(source: Source<'_>, systems: &[&str]) -> (BTreeMap<Text, Arc<crate::access::Person>>, Vec<Problem>) {
    let (people, problems) = People::read(source, systems);
    (people.all().clone(), problems)
}

/// Files that one thread reads at least: below that, a thread costs more than it saves.
const FILES_A_THREAD: usize = 4;

fn parse_all(files: &[Source<'_>], people: &People, targets: &[KnownTarget]) -> Vec<Parsed> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(files.len().div_ceil(FILES_A_THREAD)).max(1);
    let read = |files: &[Source<'_>]| -> Vec<Parsed> {
        files.iter().map(|source| file::read(*source, people, targets)).collect()
    };
    if threads == 1 {
        return read(files);
    }
    let chunks: Vec<&[Source<'_>]> = files.chunks(files.len().div_ceil(threads)).collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = chunks.iter().map(|chunk| scope.spawn(|| read(chunk))).collect();
        let done = running.into_iter().zip(&chunks);
        // A thread that could not be run to its end leaves its files to this one.
        done.flat_map(|(thread, chunk)| thread.join().unwrap_or_else(|_| read(chunk))).collect()
    })
}

/// Sorts what one file says to its targets.
fn take(parsed: Parsed, targets: &mut BTreeMap<Text, TargetPolicy>, declared: &mut BTreeMap<Text, Vec<Declared>>) {
    for mut part in parsed.parts {
        let names = std::mem::take(&mut part.targets);
        let last = names.len().saturating_sub(1);
        for (index, name) in names.into_iter().enumerate() {
            let policy = targets.entry(name.clone()).or_default();
            let file = u32::try_from(policy.files.len()).unwrap_or(u32::MAX);
            policy.files.push(parsed.file.clone());
            let here = |place: &mut Place| place.file = file;
            let list = declared.entry(name).or_default();
            let before = list.len();
            // The only or last target takes the declarations themselves, not copies: they can be very many.
            if index == last && list.capacity() == 0 {
                *list = std::mem::take(&mut part.declarations);
            } else if index == last {
                list.append(&mut part.declarations);
            } else {
                list.extend(part.declarations.iter().cloned());
            }
            for one in list.iter_mut().skip(before) {
                one.declaration.places.iter_mut().for_each(here);
            }
            let count = (policy.sets.len(), policy.allows.len(), policy.absents.len(), policy.holds.len());
            policy.sets.extend(part.sets.iter().cloned());
            policy.allows.extend(part.allows.iter().cloned());
            policy.absents.extend(part.absents.iter().cloned());
            policy.holds.extend(part.holds.iter().cloned());
            policy.sets.iter_mut().skip(count.0).for_each(|one| here(&mut one.place));
            policy.allows.iter_mut().skip(count.1).for_each(|one| here(&mut one.place));
            policy.absents.iter_mut().skip(count.2).for_each(|one| here(&mut one.place));
            policy.holds.iter_mut().skip(count.3).for_each(|one| here(&mut one.place));
        }
    }
}

fn with_people(delegated: &Delegated, targets: &[KnownTarget], people: &People) -> Delegated {
    let system =
        targets.iter().find(|target| target.name == delegated.target).map_or("", |target| target.description.system);
    let within = delegated.within.iter();
    let within = within.map(|(kind, selectors)| (*kind, super::resolve_people(selectors, kind, system, people.all())));
    Delegated { within: within.collect(), ..delegated.clone() }
}

/// All files outside of their delegation are one problem, which stands at the first.
fn check_delegation(files: &[Source<'_>], parsed: &[Parsed], delegated: &[Delegated], policies: &mut Policies) {
    let mut first: Option<(&Source<'_>, u32)> = None;
    let mut listed: Vec<String> = Vec::new();
    for (source, one) in files.iter().zip(parsed) {
        for part in &one.parts {
            for outside in delegate::outside(source.name, part, delegated) {
                first.get_or_insert((source, outside.line));
                listed.push(format!("{}:{} ({} of {})", source.name, outside.line, outside.list, outside.target));
                policies.blocked.join(Blocked::Some([outside.target].into()));
            }
        }
    }
    if let Some((source, line)) = first {
        let mut reporter = reporter(source);
        let at = reporter.line_mark(line);
        reporter.report_with(
            at,
            format!("these act outside of what `delegate:` gives to their paths: {}", listed.join(", ")),
            "the operator's file says which path may act on what; names have to be written as they are there",
        );
        policies.problems.append(&mut reporter.into_problems());
    }
}

fn conflict_problem(conflict: &merge::Conflict, policy: &TargetPolicy, files: &[Source<'_>]) -> Problem {
    let name = |place: Place| policy.files.get(place.file as usize).map_or("", |file| file.name.as_str());
    let empty = Source { name: name(conflict.second), bytes: &[] };
    let source = files.iter().find(|source| source.name == name(conflict.second)).unwrap_or(&empty);
    let mut reporter = reporter(source);
    let at = reporter.line_mark(conflict.second.line);
    reporter.report_with(
        at,
        format!(
            "{} is declared twice with different `{}`: first at {}:{}",
            crate::yaml::quoted(&conflict.key),
            conflict.field,
            name(conflict.first),
            conflict.first.line
        ),
        "make them equal, or keep one of them",
    );
    reporter.into_problems().pop().unwrap_or_else(|| Problem {
        file: source.name.to_owned(),
        line: conflict.second.line,
        column: 1,
        message: String::new(),
        hint: None,
        rendered: String::new(),
    })
}

fn reporter<'a>(source: &Source<'a>) -> Reporter<'a> {
    let text = std::str::from_utf8(source.bytes).unwrap_or("");
    Reporter::new(source.name, text.strip_prefix('\u{feff}').unwrap_or(text), true)
}
