//! Items of a list: declarations, `allow`, `absent` and `holds`.

use std::{collections::HashMap, sync::Arc};

use jiff::SignedDuration;

use crate::{
    access::{Field, FieldRole, Kind, Limit, Person, Shape, Text, Value},
    yaml::{self, Fields, Node, Reporter, get, quoted},
};

use super::{
    Absent, Allow, Declaration, Hold, Limits, OnExcess, Place,
    people::{self, People},
    selectors,
    values::{self, Pool},
};

/// What reading the items of one file needs to know.
pub struct Reading<'c> {
    /// The system's name.
    pub system: &'static str,
    /// Everybody known.
    pub people: &'c People,
    /// The file's team.
    pub team: Option<Text>,
    /// Equal texts are kept once.
    pub pool: Pool,
    /// People that only an address names, kept once.
    strangers: HashMap<Text, Arc<Person>>,
    /// The last value of each field: in long lists the next item often has the same.
    last: HashMap<(&'static str, &'static str), Value>,
    /// The last lists of justifications and teams, for the same reason.
    last_texts: [Arc<[Text]>; 2],
}

/// A declaration and what merging has to know besides.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The declaration.
    pub declaration: Declaration,
    /// Whether its person came through a group.
    pub through_group: bool,
}

/// Who an item names: nobody, or people and whether each came through a group.
type Holders = Vec<(Option<Arc<Person>>, bool)>;

/// Limits by the names that they have in files.
const LIMITS: [Limit; 5] = [Limit::Expires, Limit::MaxAge, Limit::MaxIdle, Limit::MaxUnused, Limit::MustExpireWithin];

/// The field of a kind that names a person.
fn person_field(kind: &'static Kind) -> Option<&'static Field> {
    kind.fields.iter().find(|field| matches!(field.shape, Shape::Person))
}

/// The names under which an item of a kind may name what it means, and further ones.
fn names(kind: &'static Kind, identifying_only: bool, further: &[&'static str]) -> Vec<&'static str> {
    let fields = kind.fields.iter().filter(|field| !identifying_only || field.role != FieldRole::Content);
    let mut names: Vec<&'static str> = fields.map(|field| field.name).collect();
    if person_field(kind).is_some() {
        names.extend(["users", "groups"]);
    }
    names.extend(further.iter().filter(|name| kind.field(name).is_none()));
    names
}

impl<'c> Reading<'c> {
    /// For one file and one system.
    pub fn new(system: &'static str, people: &'c People, team: Option<Text>) -> Self {
        let none: Arc<[Text]> = Arc::new([]);
        Self {
            system,
            people,
            team,
            pool: Pool::default(),
            strangers: HashMap::new(),
            last: HashMap::new(),
            last_texts: [Arc::clone(&none), none],
        }
    }

    /// The declarations of a list.
    pub fn declarations(&mut self, node: &Node<'_>, kind: &'static Kind, reporter: &mut Reporter<'_>) -> Vec<Declared> {
        let Some(items) = get::list(node, &quoted(kind.list), reporter) else {
            return Vec::new();
        };
        let mut known = names(kind, false, &["justification", "team", "on_excess"]);
        known.extend(LIMITS.map(Limit::name));
        let mut declared = Vec::with_capacity(items.len());
        for item in items {
            self.declaration(item, kind, &known, &mut declared, reporter);
        }
        declared
    }

    fn declaration(
        &mut self,
        item: &Node<'_>,
        kind: &'static Kind,
        known: &[&str],
        declared: &mut Vec<Declared>,
        reporter: &mut Reporter<'_>,
    ) {
        let before = reporter.count();
        let Some(fields) = Fields::of(item, &item_name(kind), known, reporter) else {
            return;
        };
        let values = self.values(&fields, kind, reporter);
        let holders = self.holders(&fields, kind, reporter);
        self.check_identity(&fields, kind, reporter);
        let limits = self.limits(&fields, kind, kind.limits, reporter);
        if let Some(node) = fields.get(Limit::MustExpireWithin.name()) {
            let hint = "it stands in `allow`, where the system can answer it";
            reporter.report_with(node, "`must_expire_within` is no limit of a declaration", hint);
        }
        let on_excess = fields.get("on_excess").and_then(|node| {
            let text = get::text(node, "`on_excess`", reporter)?;
            values::word("`on_excess`", text, &["report", "revoke"], node, reporter)
        });
        let justification = self.text(&fields, "justification", reporter);
        let team = self.text(&fields, "team", reporter).or_else(|| self.team.clone());
        if reporter.count() > before {
            return;
        }
        let justifications = self.texts_of(0, justification);
        let teams = self.texts_of(1, team);
        let place = Place { file: 0, line: item.at.line };
        for (person, through_group) in holders {
            let declaration = Declaration {
                kind,
                key: key(kind, &values, person.as_deref()),
                values: values.clone(),
                person,
                justifications: Arc::clone(&justifications),
                teams: Arc::clone(&teams),
                limits,
                on_excess: if on_excess == Some("revoke") { OnExcess::Revoke } else { OnExcess::Report },
                places: Box::new([place]),
            };
            declared.push(Declared { declaration, through_group });
        }
    }

