//! How much more or less a live value gives than a declared one.

use super::{Field, FieldRole, Region, Shape, Text, Value};

/// The distance between declared and live content, in short phrases for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gap {
    /// Live beyond what is declared. A word this binary does not know is never in here.
    pub excess: Vec<String>,
    /// Declared and not live.
    pub less: Vec<String>,
    /// Different, neither more nor less.
    pub other: Vec<String>,
    /// Live words that this binary does not know.
    pub unknown: Vec<String>,
}

impl Gap {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        let Self { excess, less, other, unknown } = self;
        excess.is_empty() && less.is_empty() && other.is_empty() && unknown.is_empty()
    }

    /// Takes everything of another gap in.
    pub fn join(&mut self, with: Self) {
        let Self { excess, less, other, unknown } = with;
        self.excess.extend(excess);
        self.less.extend(less);
        self.other.extend(other);
        self.unknown.extend(unknown);
    }
}

/// Compares a declared value of a content field with the live one. A declared value that is absent is not compared.
pub fn compare(field: &Field, declared: &Value, live: &Value) -> Gap {
    debug_assert!(field.role == FieldRole::Content, "only content is compared");
    if declared.is_absent() {
        return Gap::default();
    }
    match field.compare {
        Some(own) => own(declared, live),
        None => by_shape(field.name, &field.shape, declared, live),
    }
}

/// What a live value of a content field holds beyond all of several declared ones together: what one of them covers is
/// covered, and one that is absent is not compared, so that it covers everything.
pub fn beyond(field: &Field, declared: &[&Value], live: &Value) -> Vec<String> {
    debug_assert!(field.role == FieldRole::Content, "only content is compared");
    if declared.iter().any(|value| value.is_absent()) {
        return Vec::new();
    }
    match field.compare {
        Some(own) => in_all(declared.iter().map(|value| own(value, live).excess)),
        None => beyond_by_shape(field.name, &field.shape, declared, live),
    }
}

fn beyond_by_shape(name: &str, shape: &Shape, declared: &[&Value], live: &Value) -> Vec<String> {
    let mut each = declared.iter().map(|value| by_shape(name, shape, value, live).excess);
    match shape {
        Shape::Record(fields) => {
            let inner = fields.iter().enumerate().flat_map(|(index, field)| {
                let declared: Vec<&Value> = declared.iter().map(|value| part(value, index)).collect();
                beyond_by_shape(&format!("{name}.{}", field.name), &field.shape, &declared, part(live, index))
            });
            inner.collect()
        }
        Shape::Set { .. } | Shape::Flags(_) => in_all(each),
        // One value: either one of them covers it, or none does.
        _ => {
            let first = each.next().unwrap_or_default();
            if each.any(|excess| excess.is_empty()) { Vec::new() } else { first }
        }
    }
}

/// What is in all of these.
fn in_all(mut each: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let mut all = each.next().unwrap_or_default();
    each.for_each(|other| all.retain(|phrase| other.contains(phrase)));
    all
}

/// Compares two values by their shape; an absent one counts as none.
pub fn by_shape(name: &str, shape: &Shape, declared: &Value, live: &Value) -> Gap {
    match shape {
        Shape::Set { known } => sets(name, known, declared, live),
        Shape::Flags(groups) => {
            let known: Vec<String> = groups
                .iter()
                .flat_map(|(group, flags)| flags.iter().map(move |flag| format!("{group}.{flag}")))
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            sets(name, &known, declared, live)
        }
        Shape::Level(levels) => level(name, levels, declared, live),
        Shape::Region => region(name, declared, live),
        Shape::Record(fields) => {
            let mut gap = Gap::default();
            for (index, field) in fields.iter().enumerate() {
                let inner = format!("{name}.{}", field.name);
                gap.join(by_shape(&inner, &field.shape, part(declared, index), part(live, index)));
            }
            gap
        }
        Shape::Text | Shape::Bool | Shape::Person | Shape::Object { .. } | Shape::TypedObject { .. } => {
            let mut gap = Gap::default();
            if declared != live {
                gap.other.push(format!("{name}: {} instead of {}", shown(live), shown(declared)));
            }
            gap
        }
    }
}

