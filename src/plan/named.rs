//! Which live objects policies and the operator name literally, as they are called now: those are meant, and are no other
//! object by its former name.

use std::collections::{HashMap, HashSet};

use super::{Input, resolve::Names, sought::Reader};
use crate::{
    access::{Condition, Kind, Object, Pattern, SelectField, Selector, Shape, Text, Value},
    policy::Declaration,
};

/// Such objects, by who names them: what a team writes frees nothing that the operator may have meant to keep.
#[derive(Debug, Default)]
pub struct Named {
    by_operator: Ids,
    by_anybody: Ids,
}

/// Ids by class.
#[derive(Debug, Default, Clone)]
struct Ids(HashMap<Text, HashSet<Text>>);

impl Named {
    /// Gathers them from `own` and `protected`, and from the declarations, `select`, `except` and `allow` of a target's files. An
    /// `absent:` item is left out: what it names is to go, and must not free itself by that.
    pub fn of(input: &Input<'_>, names: &Names<'_>, reader: &Reader<'_>) -> Self {
        let by_operator = Ids::of_operator(input, names, reader);
        let by_anybody = by_operator.clone().and_of_policies(input, names, reader);
        Self { by_operator, by_anybody }
    }

    /// Whether the operator names this one.
    pub fn by_operator(&self, object: &Object) -> bool {
        self.by_operator.has(object)
    }

    /// Whether the operator or a policy names this one.
    pub fn by_anybody(&self, object: &Object) -> bool {
        self.by_anybody.has(object)
    }
}

impl Ids {
    fn of_operator(input: &Input<'_>, names: &Names<'_>, reader: &Reader<'_>) -> Self {
        let mut named = Self::default();
        for (kind, selectors) in input.settings.own.iter().chain(&input.settings.protected) {
            selectors.each().iter().for_each(|selector| named.add_selected(kind, selector, names, reader));
        }
        named
    }

    fn and_of_policies(self, input: &Input<'_>, names: &Names<'_>, reader: &Reader<'_>) -> Self {
        let (policy, mut named) = (input.policy, self);
        policy.declarations.iter().for_each(|declaration| named.add_declared(declaration, names));
        for set in &policy.sets {
            let selectors = set.select.each().iter().chain(&set.except);
            selectors.for_each(|selector| named.add_selected(set.kind, selector, names, reader));
        }
        for item in &policy.allows {
            item.select.each().iter().for_each(|selector| named.add_selected(item.kind, selector, names, reader));
        }
        named
    }

    fn has(&self, object: &Object) -> bool {
        self.0.get(&object.class).is_some_and(|ids| ids.contains(&object.id))
    }

    /// What a name stands for. One of several things does not tell which of them is meant.
    fn add(&mut self, class: &str, ids: &[Text]) {
        if let [id] = ids {
            self.0.entry(class.into()).or_default().insert(id.clone());
        }
    }

    fn add_declared(&mut self, declaration: &Declaration, names: &Names<'_>) {
        let meaning = names.meaning(declaration.kind, &declaration.values, None);
        for (&field, ids) in meaning.fields.iter().zip(&meaning.tokens) {
            let shape = declaration.kind.fields.get(field).map(|field| field.shape);
            match (shape, declaration.values.get(field)) {
                (Some(Shape::Object { class, .. }), _) => self.add(class, ids),
                (Some(Shape::TypedObject { .. }), Some(Value::Text(written))) => {
                    self.add(written.split_once('/').map_or("", |(class, _)| class), ids);
                }
                _ => {}
            }
        }
    }

    fn add_selected(&mut self, kind: &'static Kind, selector: &Selector, names: &Names<'_>, reader: &Reader<'_>) {
        for Condition { field, any_of, .. } in &selector.conditions {
            let shape = match field {
                SelectField::Field(index) => kind.fields.get(*index).map(|field| field.shape),
                SelectField::Principal | SelectField::Label => None,
            };
            for text in any_of.iter().filter_map(Pattern::as_literal) {
                match (shape, field) {
                    (Some(Shape::Object { class, within, .. }), _) => {
                        match within.and_then(|within| reader.parents(kind, within, selector)) {
                            Some(parents) => {
                                parents
                                    .iter()
                                    .for_each(|parent| self.add(class, &names.ids(class, text, Some(parent))));
                            }
                            None => self.add(class, &names.ids(class, text, None)),
                        }
                    }
                    (Some(Shape::TypedObject { .. }), _) | (None, SelectField::Principal) => {
                        if let Some((class, name)) = text.split_once('/') {
                            self.add(class, &names.ids(class, name, None));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
