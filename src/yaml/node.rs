//! The tree that a file is read into.

use std::borrow::Cow;

/// A stretch of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The line, from 1; 0 where it is the whole file.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// Bytes from the beginning of the text (after a byte order mark).
    pub offset: u32,
    /// How many bytes it covers; 0 for a mapping or list, which is marked at its beginning.
    pub length: u32,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// What it is.
    pub value: NodeValue<'a>,
    /// Where it begins.
    pub at: Mark,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeValue<'a> {
    /// Nothing, `~` or an unquoted `null`.
    Null,
    /// One word or text.
    Scalar(Scalar<'a>),
    /// A list.
    List(Box<[Node<'a>]>),
    /// A mapping in the order of the file. Duplicate keys are all in here, and reported.
    Map(Box<[(Key<'a>, Node<'a>)]>),
}

/// One word or text, escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Whether it is in quotes or a block, so that it can be nothing but text.
    pub quoted: bool,
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Where it stands.
    pub at: Mark,
}

impl<'a> Node<'a> {
    /// What it is, in words for a message.
    pub fn what(&self) -> &'static str {
        match &self.value {
            NodeValue::Null => "nothing",
            NodeValue::Scalar(_) => "a single value",
            NodeValue::List(_) => "a list",
            NodeValue::Map(_) => "a mapping",
        }
    }

    /// The items, where it is a list.
    pub fn as_list(&self) -> Option<&[Node<'a>]> {
        match &self.value {
            NodeValue::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, where it is a mapping.
    pub fn as_map(&self) -> Option<&[(Key<'a>, Node<'a>)]> {
        match &self.value {
            NodeValue::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The scalar, where it is one.
    pub fn as_scalar(&self) -> Option<&Scalar<'a>> {
        match &self.value {
            NodeValue::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }

    /// Whether it is exactly this word.
    pub fn is_word(&self, word: &str) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.text == word)
    }

    /// The value of a key, where it is a mapping that has it; of duplicates the first.
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.as_map()?.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
    }
}