/// The value of a record's field; absent where there is none.
pub fn part(record: &Value, index: usize) -> &Value {
    match record {
        Value::Record(values) => values.get(index).unwrap_or(&Value::Absent),
        _ => &Value::Absent,
    }
}

/// A word of a set: how it is shown, how it may be written, and whether anything tells what it is.
struct Word {
    shown: Text,
    spellings: Vec<Text>,
    told: bool,
}

fn words(value: &Value) -> Vec<Word> {
    let plain = |word: &Text| Word { shown: word.clone(), spellings: vec![word.clone()], told: true };
    match value {
        Value::Set(words) => words.iter().map(plain).collect(),
        Value::Objects(objects) => objects
            .iter()
            .map(|object| Word {
                shown: object.shown().into(),
                spellings: std::iter::once(object.id.clone()).chain(object.names.iter().cloned()).collect(),
                // An id alone may be any of the names that are declared.
                told: !object.names.is_empty(),
            })
            .collect(),
        Value::Text(text) => vec![plain(text)],
        _ => Vec::new(),
    }
}

fn sets(name: &str, known: &[&str], declared: &Value, live: &Value) -> Gap {
    let (declared, live) = (words(declared), words(live));
    let mut gap = Gap::default();
    for Word { shown, spellings, told } in &live {
        if declared.iter().any(|word| spellings.contains(&word.shown)) {
            continue;
        }
        if *told && (known.is_empty() || known.contains(&shown.as_str())) {
            gap.excess.push(format!("{name}: {shown}"));
        } else {
            gap.unknown.push(format!("{name}: {shown}"));
        }
    }
    for word in &declared {
        if !live.iter().any(|live| live.spellings.contains(&word.shown)) {
            gap.less.push(format!("{name}: {}", word.shown));
        }
    }
    gap
}

fn level(name: &str, levels: &[&str], declared: &Value, live: &Value) -> Gap {
    let rank = |value: &Value| match value {
        Value::Text(text) => levels.iter().position(|level| level == text),
        _ => None,
    };
    let mut gap = Gap::default();
    let phrase = || format!("{name}: {} instead of {}", shown(live), shown(declared));
    match (rank(declared), rank(live)) {
        (Some(declared), Some(live)) if live > declared => gap.excess.push(phrase()),
        (Some(declared), Some(live)) if live < declared => gap.less.push(phrase()),
        (Some(_), Some(_)) => {}
        _ if declared == live => {}
        (_, None) => gap.unknown.push(phrase()),
        (None, Some(_)) => gap.other.push(phrase()),
    }
    gap
}

fn region(name: &str, declared: &Value, live: &Value) -> Gap {
    let mut gap = Gap::default();
    let phrase = || format!("{name}: {} instead of {}", shown(live), shown(declared));
    match (declared, live) {
        (Value::Region(declared), Value::Region(live)) if declared == live => {}
        (Value::Region(declared), Value::Region(live)) if live.lies_in(declared) => gap.less.push(phrase()),
        (Value::Region(_), Value::Region(_)) => gap.excess.push(phrase()),
        (Value::Region(_), _) => gap.less.push(phrase()),
        (_, Value::Region(_)) => gap.excess.push(phrase()),
        _ => {}
    }
    gap
}

/// A value in one line, as it would stand in a file.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Absent => "none".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Object(object) if object.typed => format!("{}/{}", object.class, object.shown()),
        Value::Object(object) => object.shown().to_owned(),
        Value::Set(words) => format!("[{}]", words.join(", ")),
        Value::Objects(objects) => {
            let mut names: Vec<&str> = objects.iter().map(|object| object.shown()).collect();
            names.sort_unstable();
            format!("[{}]", names.join(", "))
        }
        Value::Bool(flag) => flag.to_string(),
        Value::Region(Region::Exact(name)) => format!("exact {name:?}"),
        Value::Region(Region::Prefix(prefix)) => format!("prefix {prefix:?}"),
        Value::Record(values) => {
            let parts: Vec<String> = values.iter().map(shown).collect();
            format!("({})", parts.join(", "))
        }
    }
}
