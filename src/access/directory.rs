//! The live objects that names in policies can stand for.

use std::{collections::HashMap, sync::Arc};

use super::{Object, Text};

/// Every live object that a reading saw, by class.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    by_class: HashMap<Text, Vec<Arc<Object>>>,
    by_spelling: HashMap<(Text, Text), Vec<Arc<Object>>>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// No live object.
    Nothing,
    /// Exactly one.
    One(Arc<Object>),
    /// Several; the name is ambiguous.
    Several(Vec<Arc<Object>>),
}

impl Directory {
    /// Adds an object; one with the same class and id is kept once, its first form.
    pub fn add(&mut self, object: Arc<Object>) -> Arc<Object> {
        let key = (object.class.clone(), folded(&object.id));
        if let Some(known) = self.by_spelling.get(&key).and_then(|all| all.iter().find(|o| o.id == object.id)) {
            return Arc::clone(known);
        }
        for spelling in std::iter::once(&object.id).chain(&object.names) {
            let all = self.by_spelling.entry((object.class.clone(), folded(spelling))).or_default();
            if !all.iter().any(|known| known.id == object.id) {
                all.push(Arc::clone(&object));
            }
        }
        self.by_class.entry(object.class.clone()).or_default().push(Arc::clone(&object));
        object
    }

    /// The object of a class with this id.
    pub fn get(&self, class: &str, id: &str) -> Option<&Arc<Object>> {
        self.by_spelling.get(&(class.into(), folded(id)))?.iter().find(|object| object.id == id)
    }

    /// All objects of a class, in the order they were added.
    pub fn of_class(&self, class: &str) -> &[Arc<Object>] {
        self.by_class.get(class).map_or(&[], Vec::as_slice)
    }

    /// All objects, ordered by class and id.
    pub fn all(&self) -> Vec<Arc<Object>> {
        let mut all: Vec<_> = self.by_class.values().flatten().cloned().collect();
        all.sort_by(|a, b| (&a.class, &a.id).cmp(&(&b.class, &b.id)));
        all
    }

    /// What `name` stands for among the objects of `class`, in `parent` where that is given: an exact id wins, else every
    /// object with exactly this name (people's e-mail addresses without regard to case).
    pub fn resolve(&self, class: &str, name: &str, parent: Option<&str>) -> Resolved {
        let Some(candidates) = self.by_spelling.get(&(class.into(), folded(name))) else {
            return Resolved::Nothing;
        };
        let inside = |object: &&Arc<Object>| parent.is_none_or(|parent| object.parent.as_deref() == Some(parent));
        if let Some(exact) = candidates.iter().filter(inside).find(|object| object.id == name) {
            return Resolved::One(Arc::clone(exact));
        }
        let person = class == "user";
        let named = |object: &&Arc<Object>| {
            object.names.iter().any(|known| known == name || (person && known.eq_ignore_ascii_case(name)))
        };
        let mut found: Vec<Arc<Object>> = candidates.iter().filter(inside).filter(named).cloned().collect();
        match found.len() {
            0 => Resolved::Nothing,
            1 => found.pop().map_or(Resolved::Nothing, Resolved::One),
            _ => Resolved::Several(found),
        }
    }
}

fn folded(spelling: &str) -> Text {
    if spelling.bytes().any(|byte| byte.is_ascii_uppercase()) {
        spelling.to_ascii_lowercase().into()
    } else {
        spelling.into()
    }
}
