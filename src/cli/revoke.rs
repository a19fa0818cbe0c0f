//! `portcullis revoke`: one entry, now.

use super::{
    Exit,
    failure::Result,
    output,
    resolve::{Context, seconds},
    signals, terminal, work,
};
use crate::{
    access::Kind,
    plan::{MAX_REASON_BYTES, OriginKind, Plan, Row, Status, render::neutral},
    policy::Place,
    run::Loaded,
};

/// Revoke one entry now, for a leaked token
///
/// Passes observe, notice, freeze, floor, share and count, and counts among what later runs find sent; never passes own,
/// protected or the last control of a gateway. What stops all writing holds it too: the stop file, PORTCULLIS_OBSERVE=1, or a
/// pause of a daemon of this journal (`--past-pause` passes that one).
/// Works with an ephemeral journal, and beside broken policy files: they are told on standard error and do not change the exit
/// code, but where they leave open what is own or protected, nothing is sent. Prints the line to change in Git, so that the
/// entry does not come back.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis revoke s2-production service/old-export --because 'SEC-9: leaked in a log'
  portcullis revoke pinata-acme 7f3a… --kind api_keys --because 'SEC-12' --yes")]
pub struct RevokeArgs {
    /// The target
    #[arg(value_name = "TARGET")]
    pub at: String,
    /// The entry's id, as `plan` and `snapshot` show it
    #[arg(value_name = "ENTRY")]
    pub entry: String,
    /// Why, at most 255 bytes; goes to the system where it takes a reason, and into the journal
    #[arg(long, value_name = "TEXT", value_parser = because)]
    pub because: String,
    /// The list it is in, where several kinds have this id
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Send though a person paused a daemon of this journal
    #[arg(long)]
    pub past_pause: bool,
    /// How long to wait for the answer at the prompt, in seconds or as a span (2m); then nothing is sent
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value_t = super::prompt::ANSWER_WAIT.as_secs())]
    pub answer_within: u64,
    /// Begin a new journal where there is none
    #[arg(long)]
    pub new_journal: bool,
    /// How long to wait for another process on the same target, in seconds or as a span (2m); left out: 30 seconds more than
    /// the target's `settle`
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub lock_wait: Option<u64>,
}

fn because(typed: &str) -> std::result::Result<String, String> {
    visible_line(typed, "say why: it goes into the journal")
}

/// What a person types to stand in the journal: one short line that shows what it is.
///
/// # Errors
/// `empty` where nothing was typed; else what is wrong with it.
pub fn visible_line(typed: &str, empty: &str) -> std::result::Result<String, String> {
    match typed.trim() {
        "" => Err(empty.to_owned()),
        text if text.len() > MAX_REASON_BYTES => {
            Err(format!("it takes at most {} bytes, this has {}", MAX_REASON_BYTES, text.len()))
        }
        text if text.chars().any(neutral::is_unsafe) => Err("write one line of visible characters".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// Looks, asks and sends.
///
/// # Errors
/// The target or the entry is not known, a guard that no order passes holds it, or nobody gave consent.
pub async fn run(context: &Context, args: &RevokeArgs) -> Result<Exit> {
    let has_to_ask = terminal::has_to_ask(args.yes, false, context.can_ask)?;
    let report = work::revoke(context, args, has_to_ask, &signals::listen()?).await?;
    output::report(context, &report)?;
    Ok(report.exit)
}

/// What to change in Git so that the entry does not come back: where it is declared, by its id or otherwise, and the
/// `absent:` item that keeps it away, whatever declares it.
pub fn lines_for_git(loaded: &Loaded, target: &str, because: &str, plan: Option<&Plan>) -> Vec<String> {
    let mut lines = Vec::new();
    let rows = plan.into_iter().flat_map(|plan| &plan.targets).flat_map(|target| &target.rows);
    for row in rows.filter(|row| row.status == Status::Change) {
        let policy = loaded.policies.targets.get(target);
        let declarations = policy.map_or(&[][..], |policy| policy.declarations.as_slice());
        let file_of = |place: Place| policy?.files.get(place.file as usize).map(|file| file.name.as_str());
        let is_origin = |place: Place| {
            let declared = row.origin.as_ref().filter(|origin| origin.what == OriginKind::Declaration);
            declared.is_some_and(|at| at.line == place.line && file_of(place) == Some(at.file.as_str()))
        };
        let named = declarations.iter().filter(|one| {
            let exact = one.kind.exact_field().and_then(|index| one.values.get(index));
            let by_id = exact.is_some_and(|value| value.any_spelling(|text| text == row.id));
            one.kind.name == row.kind && (by_id || one.places.iter().any(|&place| is_origin(place)))
        });
        for &place in named.flat_map(|one| &one.places) {
            let file = file_of(place).unwrap_or_default();
            lines.push(format!("in Git, remove the declaration at {file}:{}", place.line));
        }
        let description = loaded.config.targets.get(target).map(|target| target.description);
        if let Some(kind) = description.and_then(|description| description.kind_by_name(&row.kind)) {
            lines.push(format!(
                "in Git, keep it away with: absent: {{ {}: [{{ {}, justification: {} }}] }}",
                kind.list,
                identity(kind, row),
                quoted(because)
            ));
        }
    }
    lines
}

/// The fields that name exactly this entry, as they stand in a file.
fn identity(kind: &Kind, row: &Row) -> String {
    let names = kind.identities.first().copied().unwrap_or(&[]);
    let Some((last, before)) = names.split_last() else { return String::new() };
    let value = |name: &str| row.live.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let mut fields: Vec<String> =
        before.iter().filter_map(|name| value(name).map(|value| format!("{name}: {value}"))).collect();
    fields.push(format!("{last}: {}", quoted(&row.id)));
    fields.join(", ")
}

/// A text that YAML takes as this text, whatever is in it.
fn quoted(text: &str) -> String {
    neutral::json(&serde_json::Value::from(text).to_string())
}

#[cfg(test)]
mod tests {
    use super::because;

    #[test]
    fn a_reason_is_one_short_visible_line() {
        assert_eq!(because(" SEC-9: leaked ").unwrap(), "SEC-9: leaked");
        assert!(because("  ").is_err());
        assert!(because(&"ä".repeat(128)).is_err(), "bytes count, not characters");
        assert!(because(&"ä".repeat(127)).is_ok());
        assert!(because("a\u{202e}b").is_err() && because("a\nb").is_err());
    }
}
