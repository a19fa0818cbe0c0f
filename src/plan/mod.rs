//! The pure middle: declarations and a snapshot to a plan.
//!
//! No I/O, no clock, no environment: time, limits and history come in as arguments, and equal input gives equal bytes out.
//! The table of what may be removed is in `standing`; what is ambiguous in `ambiguity`; guards over rows in `row_guards`,
//! over groups in `ceilings`. `walk` takes each entry through the table, `target` puts the steps together.

mod alike;
mod ambiguity;
mod candidate;
mod ceilings;
mod coming;
mod dead;
mod describe;
mod due;
mod duplicates;
mod escaped;
mod fights;
mod frame;
mod guard;
mod hold;
mod idle;
mod implied;
mod index;
mod input;
mod keepers;
mod live_words;
mod matching;
mod membership;
mod model;
mod named;
mod narrowed;
mod observe;
mod only_expired;
mod order;
mod persons;
pub mod render;
mod reserved;
mod resolve;
mod row_guards;
mod rows;
mod saved;
mod settings;
mod sought;
mod standing;
mod tally;
mod target;
mod upcoming;
mod walk;
mod whose;

pub use ceilings::{Total, exceeds_total, limit_total};
pub use describe::{MAX_REASON_BYTES, live_lines};
pub use frame::{blocked, finish, unreadable};
pub use guard::{Guard, GuardRefusal};
pub use hold::{Hold, HoldName};
pub use index::LoneResources;
pub use input::{Input, Planned};
pub use model::{
    Counts, FileProblem, FindingKind, Origin, OriginKind, PLAN_VERSION, Plan, ReadingSummary, Removal, Row, Status,
    TargetPlan, TargetState, Ticket,
};
pub use only_expired::{Newest, OnlyExpired, effective_end};
pub use order::{OrderRefused, order_one};
pub use settings::{Confirmation, Settings, frozen_why};
pub use target::plan_target;
pub use upcoming::{MAX_UPCOMING, Upcoming, UpcomingKind};

use crate::{
    access::{Entry, Life, Object, Pattern, SelectField, Selector, Shape, Value},
    policy::Declaration,
};

/// Whether an entry gives no access any more.
fn is_dead(entry: &Entry) -> bool {
    matches!(entry.life, Life::Dead(_))
}

/// Whether nothing is declared by it any more: its end, or its holder's, has passed.
fn is_over(declaration: &Declaration, now: jiff::Timestamp) -> bool {
    let left = declaration.person.as_ref().and_then(|person| person.until);
    [declaration.limits.expires, left].into_iter().flatten().any(|end| end <= now)
}

/// A word for a command line: quoted where the shell would take it apart.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The entry that a declaration would match, as far as its text tells: for asking whether it would lie in a set.
fn imagined(declaration: &Declaration, system: &str) -> Entry {
    let person = declaration.person.as_ref().map(|person| {
        let id = person.known_by(system).cloned().unwrap_or_default();
        let names = person.email.iter().cloned().collect();
        std::sync::Arc::new(Object {
            class: "user".into(),
            id,
            names,
            called: None,
            parent: None,
            people: None,
            typed: false,
        })
    });
    let values =
        declaration.kind.fields.iter().zip(&declaration.values).map(|(field, value)| match (&field.shape, &person) {
            (Shape::Person, Some(person)) => Value::Object(std::sync::Arc::clone(person)),
            _ => value.clone(),
        });
    Entry {
        kind: declaration.kind,
        id: declaration.key.clone(),
        handle: None,
        values: values.collect(),
        principal: person.clone(),
        label: None,
        created_at: None,
        expires_at: None,
        last_used_at: None,
        life: Life::Live,
        facts: None,
    }
}

/// A selector in words, as far as it can be told without its kind.
fn selector_words(selector: &Selector) -> String {
    let patterns = |patterns: &[Pattern]| patterns.iter().map(Pattern::to_string).collect::<Vec<_>>().join(" or ");
    let condition = |condition: &crate::access::Condition| match condition.field {
        SelectField::Principal => format!("principal {}", patterns(&condition.any_of)),
        SelectField::Label => format!("label {}", patterns(&condition.any_of)),
        SelectField::Field(_) => patterns(&condition.any_of),
    };
    selector.conditions.iter().map(condition).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(crate) mod tests;
