//! What a written pattern may fit besides what it fits: a name that stands for nothing known, a text in another form.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{
    Input,
    alike::{composed, folded},
    resolve::Names,
};
use crate::access::{Condition, Entry, FieldRole, Kind, Object, Pattern, SelectField, Selector, Shape, Text, Value};

/// Of what a pattern may be the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// It is no name, or what it stands for is known.
    Nothing,
    /// Of an object whose name is not told.
    Untold,
    /// It stands for nothing live: of any object, by another name now.
    Renamed,
}

/// A pattern that may fit more than it does.
pub struct Sought {
    /// It.
    pub pattern: Pattern,
    /// A literal that nothing live has, as a reader sees it.
    pub folded: Option<String>,
    /// A glob in the one form of its letters.
    pub composed: Option<Pattern>,
    /// Of what it may be the name.
    pub asks: Asks,
    /// The class written before a slash.
    pub class: Option<Text>,
}

impl Sought {
    /// Whether it leaves a doubt only about what is not told, or has letters of several forms.
    pub fn is_form(&self) -> bool {
        self.asks != Asks::Renamed && self.folded.is_none() && self.pattern.is_ascii()
    }

    /// Whether it can speak of an object of this class at all.
    pub fn speaks_of(&self, object: &Object) -> bool {
        match &self.class {
            Some(class) => object.typed && object.class == *class,
            None if object.typed => {
                let (class, beginning) = (format!("{}/", object.class), self.pattern.beginning());
                class.starts_with(beginning) || beginning.starts_with(&class)
            }
            None => true,
        }
    }
}

/// Tells of each pattern what doubt it leaves.
pub struct Reader<'r> {
    names: &'r Names<'r>,
    /// Addresses of people whom the people file knows by an alias at the system: an id alone tells them.
    aliased: HashSet<String>,
    /// By kind and field: literals that nothing live has.
    unseen: HashMap<(&'static str, SelectField), HashSet<String>>,
}

