//! Limits of declarations and `allow` items. One that the system cannot answer is refused.

use jiff::SignedDuration;

use crate::{
    access::{Kind, Limit},
    yaml::{Fields, Node, Reporter, get, quoted},
};

use super::Limits;

/// Every limit.
pub const ALL: [Limit; 5] = [Limit::Expires, Limit::MaxAge, Limit::MaxIdle, Limit::MaxUnused, Limit::MustExpireWithin];

/// The limits of an item, out of those that the kind answers there.
pub fn read(
    system: &str,
    fields: &Fields<'_, '_>,
    kind: &'static Kind,
    answers: &[Limit],
    reporter: &mut Reporter<'_>,
) -> Limits {
    let expires = fields.get(Limit::Expires.name()).and_then(|node| {
        check(system, Limit::Expires, kind, answers, node, reporter)?;
        get::end(node, "`expires`", reporter)
    });
    Limits {
        expires,
        max_age: duration(system, fields, Limit::MaxAge, kind, answers, reporter),
        max_idle: duration(system, fields, Limit::MaxIdle, kind, answers, reporter),
        max_unused: duration(system, fields, Limit::MaxUnused, kind, answers, reporter),
    }
}

/// A limit that is a duration.
pub fn duration(
    system: &str,
    fields: &Fields<'_, '_>,
    limit: Limit,
    kind: &'static Kind,
    answers: &[Limit],
    reporter: &mut Reporter<'_>,
) -> Option<SignedDuration> {
    let node = fields.get(limit.name())?;
    check(system, limit, kind, answers, node, reporter)?;
    let duration = get::duration(node, &quoted(limit.name()), reporter)?;
    if duration.is_zero() {
        reporter.report(node, format!("`{}` is nothing, so that every entry would be due", limit.name()));
        return None;
    }
    Some(duration)
}

fn check(
    system: &str,
    limit: Limit,
    kind: &'static Kind,
    answers: &[Limit],
    node: &Node<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<()> {
    if answers.contains(&limit) {
        return Some(());
    }
    let known: Vec<&str> = answers.iter().map(|limit| limit.name()).collect();
    let hint = match known.as_slice() {
        [] => "it can answer no limit here".to_owned(),
        known => format!("it can answer {}", known.join(", ")),
    };
    let message = format!("{} cannot answer `{}` for {}", system, limit.name(), quoted(kind.list));
    reporter.report_with(node, message, hint);
    None
}
