//! Scopes of S2 tokens: how far a live one goes beyond a declared one.
//!
//! The rights of a token are the union of its operations and its groups. A group also covers operations that S2 adds to it
//! later, so it is never expanded into a list: an operation may lie in a group, a group never in operations.

use crate::access::{Gap, Region, Shape, Text, Value, by_shape, part};

use super::description::{BASINS, GROUPS, KNOWN_OPS, OPS, SCOPE_FIELDS, STREAMS, TOKENS};

/// The operations that a group surely contains: those that both of the vendor's published tables, which disagree, put in it.
fn surely_in(group: &str) -> &'static [&'static str] {
    match group {
        "account.read" => &["list-basins", "list-access-tokens", "account-metrics"],
        "account.write" => {
            &["create-basin", "delete-basin", "reconfigure-basin", "issue-access-token", "revoke-access-token"]
        }
        "basin.read" => &["list-streams", "basin-metrics"],
        "basin.write" => &["create-stream", "delete-stream", "reconfigure-stream"],
        "stream.read" => &["check-tail", "read", "stream-metrics"],
        "stream.write" => &["append", "trim", "fence"],
        _ => &[],
    }
}

/// The operations that a group may contain: only one of the two tables puts them in it, or neither tells their group.
fn maybe_in(group: &str) -> &'static [&'static str] {
    match group {
        "account.read" => &["list-locations", "get-default-location", "set-default-location"],
        "account.write" => &["get-basin-config", "list-locations", "get-default-location", "set-default-location"],
        "basin.read" => &["get-basin-config"],
        "basin.write" | "stream.read" => &["get-stream-config"],
        _ => &[],
    }
}

/// Compares a declared scope with a live one. Absent, null and the exact empty name are all "none".
pub(super) fn compare(declared: &Value, live: &Value) -> Gap {
    let mut gap = Gap::default();
    for index in [BASINS, STREAMS, TOKENS] {
        if let Some(field) = SCOPE_FIELDS.get(index) {
            let (declared, live) = (none_if_empty(part(declared, index)), none_if_empty(part(live, index)));
            gap.join(by_shape(&format!("scope.{}", field.name), &Shape::Region, declared, live));
        }
    }
    if let Some(field) = SCOPE_FIELDS.get(GROUPS) {
        gap.join(by_shape("scope.op_groups", &field.shape, part(declared, GROUPS), part(live, GROUPS)));
    }
    for op in words(part(live, OPS)) {
        let groups = part(declared, GROUPS);
        if !words(part(declared, OPS)).contains(op) && !any_has(surely_in, op, groups) {
            let excess = KNOWN_OPS.contains(&op.as_str()) && !any_has(maybe_in, op, groups);
            let side = if excess { &mut gap.excess } else { &mut gap.unknown };
            side.push(format!("scope.ops: {op}"));
        }
    }
    for op in words(part(declared, OPS)) {
        if !words(part(live, OPS)).contains(op) && !any_has(surely_in, op, part(live, GROUPS)) {
            gap.less.push(format!("scope.ops: {op}"));
        }
    }
    gap
}

/// Whether a token with this scope may revoke tokens, and so could be the one in use.
pub(super) fn revokes_tokens(scope: &Value) -> bool {
    let may = words(part(scope, OPS)).iter().any(|op| op == "revoke-access-token")
        || words(part(scope, GROUPS)).iter().any(|group| group == "account.write");
    may && !none_if_empty(part(scope, TOKENS)).is_absent()
}

fn none_if_empty(region: &Value) -> &Value {
    match region {
        Value::Region(Region::Exact(name)) if name.is_empty() => &Value::Absent,
        other => other,
    }
}

fn words(set: &Value) -> &[Text] {
    match set {
        Value::Set(words) => words,
        _ => &[],
    }
}

