//! Selectors: which entries a file is in charge of, what is protected, what must be seen.

use super::{Entry, Hasher, Pattern};

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
    /// Whether it names people: e-mail addresses are then compared without regard to ASCII case, anything else exactly.
    pub ignore_case: bool,
}

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
        self.any_spelling(entry, |text| self.any_of.iter().any(|pattern| self.fits(pattern, text)))
    }

    /// Whether this one of the patterns fits.
    pub fn holds_by(&self, pattern: &Pattern, entry: &Entry) -> bool {
        self.any_spelling(entry, |text| self.fits(pattern, text))
    }

    fn fits(&self, pattern: &Pattern, text: &str) -> bool {
        // An id of the vendor's is no address: two ids may differ by case alone.
        if self.ignore_case && text.contains('@') { pattern.matches_ignoring_case(text) } else { pattern.matches(text) }
    }

    fn any_spelling(&self, entry: &Entry, fits: impl Fn(&str) -> bool) -> bool {
        match self.field {
            SelectField::Field(index) => entry.values.get(index).is_some_and(|value| value.any_spelling(fits)),
            SelectField::Principal => entry.principal.as_ref().is_some_and(|principal| principal.any_spelling(fits)),
            SelectField::Label => fits(entry.label.as_ref().unwrap_or(&entry.id)),
        }
    }
}
