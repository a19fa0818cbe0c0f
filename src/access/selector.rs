//! Selectors: which entries a file is in charge of, what is protected, what must be seen.

use super::{Entry, Hasher, Object, Pattern, Value};

/// All entries of a kind, or those that fit at least one selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selectors {
    /// Every entry (`all`).
    All,
    /// Every entry that fits one of these.
    Any(Vec<Selector>),
}

/// Conditions that must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// At least one condition; each names another field.
    pub conditions: Vec<Condition>,
}

/// One field and the patterns of which one has to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub field: SelectField,
    /// The patterns.
    pub any_of: Vec<Pattern>,
    /// Whether it names people: e-mail addresses are then compared without regard to ASCII case, anything else exactly. A
    /// live object that is a person is compared so whatever the field.
    pub ignore_case: bool,
}

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SelectField {
    /// A field of the kind, by position.
    Field(usize),
    /// Who holds the entry.
    Principal,
    /// What people call the entry; the id where it has no label.
    Label,
}

impl Selectors {
    /// Whether the entry is selected: never one that lies outside every selector.
    pub fn select(&self, entry: &Entry) -> bool {
        entry.outside().is_none() && self.name(entry)
    }

    /// Whether the entry is named, be it outside every selector or not: for `own`, `protected` and `must_see`.
    pub fn name(&self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Any(selectors) => selectors.iter().any(|selector| selector.fits(entry)),
        }
    }

    /// Adds what they say to a digest, without regard to the order in which they say it.
    pub fn feed(&self, hasher: &mut Hasher) {
        match self {
            Self::All => hasher.text("all"),
            Self::Any(list) => hasher.bag("any", list.iter().map(Selector::digest)),
        };
    }

    /// Each selector; none where every entry is selected.
    pub fn each(&self) -> &[Selector] {
        match self {
            Self::All => &[],
            Self::Any(selectors) => selectors,
        }
    }

    /// Whether everything that these select can be shown from the text to be selected by `others`.
    pub fn lie_in(&self, others: &Self) -> bool {
        match (self, others) {
            (_, Self::All) => true,
            (Self::All, Self::Any(_)) => false,
            (Self::Any(own), Self::Any(others)) => {
                own.iter().all(|selector| others.iter().any(|other| selector.lies_in(other)))
            }
        }
    }
}

impl Selector {
    /// Whether every condition holds.
    pub fn fits(&self, entry: &Entry) -> bool {
        self.conditions.iter().all(|condition| condition.holds(entry))
    }

    /// Digest of what it says, without regard to the order of its conditions and patterns.
    pub fn digest(&self) -> [u8; 32] {
        let conditions = self.conditions.iter().map(|Condition { field, any_of, ignore_case }| {
            let mut hasher = Hasher::new("condition");
            // Journals and saved plans keep digests over these very words.
            let field = match field {
                SelectField::Field(at) => format!("Field({at})"),
                SelectField::Principal => "Principal".to_owned(),
                SelectField::Label => "Label".to_owned(),
            };
            hasher.text(&format!("{field} {ignore_case}"));
            let mut patterns: Vec<String> = any_of.iter().map(ToString::to_string).collect();
            patterns.sort_unstable();
            patterns.iter().for_each(|pattern| {
                hasher.text(pattern);
            });
            hasher.finish()
        });
        let mut hasher = Hasher::new("selector");
        hasher.bag("conditions", conditions);
        hasher.finish()
    }

    /// Whether everything that fits this one can be shown to fit `other`.
    pub fn lies_in(&self, other: &Self) -> bool {
        other.conditions.iter().all(|wanted| {
            self.conditions.iter().any(|own| {
                own.field == wanted.field
                    && own.any_of.iter().all(|pattern| wanted.any_of.iter().any(|other| pattern.lies_in(other)))
            })
        })
    }
}

impl Condition {
    /// Whether one of the patterns fits.
    pub fn holds(&self, entry: &Entry) -> bool {
        self.any_spelling(entry, |text, of_person| self.any_of.iter().any(|pattern| fits(pattern, text, of_person)))
    }

    /// Whether this one of the patterns fits.
    pub fn holds_by(&self, pattern: &Pattern, entry: &Entry) -> bool {
        self.any_spelling(entry, |text, of_person| fits(pattern, text, of_person))
    }

    /// The same as [`Condition::holds`], but of a field that is a set, every word of it has to fit: what is allowed by its
    /// rights has no others. An empty set is never allowed so.
    pub fn covers(&self, entry: &Entry) -> bool {
        match self.words_of(entry) {
            Some(Value::Set(words)) => !words.is_empty() && words.iter().all(|word| self.takes(word, self.ignore_case)),
            Some(Value::Objects(objects)) => {
                !objects.is_empty() && objects.iter().all(|object| self.takes_object(object))
            }
            _ => self.holds(entry),
        }
    }

    /// The set that it looks at, where the field is one.
    pub fn words_of<'e>(&self, entry: &'e Entry) -> Option<&'e Value> {
        let SelectField::Field(index) = self.field else { return None };
        entry.values.get(index).filter(|value| matches!(value, Value::Set(_) | Value::Objects(_)))
    }

    /// Whether one of the patterns fits this text; `of_person`: of somebody, so that an address has no case.
    pub fn takes(&self, text: &str, of_person: bool) -> bool {
        self.any_of.iter().any(|pattern| fits(pattern, text, of_person))
    }

    /// Whether one of the patterns fits a spelling of this object.
    pub fn takes_object(&self, object: &Object) -> bool {
        let of_person = self.is_of_person(object);
        object.any_spelling(|text| self.takes(text, of_person))
    }

    /// Whether this object's spellings are a person's.
    fn is_of_person(&self, object: &Object) -> bool {
        object.class == "user" || (self.ignore_case && !object.typed)
    }

    fn any_spelling(&self, entry: &Entry, fits: impl Fn(&str, bool) -> bool) -> bool {
        let object = |object: &Object| {
            let of_person = self.is_of_person(object);
            object.any_spelling(|text| fits(text, of_person))
        };
        match self.field {
            SelectField::Field(index) => match entry.values.get(index) {
                Some(Value::Object(one)) => object(one),
                Some(value) => value.any_spelling(|text| fits(text, self.ignore_case)),
                None => false,
            },
            SelectField::Principal => entry.principal.as_deref().is_some_and(object),
            SelectField::Label => fits(entry.label.as_ref().unwrap_or(&entry.id), self.ignore_case),
        }
    }
}

fn fits(pattern: &Pattern, text: &str, of_person: bool) -> bool {
    // An id of the vendor's is no address: two ids may differ by case alone.
    if of_person && text.contains('@') { pattern.matches_ignoring_case(text) } else { pattern.matches(text) }
}
