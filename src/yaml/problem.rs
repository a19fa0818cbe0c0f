//! What is wrong with a file, and where, as people see it.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, renderer::DecorStyle};

use super::{Mark, shown};

/// Bytes of a line shown before and after the place; what is further away is cut with `…`.
const AROUND: usize = 45;

/// The width that renderings are made for, in columns.
const WIDTH: usize = 200;

/// One problem of one file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as shown.
    pub file: String,
    /// The line, from 1; 0 where the problem is the whole file, the largest number where it stands after all others.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do ("did you mean `expires`?").
    pub hint: Option<String>,
    /// The piece of the line that is shown, where it may be.
    pub(super) excerpt: Option<Excerpt>,
}

impl Problem {
    /// One of a whole file. Texts are neutralized.
    pub fn of_file(file: impl Into<String>, message: impl AsRef<str>, hint: Option<&str>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 1,
            message: shown::neutral(message.as_ref()).into_owned(),
            hint: hint.map(|hint| shown::neutral(hint).into_owned()),
            excerpt: None,
        }
    }

    /// One that stands after all others of its file: how many there are besides.
    pub fn after_all(file: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self { line: u32::MAX, column: 0, ..Self::of_file(file, message, None) }
    }

    /// The same, without its line, which may hold a credential.
    pub fn unseen(self) -> Self {
        Self { excerpt: None, ..self }
    }

    /// The problem for people: the line shown, the place marked. Plain text, no colour, neutralized.
    pub fn rendered(&self) -> String {
        let file = shown::neutral(&self.file).replace('\n', "\\n");
        let mut group = Level::ERROR.primary_title(self.message.as_str()).elements(None::<Origin<'_>>);
        let (line, column) = (self.line, self.column);
        let has_place = line != 0 && line != u32::MAX;
        group = match &self.excerpt {
            Some(excerpt) => {
                let snippet = Snippet::source(excerpt.line.as_str())
                    .path(file.as_str())
                    .line_start(line as usize)
                    .annotation(AnnotationKind::Primary.span(excerpt.from..excerpt.to));
                group.element(snippet)
            }
            None if has_place => {
                group.element(Origin::path(file.as_str()).line(line as usize).char_column(column as usize))
            }
            None => group.element(Origin::path(file.as_str())),
        };
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let rendered = Renderer::plain().decor_style(DecorStyle::Ascii).term_width(WIDTH).render(&[group]);
        if !self.excerpt.as_ref().is_some_and(|excerpt| excerpt.cut) {
            return rendered;
        }
        // A line that was cut does not begin at column 1, so the true place is put in.
        let placed = |text: &str| match text.split_once("--> ") {
            Some((arrow, _)) if arrow.trim().is_empty() => format!("{arrow}--> {file}:{line}:{column}"),
            _ => text.to_owned(),
        };
        rendered.split('\n').map(placed).collect::<Vec<_>>().join("\n")
    }
}

/// A harmless piece of one line and what of it is marked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Excerpt {
    line: String,
    from: usize,
    to: usize,
    /// Whether its columns are not those of the file.
    cut: bool,
}

impl Excerpt {
    pub(super) fn around(source: &str, at: Mark) -> Option<Self> {
        let place = at.offset as usize;
        let floor = |mut index: usize| {
            index = index.min(source.len());
            while !source.is_char_boundary(index) {
                index -= 1;
            }
            index
        };
        let place = floor(place);
        let window = floor(place.saturating_sub(AROUND));
        let before = source.get(window..place)?;
        let line_start = before.rfind(['\n', '\r']).map(|index| window + index + 1);
        let start = line_start.unwrap_or(window);
        let cut_before = line_start.is_none() && window > 0;
        let after_window = floor(place + (at.length as usize).min(2 * AROUND) + AROUND);
        let after = source.get(place..after_window)?;
        let line_end = after.find(['\n', '\r']).map(|index| place + index);
        let end = line_end.unwrap_or(after_window);
        let cut_after = line_end.is_none() && after_window < source.len();
        let marked_end = floor((place + at.length as usize).clamp(place, end));

        let mut line = String::new();
        let mut put = |text: &str| {
            for c in text.chars() {
                match c {
                    '\t' => line.push(' '),
                    c if shown::is_unsafe(c) => line.extend(c.escape_unicode()),
                    c => line.push(c),
                }
            }
            line.len()
        };
        if cut_before {
            put("…");
        }
        let from = put(source.get(start..place)?);
        let to = put(source.get(place..marked_end)?);
        put(source.get(marked_end..end)?);
        if cut_after {
            put("…");
        }
        // An empty mark is shown as one character.
        let to = if to > from {
            to
        } else {
            line.get(from..).and_then(|rest| rest.chars().next()).map_or(from, |c| from + c.len_utf8())
        };
        Some(Self { line, from, to, cut: cut_before })
    }
}