    /// The `allow` items of a list.
    pub fn allows(&mut self, node: &Node<'_>, kind: &'static Kind, reporter: &mut Reporter<'_>) -> Vec<Allow> {
        let Some(items) = get::list(node, &quoted(kind.list), reporter) else {
            return Vec::new();
        };
        let mut known = vec!["select", "justification", "team"];
        known.extend(LIMITS.map(Limit::name));
        let answers: Vec<Limit> = kind.limits.iter().chain(kind.allow_limits).copied().collect();
        let mut allows = Vec::new();
        for item in items {
            let before = reporter.count();
            let Some(fields) = Fields::of(item, "an `allow` item", &known, reporter) else { continue };
            let select = fields
                .required("select", reporter)
                .and_then(|node| selectors::selectors(node, "`select`", kind, self.system, self.people, reporter));
            let limits = self.limits(&fields, kind, &answers, reporter);
            let within = Limit::MustExpireWithin;
            let must_expire_within = self.duration(&fields, within, kind, &answers, reporter);
            let justification = self.text(&fields, "justification", reporter);
            let team = self.text(&fields, "team", reporter).or_else(|| self.team.clone());
            if let Some(select) = select
                && reporter.count() == before
            {
                let place = Place { file: 0, line: item.at.line };
                allows.push(Allow { kind, select, limits, must_expire_within, justification, team, place });
            }
        }
        allows
    }

    /// The `absent` items of a list.
    pub fn absents(&mut self, node: &Node<'_>, kind: &'static Kind, reporter: &mut Reporter<'_>) -> Vec<Absent> {
        let Some(items) = get::list(node, &quoted(kind.list), reporter) else {
            return Vec::new();
        };
        let known = names(kind, true, &["justification", "team"]);
        let mut absents = Vec::new();
        for item in items {
            let before = reporter.count();
            let Some(fields) = Fields::of(item, "an `absent` item", &known, reporter) else { continue };
            let (values, holders) = self.literal(&fields, kind, reporter);
            let justification = self.text(&fields, "justification", reporter);
            let team = self.text(&fields, "team", reporter).or_else(|| self.team.clone());
            if reporter.count() > before {
                continue;
            }
            let place = Place { file: 0, line: item.at.line };
            absents.extend(holders.into_iter().map(|(person, _)| Absent {
                kind,
                values: values.clone(),
                person,
                justification: justification.clone(),
                team: team.clone(),
                place,
            }));
        }
        absents
    }

    /// The `holds` items of a list.
    pub fn holds(&mut self, node: &Node<'_>, kind: &'static Kind, reporter: &mut Reporter<'_>) -> Vec<Hold> {
        let Some(items) = get::list(node, &quoted(kind.list), reporter) else {
            return Vec::new();
        };
        let known = names(kind, true, &["until", "justification"]);
        let mut holds = Vec::new();
        for item in items {
            let Some(fields) = Fields::of(item, "a `holds` item", &known, reporter) else { continue };
            let before = reporter.count();
            let (values, holders) = self.literal(&fields, kind, reporter);
            let until = fields.required("until", reporter).and_then(|node| get::end(node, "`until`", reporter));
            fields.required("justification", reporter);
            let justification = self.text(&fields, "justification", reporter);
            let (Some(until), Some(justification), true) = (until, justification, reporter.count() == before) else {
                continue;
            };
            let place = Place { file: 0, line: item.at.line };
            holds.extend(holders.into_iter().map(|(person, _)| Hold {
                kind,
                values: values.clone(),
                person,
                until,
                justification: justification.clone(),
                place,
            }));
        }
        holds
    }

