//! The people file: who is meant by a name, and who has left.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    access::{Person, Text},
    yaml::{self, Bounds, Fields, Key, Node, Problem, Reporter, did_you_mean, get, quoted},
};

use super::Source;

/// Everybody the people file knows.
#[derive(Debug, Default)]
pub struct People {
    by_name: BTreeMap<Text, Arc<Person>>,
    // Addresses without regard to ASCII case, as everywhere.
    by_email: HashMap<Text, Arc<Person>>,
    // By system and the vendor's user id.
    by_alias: HashMap<(Text, Text), Arc<Person>>,
    groups: BTreeMap<Text, Vec<Arc<Person>>>,
}

const PERSON: [&str; 4] = ["email", "aliases", "until", "service"];

impl People {
    /// Reads the people file. `systems` are the names that aliases may go by.
    pub fn read(source: Source<'_>, systems: &[&str]) -> (Self, Vec<Problem>) {
        let mut people = Self::default();
        let document = yaml::parse(source.name, source.bytes, &Bounds::POLICY);
        let mut reporter = document.reporter;
        if let Some(root) = &document.root {
            people.file(root, systems, &mut reporter);
        }
        (people, reporter.into_problems())
    }

    /// These people, as a file without groups would have them.
    pub fn of(all: &BTreeMap<Text, Arc<Person>>) -> Self {
        let mut people = Self::default();
        all.values().for_each(|person| people.know(Arc::clone(person)));
        people
    }

    /// Everybody by name.
    pub fn all(&self) -> &BTreeMap<Text, Arc<Person>> {
        &self.by_name
    }

    /// The members of this group.
    pub fn group(&self, name: &str) -> Option<&[Arc<Person>]> {
        self.groups.get(name).map(Vec::as_slice)
    }

    /// Who is meant by a name, an address or the system's own user id, if the file knows.
    pub fn find(&self, text: &str, system: &str) -> Option<&Arc<Person>> {
        self.by_name
            .get(text)
            .or_else(|| if text.contains('@') { self.by_email.get(text.to_ascii_lowercase().as_str()) } else { None })
            .or_else(|| if self.by_alias.is_empty() { None } else { self.by_alias.get(&(system.into(), text.into())) })
    }

    /// The known name that a misspelled one most likely means.
    pub fn near(&self, text: &str, reporter: &Reporter<'_>) -> Option<&str> {
        reporter.may_suggest().then_some(())?;
        did_you_mean(text, self.by_name.keys().map(Text::as_str))
    }

    /// The known group that a misspelled one most likely means.
    pub fn near_group(&self, text: &str, reporter: &Reporter<'_>) -> Option<&str> {
        reporter.may_suggest().then_some(())?;
        did_you_mean(text, self.groups.keys().map(Text::as_str))
    }

    fn file(&mut self, root: &Node<'_>, systems: &[&str], reporter: &mut Reporter<'_>) {
        let Some(fields) = Fields::of(root, "the people file", &["version", "people", "groups"], reporter) else {
            return;
        };
        super::file::version(&fields, reporter);
        if let Some(node) = fields.required("people", reporter) {
            for (key, node) in mapping(node, "`people`", reporter) {
                self.person(key, node, systems, reporter);
            }
        }
        if let Some(node) = fields.get("groups") {
            for (key, node) in mapping(node, "`groups`", reporter) {
                self.members(key, node, reporter);
            }
        }
    }

