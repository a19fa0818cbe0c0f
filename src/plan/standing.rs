//! The one table: what each live entry gets. Nothing else removes anything.

use super::{
    FindingKind, Input, Origin, OriginKind, Row,
    due::{Due, due},
    matching::Matching,
    membership::{Allowed, Leavers, Membership},
    rows::finding,
};
use crate::{
    access::{Cause, Entry, FieldRole, Gap, Text, Value, beyond, compare},
    policy::{Declaration, OnExcess, Place},
};

/// Where an entry stands: its line of the table.
#[derive(Debug, Default)]
pub struct Standing {
    /// Portcullis' own, or its pipeline's.
    pub own: bool,
    /// Protected by the operator.
    pub protected: bool,
    /// The `absent:` item that names it.
    pub absent: Option<u32>,
    /// The declarations it matches.
    pub declarations: Vec<u32>,
    /// The managed sets it lies in.
    pub sets: Vec<u32>,
    /// What `allow` items say of it.
    pub allowed: Option<Allowed>,
    /// It shares its natural key with other live entries that match the same declaration, and nothing tells which was meant.
    pub duplicate: bool,
}

impl Standing {
    /// Whether it goes if it is not what its declaration means: it lies in a set, and no class covers it.
    pub fn goes_if_not_meant(&self) -> bool {
        !self.sets.is_empty() && self.allowed.is_none()
    }
}

/// What the table gives.
#[derive(Debug)]
pub struct Verdict {
    /// The cause of its removal, if it is to be removed.
    pub cause: Option<Cause>,
    /// What is told, where nothing removes it.
    pub finding: Option<FindingKind>,
    /// What decided it, for people.
    pub why: String,
    /// Where that stands.
    pub origin: Option<Origin>,
    /// The place behind the origin, for reason and team.
    pub place: Option<Place>,
    /// Why the entry was there, where policies tell.
    pub justification: Text,
    /// Who answers for the item that decided, where it says so itself.
    pub team: Option<Text>,
    /// The gap between declared and live.
    pub gap: Gap,
    /// The declaration that decided, for the diff.
    pub declaration: Option<u32>,
}

impl Verdict {
    /// Nothing.
    pub fn none() -> Self {
        Self {
            cause: None,
            finding: None,
            why: String::new(),
            origin: None,
            place: None,
            justification: Text::default(),
            team: None,
            gap: Gap::default(),
            declaration: None,
        }
    }
}

/// What the table needs besides the entry.
pub struct Table<'a> {
    /// The plan's input.
    pub input: Input<'a>,
    /// Declarations to entries.
    pub matching: &'a Matching,
    /// Sets and allow items.
    pub membership: &'a Membership<'a>,
    /// People who left.
    pub leavers: &'a Leavers<'a>,
    /// Whether our clock agrees with the vendor's.
    pub clock_is_right: bool,
}

