//! Values of declared fields, by the shape that a system's description gives them.

use std::{collections::HashSet, sync::Arc};

use crate::{
    access::{Field, Region, Shape, Text, Value},
    yaml::{Fields, Node, NodeValue, Reporter, did_you_mean, get, quoted},
};

/// Equal long texts are kept once a file.
#[derive(Debug, Default)]
pub struct Pool {
    texts: HashSet<Text>,
}

/// Texts up to this length are stored inline and need no pool.
const INLINE: usize = 23;

impl Pool {
    /// The text, shared with an equal one where there is one.
    pub fn text(&mut self, text: &str) -> Text {
        if text.len() <= INLINE {
            return Text::new(text);
        }
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let text = Text::new(text);
        self.texts.insert(text.clone());
        text
    }
}

/// Reads the value of a field. Reports what does not fit and then gives nothing. A person is read elsewhere.
pub fn read(name: &str, shape: &Shape, node: &Node<'_>, pool: &mut Pool, reporter: &mut Reporter<'_>) -> Option<Value> {
    let what = quoted(name);
    match shape {
        Shape::Text | Shape::Object { .. } | Shape::Person => {
            get::name(node, &what, reporter).map(|text| Value::Text(pool.text(text)))
        }
        Shape::TypedObject { classes, .. } => {
            let text = get::name(node, &what, reporter)?;
            let fits = text.split_once('/').is_some_and(|(class, id)| classes.contains(&class) && !id.is_empty());
            if !fits {
                let message =
                    format!("{what} has to be a class and a name with a slash between, and here is {}", quoted(text));
                let hint =
                    match text.split_once('/').and_then(|(class, _)| did_you_mean(class, classes.iter().copied())) {
                        Some(near) => format!("did you mean `{near}/…`?"),
                        None => format!("the classes are {}", classes.join(", ")),
                    };
                reporter.report_with(node, message, hint);
                return None;
            }
            Some(Value::Text(pool.text(text)))
        }
        Shape::Set { known } => set(&what, known, node, pool, reporter),
        Shape::Level(levels) => {
            let text = get::name(node, &what, reporter)?;
            word(&what, text, levels, node, reporter).map(|level| Value::Text(Text::new_static(level)))
        }
        Shape::Bool => get::boolean(node, &what, reporter).map(Value::Bool),
        Shape::Region => region(&what, node, pool, reporter),
        Shape::Flags(groups) => flags(&what, groups, node, reporter),
        Shape::Record(fields) => record(&what, fields, node, pool, reporter),
    }
}

/// One of the known words, or a report with the nearest.
pub fn word(
    what: &str,
    text: &str,
    known: &'static [&'static str],
    node: &Node<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<&'static str> {
    let found = known.iter().find(|word| **word == text).copied();
    if found.is_none() {
        let hint = match did_you_mean(text, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        reporter.report_with(node, format!("{} is no known word of {what}", quoted(text)), hint);
    }
    found
}

fn set(
    what: &str,
    known: &'static [&'static str],
    node: &Node<'_>,
    pool: &mut Pool,
    reporter: &mut Reporter<'_>,
) -> Option<Value> {
    // An empty list is a value of its own: nothing at all is declared.
    if node.as_list().is_some_and(<[_]>::is_empty) {
        return Some(Value::set([]));
    }
    let before = reporter.count();
    let mut words = Vec::new();
    for (text, item) in get::names(node, what, reporter)? {
        if known.is_empty() {
            words.push(pool.text(text));
        } else if let Some(word) = word(what, text, known, item, reporter) {
            words.push(Text::new_static(word));
        }
    }
    (reporter.count() == before).then(|| Value::set(words))
}

fn region(what: &str, node: &Node<'_>, pool: &mut Pool, reporter: &mut Reporter<'_>) -> Option<Value> {
    let fields = Fields::of(node, what, &["exact", "prefix"], reporter)?;
    match (fields.get("exact"), fields.get("prefix")) {
        // Blanks are a name like any other there, in quotes.
        (Some(node), None) => match &node.value {
            NodeValue::Scalar(scalar) if scalar.quoted && !scalar.text.is_empty() && scalar.text.trim().is_empty() => {
                Some(Value::Region(Region::Exact(pool.text(&scalar.text))))
            }
            _ => get::name(node, "`exact`", reporter).map(|text| Value::Region(Region::Exact(pool.text(text)))),
        },
        // The empty prefix is everything, so it may be given, in quotes.
        (None, Some(node)) => match &node.value {
            NodeValue::Scalar(scalar) if scalar.quoted && scalar.text.trim().is_empty() => {
                Some(Value::Region(Region::Prefix(pool.text(&scalar.text))))
            }
            _ => get::name(node, "`prefix`", reporter).map(|text| Value::Region(Region::Prefix(pool.text(text)))),
        },
        _ => {
            reporter.report(node, format!("{what} has to have either `exact` or `prefix`"));
            None
        }
    }
}

fn flags(
    what: &str,
    groups: &'static [(&'static str, &'static [&'static str])],
    node: &Node<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Value> {
    let names: Vec<&str> = groups.iter().map(|(name, _)| *name).collect();
    let fields = Fields::of(node, what, &names, reporter)?;
    let before = reporter.count();
    let mut words = Vec::new();
    for (group, known) in groups {
        let Some(node) = fields.get(group) else { continue };
        let Some(flags) = Fields::of(node, &quoted(group), known, reporter) else { continue };
        for flag in *known {
            if let Some(node) = flags.get(flag)
                && get::boolean(node, &quoted(flag), reporter) == Some(true)
            {
                words.push(Text::from(format!("{group}.{flag}")));
            }
        }
    }
    (reporter.count() == before).then(|| Value::set(words))
}

fn record(
    what: &str,
    shape: &'static [Field],
    node: &Node<'_>,
    pool: &mut Pool,
    reporter: &mut Reporter<'_>,
) -> Option<Value> {
    let names: Vec<&str> = shape.iter().map(|field| field.name).collect();
    let fields = Fields::of(node, what, &names, reporter)?;
    let values: Arc<[Value]> = shape
        .iter()
        .map(|field| {
            let given = fields.get(field.name);
            given.and_then(|node| read(field.name, &field.shape, node, pool, reporter)).unwrap_or_default()
        })
        .collect();
    Some(Value::Record(values))
}
