//! Texts of at most so many bytes.

/// At most so many bytes of a text, cut on a character boundary.
pub fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_text_is_cut_before_the_character_that_does_not_fit() {
        assert_eq!((cut("aé", 2), cut("aé", 3), cut("é", 1), cut("", 0)), ("a", "aé", "", ""));
    }
}
