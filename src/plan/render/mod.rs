//! A plan as text for people, Markdown for a pull request, and JSON for programs.
//!
//! Pure: no terminal, no clock, no environment. Whoever prints decides on colours and width and says what time it is, and
//! equal input gives equal bytes. Names from APIs are hostile and pass through [`neutral`] in every output.

mod diff;
mod json;
mod markdown;
pub mod neutral;
mod text;
mod words;

#[cfg(test)]
mod tests;

pub use diff::Diffs;
pub use json::{document, json};
pub use markdown::{COMMENT_LIMIT, MARKER, markdown};
pub use text::{TextOptions, text};
pub use words::{Sums, age, count, held};
