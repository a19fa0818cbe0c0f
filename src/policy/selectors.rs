//! Selectors as policy files write them, and the people that they name.

use std::collections::HashSet;

use crate::{
    access::{Condition, Kind, Pattern, Person, SelectField, Selectable, Selector, Selectors},
    yaml::{Fields, Node, NodeValue, Reporter, get, quoted},
};

use super::{
    expansion::Expansion,
    people::{People, refuse_untold},
};

/// Who the names in a file may mean.
#[derive(Debug, Clone, Copy)]
pub struct Whom<'c> {
    /// The system's name.
    pub system: &'static str,
    /// Everybody known.
    pub people: &'c People,
    /// What groups made of the file so far.
    pub expansion: &'c Expansion<'c>,
}

/// Reads `all`, one selector or a list of them. Empty ones are refused: they would select everything or nothing.
pub fn selectors(
    node: &Node<'_>,
    what: &str,
    kind: &'static Kind,
    whom: Whom<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Selectors> {
    if node.is_word("all") {
        return Some(Selectors::All);
    }
    list(node, what, kind, whom, reporter).map(Selectors::Any)
}

/// Reads one selector or a list of them.
pub fn list(
    node: &Node<'_>,
    what: &str,
    kind: &'static Kind,
    whom: Whom<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Vec<Selector>> {
    let before = reporter.count();
    let items = match &node.value {
        NodeValue::Map(_) => std::slice::from_ref(node),
        NodeValue::List(items) if items.is_empty() => {
            reporter.report_with(node, format!("{what} is empty"), "name something, or leave it out");
            return None;
        }
        NodeValue::List(items) => items,
        NodeValue::Null | NodeValue::Scalar(_) => {
            return get::wrong(node, what, "a list of selectors", reporter);
        }
    };
    let known = Selectable::all(kind);
    let read = items.iter().filter_map(|item| selector(item, &known, whom, reporter)).collect();
    (reporter.count() == before).then_some(read)
}

fn selector(node: &Node<'_>, known: &[Selectable], whom: Whom<'_>, reporter: &mut Reporter<'_>) -> Option<Selector> {
    let has_people = known.iter().any(|name| name.is_person && matches!(name.field, SelectField::Field(_)));
    let mut names: Vec<&str> = known.iter().map(|name| name.name).collect();
    if has_people {
        names.extend(["users", "groups"]);
    }
    let fields = Fields::of(node, "a selector", &names, reporter)?;
    if fields.is_empty() {
        reporter.report_with(node, "an empty selector would select everything", "write `all` if that is meant");
        return None;
    }
    let mut conditions = Vec::with_capacity(fields.entries().len());
    for selectable in known {
        let own = fields.get(selectable.name);
        let of_people = selectable.is_person && matches!(selectable.field, SelectField::Field(_));
        let (users, groups) = if of_people { (fields.get("users"), fields.get("groups")) } else { (None, None) };
        if [own, users, groups].iter().flatten().count() > 1 {
            let message = format!("`{}`, `users` and `groups` name the same field", selectable.name);
            reporter.report_with(node, message, "give one of them");
            continue;
        }
        let condition = match (own.or(users), groups) {
            (Some(node), _) if selectable.is_flag => {
                let Some(flag) = get::boolean(node, &quoted(selectable.name), reporter) else { continue };
                selectable.condition([if flag { "true" } else { "false" }]).ok()
            }
            (Some(node), _) => {
                if selectable.is_person {
                    refuse_unknown(node, selectable.name, of_people, whom, reporter);
                }
                patterns(node, selectable, reporter)
            }
            (None, Some(node)) => groups_condition(node, selectable, whom, reporter),
            (None, None) => continue,
        };
        conditions
            .extend(condition.map(|condition| with_people(&condition, selectable.is_person, whom.system, whom.people)));
    }
    Some(Selector { conditions })
}

fn patterns(node: &Node<'_>, selectable: &Selectable, reporter: &mut Reporter<'_>) -> Option<Condition> {
    let texts = get::names(node, &quoted(selectable.name), reporter)?;
    match selectable.condition(texts.iter().map(|(text, _)| *text)) {
        Ok(condition) => Some(condition),
        Err((index, error)) => {
            let at = texts.get(index).map_or(node, |(_, node)| node);
            reporter.report(at, format!("{} is no pattern: {error}", quoted(selectable.name)));
            None
        }
    }
}

/// A literal name of a person has to mean somebody at the system: in an `except`, any other would protect nobody. What is no
/// name of the people file may still be a principal of another kind.
fn refuse_unknown(node: &Node<'_>, field: &str, of_people: bool, whom: Whom<'_>, reporter: &mut Reporter<'_>) {
    let Whom { system, people, .. } = whom;
    let nodes = node.as_list().unwrap_or(std::slice::from_ref(node));
    for node in nodes {
        let Some(text) = node.as_scalar().map(|scalar| &*scalar.text) else { continue };
        if let Some(person) = people.find(text, system) {
            refuse_untold(person, system, node, reporter);
            continue;
        }
        if !of_people || text.is_empty() || text.contains(['*', '@']) {
            continue;
        }
        let hint = match people.near(text, reporter) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write the e-mail address, or the system's own user id as `principal`".to_owned(),
        };
        reporter.report_with(node, format!("{}: the people file does not know {}", quoted(field), quoted(text)), hint);
    }
}

fn groups_condition(
    node: &Node<'_>,
    selectable: &Selectable,
    whom: Whom<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Condition> {
    let mut any_of = Vec::new();
    let mut seen = HashSet::new();
    for (name, item) in get::texts(node, "`groups`", reporter)? {
        match whom.people.group(name) {
            Some(_) if !seen.insert(name) => {}
            Some(members) if whom.expansion.group(members.len(), item, reporter) => {
                members.iter().for_each(|person| refuse_untold(person, whom.system, item, reporter));
                any_of.extend(members.iter().flat_map(|person| spellings(person, whom.system)));
            }
            Some(_) => return None,
            None => unknown_group(name, item, whom.people, reporter),
        }
    }
    // An empty group selects nobody, which is no condition at all; a pattern that nothing fits says so.
    if any_of.is_empty() {
        any_of.push(Pattern::literal(""));
    }
    Some(Condition { field: selectable.field, any_of, ignore_case: true })
}

/// Reports a group that the people file does not know.
pub fn unknown_group(name: &str, item: &Node<'_>, people: &People, reporter: &mut Reporter<'_>) {
    let hint = match people.near_group(name, reporter) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add it to `groups` of the people file".to_owned(),
    };
    reporter.report_with(item, format!("the people file has no group {}", quoted(name)), hint);
}

/// The texts by which a live entry may name a person: the address and the alias, never the name.
fn spellings(person: &Person, system: &str) -> impl Iterator<Item = Pattern> {
    person.email.iter().chain(person.aliases.get(system)).map(|text| Pattern::literal(text))
}

/// The condition with everybody whom it names by name, address or user id of the system's own also named by their other
/// spellings there. A declaration means the same person by each of these, and so does a selector.
fn with_people(condition: &Condition, is_person: bool, system: &str, people: &People) -> Condition {
    let mut condition = condition.clone();
    if is_person && !people.all().is_empty() {
        let mut any_of: Vec<Pattern> = Vec::with_capacity(condition.any_of.len());
        let mut known = HashSet::new();
        let mut add = |pattern: Pattern| {
            if known.insert(pattern.clone()) {
                any_of.push(pattern);
            }
        };
        for pattern in condition.any_of {
            let literal = pattern.as_literal();
            if let Some((text, person)) = literal.and_then(|text| Some((text, people.find(text, system)?))) {
                spellings(person, system).for_each(&mut add);
                if person.name == text {
                    continue;
                }
            }
            add(pattern);
        }
        condition.any_of = any_of;
    }
    condition
}

/// Selectors of another file (the operator's) with everybody whom a `user` or `principal` names literally named by address
/// and alias.
pub fn resolve_people(selectors: &Selectors, kind: &'static Kind, system: &str, people: &People) -> Selectors {
    let known = Selectable::all(kind);
    let is_person = |field: SelectField| known.iter().any(|name| name.field == field && name.is_person);
    match selectors {
        Selectors::All => Selectors::All,
        Selectors::Any(list) => Selectors::Any(
            list.iter()
                .map(|selector| Selector {
                    conditions: selector
                        .conditions
                        .iter()
                        .map(|condition| with_people(condition, is_person(condition.field), system, people))
                        .collect(),
                })
                .collect(),
        ),
    }
}

/// The literal texts by which selectors of another file name people: a name, an address, or a user id of the vendor's. A
/// `principal` may be anything, so that it comes along only where `principals` says so.
pub fn named_people(selectors: &Selectors, kind: &'static Kind, principals: bool) -> Vec<String> {
    let known = Selectable::all(kind);
    let is_person = |field: SelectField| {
        (principals || matches!(field, SelectField::Field(_)))
            && known.iter().any(|name| name.field == field && name.is_person)
    };
    let Selectors::Any(list) = selectors else { return Vec::new() };
    list.iter()
        .flat_map(|selector| &selector.conditions)
        .filter(|condition| is_person(condition.field))
        .flat_map(|condition| &condition.any_of)
        .filter_map(Pattern::as_literal)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}