fn any_has(ops_in: fn(&str) -> &'static [&'static str], op: &Text, groups: &Value) -> bool {
    words(groups).iter().any(|group| ops_in(group).contains(&op.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{compare, revokes_tokens};
    use crate::access::{Region, Value};

    fn set(words: &[&str]) -> Value {
        Value::set(words.iter().map(|&word| word.into()))
    }

    fn scope(tokens: Value, groups: &[&str], ops: &[&str]) -> Value {
        Value::Record([Value::Absent, Value::Absent, tokens, set(groups), set(ops)].into())
    }

    fn prefix(text: &str) -> Value {
        Value::Region(Region::Prefix(text.into()))
    }

    #[test]
    fn every_spelling_of_none_is_the_same() {
        let nothing = Value::Record([const { Value::Absent }; 5].into());
        let spelled = scope(Value::Region(Region::Exact("".into())), &[], &[]);
        assert!(compare(&nothing, &spelled).is_empty());
        assert!(compare(&spelled, &nothing).is_empty());
        assert!(compare(&Value::Absent, &spelled).is_empty());
    }

    #[test]
    fn an_operation_in_a_declared_group_is_no_excess_and_a_group_never_lies_in_operations() {
        let group = scope(Value::Absent, &["stream.read"], &[]);
        let ops = scope(Value::Absent, &[], &["check-tail", "read", "stream-metrics"]);
        assert!(compare(&group, &ops).excess.is_empty());
        assert_eq!(compare(&group, &ops).less, ["op_groups: stream.read"].map(|less| format!("scope.{less}")));
        assert_eq!(compare(&ops, &group).excess, ["scope.op_groups: stream.read"]);
        assert!(compare(&ops, &group).less.is_empty());
    }

    #[test]
    fn where_the_published_tables_disagree_or_are_silent_nobody_can_tell_whether_an_operation_is_more() {
        for (group, op) in [
            ("account.write", "get-basin-config"),
            ("basin.read", "get-basin-config"),
            ("basin.write", "get-stream-config"),
            ("stream.read", "get-stream-config"),
            ("account.read", "list-locations"),
        ] {
            let declared = scope(Value::Absent, &[group], &[]);
            let gap = compare(&declared, &scope(Value::Absent, &[group], &[op]));
            assert_eq!((gap.excess.len(), &gap.unknown[..]), (0, &[format!("scope.ops: {op}")][..]));
            // The other way round it is not known to be there.
            assert_eq!(compare(&scope(Value::Absent, &[], &[op]), &declared).less, [format!("scope.ops: {op}")]);
        }
        let declared = scope(Value::Absent, &["stream.write"], &[]);
        let live = scope(Value::Absent, &["stream.write"], &["get-stream-config"]);
        assert_eq!(compare(&declared, &live).excess, ["scope.ops: get-stream-config"], "no table puts it there");
    }

    #[test]
    fn an_operation_that_is_not_known_is_never_excess() {
        let gap = compare(&scope(Value::Absent, &[], &[]), &scope(Value::Absent, &["zone.read"], &["levitate"]));
        assert!(gap.excess.is_empty());
        assert_eq!(gap.unknown, ["scope.op_groups: zone.read", "scope.ops: levitate"]);
    }

    #[test]
    fn a_wider_region_is_excess_and_a_narrower_one_is_less() {
        let (wide, narrow) = (scope(prefix(""), &[], &[]), scope(prefix("ci/"), &[], &[]));
        assert_eq!(compare(&narrow, &wide).excess.len(), 1);
        assert_eq!(compare(&wide, &narrow).less.len(), 1);
        assert_eq!(compare(&scope(Value::Absent, &[], &[]), &narrow).excess.len(), 1);
    }

    #[test]
    fn only_an_operation_with_tokens_in_reach_revokes_tokens() {
        assert!(revokes_tokens(&scope(prefix(""), &[], &["revoke-access-token"])));
        assert!(revokes_tokens(&scope(prefix("ci/"), &["account.write"], &[])));
        assert!(!revokes_tokens(&scope(Value::Absent, &["account.write"], &[])));
        assert!(!revokes_tokens(&scope(Value::Region(Region::Exact("".into())), &["account.write"], &[])));
        assert!(!revokes_tokens(&scope(prefix(""), &["account.read"], &["issue-access-token"])));
    }
}
