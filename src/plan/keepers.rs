//! What keeps entries keeps whatever it could mean: a selector of `own`, `protected`, `except` or `allow`, or an item of
//! `holds:`, fits an entry, does not fit it, or may. It may where the system does not tell the name that it asks for, where
//! its name stands for nothing live, and where a text differs from its own only to a computer.
//!
//! A name that stands for nothing live may be the former one of anything. It is not taken for that of an object which is named
//! as it is called now, or nothing could go any more once an application is deleted: of what the operator keeps by the operator,
//! of what a policy keeps by a policy, too. Nor is it where a person orders a removal by the entry's id. A selector that itself gives the
//! entry's id keeps it whatever its other names are.

use std::{borrow::Cow, collections::HashMap};

use super::{
    HoldName, Input, LoneResources,
    alike::{composed, differ, folded},
    candidate::Candidate,
    membership::{Leavers, expires_within},
    named::Named,
    persons::Persons,
    resolve::Names,
    sought::{Asks, Reader, Sought, each_spelling, has_object, is_plain, object_at},
};
use crate::{
    access::{Cause, Condition, Entry, FieldRole, Group, Kind, Object, Pattern, SelectField, Selector, Shape, Value},
    policy::{Allow, Hold, Place},
};

/// What keeps an entry that it means; the positions are the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeper {
    Own,
    Protected,
    Hold(u32),
    Allow(u32),
    Except(u32),
}

/// For which objects a name that stands for nothing live may be the former one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Former {
    Nothing,
    /// Those that the operator does not name as they are called now: what keeps is his.
    NotOperators,
    /// Those that neither he nor a policy names so.
    Unnamed,
    Anything,
}

/// Whether something written fits something live.
enum Fit {
    No,
    Yes,
    /// It may, and why.
    Maybe(String),
}

/// A condition and its patterns that leave a doubt.
struct Test<'a> {
    condition: Cow<'a, Condition>,
    sought: Vec<Sought>,
}

/// A selector that keeps what it means.
struct Keeping<'a> {
    keeper: Keeper,
    tests: Vec<Test<'a>>,
}

