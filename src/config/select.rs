//! Lists of kinds with selectors, as they stand in `own`, `must_see`, `protected` and `within`.
//!
//! Selectors are read as policies read them. People are named by address or by the system's id here: this file knows nobody.

use super::{bounds, names};
use crate::{
    access::{Condition, Description, Kind, Selectable, Selector, Selectors},
    yaml::{Fields, Key, Node, Reporter, did_you_mean, get, quoted},
};

/// Reads a mapping from the lists of a system's kinds to something. Each value goes through `read`.
pub(super) fn by_kind<T>(
    node: &Node<'_>,
    what: &str,
    description: &'static Description,
    reporter: &mut Reporter<'_>,
    mut read: impl FnMut(&'static Kind, &Node<'_>, &mut Reporter<'_>) -> Option<T>,
) -> Option<Vec<(&'static Kind, T)>> {
    let lists: Vec<&str> = description.kinds.iter().map(|kind| kind.list).collect();
    let fields = Fields::of(node, what, &lists, reporter)?;
    if fields.is_empty() {
        let hint = format!("leave it out, or name entries of {}", lists.join(", "));
        reporter.report_with(fields, format!("{what} is empty"), hint);
        return None;
    }
    let before = reporter.count();
    let found = description.kinds.iter().filter_map(|kind| {
        let value = fields.get(kind.list)?;
        Some((kind, read(kind, value, reporter)?))
    });
    let found: Vec<_> = found.collect();
    (reporter.count() == before).then_some(found)
}

/// Which selectors a place takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Selectors, or `all`.
    All,
    /// Selectors that name entries.
    Named,
}

/// Reads selectors: `all`, one selector, or a list of them.
pub(super) fn selectors(
    kind: &'static Kind,
    node: &Node<'_>,
    takes: Takes,
    reporter: &mut Reporter<'_>,
) -> Option<Selectors> {
    if node.is_word(names::ALL) {
        if takes == Takes::All {
            return Some(Selectors::All);
        }
        let hint = format!("write selectors such as [{{ {}: … }}]", exact_name(kind));
        reporter.report_with(node, "`all` does not name entries", hint);
        return None;
    }
    let items = match node.as_map() {
        Some(_) => std::slice::from_ref(node),
        None if node.as_list().is_some() => get::list(node, "the list of selectors", reporter)?,
        None => {
            let wanted = if takes == Takes::All { "`all` or a list of selectors" } else { "a list of selectors" };
            return get::wrong(node, &quoted(kind.list), wanted, reporter);
        }
    };
    let before = reporter.count();
    let selectors: Vec<Selector> = items.iter().filter_map(|item| selector(kind, item, reporter)).collect();
    (reporter.count() == before).then_some(Selectors::Any(selectors))
}

fn exact_name(kind: &Kind) -> &'static str {
    kind.exact_field().and_then(|index| kind.fields.get(index)).map_or("label", |field| field.name)
}

fn selector(kind: &'static Kind, node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Selector> {
    let Some(entries) = node.as_map() else {
        return get::wrong(node, "a selector", "a mapping from fields to patterns", reporter);
    };
    if entries.is_empty() {
        reporter.report_with(node, "an empty selector selects nothing", "name at least one field");
        return None;
    }
    let before = reporter.count();
    let conditions: Vec<Condition> =
        entries.iter().filter_map(|(key, value)| condition(kind, key, value, reporter)).collect();
    for (index, (key, _)) in entries.iter().enumerate() {
        let field = |at: usize| conditions.get(at).map(|condition| condition.field);
        if reporter.count() == before && (0..index).any(|earlier| field(earlier) == field(index)) {
            reporter.report(key, format!("{} names a field that stands here already", quoted(&key.text)));
        }
    }
    (reporter.count() == before).then_some(Selector { conditions })
}

fn condition(kind: &'static Kind, key: &Key<'_>, value: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Condition> {
    let name = key.text.as_ref();
    let all = Selectable::all(kind);
    let found = all.iter().find(|one| one.name == name || (name == names::USERS && names::is_person_field(one)));
    let Some(selectable) = found else {
        let known = names::selector_fields(kind);
        let message = format!("{} cannot be selected by {}", kind.list, quoted(name));
        let hint = match did_you_mean(name, known.iter().copied()) {
            _ if name == "groups" => "groups are known to policies only; name the people".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        reporter.report_with(key, message, hint);
        return None;
    };
    if selectable.is_flag {
        let flag = get::boolean(value, &quoted(name), reporter)?;
        return selectable.condition([if flag { "true" } else { "false" }]).ok();
    }
    let before = reporter.count();
    let texts = get::names(value, &quoted(name), reporter)?;
    for (_, at) in texts.iter().filter(|(text, _)| text.len() > bounds::TEXT) {
        reporter.report(at, format!("{} is longer than {} bytes", quoted(name), bounds::TEXT));
    }
    if reporter.count() != before {
        return None;
    }
    match selectable.condition(texts.iter().map(|(text, _)| *text)) {
        Ok(condition) => Some(condition),
        Err((index, error)) => {
            let at = texts.get(index).map_or(value, |(_, node)| *node);
            reporter.report(at, format!("{} is no pattern: {error}", quoted(name)));
            None
        }
    }
}