    fn person(&mut self, key: &Key<'_>, node: &Node<'_>, systems: &[&str], reporter: &mut Reporter<'_>) {
        let name: &str = &key.text;
        if name.is_empty() || name.contains(|c: char| c == '@' || c == '*' || c.is_whitespace() || c.is_control()) {
            let message = format!("{} is no name: names have no blanks, `@` and `*`", quoted(name));
            reporter.report_with(key, message, "addresses go into `email`");
            return;
        }
        let Some(fields) = Fields::of(node, "a person", &PERSON, reporter) else {
            return;
        };
        let email = fields.get("email").and_then(|node| {
            let text = get::text(node, "`email`", reporter)?;
            if !is_address(text) {
                reporter.report(node, format!("{} is no e-mail address", quoted(text)));
                return None;
            }
            if let Some(other) = self.by_email.get(text.to_ascii_lowercase().as_str()) {
                let message = format!("{} and {} have the same e-mail address", quoted(name), quoted(&other.name));
                reporter.report(node, message);
            }
            Some(Text::from(text))
        });
        let mut aliases = BTreeMap::new();
        if let Some(node) = fields.get("aliases") {
            for (system, node) in mapping(node, "`aliases`", reporter) {
                if !systems.contains(&system.text.as_ref()) {
                    // Kept as it is, it would tell nobody at any target.
                    let message = format!("{} is not a system", quoted(&system.text));
                    let hint = did_you_mean(&system.text, systems.iter().copied()).map_or_else(
                        || format!("an alias is an id at a system, not at a target: {}", systems.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    reporter.report_with(system, message, hint);
                }
                if let Some(id) = get::text(node, "an alias", reporter) {
                    // It would be the only proof there is, and nobody there would be this person any more.
                    if id.contains('@') {
                        let message = format!("{} is no user id", quoted(id));
                        reporter.report_with(
                            node,
                            message,
                            "an alias is the vendor's id; an address goes into `email`",
                        );
                        continue;
                    }
                    let at = (Text::from(system.text.as_ref()), Text::from(id));
                    if let Some(other) = self.by_alias.get(&at) {
                        let message = format!("{} and {} have the same alias", quoted(name), quoted(&other.name));
                        reporter.report(node, message);
                    }
                    aliases.insert(at.0, at.1);
                }
            }
        }
        if fields.get("email").is_none() && fields.get("aliases").is_none() {
            reporter.report(key, format!("{} has neither `email` nor `aliases`", quoted(name)));
        }
        let until = fields.get("until").and_then(|node| get::end(node, "`until`", reporter));
        let service = fields.get("service").and_then(|node| get::boolean(node, "`service`", reporter)).unwrap_or(false);
        self.know(Arc::new(Person { name: name.into(), email, aliases, until, service }));
    }

    fn know(&mut self, person: Arc<Person>) {
        if let Some(email) = &person.email {
            self.by_email.entry(email.to_ascii_lowercase().into()).or_insert_with(|| Arc::clone(&person));
        }
        for (system, id) in &person.aliases {
            self.by_alias.entry((system.clone(), id.clone())).or_insert_with(|| Arc::clone(&person));
        }
        self.by_name.entry(person.name.clone()).or_insert(person);
    }

    fn members(&mut self, key: &Key<'_>, node: &Node<'_>, reporter: &mut Reporter<'_>) {
        let Some(items) = node.as_list() else {
            get::wrong::<()>(node, "a group", "a list of names", reporter);
            return;
        };
        let mut members: Vec<Arc<Person>> = Vec::with_capacity(items.len());
        let mut seen: HashSet<&str> = HashSet::with_capacity(items.len());
        for item in items {
            let Some(name) = get::text(item, "a member", reporter) else {
                continue;
            };
            match self.by_name.get(name) {
                None => {
                    let hint = self
                        .near(name, reporter)
                        .map_or_else(|| "add it to `people`".to_owned(), |near| format!("did you mean `{near}`?"));
                    reporter.report_with(item, format!("{} is not among `people`", quoted(name)), hint);
                }
                Some(person) if !seen.insert(&person.name) => {
                    reporter.report(item, format!("{} stands twice in this group", quoted(name)));
                }
                Some(person) => members.push(Arc::clone(person)),
            }
        }
        self.groups.entry(key.text.as_ref().into()).or_insert(members);
    }
}

/// Why nobody at a system can be this person, and what to do about it; nothing where something tells them there.
pub fn told_by_nothing(person: &Person, system: &str) -> Option<(String, String)> {
    person.known_by(system).is_none().then(|| {
        let message = format!(
            "{} has neither an e-mail address nor an alias for {system}: nobody there is meant",
            quoted(&person.name)
        );
        (message, format!("give them `email`, or `{system}` among their `aliases`, in the people file"))
    })
}

/// Reports it where nothing tells a person at a system.
pub(super) fn refuse_untold(person: &Person, system: &str, node: &Node<'_>, reporter: &mut Reporter<'_>) {
    if let Some((message, hint)) = told_by_nothing(person, system) {
        reporter.report_with(node, message, hint);
    }
}

/// The entries of a mapping with free keys.
fn mapping<'n, 'a>(node: &'n Node<'a>, what: &str, reporter: &mut Reporter<'_>) -> &'n [(Key<'a>, Node<'a>)] {
    match node.as_map() {
        Some(entries) => entries,
        None => {
            get::wrong::<()>(node, what, "a mapping", reporter);
            &[]
        }
    }
}

/// Whether a text has the form of an e-mail address, as far as a typing error would show.
pub fn is_address(text: &str) -> bool {
    let good = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '*' || c == '@');
    text.split_once('@').is_some_and(|(user, host)| good(user) && good(host))
}