impl<'r> Reader<'r> {
    /// Looks for what is written literally among what is live.
    pub fn new<'l>(
        input: &Input<'_>,
        names: &'r Names<'r>,
        listed: impl Iterator<Item = (&'static Kind, &'l Selector)>,
    ) -> Self {
        let mut unseen: HashMap<(&'static str, SelectField), HashSet<String>> = HashMap::new();
        for (kind, selector) in listed {
            for condition in &selector.conditions {
                let of_people = has_addresses(kind, condition.field);
                let texts = condition.any_of.iter().filter_map(Pattern::as_literal);
                unseen
                    .entry((kind.name, condition.field))
                    .or_default()
                    .extend(texts.map(|text| address(text, of_people).into_owned()));
            }
        }
        for entry in &input.snapshot.entries {
            unseen.retain(|_, texts| !texts.is_empty());
            if unseen.is_empty() {
                break;
            }
            for ((_, field), texts) in unseen.iter_mut().filter(|((kind, _), _)| *kind == entry.kind.name) {
                let of_people = has_addresses(entry.kind, *field);
                each_spelling(entry, *field, |text| {
                    texts.remove(&*address(text, of_people));
                });
            }
        }
        let aliased = input.people.values().filter(|person| person.aliases.contains_key(input.description.system));
        let aliased = aliased.filter_map(|person| person.email.as_ref()).map(|email| email.to_ascii_lowercase());
        Self { names, aliased: aliased.collect(), unseen }
    }

    /// The patterns of a condition that leave a doubt.
    pub fn sought(&self, kind: &'static Kind, selector: &Selector, condition: &Condition) -> Vec<Sought> {
        let unseen = self.unseen.get(&(kind.name, condition.field));
        let is_named = match condition.field {
            SelectField::Field(index) => kind.fields.get(index).is_some_and(|field| {
                matches!(field.shape, Shape::Person | Shape::Object { .. } | Shape::TypedObject { .. })
            }),
            SelectField::Principal => true,
            SelectField::Label => false,
        };
        // The same name may lie elsewhere too.
        let lies_within = match condition.field {
            SelectField::Field(index) => kind.fields.get(index).is_some_and(|field| {
                matches!(field.shape, Shape::Object { within: Some(_), .. } | Shape::Set { known: [] })
            }),
            SelectField::Principal | SelectField::Label => false,
        };
        let of_people = has_addresses(kind, condition.field);
        let of = |pattern: &Pattern| {
            let literal = pattern.as_literal();
            let is_unseen = |text: &&str| {
                !text.is_empty() && unseen.is_some_and(|unseen| unseen.contains(&*address(text, of_people)))
            };
            let folded = literal.filter(is_unseen).map(folded);
            let composed = literal.is_none().then(|| pattern.folded(composed));
            let (asks, class) = match condition.field {
                // What is spelled so is meant, whatever else may be called so.
                _ if literal == Some("") => (Asks::Nothing, None),
                _ if literal.is_some() && folded.is_none() && !lies_within => (Asks::Nothing, None),
                SelectField::Label => {
                    let has_own = kind.fields.iter().any(|field| field.role == FieldRole::Label);
                    (if has_own { Asks::Nothing } else { Asks::Untold }, None)
                }
                _ => self.asks(kind, selector, condition, pattern),
            };
            // What stands for something live means that, seen or not; an id has no look-alikes.
            let folded = folded.filter(|_| asks != Asks::Nothing || !is_named);
            let doubt = folded.is_some() || composed.is_some() || asks != Asks::Nothing;
            doubt.then(|| Sought { pattern: pattern.clone(), folded, composed, asks, class })
        };
        condition.any_of.iter().filter_map(of).collect()
    }

    fn asks(
        &self,
        kind: &'static Kind,
        selector: &Selector,
        condition: &Condition,
        pattern: &Pattern,
    ) -> (Asks, Option<Text>) {
        let shape = match condition.field {
            SelectField::Field(index) => kind.fields.get(index).map(|field| field.shape),
            SelectField::Principal | SelectField::Label => None,
        };
        let is_principal = condition.field == SelectField::Principal;
        let typed = kind.fields.iter().filter(|_| is_principal).map(|field| field.shape).chain(shape);
        let typed = typed.filter_map(|shape| match shape {
            Shape::TypedObject { classes, ids } => Some((classes, ids)),
            _ => None,
        });
        let begins = pattern.as_literal().unwrap_or(pattern.beginning());
        let written = begins.split_once('/').and_then(|(class, rest)| {
            let (_, ids) = typed.clone().find(|(classes, _)| classes.contains(&class))?;
            let prefix = ids.iter().find(|(of, _)| *of == class).map_or("", |(_, prefix)| prefix);
            Some((class, rest, !prefix.is_empty() && rest.starts_with(prefix)))
        });
        match (written, pattern.as_literal(), shape) {
            (Some((class, _, true)), ..) => (Asks::Nothing, Some(class.into())),
            (Some((class, _, false)), None, _) => (Asks::Untold, Some(class.into())),
            (Some((class @ "user", rest, false)), Some(_), _) => (self.of_person(rest), Some(class.into())),
            (Some((class, rest, false)), Some(_), _) => (self.of_object(class, rest, None), Some(class.into())),
            // An id is nobody's former name.
            (None, Some(text), Some(Shape::Object { .. })) if uuid::Uuid::try_parse(text).is_ok() => {
                (Asks::Nothing, None)
            }
            (None, Some(text), Some(Shape::Object { class, within, .. })) => {
                let parents = within.and_then(|within| self.parents(kind, within, selector));
                match (within, parents) {
                    // Nobody looked for it: where it lies is not said.
                    (Some(_), None) if self.names.ids(class, text, None).is_empty() => (Asks::Untold, None),
                    (_, parents) => (self.of_object(class, text, parents.as_deref()), None),
                }
            }
            (None, Some(text), Some(Shape::Person)) => (self.of_person(text), None),
            (None, Some(text), None) if is_principal => (self.of_person(text), None),
            (None, None, Some(Shape::Person | Shape::Object { .. } | Shape::TypedObject { .. })) => {
                (Asks::Untold, None)
            }
            (None, None, None) if is_principal => (Asks::Untold, None),
            (None, _, Some(Shape::Set { known: [] })) => (Asks::Untold, None),
            _ => (Asks::Nothing, None),
        }
    }

    /// The ids of the objects in which a selector looks, where it says so literally.
    pub fn parents(&self, kind: &'static Kind, within: &str, selector: &Selector) -> Option<Vec<Text>> {
        let index = kind.field_index(within)?;
        let Shape::Object { class, .. } = kind.fields.get(index)?.shape else { return None };
        let condition = selector.conditions.iter().find(|condition| condition.field == SelectField::Field(index))?;
        let literals: Option<Vec<&str>> = condition.any_of.iter().map(Pattern::as_literal).collect();
        Some(literals?.into_iter().flat_map(|text| self.names.ids(class, text, None)).collect())
    }

    fn of_object(&self, class: &str, name: &str, parents: Option<&[Text]>) -> Asks {
        let stands = match parents {
            None | Some([]) => !self.names.ids(class, name, None).is_empty(),
            Some(parents) => parents.iter().any(|parent| !self.names.ids(class, name, Some(parent)).is_empty()),
        };
        if stands { Asks::Nothing } else { Asks::Renamed }
    }

    /// People are told by their address; one that is told is whose it is.
    fn of_person(&self, text: &str) -> Asks {
        let known = !text.contains('@')
            || self.aliased.contains(&text.to_ascii_lowercase())
            || !self.names.ids("user", text, None).is_empty();
        if known { Asks::Nothing } else { Asks::Untold }
    }
}

