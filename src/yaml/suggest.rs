//! "Did you mean": the known name that is nearest to a misspelled one.

/// Names longer than this are not compared: nobody misspells them by a letter, and the work stays bounded.
const LONGEST: usize = 64;

/// How many known names of about the same length are compared at most.
const MAX_COMPARED: usize = 5_000;

/// The known name that `given` most likely means, if one is near enough: a third of its letters, at least one, may differ.
pub fn did_you_mean<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let given: Vec<char> = folded(given)?;
    let allowed = (given.len() / 3).max(1);
    let near = |name: &&str| name.chars().take(LONGEST + 1).count().abs_diff(given.len()) <= allowed;
    known
        .into_iter()
        .filter(near)
        .take(MAX_COMPARED)
        .filter_map(|name| folded(name).map(|letters| (distance(&given, &letters), name)))
        .filter(|(distance, name)| *distance <= allowed && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The letters without regard to case, dashes as underscores; nothing where there are too many.
fn folded(name: &str) -> Option<Vec<char>> {
    let letters: Vec<char> =
        name.chars().take(LONGEST + 1).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect();
    (letters.len() <= LONGEST).then_some(letters)
}

/// The least number of letters to add, drop, replace or swap with a neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["expires", "max_age", "id", "users"];
        assert_eq!(did_you_mean("expire", known), Some("expires"));
        assert_eq!(did_you_mean("max-age", known), Some("max_age"));
        assert_eq!(did_you_mean("uesrs", known), Some("users"));
        assert_eq!(did_you_mean("colour", known), None);
        assert_eq!(did_you_mean("x", known), None);
        assert_eq!(did_you_mean(&"x".repeat(10_000), known), None);
    }
}
