//! Items of a list: declarations, `allow`, `absent` and `holds`.

use std::sync::Arc;

use crate::{
    access::{FieldRole, Kind, Limit, Value},
    yaml::{Fields, Node, Reporter, get, quoted},
};

use super::{
    Absent, Allow, Declaration, Hold, OnExcess, Place,
    holders::Holders,
    identity::{self, person_field},
    limits,
    reading::Reading,
    selectors, values,
};

/// A declaration and what merging has to know besides.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The declaration.
    pub declaration: Declaration,
    /// Whether its person came through a group.
    pub through_group: bool,
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

impl Reading<'_> {
    /// The declarations of a list.
    pub fn declarations(&mut self, node: &Node<'_>, kind: &'static Kind, reporter: &mut Reporter<'_>) -> Vec<Declared> {
        let Some(items) = get::list(node, &quoted(kind.list), reporter) else {
            return Vec::new();
        };
        let mut known = names(kind, false, &["justification", "team", "on_excess"]);
        known.extend(limits::ALL.map(Limit::name));
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
        let mut values = self.values(&fields, kind, reporter);
        let holders = self.holders(&fields, kind, reporter);
        take_literally(&fields, kind, &mut values, OF_A_DECLARATION, reporter);
        identity::check(&fields, kind, reporter);
        let limits = limits::read(self.whom.system, &fields, kind, kind.limits, reporter);
        if let Some(node) = fields.get(Limit::MustExpireWithin.name()) {
            let hint = "it stands in `allow`, where the system can answer it";
            reporter.report_with(node, "`must_expire_within` is no limit of a declaration", hint);
        }
        let on_excess = fields.get("on_excess").and_then(|node| {
            let text = get::text(node, "`on_excess`", reporter)?;
            values::word("`on_excess`", text, &["report", "revoke"], node, reporter)
        });
        let justification = self.prose(&fields, "justification", reporter);
        let team = self.text(&fields, "team", reporter).or_else(|| self.team.clone());
        if reporter.count() > before {
            return;
        }
        if !self.whom.expansion.item(holders.len(), &values, item, reporter) {
            return;
        }
        let justifications = self.list_of(justification);
        let teams = self.list_of(team);
        let limits = self.shared_limits(limits);
        let mut values = Some(values);
        let last = holders.len().saturating_sub(1);
        let place = Place { file: 0, line: item.at.line };
        for (number, (person, through_group)) in holders.into_iter().enumerate() {
            // The only or last holder takes the values themselves.
            let own = if number == last { values.take() } else { values.clone() };
            let Some(values) = own else { continue };
            let declaration = Declaration {
                kind,
                key: identity::key(kind, &values, person.as_deref()),
                values,
                person,
                justifications: Arc::clone(&justifications),
                teams: Arc::clone(&teams),
                limits: Arc::clone(&limits),
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
        known.extend(limits::ALL.map(Limit::name));
        let answers: Vec<Limit> = kind.limits.iter().chain(kind.allow_limits).copied().collect();
        let mut allows = Vec::new();
        for item in items {
            let before = reporter.count();
            let Some(fields) = Fields::of(item, "an `allow` item", &known, reporter) else { continue };
            let select = fields
                .required("select", reporter)
                .and_then(|node| selectors::selectors(node, "`select`", kind, self.whom, reporter));
            let limits = limits::read(self.whom.system, &fields, kind, &answers, reporter);
            let within = Limit::MustExpireWithin;
            let must_expire_within = limits::duration(self.whom.system, &fields, within, kind, &answers, reporter);
            let justification = self.prose(&fields, "justification", reporter);
            let team = self.text(&fields, "team", reporter).or_else(|| self.team.clone());
            if let Some(select) = select
                && reporter.count() == before
                && self.whom.expansion.item(1, &[], item, reporter)
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
            let justification = self.prose(&fields, "justification", reporter);
            let team = self.text(&fields, "team", reporter).or_else(|| self.team.clone());
            if reporter.count() > before || !self.whom.expansion.item(holders.len(), &values, item, reporter) {
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
            if fields.get("until").is_none() {
                let hint = "a hold ends: say when, as `until: 2027-01-31`, or as a time with its offset";
                reporter.report_with(fields, "`until` is missing", hint);
            }
            let until = fields.get("until").and_then(|node| get::end(node, "`until`", reporter));
            fields.required("justification", reporter);
            let justification = self.prose(&fields, "justification", reporter);
            let (Some(until), Some(justification), true) = (until, justification, reporter.count() == before) else {
                continue;
            };
            if !self.whom.expansion.item(holders.len(), &values, item, reporter) {
                continue;
            }
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
        let holders = self.holders(fields, kind, reporter);
        take_literally(fields, kind, &mut values, OF_A_CLASS, reporter);
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
}

/// What to do about a star that was meant to name several entries.
const OF_A_CLASS: &str = "name each entry by itself; to remove a whole class, let `manage` select it and declare none; \
                          a star that is meant is written `\\*`";
/// The same in a declaration.
const OF_A_DECLARATION: &str = "name each entry by itself; a whole class that may exist is selected under `allow`; \
                                a star that is meant is written `\\*`";

/// Identifying fields are no globs: a star would name an entry that is called so, and leave all those out that it was meant
/// for. One that is meant is written with a backslash.
fn take_literally(
    fields: &Fields<'_, '_>,
    kind: &'static Kind,
    values: &mut [Value],
    hint: &str,
    reporter: &mut Reporter<'_>,
) {
    for (field, value) in kind.fields.iter().zip(values) {
        if let Value::Text(text) = value
            && field.role != FieldRole::Content
            && text.contains(r"\*")
        {
            *text = text.replace(r"\*", "*").into();
        }
    }
    for (key, node) in fields.entries() {
        let literal = kind.field(&key.text).is_some_and(|field| field.role != FieldRole::Content);
        if literal && node.as_scalar().is_some_and(|scalar| has_star(&scalar.text)) {
            let message = format!("{} is taken literally here, and has a star", quoted(&key.text));
            reporter.report_with(node, message, hint);
        }
    }
}

/// Whether a text has a star that no backslash stands before.
fn has_star(text: &str) -> bool {
    text.contains('*') && text.replace(r"\*", "").contains('*')
}

fn item_name(kind: &Kind) -> String {
    format!("an item of {}", quoted(kind.list))
}
