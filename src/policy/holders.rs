//! The people that an item names: `user`, `users` and `groups`.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use crate::{
    access::{Kind, Person, Text},
    yaml::{Fields, Node, Reporter, get, quoted},
};

use super::{identity::person_field, people, reading::Reading, selectors};

/// Who an item names: nobody, or people and whether each came through a group.
pub type Holders = Vec<(Option<Arc<Person>>, bool)>;

impl Reading<'_> {
    /// Who an item names, in the order of the file, each once; one that is named directly came through no group. Nobody,
    /// where the item would be too many.
    pub(super) fn holders(
        &mut self,
        fields: &Fields<'_, '_>,
        kind: &'static Kind,
        reporter: &mut Reporter<'_>,
    ) -> Holders {
        let Some(field) = person_field(kind) else {
            return vec![(None, false)];
        };
        let (one, several, groups) = (fields.get(field.name), fields.get("users"), fields.get("groups"));
        if one.is_some() && (several.is_some() || groups.is_some()) {
            let message = format!("`{}` names one person, and `users` or `groups` more", field.name);
            reporter.report_with(fields, message, "put all of them into `users` and `groups`");
        }
        if one.is_none() && several.is_none() && groups.is_none() {
            return vec![(None, false)];
        }
        let mut holders: Holders = Vec::new();
        if let Some(node) = one
            && let Some(text) = get::text(node, &quoted(field.name), reporter)
            && let Some(person) = self.person(text, node, reporter)
        {
            holders.push((Some(person), false));
        }
        if several.is_none() && groups.is_none() {
            return holders;
        }
        let mut seen: HashSet<Text> = HashSet::new();
        let mut add = |person: Arc<Person>, through_group: bool| {
            if seen.insert(person.name.clone()) {
                holders.push((Some(person), through_group));
            }
        };
        if let Some(node) = several
            && let Some(texts) = get::texts(node, "`users`", reporter)
        {
            for (text, node) in texts {
                if let Some(person) = self.person(text, node, reporter) {
                    add(person, false);
                }
            }
        }
        if let Some(node) = groups
            && let Some(texts) = get::texts(node, "`groups`", reporter)
        {
            let mut looked_through = HashSet::new();
            for (name, node) in texts {
                match self.whom.people.group(name) {
                    Some(_) if !looked_through.insert(name) => {}
                    Some(members) if self.whom.expansion.group(members.len(), node, reporter) => {
                        for person in members {
                            people::refuse_untold(person, self.whom.system, node, reporter);
                            add(Arc::clone(person), true);
                        }
                    }
                    Some(_) => return Vec::new(),
                    None => selectors::unknown_group(name, node, self.whom.people, reporter),
                }
            }
        }
        holders
    }

    fn person(&mut self, text: &str, node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Arc<Person>> {
        if let Some(person) = self.whom.people.find(text, self.whom.system) {
            people::refuse_untold(person, self.whom.system, node, reporter);
            return Some(Arc::clone(person));
        }
        if people::is_address(text) {
            let address = Text::from(text.to_ascii_lowercase());
            let stranger = self.strangers.entry(address).or_insert_with_key(|address| {
                Arc::new(Person {
                    name: address.clone(),
                    email: Some(address.clone()),
                    aliases: BTreeMap::new(),
                    until: None,
                    service: false,
                })
            });
            return Some(Arc::clone(stranger));
        }
        let hint = match self.whom.people.near(text, reporter) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.whom.people.all().is_empty() => "there is no people file: write the e-mail address".to_owned(),
            None => "add them to the people file, or write the e-mail address".to_owned(),
        };
        reporter.report_with(node, format!("the people file does not know {}", quoted(text)), hint);
        None
    }
}