    /// The identifying fields of an item that names entries literally.
    fn literal(
        &mut self,
        fields: &Fields<'_, '_>,
        kind: &'static Kind,
        reporter: &mut Reporter<'_>,
    ) -> (Box<[Value]>, Holders) {
        let mut values = self.values(fields, kind, reporter);
        for value in &mut values {
            if let Value::Text(text) = value
                && text.contains(r"\*")
            {
                *text = text.replace(r"\*", "*").into();
            }
        }
        let holders = self.holders(fields, kind, reporter);
        for (key, node) in fields.entries() {
            let literal = kind.field(&key.text).is_some_and(|field| field.role != FieldRole::Content);
            if literal && node.as_scalar().is_some_and(|scalar| scalar.text.replace(r"\*", "").contains('*')) {
                let message = format!("{} is taken literally here, and has a star", quoted(&key.text));
                let hint = "name each entry by itself; to remove a whole class, let `manage` select it and declare none; \
                            a star that is meant is written `\\*`";
                reporter.report_with(node, message, hint);
            }
        }
        let named = fields.entries().iter().any(|(key, _)| {
            kind.field(&key.text).is_some_and(|field| field.role != FieldRole::Content)
                || (person_field(kind).is_some() && matches!(&*key.text, "users" | "groups"))
        });
        if !named {
            let known: Vec<&str> = names(kind, true, &[]);
            let hint = format!("give at least one of {}", known.join(", "));
            reporter.report_with(fields, "nothing says which entry is meant", hint);
        }
        (values, holders)
    }

