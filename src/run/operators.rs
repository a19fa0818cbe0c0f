//! Names of people in the operator's own selectors: `own`, `protected`, `must_see` and `delegate`. They mean what they mean in
//! the policies, and one that means nobody leaves open what never goes.

use std::collections::BTreeMap;

use crate::{
    access::{Kind, Selectors, Text},
    config::{Config, OwnList, Target},
    policy::{self, People},
    yaml::{Problem, did_you_mean, quoted},
};

/// Names of people in the operator's selectors mean what they mean in the policies.
pub(super) fn resolve(config: &mut Config, people: &People) {
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
pub(super) struct Unknown {
    pub(super) problems: Vec<Problem>,
    /// By target, and whether one stands in `own` or `protected`.
    pub(super) named: BTreeMap<Text, bool>,
}

/// A literal name has to be known, as in the policies: a misspelled one would protect nobody.
pub(super) fn unknown_people(config: &Config, people: &People) -> Unknown {
    let mut unknown = Unknown::default();
    let mut check = |target: &Target, at: &str, guards: bool, kind: &'static Kind, selectors: &Selectors| {
        let system = target.description.system;
        let mut refuse = |what: &str, hint: &str| {
            let what = format!("{at}, {}: {what}", kind.list);
            unknown.problems.push(Problem::of_file(config.path.display().to_string(), what, Some(hint)));
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
pub(super) fn unclear(config: &Config, whole_people: bool, unknown: &Unknown) -> BTreeMap<Text, String> {
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