impl Table<'_> {
    /// The line of the table that fits first, for an entry that is live.
    pub fn verdict(&self, entry: &Entry, standing: &Standing) -> Verdict {
        if let Some(item) = standing.absent {
            return self.absent(item);
        }
        if !standing.declarations.is_empty() {
            return self.declared(entry, standing);
        }
        if let Some(allowed) = standing.allowed {
            return self.allowed(entry, allowed);
        }
        if standing.own || standing.protected {
            return Verdict::none();
        }
        match standing.sets.first() {
            Some(&set) => self.undeclared(entry, set, &standing.sets),
            None => Verdict::none(),
        }
    }

    fn absent(&self, item: u32) -> Verdict {
        let Some(absent) = self.input.policy.absents.get(item as usize) else { return Verdict::none() };
        let justification = absent.justification.clone().unwrap_or_default();
        Verdict {
            cause: Some(Cause::Absent),
            why: if justification.is_empty() {
                "must not exist".into()
            } else {
                format!("must not exist: {justification}")
            },
            origin: Some(self.origin(absent.place, OriginKind::Absent)),
            place: Some(absent.place),
            team: absent.team.clone(),
            justification,
            ..Verdict::none()
        }
    }

    fn declared(&self, entry: &Entry, standing: &Standing) -> Verdict {
        let declarations: Vec<(u32, &Declaration)> = standing
            .declarations
            .iter()
            .filter_map(|&number| Some((number, self.input.policy.declarations.get(number as usize)?)))
            .collect();
        let Some(&(first, declaration)) = declarations.first() else { return Verdict::none() };
        let base = |number: u32, declaration: &Declaration| Verdict {
            origin: declaration.places.first().map(|&place| self.origin(place, OriginKind::Declaration)),
            place: declaration.places.first().copied(),
            justification: declaration.justifications.join("; ").into(),
            team: (!declaration.teams.is_empty()).then(|| declaration.teams.join(", ").into()),
            declaration: Some(number),
            ..Verdict::none()
        };
        if let Some((number, declaration, due)) = self.due_everywhere(entry, &declarations) {
            return Verdict { cause: Some(due.cause), why: due.why, ..base(number, declaration) };
        }
        let gaps = declarations.iter().map(|(number, declaration)| (*number, *declaration, gap(declaration, entry)));
        // What one declaration covers is covered: the one with the least excess tells the rest.
        let Some((number, declaration, mut gap)) = gaps.min_by_key(|(_, _, gap)| gap.excess.len()) else {
            return base(first, declaration);
        };
        if declarations.len() > 1 && !gap.excess.is_empty() {
            gap.excess = beyond_all(&declarations, entry);
        }
        // By far most entries hold what is declared: of those nothing is told.
        if gap.is_empty() && !standing.duplicate {
            return Verdict { declaration: Some(number), ..Verdict::none() };
        }
        let mut verdict = base(number, declaration);
        if !gap.excess.is_empty() {
            verdict.why = format!("holds more than declared: {}", gap.excess.join("; "));
            // It goes only where every declaration of it says so.
            match declarations.iter().all(|(_, declaration)| declaration.on_excess == OnExcess::Revoke) {
                true => verdict.cause = Some(Cause::OverScoped),
                false => verdict.finding = Some(FindingKind::OverScoped),
            }
        } else {
            // What several entries may meet together is told for all of them, not here.
            let alone = match entry.kind.splits_by {
                Some(_) => Gap { unknown: gap.unknown.clone(), ..Gap::default() },
                None => gap.clone(),
            };
            if !alone.is_empty() {
                verdict.finding = Some(FindingKind::Differs);
                verdict.why = differs(&alone);
            }
        }
        verdict.gap = gap;
        verdict
    }

    /// A limit is due only where it is due for every declaration: the loosest wins.
    fn due_everywhere<'d>(
        &self,
        entry: &Entry,
        declarations: &[(u32, &'d Declaration)],
    ) -> Option<(u32, &'d Declaration, Due)> {
        let holder_left = self.leavers.holder(entry).and_then(|person| person.until);
        let mut last = None;
        for &(number, declaration) in declarations {
            let left = declaration.person.as_ref().and_then(|person| person.until).or(holder_left);
            let due = due(entry, &declaration.limits, left, self.input.now)?;
            last.get_or_insert((number, declaration, due));
        }
        last
    }

    fn allowed(&self, entry: &Entry, allowed: Allowed) -> Verdict {
        let Some(item) = self.input.policy.allows.get(allowed.item as usize) else { return Verdict::none() };
        match due(entry, &allowed.limits, None, self.input.now) {
            None => Verdict::none(),
            Some(due) => Verdict {
                cause: Some(due.cause),
                why: due.why,
                origin: Some(self.origin(item.place, OriginKind::Allow)),
                place: Some(item.place),
                team: item.team.clone(),
                justification: item.justification.clone().unwrap_or_default(),
                ..Verdict::none()
            },
        }
    }

    fn undeclared(&self, entry: &Entry, set: u32, sets: &[u32]) -> Verdict {
        let Some(set) = self.input.policy.sets.get(set as usize) else { return Verdict::none() };
        let leaver = self.leavers.holder(entry);
        let fails = self.membership.fails(entry, sets, leaver);
        let item = fails.and_then(|fails| Some((self.input.policy.allows.get(fails.item as usize)?, fails.why)));
        let why = match (item, leaver) {
            (Some((item, why)), _) => {
                let Origin { file, line, .. } = self.origin(item.place, OriginKind::Allow);
                format!("not declared; `allow` at {file}:{line} selects it, but {why}")
            }
            (None, Some(person)) => format!("not declared, and {} left", person.name),
            (None, None) => "not declared".to_owned(),
        };
        Verdict {
            cause: Some(Cause::Undeclared),
            why,
            origin: Some(self.origin(set.place, OriginKind::ManagedSet)),
            place: Some(set.place),
            ..Verdict::none()
        }
    }

    /// A dead entry that is declared: nothing to do for it, and somebody expects it to be live.
    pub fn declared_dead(&self, entry: &Entry, declaration: u32, why: &str) -> Row {
        let declaration = self.input.policy.declarations.get(declaration as usize);
        let place = declaration.and_then(|declaration| declaration.places.first());
        Row {
            origin: place.map(|&place| self.origin(place, OriginKind::Declaration)),
            ..finding(entry, FindingKind::Dead, format!("declared, and gives no access any more: {why}"))
        }
    }

    /// A place for people.
    pub fn origin(&self, place: Place, what: OriginKind) -> Origin {
        let file = self.input.policy.files.get(place.file as usize).map_or(String::new(), |file| file.name.to_string());
        Origin { file, line: place.line, what }
    }
}

/// Less or other than declared, or nobody can tell, in one sentence.
pub fn differs(gap: &Gap) -> String {
    let mut parts = Vec::new();
    if !gap.less.is_empty() {
        parts.push(format!("holds less than declared: {}", gap.less.join("; ")));
    }
    if !gap.other.is_empty() {
        parts.push(format!("differs from what is declared: {}", gap.other.join("; ")));
    }
    if !gap.unknown.is_empty() {
        parts.push(format!("may hold more than declared, which nothing tells: {}", gap.unknown.join("; ")));
    }
    parts.join("; ")
}

/// The gap between a declaration's content and an entry's.
pub fn gap(declaration: &Declaration, entry: &Entry) -> Gap {
    let mut all = Gap::default();
    for ((field, declared), live) in entry.kind.fields.iter().zip(&declaration.values).zip(&entry.values) {
        if field.role == FieldRole::Content && !declared.is_absent() && !same(declared, live) {
            all.join(compare(field, declared, live));
        }
    }
    all
}

/// What an entry holds beyond all of its declarations together, whatever their order.
fn beyond_all(declarations: &[(u32, &Declaration)], entry: &Entry) -> Vec<String> {
    let mut all = Vec::new();
    for (at, (field, live)) in entry.kind.fields.iter().zip(&entry.values).enumerate() {
        if field.role == FieldRole::Content {
            let declared: Vec<&Value> =
                declarations.iter().map(|(_, one)| one.values.get(at).unwrap_or(&Value::Absent)).collect();
            all.extend(beyond(field, &declared, live));
        }
    }
    all
}

/// A cheap yes for shared or plainly equal values; a no means: compare.
fn same(declared: &Value, live: &Value) -> bool {
    match (declared, live) {
        (Value::Record(declared), Value::Record(live)) => std::sync::Arc::ptr_eq(declared, live) || declared == live,
        (declared, live) => declared == live,
    }
}