/// Whether people may stand in a field. In others an `@` is a letter like any.
fn has_addresses(kind: &Kind, field: SelectField) -> bool {
    match field {
        SelectField::Field(index) => {
            kind.fields.get(index).is_some_and(|field| matches!(field.shape, Shape::Person | Shape::TypedObject { .. }))
        }
        SelectField::Principal => true,
        SelectField::Label => false,
    }
}

/// A text by which somebody may be known: an address has no case.
fn address(text: &str, of_people: bool) -> Cow<'_, str> {
    match of_people && text.contains('@') {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

/// Tells every spelling by which a field of an entry may be named.
pub fn each_spelling(entry: &Entry, field: SelectField, mut each: impl FnMut(&str)) {
    let mut each = |text: &str| {
        each(text);
        false
    };
    match field {
        SelectField::Field(index) => entry.values.get(index).is_some_and(|value| value.any_spelling(&mut each)),
        SelectField::Principal => entry.principal.as_ref().is_some_and(|principal| principal.any_spelling(&mut each)),
        SelectField::Label => each(entry.label.as_ref().unwrap_or(&entry.id)),
    };
}

/// The one object that a field of an entry is.
pub fn object_at(entry: &Entry, field: SelectField) -> Option<&Object> {
    match field {
        SelectField::Field(index) => match entry.values.get(index)? {
            Value::Object(object) => Some(object),
            _ => None,
        },
        SelectField::Principal => entry.principal.as_deref(),
        SelectField::Label => None,
    }
}

/// Whether a field of an entry has objects, or a label is told.
pub fn has_object(entry: &Entry, field: SelectField) -> bool {
    match field {
        SelectField::Field(index) => matches!(entry.values.get(index), Some(Value::Object(_) | Value::Objects(_))),
        SelectField::Principal => entry.principal.is_some(),
        SelectField::Label => entry.label.is_some(),
    }
}

/// Whether every text of an entry has one form only, and every name is told.
pub fn is_plain(entry: &Entry) -> bool {
    let has_forms = |text: &str| !text.is_ascii();
    let untold = |value: &Value| match value {
        Value::Object(object) => object.names.is_empty(),
        Value::Objects(objects) => objects.iter().any(|object| object.names.is_empty()),
        _ => false,
    };
    let doubtful = |object: &Object| object.names.is_empty() || object.any_spelling(has_forms);
    !entry.principal.as_deref().is_some_and(doubtful)
        && !has_forms(entry.label.as_ref().unwrap_or(&entry.id))
        && !entry.values.iter().any(|value| untold(value) || value.any_spelling(has_forms))
}
