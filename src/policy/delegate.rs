//! What each path of the policy tree may act on.

use crate::access::{
    Condition, FieldRole, Kind, Pattern, Person, SelectField, Selector, Selectors, Shape, Text, Value,
};

use super::{Delegated, file::Part};

/// Something of a file that lies outside of what is given to its path.
#[derive(Debug)]
pub struct Outside {
    /// The target.
    pub target: Text,
    /// The list.
    pub list: &'static str,
    /// The line.
    pub line: u32,
}

/// The first thing of each target and list that cannot be shown to lie within what is given to the file's path.
pub fn outside(file: &str, part: &Part, delegated: &[Delegated]) -> Vec<Outside> {
    let mut outside: Vec<Outside> = Vec::new();
    for target in &part.targets {
        let mut add = |kind: &'static Kind, line: u32| {
            if !outside.iter().any(|known| known.target == *target && known.list == kind.list) {
                outside.push(Outside { target: target.clone(), list: kind.list, line });
            }
        };
        let given: Vec<&Delegated> =
            delegated.iter().filter(|one| one.target == *target && path_fits(&one.path, file)).collect();
        let within = |kind: &'static Kind| -> Selectors {
            let mut any = Vec::new();
            for (_, selectors) in given.iter().flat_map(|one| &one.within).filter(|(of, _)| of.list == kind.list) {
                match selectors {
                    Selectors::All => return Selectors::All,
                    Selectors::Any(more) => any.extend(more.iter().cloned()),
                }
            }
            Selectors::Any(any)
        };
        let mut last: Option<(&'static Kind, Selectors)> = None;
        let mut lies_within = |kind: &'static Kind, own: &Selectors| {
            if last.as_ref().is_none_or(|(of, _)| of.list != kind.list) {
                last = Some((kind, within(kind)));
            }
            last.as_ref().is_some_and(|(_, given)| own.lie_in(given))
        };
        let items = part
            .declarations
            .iter()
            .map(|one| &one.declaration)
            .map(|one| (one.kind, &one.values, &one.person, one.places.first().map_or(0, |place| place.line)))
            .chain(part.absents.iter().map(|one| (one.kind, &one.values, &one.person, one.place.line)))
            .chain(part.holds.iter().map(|one| (one.kind, &one.values, &one.person, one.place.line)));
        for (kind, values, person, line) in items {
            if !lies_within(kind, &Selectors::Any(vec![literal(kind, values, person.as_deref())])) {
                add(kind, line);
            }
        }
        for set in &part.sets {
            if !lies_within(set.kind, &set.select) {
                add(set.kind, set.place.line);
            }
        }
    }
    outside
}

/// A selector of exactly what an item names, as far as its text tells.
fn literal(kind: &'static Kind, values: &[Value], person: Option<&Person>) -> Selector {
    let mut conditions = Vec::new();
    let mut add = |field: SelectField, text: &str, ignore_case: bool| {
        conditions.push(Condition { field, any_of: vec![Pattern::literal(text)], ignore_case });
    };
    for (index, (field, value)) in kind.fields.iter().zip(values).enumerate() {
        // What is declared of the content says nothing of the live entry that the item reaches.
        if field.role == FieldRole::Content {
            continue;
        }
        match (&field.shape, value) {
            (Shape::Person, _) => {
                if let Some(email) = person.and_then(|person| person.email.as_ref()) {
                    add(SelectField::Field(index), email, true);
                    add(SelectField::Principal, email, true);
                }
            }
            (_, Value::Text(text)) => add(SelectField::Field(index), text, false),
            _ => {}
        }
    }
    Selector { conditions }
}

/// Whether a path lies in a glob over paths: `**` is any number of segments, `*` any part of one.
fn path_fits(glob: &str, path: &str) -> bool {
    let glob: Vec<&str> = glob.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    // reach[i] tells whether the first i segments of the path fit the glob so far: linear in both, whatever the stars.
    let mut reach: Vec<bool> = std::iter::once(true).chain(path.iter().map(|_| false)).collect();
    for part in glob {
        let mut next = vec![false; reach.len()];
        let mut any_before = false;
        for (index, (here, fits)) in reach.iter().zip(&mut next).enumerate() {
            if part == "**" {
                any_before |= here;
                *fits = any_before;
            } else if let Some(before) = index.checked_sub(1) {
                let segment = path.get(before).copied().unwrap_or("");
                *fits = reach.get(before).copied().unwrap_or(false) && segment_fits(part, segment);
            }
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

fn segment_fits(glob: &str, segment: &str) -> bool {
    // A backslash is no escape in paths.
    Pattern::parse(&glob.replace('\\', r"\\")).is_ok_and(|pattern| pattern.matches(segment))
}

#[cfg(test)]
mod tests {
    use super::path_fits;

    #[test]
    fn two_stars_cross_segments_and_one_star_does_not() {
        assert!(path_fits("data/**", "data/a.yaml") && path_fits("data/**", "data/b/c.yaml"));
        assert!(!path_fits("data/**", "database/a.yaml") && !path_fits("data/*", "data/b/c.yaml"));
        assert!(path_fits("**/s3.yaml", "s3.yaml") && path_fits("a/**/z.yaml", "a/b/c/z.yaml"));
        assert!(path_fits("team-*/x.yaml", "team-a/x.yaml") && !path_fits("team-*/x.yaml", "x.yaml"));
        assert!(path_fits("**", "a/b") && !path_fits("", "a"));
    }
}
