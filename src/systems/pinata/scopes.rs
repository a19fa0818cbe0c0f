//! Rights of API keys: which of them lie within others.
//!
//! The vendor says that `write` includes `read`, and an admin key may do everything. Whether the account-wide `org:write` and
//! `org:read` reach every resource it does not say, so nothing that could lie in them is excess.

use crate::access::{Gap, Text, Value};

use super::description::KNOWN_SCOPES;

/// How surely a right lies within others. The order is from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Within {
    No,
    NothingTells,
    Yes,
}

/// Compares declared rights with live ones.
pub(super) fn compare(declared: &Value, live: &Value) -> Gap {
    let (declared, live) = (words(declared), words(live));
    let mut gap = Gap::default();
    for right in live {
        match within(right, declared) {
            Within::Yes => {}
            Within::No if KNOWN_SCOPES.contains(&right.as_str()) => gap.excess.push(format!("scopes: {right}")),
            Within::No | Within::NothingTells => gap.unknown.push(format!("scopes: {right}")),
        }
    }
    let less = declared.iter().filter(|right| within(right, live) != Within::Yes);
    gap.less.extend(less.map(|right| format!("scopes: {right}")));
    gap
}

fn words(set: &Value) -> &[Text] {
    match set {
        Value::Set(words) => words,
        _ => &[],
    }
}

fn within(right: &str, others: &[Text]) -> Within {
    others.iter().map(|other| lies_in(right, other)).max().unwrap_or(Within::No)
}

fn lies_in(right: &str, other: &str) -> Within {
    if right == other || other == "admin" {
        return Within::Yes;
    }
    let Some((reach, level)) = organization(right) else { return Within::No };
    let Some((wider, most)) = organization(other) else { return Within::No };
    let levels_fit = level == most || (level, most) == ("read", "write");
    match (levels_fit, reach == wider, wider) {
        (true, true, _) => Within::Yes,
        (true, false, None) => Within::NothingTells,
        _ => Within::No,
    }
}

/// `org:files:read` as its resource and its level; `org:read` has no resource.
fn organization(right: &str) -> Option<(Option<&str>, &str)> {
    let right = right.strip_prefix("org:")?;
    Some(right.rsplit_once(':').map_or((None, right), |(resource, level)| (Some(resource), level)))
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::access::{Gap, Value};

    fn gap(declared: &[&str], live: &[&str]) -> Gap {
        let set = |words: &[&str]| Value::set(words.iter().map(|&word| word.into()));
        compare(&set(declared), &set(live))
    }

    #[test]
    fn a_right_that_lies_in_a_declared_one_is_no_excess() {
        assert!(gap(&["org:files:write"], &["org:files:read", "org:files:write"]).is_empty());
        assert!(gap(&["org:files:read", "org:files:write"], &["org:files:write"]).is_empty());
        assert!(gap(&["org:write"], &["org:write", "org:read"]).is_empty());
        assert!(gap(&["admin"], &["admin", "endpoints.pinning.unpin", "org:groups:write", "levitate"]).is_empty());
        assert!(gap(&[], &[]).is_empty());
    }

    #[test]
    fn more_is_excess_and_less_is_less() {
        assert_eq!(gap(&["org:files:read"], &["org:files:write"]).excess, ["scopes: org:files:write"]);
        assert_eq!(gap(&["org:files:write"], &["org:files:read"]).less, ["scopes: org:files:write"]);
        assert_eq!(gap(&["org:files:write"], &["org:groups:read"]).excess, ["scopes: org:groups:read"]);
        assert_eq!(gap(&["org:files:write"], &["admin"]).excess, ["scopes: admin"]);
        assert!(gap(&["org:files:write"], &["admin"]).less.is_empty());
        assert_eq!(gap(&["org:files:read"], &["org:read"]).excess, ["scopes: org:read"]);
        assert_eq!(gap(&["org:read"], &["org:files:write"]).excess, ["scopes: org:files:write"]);
        assert_eq!(gap(&["org:write"], &["endpoints.pinning.unpin"]).excess, ["scopes: endpoints.pinning.unpin"]);
    }

    #[test]
    fn what_nothing_tells_is_never_excess() {
        let account_wide = gap(&["org:write"], &["org:write", "org:files:read", "org:groups:write"]);
        assert!(account_wide.excess.is_empty());
        assert_eq!(account_wide.unknown, ["scopes: org:files:read", "scopes: org:groups:write"]);
        assert_eq!(gap(&["org:files:read"], &["org:films:read"]).unknown, ["scopes: org:films:read"]);
    }
}