    /// The values of a kind's fields; the person's is absent here.
    fn values(&mut self, fields: &Fields<'_, '_>, kind: &'static Kind, reporter: &mut Reporter<'_>) -> Box<[Value]> {
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
                self.shared(kind, field, value)
            })
            .collect()
    }

    fn shared(&mut self, kind: &'static Kind, field: &'static Field, value: Value) -> Value {
        if !matches!(value, Value::Set(_) | Value::Record(_)) {
            return value;
        }
        match self.last.get(&(kind.name, field.name)) {
            Some(last) if *last == value => last.clone(),
            _ => {
                self.last.insert((kind.name, field.name), value.clone());
                value
            }
        }
    }

    /// Who an item names, in the order of the file, each once; one that is named directly came through no group.
    fn holders(&mut self, fields: &Fields<'_, '_>, kind: &'static Kind, reporter: &mut Reporter<'_>) -> Holders {
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
        let mut add = |person: Arc<Person>, through_group: bool| {
            if !holders.iter().any(|(known, _)| known.as_ref().is_some_and(|known| known.name == person.name)) {
                holders.push((Some(person), through_group));
            }
        };
        if let Some(node) = one
            && let Some(text) = get::text(node, &quoted(field.name), reporter)
            && let Some(person) = self.person(text, node, reporter)
        {
            add(person, false);
        }
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
            for (name, node) in texts {
                match self.people.group(name) {
                    Some(members) => members.iter().for_each(|person| add(Arc::clone(person), true)),
                    None => selectors::unknown_group(name, node, self.people, reporter),
                }
            }
        }
        holders
    }

    fn person(&mut self, text: &str, node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Arc<Person>> {
        if let Some(person) = self.people.find(text, self.system) {
            return Some(Arc::clone(person));
        }
        if people::is_address(text) {
            let address = Text::from(text.to_lowercase());
            let stranger = self.strangers.entry(address).or_insert_with_key(|address| {
                Arc::new(Person {
                    name: address.clone(),
                    email: Some(address.clone()),
                    aliases: std::collections::BTreeMap::new(),
                    until: None,
                    service: false,
                })
            });
            return Some(Arc::clone(stranger));
        }
        let hint = match self.people.near(text) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.people.all().is_empty() => "there is no people file: write the e-mail address".to_owned(),
            None => "add them to the people file, or write the e-mail address".to_owned(),
        };
        reporter.report_with(node, format!("the people file does not know {}", quoted(text)), hint);
        None
    }

    /// Exactly one identity has to be given, and whole.
    fn check_identity(&self, fields: &Fields<'_, '_>, kind: &'static Kind, reporter: &mut Reporter<'_>) {
        let person = person_field(kind).map(|field| field.name);
        let given_name = |name: &str| {
            fields.get(name).is_some()
                || (person == Some(name) && (fields.get("users").is_some() || fields.get("groups").is_some()))
        };
        let given: Vec<&str> = kind
            .fields
            .iter()
            .filter(|field| field.role != FieldRole::Content && given_name(field.name))
            .map(|field| field.name)
            .collect();
        let optional = |name: &&str| kind.field(name).is_some_and(|field| field.role == FieldRole::OptionalKey);
        let whole = |identity: &&[&str]| identity.iter().all(|name| optional(name) || given.contains(name));
        let covers = |identity: &&[&str]| given.iter().all(|name| identity.contains(name));
        if kind.identities.iter().copied().any(|identity| covers(&identity) && whole(&identity)) {
            return;
        }
        let ways: Vec<String> = kind
            .identities
            .iter()
            .map(|identity| {
                let required: Vec<String> =
                    identity.iter().filter(|name| !optional(name)).map(|name| format!("`{name}`")).collect();
                required.join(" and ")
            })
            .collect();
        let hint = format!("give {}", ways.join(", or "));
        let message = match kind.identities.iter().copied().find(covers) {
            _ if given.is_empty() => format!("nothing says which {} is meant", kind.noun),
            Some(identity) => {
                let missing: Vec<String> = identity
                    .iter()
                    .filter(|name| !optional(name) && !given.contains(name))
                    .map(|name| quoted(name))
                    .collect();
                format!("{} is missing", missing.join(" and "))
            }
            None => format!("{} do not go together", given.join(" and ")),
        };
        reporter.report_with(fields, message, hint);
    }

    fn limits(
        &self,
        fields: &Fields<'_, '_>,
        kind: &'static Kind,
        answers: &[Limit],
        reporter: &mut Reporter<'_>,
    ) -> Limits {
        let expires = fields.get(Limit::Expires.name()).and_then(|node| {
            self.check_limit(Limit::Expires, kind, answers, node, reporter)?;
            get::end(node, "`expires`", reporter)
        });
        Limits {
            expires,
            max_age: self.duration(fields, Limit::MaxAge, kind, answers, reporter),
            max_idle: self.duration(fields, Limit::MaxIdle, kind, answers, reporter),
            max_unused: self.duration(fields, Limit::MaxUnused, kind, answers, reporter),
        }
    }

    fn duration(
        &self,
        fields: &Fields<'_, '_>,
        limit: Limit,
        kind: &'static Kind,
        answers: &[Limit],
        reporter: &mut Reporter<'_>,
    ) -> Option<SignedDuration> {
        let node = fields.get(limit.name())?;
        self.check_limit(limit, kind, answers, node, reporter)?;
        let duration = get::duration(node, &quoted(limit.name()), reporter)?;
        if duration.is_zero() {
            reporter.report(node, format!("`{}` is nothing, so that every entry would be due", limit.name()));
            return None;
        }
        Some(duration)
    }

    fn check_limit(
        &self,
        limit: Limit,
        kind: &'static Kind,
        answers: &[Limit],
        node: &Node<'_>,
        reporter: &mut Reporter<'_>,
    ) -> Option<()> {
        if answers.contains(&limit) {
            return Some(());
        }
        let known: Vec<&str> = answers.iter().map(|limit| limit.name()).collect();
        let hint = match known.as_slice() {
            [] => "it can answer no limit here".to_owned(),
            known => format!("it can answer {}", known.join(", ")),
        };
        let message = format!("{} cannot answer `{}` for {}", self.system, limit.name(), quoted(kind.list));
        reporter.report_with(node, message, hint);
        None
    }

    fn text(&mut self, fields: &Fields<'_, '_>, name: &str, reporter: &mut Reporter<'_>) -> Option<Text> {
        let node = fields.get(name)?;
        get::text(node, &quoted(name), reporter).map(|text| self.pool.text(text))
    }

    /// A list of one text, or of none, shared with the one before where that is equal.
    fn texts_of(&mut self, which: usize, text: Option<Text>) -> Arc<[Text]> {
        let Some(last) = self.last_texts.get_mut(which) else {
            return text.into_iter().collect();
        };
        if last.first() != text.as_ref() {
            *last = text.into_iter().collect();
        }
        Arc::clone(last)
    }
}

fn item_name(kind: &Kind) -> String {
    format!("an item of {}", quoted(kind.list))
}

/// The key as written: `user=anna application=GitHub`. A value that could be mistaken for more is quoted.
fn key(kind: &'static Kind, values: &[Value], person: Option<&Person>) -> Text {
    let mut key = String::new();
    for (field, value) in kind.fields.iter().zip(values) {
        let text = match (&field.shape, value) {
            _ if field.role == FieldRole::Content => continue,
            (Shape::Person, _) => match person {
                Some(person) => &person.name,
                None => continue,
            },
            (_, Value::Text(text)) => text,
            _ => continue,
        };
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(field.name);
        key.push('=');
        let plain = !text.contains(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\\'));
        if plain && *yaml::neutral(text) == **text {
            key.push_str(text);
        } else {
            key.push_str(&format!("{text:?}"));
        }
    }
    key.into()
}
