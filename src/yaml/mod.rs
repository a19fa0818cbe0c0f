//! Bytes to a tree with places. Every trap of YAML is refused here, so that what is above sees plain mappings, lists and
//! scalars with their lines. Knows nothing of policies.
//!
//! [`parse()`] never fails as a whole: it gives what could be read and a [`Reporter`] that holds every problem so far. What
//! walks the tree reports into the same [`Reporter`], so that one call shows all that is wrong with a file. [`Fields`]
//! walks a mapping by its known names, the functions of [`mod@get`] read scalars as what they are meant to be.
//!
//! Refused with the place marked: text that is not UTF-8, control and direction-changing characters, several documents,
//! directives, anchors, aliases, merge keys, tags, duplicate keys, keys that are no plain names, and, where text is
//! wanted, unquoted scalars that some reader of YAML takes for something else (`no`, `010`, `1.10`, `12:30`).

mod fields;
pub mod get;
mod marked;
mod node;
mod parse;
mod plain;
mod problem;
mod reporter;
mod shown;
mod suggest;
#[cfg(test)]
mod tests;

pub use fields::Fields;
pub use marked::Marked;
pub use node::{Key, Mark, Node, NodeValue, Scalar};
pub use parse::{Bounds, Document, parse};
pub use plain::{Reads, reads_as};
pub use problem::Problem;
pub use reporter::Reporter;
pub use shown::{is_unsafe, neutral, quoted};
pub use suggest::did_you_mean;

/// The first control character of a text but line breaks and tabs.
fn control(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'))
}
