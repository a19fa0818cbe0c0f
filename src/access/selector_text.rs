//! The written form of selectors, shared by everything that reads them from files.
//!
//! `policy` and `config` walk their own trees; what a field name of a selector means, and how its patterns become a
//! [`Condition`], is decided here once.

use super::{Condition, Kind, Pattern, PatternError, SelectField, Shape};

/// A name that may stand in a selector of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selectable {
    /// The name as written.
    pub name: &'static str,
    /// What it looks at.
    pub field: SelectField,
    /// Whether it is written `true` or `false` instead of a pattern.
    pub is_flag: bool,
    /// Whether it names people, so that addresses are compared without regard to case.
    pub is_person: bool,
}

/// The names of the two things that every kind can be selected by.
const COMMON: [(&str, SelectField); 2] = [("principal", SelectField::Principal), ("label", SelectField::Label)];

impl Selectable {
    /// Everything that selectors of this kind may name: its fields that have a spelling, `principal` and `label`.
    pub fn all(kind: &'static Kind) -> Vec<Self> {
        let fields =
            kind.fields.iter().enumerate().filter(|(_, field)| has_spelling(&field.shape)).map(|(index, field)| Self {
                name: field.name,
                field: SelectField::Field(index),
                is_flag: matches!(field.shape, Shape::Bool),
                is_person: matches!(field.shape, Shape::Person),
            });
        let common = COMMON.into_iter().filter(|(name, _)| kind.field(name).is_none()).map(|(name, field)| Self {
            name,
            field,
            is_flag: false,
            is_person: field == SelectField::Principal,
        });
        fields.chain(common).collect()
    }

    /// The condition that any of these patterns fits.
    ///
    /// # Errors
    /// The position of the first text that is no pattern, and why.
    pub fn condition<'t>(
        &self,
        patterns: impl IntoIterator<Item = &'t str>,
    ) -> Result<Condition, (usize, PatternError)> {
        let any_of = patterns
            .into_iter()
            .enumerate()
            .map(|(index, text)| Pattern::parse(text).map_err(|error| (index, error)))
            .collect::<Result<_, _>>()?;
        Ok(Condition { field: self.field, any_of, ignore_case: self.is_person })
    }
}

/// Whether a value of this shape can be named by one text.
fn has_spelling(shape: &Shape) -> bool {
    match shape {
        Shape::Region | Shape::Record(_) => false,
        Shape::Text
        | Shape::Person
        | Shape::Object { .. }
        | Shape::TypedObject { .. }
        | Shape::Set { .. }
        | Shape::Level(_)
        | Shape::Bool
        | Shape::Flags(_) => true,
    }
}
