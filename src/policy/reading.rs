//! What reading one file's items needs to know, and what equal items share in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    access::{Kind, Person, Shape, Text, Value},
    yaml::{Fields, Reporter, get, quoted},
};

use super::{
    Limits,
    selectors::Whom,
    values::{self, Pool},
};

/// What reading the items of one file needs to know.
pub struct Reading<'c> {
    /// Who names may mean.
    pub whom: Whom<'c>,
    /// The file's team.
    pub team: Option<Text>,
    /// Equal texts are kept once.
    pub pool: Pool,
    /// People that only an address names, kept once.
    pub(super) strangers: HashMap<Text, Arc<Person>>,
    /// Sets and records: in long lists few differ, and they are kept once.
    values: HashSet<Value>,
    /// Lists of one justification or team, for the same reason.
    lists: HashMap<Text, Arc<[Text]>>,
    no_text: Arc<[Text]>,
    /// The last limits, for the same reason.
    limits: Arc<Limits>,
}

/// How many values or lists are kept for sharing; past that the memory starts anew.
const MAX_SHARED: usize = 4096;

impl<'c> Reading<'c> {
    /// For one file and one system.
    pub fn new(whom: Whom<'c>, team: Option<Text>) -> Self {
        Self {
            whom,
            team,
            pool: Pool::default(),
            strangers: HashMap::new(),
            values: HashSet::new(),
            lists: HashMap::new(),
            no_text: Arc::new([]),
            limits: Arc::default(),
        }
    }

    /// The values of a kind's fields; the person's is absent here.
    pub(super) fn values(
        &mut self,
        fields: &Fields<'_, '_>,
        kind: &'static Kind,
        reporter: &mut Reporter<'_>,
    ) -> Box<[Value]> {
        kind.fields
            .iter()
            .map(|field| {
                if matches!(field.shape, Shape::Person) {
                    return Value::Absent;
                }
                let Some(node) = fields.get(field.name) else {
                    return Value::Absent;
                };
                let value = values::read(field.name, &field.shape, node, &mut self.pool, reporter).unwrap_or_default();
                self.shared(value)
            })
            .collect()
    }

    /// Limits, shared with those of the item before where they are equal.
    pub(super) fn shared_limits(&mut self, limits: Limits) -> Arc<Limits> {
        if *self.limits != limits {
            self.limits = Arc::new(limits);
        }
        Arc::clone(&self.limits)
    }

    fn shared(&mut self, value: Value) -> Value {
        if !matches!(value, Value::Set(_) | Value::Record(_)) {
            return value;
        }
        if let Some(known) = self.values.get(&value) {
            return known.clone();
        }
        if self.values.len() >= MAX_SHARED {
            self.values.clear();
        }
        self.values.insert(value.clone());
        value
    }

    /// A sentence of ours, where it is given.
    pub(super) fn prose(&mut self, fields: &Fields<'_, '_>, name: &str, reporter: &mut Reporter<'_>) -> Option<Text> {
        let node = fields.get(name)?;
        get::prose(node, &quoted(name), reporter).map(|text| self.pool.text(text))
    }

    /// A text of ours, where it is given.
    pub(super) fn text(&mut self, fields: &Fields<'_, '_>, name: &str, reporter: &mut Reporter<'_>) -> Option<Text> {
        let node = fields.get(name)?;
        get::text(node, &quoted(name), reporter).map(|text| self.pool.text(text))
    }

    /// A list of one text, or of none, shared with an equal one.
    pub(super) fn list_of(&mut self, text: Option<Text>) -> Arc<[Text]> {
        let Some(text) = text else { return Arc::clone(&self.no_text) };
        if let Some(known) = self.lists.get(&text) {
            return Arc::clone(known);
        }
        if self.lists.len() >= MAX_SHARED {
            self.lists.clear();
        }
        let list: Arc<[Text]> = Arc::new([text.clone()]);
        self.lists.insert(text, Arc::clone(&list));
        list
    }
}
