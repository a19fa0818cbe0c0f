//! All files together: what they say of each target, what is wrong, and which targets that blocks.

use std::{collections::BTreeMap, thread};

use crate::{
    access::{Description, Kind, Selectors, Text},
    yaml::{Problem, Reporter},
};

use super::{
    Blocked, Place, Policies, TargetPolicy, delegate, digest,
    expansion::{AllFiles, MAX_ADDED},
    file::{self, Parsed},
    items::Declared,
    merge,
    people::People,
    problems::{Conflicts, MAX_PROBLEMS, Problems, reporter},
};

/// A file as bytes with the name that is shown: its path below the policy root, with `/`.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The name.
    pub name: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// The people file, and the systems there are: an alias goes by one of them.
#[derive(Debug, Clone, Copy)]
pub struct PeopleFile<'a> {
    /// The file.
    pub source: Source<'a>,
    /// The names of all systems that are known, be there a target of them or not.
    pub systems: &'a [&'a str],
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
    people: Option<PeopleFile<'_>>,
    targets: &[KnownTarget],
    delegated: &[Delegated],
) -> Policies {
    let mut policies = Policies::default();
    let (people, of_people) = people.map(|file| People::read(file.source, file.systems)).unwrap_or_default();
    if !of_people.is_empty() {
        policies.blocked = Blocked::All;
    }

    let mut files: Vec<Source<'_>> = files.to_vec();
    files.sort_by_key(|source| (source.name, source.bytes));
    let mut parsed = parse_all(&files, &people, targets);
    let mut problems = Problems::default();
    for one in &mut parsed {
        problems.take(std::mem::take(&mut one.problems), one.unkept);
        if one.is_cut_short {
            policies.unread.join(one.blocked.clone());
        }
        policies.blocked.join(std::mem::take(&mut one.blocked));
    }
    if let Some(problem) = too_many(&files, &mut parsed) {
        problems.take(vec![problem], 0);
        (policies.blocked, policies.unread) = (Blocked::All, Blocked::All);
    }
    if !delegated.is_empty() {
        // Names of people mean in `delegate:` what they mean in the files' own selectors.
        let resolved: Vec<Delegated> = delegated.iter().map(|one| with_people(one, targets, &people)).collect();
        problems.take(check_delegation(&files, &parsed, &resolved, &mut policies.blocked), 0);
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
    let mut conflicts = Conflicts::default();
    for (name, policy) in &mut policies.targets {
        let mut found = Vec::new();
        policy.declarations = merge::merge(declared.remove(name).unwrap_or_default(), &mut found);
        if !found.is_empty() {
            policies.blocked.join(Blocked::Some([name.clone()].into()));
            conflicts.take(found, policy);
        }
        let system = targets.iter().find(|target| target.name == *name).map_or("", |target| target.description.system);
        policy.digest = digest::of(policy, system, &people);
    }
    policies.people = people.all().clone();
    conflicts.report(&files, &mut problems);
    policies.problems = problems.finish();
    // What is wrong with the people file is kept whatever else there is: others ask whether it is whole.
    policies.problems.extend(of_people);
    policies.problems.sort();
    policies.problems.dedup();
    policies
}

/// Where people, groups and several targets make more of all files than fits: the file that goes past it. Nothing that
/// the files name is kept then, since which of it found room is chance.
fn too_many(files: &[Source<'_>], parsed: &mut [Parsed]) -> Option<Problem> {
    let mut added: u64 = 0;
    let (source, _) = files.iter().zip(&*parsed).find(|(_, one)| {
        added = added.saturating_add(one.added);
        added > MAX_ADDED
    })?;
    let mut reporter = Reporter::new(source.name, "", false);
    reporter.report_file(
        format!(
            "with this file, people, groups and several targets add more than {MAX_ADDED} items to what all files write out"
        ),
        Some("name smaller groups; no target is acted on until all fits".to_owned()),
    );
    for part in parsed.iter_mut().flat_map(|one| &mut one.parts) {
        *part = file::Part { targets: std::mem::take(&mut part.targets), ..file::Part::default() };
    }
    reporter.into_problems().pop()
}

/// Files that one thread reads at least: below that, a thread costs more than it saves.
const FILES_A_THREAD: usize = 4;
/// The most threads that read files: more of them hardly end sooner, and a machine may have more cores than a service may have tasks.
const MAX_THREADS: usize = 8;

fn parse_all(files: &[Source<'_>], people: &People, targets: &[KnownTarget]) -> Vec<Parsed> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MAX_THREADS).min(files.len().div_ceil(FILES_A_THREAD)).max(1);
    let all = AllFiles::default();
    let read = |files: &[Source<'_>]| -> Vec<Parsed> {
        let mut kept = 0;
        let read = |source: &Source<'_>| {
            let mut parsed = file::read(*source, people, targets, &all);
            // Of these files none further can be among the first problems of all.
            let room = MAX_PROBLEMS.saturating_sub(kept);
            parsed.unkept = parsed.problems.len().saturating_sub(room);
            parsed.problems.truncate(room);
            kept += parsed.problems.len();
            parsed
        };
        files.iter().map(read).collect()
    };
    if threads == 1 {
        return read(files);
    }
    let chunks: Vec<&[Source<'_>]> = files.chunks(files.len().div_ceil(threads)).collect();
    thread::scope(|scope| {
        let read = &read;
        let begin = |&chunk| thread::Builder::new().spawn_scoped(scope, move || read(chunk)).ok();
        let running: Vec<_> = chunks.iter().map(begin).collect();
        let done = running.into_iter().zip(&chunks);
        // A thread that the system does not give, or that could not be run to its end, leaves its files to this one.
        done.flat_map(|(thread, chunk)| thread.and_then(|thread| thread.join().ok()).unwrap_or_else(|| read(chunk)))
            .collect()
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
    let within = within.map(|(kind, selectors)| (*kind, super::resolve_people(selectors, kind, system, people)));
    Delegated { within: within.collect(), ..delegated.clone() }
}

/// Places outside of their delegation that are listed by name.
const MAX_OUTSIDE: usize = 100;

/// All files outside of their delegation are one problem, which stands at the first.
fn check_delegation(
    files: &[Source<'_>],
    parsed: &[Parsed],
    delegated: &[Delegated],
    blocked: &mut Blocked,
) -> Vec<Problem> {
    let mut first: Option<(&Source<'_>, u32)> = None;
    let mut listed: Vec<String> = Vec::new();
    let mut unlisted: usize = 0;
    for (source, one) in files.iter().zip(parsed) {
        for part in &one.parts {
            for outside in delegate::outside(source.name, part, delegated) {
                first.get_or_insert((source, outside.line));
                if listed.len() < MAX_OUTSIDE {
                    listed.push(format!("{}:{} ({} of {})", source.name, outside.line, outside.list, outside.target));
                } else {
                    unlisted += 1;
                }
                blocked.join(Blocked::Some([outside.target].into()));
            }
        }
    }
    if unlisted > 0 {
        listed.push(format!("and {unlisted} more"));
    }
    let mut problems = Vec::new();
    if let Some((source, line)) = first {
        let mut reporter = reporter(source);
        let at = reporter.line_mark(line);
        reporter.report_with(
            at,
            format!("these act outside of what `delegate:` gives to their paths: {}", listed.join(", ")),
            "the operator's file says which path may act on what; names have to be written as they are there",
        );
        problems = reporter.into_problems();
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_goes_past_the_room_of_all_is_named_and_nothing_is_kept() {
        let files = ["a", "b", "c"].map(|name| Source { name, bytes: b"version: 1\ntarget: s2\n" });
        let known = KnownTarget { name: "s2".into(), description: &crate::systems::s2::DESCRIPTION };
        let all = AllFiles::default();
        let read = |source: &Source<'_>| file::read(*source, &People::default(), std::slice::from_ref(&known), &all);
        let mut parsed: Vec<Parsed> = files.iter().map(read).collect();
        parsed[0].added = MAX_ADDED;
        assert_eq!(too_many(&files, &mut parsed), None);
        parsed[1].added = 1;
        assert_eq!(too_many(&files, &mut parsed).unwrap().file, "b");
        assert_eq!(parsed[2].parts[0].targets, ["s2"], "what is blocked is still known");
    }
}