/// Everything that keeps entries, as far as it leaves a doubt.
pub struct Keepers<'a> {
    input: Input<'a>,
    clock_is_right: bool,
    all: Vec<Keeping<'a>>,
    /// By kind, field and folded text: what asks for it literally.
    by_text: HashMap<(&'static str, SelectField), HashMap<String, Vec<u32>>>,
    /// By kind and field: what asks by a name that stands for nothing live.
    by_name: HashMap<(&'static str, SelectField), Vec<u32>>,
    /// The same, of what is asked only about an object whose name is not told.
    by_untold: HashMap<(&'static str, SelectField), Vec<u32>>,
    /// By kind: what has a star in every condition.
    globs: HashMap<&'static str, Vec<u32>>,
    /// The same, of which only what is not told, or has letters of several forms, leaves a doubt.
    forms: HashMap<&'static str, Vec<u32>>,
    people: Persons<'a>,
    /// Objects that policies or the operator name literally, where that matters.
    named: Named,
    /// Resources that are all that their application has: without a title they have no name that could be asked for.
    lone: &'a LoneResources,
}

impl<'a> Keepers<'a> {
    /// Gathers what keeps entries, where there are rows at all.
    pub fn of(
        input: &Input<'a>,
        (names, lone): (&Names<'_>, &'a LoneResources),
        candidates: &[Candidate<'_>],
        clock_is_right: bool,
    ) -> Self {
        let mut keepers = Self {
            input: *input,
            clock_is_right,
            all: Vec::new(),
            by_text: HashMap::new(),
            by_name: HashMap::new(),
            by_untold: HashMap::new(),
            globs: HashMap::new(),
            forms: HashMap::new(),
            people: Persons::new(input.description.system, []),
            named: Named::default(),
            lone,
        };
        if !candidates.is_empty() {
            let listed = listed(input, clock_is_right);
            let reader = Reader::new(input, names, listed.iter().map(|(kind, _, selector)| (*kind, &**selector)));
            for (kind, keeper, selector) in listed {
                keepers.add(kind, keeper, selector, &reader);
            }
            if keepers.asks(|asks| asks == Asks::Renamed) {
                keepers.named = Named::of(input, names, &reader);
            }
        }
        if keepers.asks(|asks| asks != Asks::Nothing) {
            let declared = input.policy.declarations.iter().filter_map(|declaration| declaration.person.as_deref());
            let named = input.people.values().map(AsRef::as_ref).chain(declared);
            keepers.people = Persons::new(input.description.system, named);
        }
        keepers
    }

    fn asks(&self, wanted: impl Fn(Asks) -> bool) -> bool {
        let mut sought = self.all.iter().flat_map(|keeping| &keeping.tests).flat_map(|test| &test.sought);
        sought.any(|sought| wanted(sought.asks))
    }

    fn add(&mut self, kind: &'static Kind, keeper: Keeper, selector: Cow<'a, Selector>, reader: &Reader<'_>) {
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let sought: Vec<Vec<Sought>> =
            selector.conditions.iter().map(|condition| reader.sought(kind, &selector, condition)).collect();
        // By far most selectors leave no doubt.
        if sought.iter().all(Vec::is_empty) {
            return;
        }
        let literal = |condition: &Condition| condition.any_of.iter().all(|pattern| pattern.as_literal().is_some());
        let asked = selector.conditions.iter().zip(&sought).find(|(condition, _)| literal(condition));
        match asked {
            None if sought.iter().flatten().all(Sought::is_form) => {
                self.forms.entry(kind.name).or_default().push(number);
            }
            None => self.globs.entry(kind.name).or_default().push(number),
            Some((condition, sought)) => {
                let texts = self.by_text.entry((kind.name, condition.field)).or_default();
                for text in condition.any_of.iter().filter_map(Pattern::as_literal) {
                    let with_text = texts.entry(folded(text)).or_default();
                    if with_text.last() != Some(&number) {
                        with_text.push(number);
                    }
                }
                let asks = |asks: Asks| sought.iter().any(|sought| sought.asks == asks);
                if asks(Asks::Renamed) {
                    self.by_name.entry((kind.name, condition.field)).or_default().push(number);
                } else if asks(Asks::Untold) {
                    self.by_untold.entry((kind.name, condition.field)).or_default().push(number);
                }
            }
        }
        let conditions: Vec<Cow<'a, Condition>> = match selector {
            Cow::Borrowed(selector) => selector.conditions.iter().map(Cow::Borrowed).collect(),
            Cow::Owned(selector) => selector.conditions.into_iter().map(Cow::Owned).collect(),
        };
        let tests = conditions.into_iter().zip(sought).map(|(condition, sought)| Test { condition, sought });
        self.all.push(Keeping { keeper, tests: tests.collect() });
    }

    /// Holds a row that something which keeps entries could mean.
    pub fn judge(&self, candidate: &mut Candidate<'_>, leavers: &Leavers<'_>) {
        let mut excepted: Vec<u32> = Vec::new();
        for number in self.near(candidate.entry) {
            let Some(keeping) = self.all.get(number as usize).filter(|one| self.bears(one.keeper, candidate, leavers))
            else {
                continue;
            };
            let Some(why) = self.could_mean(keeping, candidate) else { continue };
            if let Keeper::Except(set) = keeping.keeper {
                // It lies in a set all the same while another one has it for certain.
                excepted.push(set);
                if !candidate.sets.iter().all(|set| excepted.contains(set)) {
                    continue;
                }
            }
            let (what, way_on) = self.told(keeping.keeper);
            candidate.hold(HoldName::Unresolved, format!("{what} could mean it: {why}"), Some(way_on.into()));
            return;
        }
    }

    /// The numbers of what has to be asked about an entry, ascending.
    fn near(&self, entry: &Entry) -> Vec<u32> {
        let kind = entry.kind.name;
        let mut near: Vec<u32> = self.globs.get(kind).into_iter().flatten().copied().collect();
        if let Some(forms) = self.forms.get(kind).filter(|_| !is_plain(entry)) {
            near.extend(forms);
        }
        for ((_, field), texts) in self.by_text.iter().filter(|((of, _), _)| *of == kind) {
            each_spelling(entry, *field, |text| near.extend(texts.get(&folded(text)).into_iter().flatten()));
        }
        for ((_, field), numbers) in self.by_name.iter().filter(|((of, _), _)| *of == kind) {
            if has_object(entry, *field) {
                near.extend(numbers);
            }
        }
        for ((_, field), numbers) in self.by_untold.iter().filter(|((of, _), _)| *of == kind) {
            if self.has_untold(entry, *field) {
                near.extend(numbers);
            }
        }
        near.sort_unstable();
        near.dedup();
        near
    }

    /// Whether the system does not tell the name of an object that a field, or the label, is made of.
    fn has_untold(&self, entry: &Entry, field: SelectField) -> bool {
        let value = match field {
            SelectField::Field(index) => entry.values.get(index),
            SelectField::Principal => return entry.principal.as_deref().is_some_and(|object| self.is_untold(object)),
            SelectField::Label => return entry.label.is_some(),
        };
        match value {
            Some(Value::Object(object)) => self.is_untold(object),
            Some(Value::Objects(objects)) => objects.iter().any(|object| self.is_untold(object)),
            _ => false,
        }
    }

    fn is_untold(&self, object: &Object) -> bool {
        object.names.is_empty() && !self.lone.canonical(&object.id).is_empty()
    }

    /// Whether it speaks of this row at all.
    fn bears(&self, keeper: Keeper, candidate: &Candidate<'_>, leavers: &Leavers<'_>) -> bool {
        let ordered = candidate.group() == Group::Absent;
        let undeclared = !ordered && candidate.verdict.declaration.is_none();
        let policy = self.input.policy;
        match keeper {
            Keeper::Own => !candidate.own,
            Keeper::Protected => !candidate.protected,
            Keeper::Hold(_) => !ordered && candidate.held.is_none(),
            Keeper::Except(set) => undeclared && candidate.sets.contains(&set),
            Keeper::Allow(item) => policy.allows.get(item as usize).is_some_and(|item| {
                let sets = candidate.sets.iter().filter_map(|&set| policy.sets.get(set as usize));
                let soon = |within| expires_within(candidate.entry, self.input.now, within);
                undeclared
                    && sets.map(|set| set.place.file).any(|file| file == item.place.file)
                    && (!self.clock_is_right || item.must_expire_within.is_none_or(soon))
                    && leavers.holder(candidate.entry).is_none()
            }),
        }
    }

    /// Why it could mean an entry, if it could. What it means for certain is kept elsewhere.
    fn could_mean(&self, keeping: &Keeping<'_>, candidate: &Candidate<'_>) -> Option<String> {
        let entry = candidate.entry;
        let every_word = matches!(keeping.keeper, Keeper::Allow(_));
        let is_operators = matches!(keeping.keeper, Keeper::Own | Keeper::Protected);
        let former = match candidate.cause {
            _ if keeping.tests.iter().any(|test| gives_id(test, entry)) => Former::Anything,
            Cause::Ordered => Former::Nothing,
            _ if is_operators => Former::NotOperators,
            _ => Former::Unnamed,
        };
        let mut maybe = None;
        for test in &keeping.tests {
            match self.fit(test, entry, every_word, former) {
                Fit::No => return None,
                Fit::Yes => {}
                Fit::Maybe(why) => maybe = maybe.or(Some(why)),
            }
        }
        maybe
    }

    fn fit(&self, test: &Test<'_>, entry: &Entry, every_word: bool, former: Former) -> Fit {
        let condition = &*test.condition;
        match condition.words_of(entry) {
            Some(Value::Set(words)) => {
                joined(words.iter().map(|word| self.text(test, word, condition.ignore_case)), every_word)
            }
            Some(Value::Objects(objects)) => {
                joined(objects.iter().map(|object| self.object(test, object, former)), every_word)
            }
            _ => match (condition.field, object_at(entry, condition.field)) {
                (_, Some(object)) => self.object(test, object, former),
                (SelectField::Label, None) => self.label(test, entry),
                (field, None) => {
                    let mut fit = Fit::No;
                    each_spelling(entry, field, |text| fit = self.text(test, text, condition.ignore_case));
                    fit
                }
            },
        }
    }

    fn text(&self, test: &Test<'_>, text: &str, of_person: bool) -> Fit {
        if test.condition.takes(text, of_person) {
            return Fit::Yes;
        }
        let mut as_seen = None;
        for sought in &test.sought {
            let literal = sought.pattern.as_literal().zip(sought.folded.as_ref());
            if let Some((literal, like)) = literal
                && as_seen.get_or_insert_with(|| folded(text)) == like
            {
                return Fit::Maybe(differ(text, literal));
            }
            let has_forms = !text.is_ascii() || !sought.pattern.is_ascii();
            if has_forms && sought.composed.as_ref().is_some_and(|glob| glob.matches(&composed(text))) {
                let glob = sought.pattern.to_string();
                return Fit::Maybe(format!("{text:?} fits {glob:?} but for the form of its letters"));
            }
        }
        Fit::No
    }

    fn object(&self, test: &Test<'_>, object: &Object, former: Former) -> Fit {
        if test.condition.takes_object(object) {
            return Fit::Yes;
        }
        let mut alike = Fit::No;
        object.any_spelling(|text| {
            alike = self.text(test, text, object.class == "user");
            !matches!(alike, Fit::No)
        });
        if !matches!(alike, Fit::No) {
            return alike;
        }
        let untold = self.is_untold(object);
        // Whoever the people file or a declaration knows by an id is known, whatever the system tells.
        let person = if object.class == "user" { self.people.who_is(object) } else { None };
        for sought in &test.sought {
            let asks = match sought.asks {
                Asks::Nothing => false,
                Asks::Untold => untold,
                Asks::Renamed => match former {
                    Former::Nothing => false,
                    Former::NotOperators => !self.named.by_operator(object),
                    Former::Unnamed => !self.named.by_anybody(object),
                    Former::Anything => true,
                },
            };
            if !asks || !sought.speaks_of(object) {
                continue;
            }
            let written = sought.pattern.to_string();
            if let Some(person) = person {
                if person.email.as_ref().is_some_and(|email| sought.pattern.matches_ignoring_case(email)) {
                    return Fit::Maybe(format!("{written:?} is the address of {}", person.name));
                }
            } else if untold {
                return Fit::Maybe(format!(
                    "it asks by the name {written:?}, and the system does not tell the name of {}",
                    object.id
                ));
            } else {
                return Fit::Maybe(format!("{written:?} stands for nothing live"));
            }
        }
        Fit::No
    }

    /// A label may be made of names that are not told.
    fn label(&self, test: &Test<'_>, entry: &Entry) -> Fit {
        let fit = self.text(test, entry.label.as_ref().unwrap_or(&entry.id), false);
        let on = entry.kind.fields.iter().zip(&entry.values).filter_map(|(field, value)| match (&field.shape, value) {
            (Shape::Object { .. } | Shape::TypedObject { .. }, Value::Object(object)) => Some(object),
            _ => None,
        });
        let label = entry.label.as_deref().unwrap_or_default();
        let made_of = |object: &&std::sync::Arc<Object>| {
            self.is_untold(object) && object.class != "user" && label.contains(object.id.as_str())
        };
        let asks = test.sought.iter().any(|sought| sought.asks != Asks::Nothing);
        match (fit, on.filter(made_of).find(|_| asks && entry.label.is_some())) {
            (Fit::No, Some(object)) => {
                Fit::Maybe(format!("it asks for a label, and the system does not tell the name of {}", object.id))
            }
            (fit, _) => fit,
        }
    }

    /// What a keeper is called, and the way on.
    fn told(&self, keeper: Keeper) -> (String, &'static str) {
        let policy = self.input.policy;
        let at = |place: Option<Place>| {
            let line = place.map_or(0, |place| place.line);
            let file =
                place.and_then(|place| policy.files.get(place.file as usize)).map_or("", |file| file.name.as_str());
            format!("{file}:{line}")
        };
        let operator =
            "correct it there, write an id in the place of the name, or take it out if what it named is gone";
        let policies = "correct it there, write an id in the place of the name, or take it out if what it named is gone or not there \
                        yet; name this entry under `absent:` if it has to go";
        let target = &self.input.settings.target;
        match keeper {
            Keeper::Own => (format!("`own` of {target} in portcullis.yaml"), operator),
            Keeper::Protected => (format!("`protected` of {target} in portcullis.yaml"), operator),
            Keeper::Hold(item) => {
                let place = policy.holds.get(item as usize).map(|hold| hold.place);
                (format!("the `holds:` item at {}", at(place)), policies)
            }
            Keeper::Allow(item) => {
                let place = policy.allows.get(item as usize).map(|item| item.place);
                (format!("`allow` at {}", at(place)), policies)
            }
            Keeper::Except(set) => {
                let place = policy.sets.get(set as usize).map(|set| set.place);
                (format!("`except` of the managed set at {}", at(place)), policies)
            }
        }
    }
}

/// Whether it asks for this very entry by its id.
fn gives_id(test: &Test<'_>, entry: &Entry) -> bool {
    let SelectField::Field(index) = test.condition.field else { return false };
    let is_id = entry.kind.fields.get(index).is_some_and(|field| field.role == FieldRole::Exact);
    let is = |id: &str| test.condition.any_of.iter().filter_map(Pattern::as_literal).any(|literal| literal == id);
    is_id && entry.values.get(index).is_some_and(|value| value.any_spelling(is))
}

/// Every selector that keeps what it names, what nothing overrides first.
fn listed<'a>(input: &Input<'a>, clock_is_right: bool) -> Vec<(&'static Kind, Keeper, Cow<'a, Selector>)> {
    let settings = input.settings;
    let policy = input.policy;
    let mut all = Vec::new();
    for (list, keeper) in [(&settings.own, Keeper::Own), (&settings.protected, Keeper::Protected)] {
        for (kind, selectors) in list {
            all.extend(selectors.each().iter().map(|selector| (*kind, keeper, Cow::Borrowed(selector))));
        }
    }
    for (number, hold) in (0..).zip(&policy.holds).filter(|(_, hold)| input.now < hold.until || !clock_is_right) {
        all.push((hold.kind, Keeper::Hold(number), Cow::Owned(as_selector(hold, input.description.system))));
    }
    for (number, Allow { kind, select, .. }) in (0..).zip(&policy.allows) {
        all.extend(select.each().iter().map(|selector| (*kind, Keeper::Allow(number), Cow::Borrowed(selector))));
    }
    for (number, set) in (0..).zip(&policy.sets) {
        all.extend(set.except.iter().map(|selector| (set.kind, Keeper::Except(number), Cow::Borrowed(selector))));
    }
    all
}

/// A hold as the selector that it is: each field that it gives, literally.
pub fn as_selector(hold: &Hold, system: &str) -> Selector {
    let known_by = hold.person.as_ref().and_then(|person| person.known_by(system));
    let conditions = (0..).zip(hold.kind.fields).zip(&hold.values).filter_map(|((index, field), value)| {
        let text = match (&field.shape, value) {
            (Shape::Person, _) => known_by,
            (_, Value::Text(text)) if field.role != FieldRole::Content => Some(text),
            _ => None,
        };
        let any_of = vec![Pattern::literal(text?)];
        let ignore_case = matches!(field.shape, Shape::Person);
        Some(Condition { field: SelectField::Field(index), any_of, ignore_case })
    });
    Selector { conditions: conditions.collect() }
}

/// All words or any of them, the doubtful ones told.
fn joined(fits: impl Iterator<Item = Fit>, every: bool) -> Fit {
    let (mut some, mut all, mut maybe) = (false, true, None);
    for fit in fits {
        match fit {
            Fit::No => all = false,
            Fit::Yes => some = true,
            Fit::Maybe(why) => maybe = maybe.or(Some(why)),
        }
    }
    match (every, some, maybe) {
        (false, true, _) => Fit::Yes,
        (true, ..) if !all => Fit::No,
        (_, _, Some(why)) => Fit::Maybe(why),
        (_, true, None) => Fit::Yes,
        (_, false, None) => Fit::No,
    }
}
