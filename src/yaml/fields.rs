//! A mapping walked by the names that it may have.

use super::{Key, Mark, Marked, Node, NodeValue, Reporter, did_you_mean, quoted};

/// A mapping whose keys were checked against the names that it may have.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'n, 'a> {
    entries: &'n [(Key<'a>, Node<'a>)],
    at: Mark,
}

impl<'n, 'a> Fields<'n, 'a> {
    /// Takes a mapping apart. Reports anything that is no mapping and every key that is not `known`, with the nearest known
    /// name. `what` says what the mapping is, for messages: `a declaration`, `the file`.
    pub fn of(node: &'n Node<'a>, what: &str, known: &[&str], reporter: &mut Reporter<'_>) -> Option<Self> {
        let NodeValue::Map(entries) = &node.value else {
            let message = format!("{what} has to be a mapping, and here is {}", node.what());
            reporter.report(node, message);
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_ref()) {
                report_unknown(key, &format!("a field of {what}"), known, reporter);
            }
        }
        Some(Self { entries, at: node.at })
    }

    /// The value of a field, where it is given; null counts as given.
    pub fn get(&self, name: &str) -> Option<&'n Node<'a>> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The key and the value of a field, where it is given.
    pub fn entry(&self, name: &str) -> Option<(&'n Key<'a>, &'n Node<'a>)> {
        self.entries.iter().find(|(key, _)| key.text == name).map(|(key, node)| (key, node))
    }

    /// The value of a field that has to be given; reports where it is missing.
    pub fn required(&self, name: &str, reporter: &mut Reporter<'_>) -> Option<&'n Node<'a>> {
        let found = self.get(name);
        if found.is_none() {
            reporter.report(self.at, format!("{} is missing", quoted(name)));
        }
        found
    }

    /// Every entry in the order of the file.
    pub fn entries(&self) -> &'n [(Key<'a>, Node<'a>)] {
        self.entries
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Marked for Fields<'_, '_> {
    fn mark(&self) -> Mark {
        self.at
    }
}

/// Reports a name that is not known, with the nearest known one or the list of them.
pub(super) fn report_unknown(key: &Key<'_>, what: &str, known: &[&str], reporter: &mut Reporter<'_>) {
    let message = format!("{} is not {what}", quoted(&key.text));
    match did_you_mean(&key.text, known.iter().copied()) {
        Some(near) => reporter.report_with(key, message, format!("did you mean `{near}`?")),
        None if known.is_empty() => reporter.report(key, message),
        None => reporter.report_with(key, message, format!("known are {}", known.join(", "))),
    }
}
