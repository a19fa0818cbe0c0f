//! What is wrong with a file, and where.

/// One problem of one file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as shown.
    pub file: String,
    /// The line, from 1; 0 where the problem is the whole file.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do ("did you mean `expires`?").
    pub hint: Option<String>,
    /// The problem rendered for people: the line shown, the place marked. Plain text, no colour, neutralized.
    pub rendered: String,
}
