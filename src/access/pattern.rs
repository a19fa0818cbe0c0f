//! Globs of selectors: `*` stands for any text, `/` included; `\*` is a star, `\\` a backslash. Nothing else is special.

use std::fmt;

/// A glob, matched in time linear in the text for each star.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    // The literal pieces between stars: n stars make n + 1 pieces.
    pieces: Box<[Box<str>]>,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Empty text.
    #[error("an empty pattern matches nothing")]
    Empty,
    /// A backslash before something that needs none.
    #[error("a backslash may stand only before `*` or another backslash")]
    BadEscape,
}

impl Pattern {
    /// Reads a glob.
    ///
    /// # Errors
    /// [`PatternError`] for an empty text or a stray backslash.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut pieces = Vec::new();
        let mut piece = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '*' => pieces.push(std::mem::take(&mut piece).into_boxed_str()),
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '\\')) => piece.push(escaped),
                    _ => return Err(PatternError::BadEscape),
                },
                c => piece.push(c),
            }
        }
        pieces.push(piece.into_boxed_str());
        Ok(Self { pieces: pieces.into() })
    }

    /// A pattern that matches exactly this text.
    pub fn literal(text: &str) -> Self {
        Self { pieces: Box::new([text.into()]) }
    }

    /// The pattern of every text that begins as this literal one is.
    #[must_use]
    pub fn followed_by_anything(&self) -> Self {
        Self { pieces: self.pieces.iter().cloned().chain(std::iter::once("".into())).collect() }
    }

    /// What every text that fits begins with; empty where it may begin with anything.
    pub fn beginning(&self) -> &str {
        self.pieces.first().map_or("", |first| first)
    }

    /// Whether it is written in ASCII alone.
    pub fn is_ascii(&self) -> bool {
        self.pieces.iter().all(|piece| piece.is_ascii())
    }

    /// The text, where it has no star.
    pub fn as_literal(&self) -> Option<&str> {
        match &*self.pieces {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Whether the whole text fits.
    pub fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &*self.pieces else {
            return self.pieces.first().is_some_and(|only| **only == *text);
        };
        let Some(mut rest) = text.strip_prefix(&**first) else {
            return false;
        };
        for piece in middle {
            match rest.find(&**piece) {
                Some(at) => rest = rest.get(at + piece.len()..).unwrap_or(""),
                None => return false,
            }
        }
        rest.ends_with(&**last)
    }

    /// The same without regard to ASCII case, for e-mail addresses.
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        if let Some(literal) = self.as_literal() {
            return literal.eq_ignore_ascii_case(text);
        }
        self.folded(str::to_ascii_lowercase).matches(&text.to_ascii_lowercase())
    }

    /// The pattern with each of its literal pieces written another way.
    #[must_use]
    pub fn folded(&self, fold: impl Fn(&str) -> String) -> Self {
        Self { pieces: self.pieces.iter().map(|piece| fold(piece).into()).collect() }
    }

    /// Whether everything that fits this pattern can be shown to fit `other`. Never true wrongly; may be false where a
    /// cleverer proof would find it true.
    pub fn lies_in(&self, other: &Self) -> bool {
        if let Some(text) = self.as_literal() {
            return other.matches(text);
        }
        let [other_first, other_middle @ .., other_last] = &*other.pieces else {
            return false;
        };
        let [own_first, own_middle @ .., own_last] = &*self.pieces else {
            return false;
        };
        let (Some(head), Some(tail)) = (own_first.strip_prefix(&**other_first), own_last.strip_suffix(&**other_last))
        else {
            return false;
        };
        // Each middle piece of the other must be found, in order, within one of the own literal pieces.
        let mut own = std::iter::once(head).chain(own_middle.iter().map(|piece| &**piece)).chain(std::iter::once(tail));
        let mut rest = own.next().unwrap_or("");
        for piece in other_middle {
            loop {
                if let Some(at) = rest.find(&**piece) {
                    rest = rest.get(at + piece.len()..).unwrap_or("");
                    break;
                }
                match own.next() {
                    Some(next) => rest = next,
                    None => return false,
                }
            }
        }
        true
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                f.write_str("*")?;
            }
            f.write_str(&piece.replace('\\', "\\\\").replace('*', "\\*"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn a_star_crosses_slashes_and_an_escaped_star_is_a_star() {
        assert!(pattern("service/*").matches("service/a/b"));
        assert!(!pattern("service/*").matches("services"));
        assert!(pattern("a*b*c").matches("aXbYbZc"));
        assert!(!pattern("a*b*c").matches("acb"));
        assert!(pattern(r"a\*").matches("a*"));
        assert!(!pattern(r"a\*").matches("ab"));
        assert!(!pattern("ab*ba").matches("aba"), "the pieces may not overlap");
    }

    #[test]
    fn what_lies_in_another_pattern_is_shown_conservatively() {
        assert!(pattern("service/x").lies_in(&pattern("service/*")));
        assert!(pattern("service/a-*").lies_in(&pattern("service/*")));
        assert!(!pattern("serv*").lies_in(&pattern("service/*")));
        assert!(pattern("a*b*c").lies_in(&pattern("a*c")));
        assert!(!pattern("a*c").lies_in(&pattern("a*b*c")));
        assert!(!pattern("*").lies_in(&pattern("a")));
        assert!(!pattern("ab*ba").lies_in(&pattern("a*b*b*a")) || pattern("a*b*b*a").matches("abba"));
    }
}
