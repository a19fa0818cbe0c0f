//! `portcullis history`: what the journal recorded.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    Exit,
    args::Format,
    failure::{Failure, Result},
    resolve::{Context, since},
    terminal, work,
};
use crate::{
    access::Text,
    config::JournalPlace,
    journal::{Filter, Journal, Mode, OutcomeKind, Record, RecordBody},
    plan::render::{count, document, neutral},
};

/// Show what was intended and what came of it
///
/// Reads the journal only; asks no system. `--verify` walks the whole hash chain instead and names the first broken record.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis history --since 2d
  portcullis history --target s2-production --id service/old-export
  portcullis history --principal ben@agency.example --format json
  portcullis history --verify")]
pub struct HistoryArgs {
    /// Only of this entry
    #[arg(long, value_name = "ENTRY")]
    pub id: Option<String>,
    /// Only of this holder
    #[arg(long, value_name = "WHO")]
    pub principal: Option<String>,
    /// Only since then: a time, a date, or a span back from now
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// At most so many records, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
    /// Check the hash chain
    #[arg(long, conflicts_with_all = ["id", "principal", "since"])]
    pub verify: bool,
}

/// The document of `history --format json`.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    records: &'a [Record],
}

/// Lists, or verifies.
///
/// # Errors
/// There is no journal, it cannot be read, or its chain is broken.
pub async fn run(context: &Context, args: &HistoryArgs) -> Result<Exit> {
    // The past of a target outlives its configuration.
    let config = work::config_for_any(context)?;
    let JournalPlace::File(path) = &config.journal else {
        return Err(Failure::new("an ephemeral journal keeps nothing").hint("name a file under `journal:`"));
    };
    let journal = Journal::open(path, Mode::Read).await?;
    if args.verify {
        let verified = journal.verify().await?;
        terminal::print(&match context.format {
            Format::Json => {
                document(&serde_json::json!({ "version": 1, "records": verified.records, "head": verified.head }))
            }
            Format::Text | Format::Markdown => {
                let records = count(verified.records, "record", "records");
                let last =
                    if verified.records == 0 { String::new() } else { format!(", the last hash is {}", verified.head) };
                format!("The chain is whole: {records}{last}\n")
            }
        })?;
        return Ok(Exit::Done);
    }
    for gone in context.targets.iter().filter(|target| !config.targets.contains_key(*target)) {
        terminal::say(&format!("note: {} has no target {gone} now", context.config.display()));
    }
    let (records, is_cut) = records(context, args, &journal).await?;
    if is_cut {
        terminal::say(&format!("note: older records are left out, the newest {} are shown: --limit N", args.limit));
    }
    let names = names(&journal, &records).await?;
    terminal::print(&match context.format {
        Format::Json => document(&Document { version: 1, records: &records }),
        Format::Markdown => records.iter().map(|one| format!("- {}\n", neutral::prose(&line(one, &names)))).collect(),
        Format::Text => records.iter().map(|one| format!("{}\n", neutral::sentence(&line(one, &names)))).collect(),
    })?;
    Ok(Exit::Done)
}

/// The newest records, and whether there are older ones.
async fn records(context: &Context, args: &HistoryArgs, journal: &Journal) -> Result<(Vec<Record>, bool)> {
    let mut filter = Filter {
        target: None,
        id: args.id.as_deref().map(Text::from),
        principal: args.principal.as_deref().map(Text::from),
        since: args.since.as_deref().map(|typed| since(typed, context.now)).transpose()?,
        // One more tells whether any is left out.
        limit: Some(args.limit.saturating_add(1)),
    };
    let mut all = Vec::new();
    if context.targets.is_empty() {
        all = journal.records(&filter).await?;
    }
    // The newest of several targets are among the newest of each.
    for target in &context.targets {
        filter.target = Some(target.clone());
        all.extend(journal.records(&filter).await?);
    }
    all.sort_by_key(|record| record.seq);
    all.dedup_by_key(|record| record.seq);
    let surplus = all.len().saturating_sub(args.limit as usize);
    all.drain(..surplus);
    Ok((all, surplus > 0))
}

/// What each intent that these records tell of is about: those among them, and those that are cut off before them.
async fn names(journal: &Journal, records: &[Record]) -> Result<HashMap<Text, String>> {
    let told = |record: &Record| match &record.body {
        body @ RecordBody::Intent { intent, .. } => Some((intent.clone(), subject(body))),
        _ => None,
    };
    let mut names: HashMap<Text, String> = records.iter().filter_map(told).collect();
    let others = records.iter().filter_map(|record| match &record.body {
        RecordBody::Outcome { intent, .. } if !names.contains_key(intent) => Some(intent.clone()),
        _ => None,
    });
    let others: Vec<Text> = others.collect();
    names.extend(journal.intents(&others).await?.iter().filter_map(told));
    Ok(names)
}

/// `access Slack [023a283b] of pete@example.com (undeclared)`; not neutralized yet.
fn subject(intent: &RecordBody) -> String {
    let RecordBody::Intent { kind, id, title, principal, cause, .. } = intent else { return String::new() };
    let name = if title.is_empty() || title == id.as_str() { id.to_string() } else { format!("{title} [{id}]") };
    let of = principal.as_ref().filter(|who| who.as_str() != title).map_or(String::new(), |who| format!(" of {who}"));
    format!("{kind} {name}{of} ({})", cause.name())
}

/// A record in one line; not neutralized yet.
fn line(record: &Record, names: &HashMap<Text, String>) -> String {
    let target = record.target.as_ref().map_or(String::new(), |target| format!(" {target}"));
    let told = match &record.body {
        RecordBody::RunStarted(info) => {
            let by = match (&info.reviewed_by, info.confirmed) {
                (Some(who), _) => format!(", reviewed by {who}"),
                (None, true) => ", confirmed by a person".to_owned(),
                (None, false) => ", unattended".to_owned(),
            };
            let at = info.revision.as_ref().map_or(String::new(), |commit| format!(", policies of commit {commit}"));
            format!("run began: {} {}{by}{at}", info.command, info.version)
        }
        RecordBody::RunEnded { cut_off: true, .. } => "run was cut off; a later start closed it".to_owned(),
        RecordBody::RunEnded { exit_code, .. } => format!("run ended with exit code {exit_code}"),
        RecordBody::AccountPinned { account_id } => format!("account pinned: {account_id}"),
        body @ RecordBody::Intent { intent, cause, reason, .. } => {
            // The reasons of most templates begin with the cause.
            let reason = reason.strip_prefix(cause.name()).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(reason);
            format!("intent {intent}: revoke {}: {reason}", subject(body))
        }
        RecordBody::Outcome { intent, outcome, .. } => {
            let status = outcome.status.map_or(String::new(), |status| format!(" [HTTP {status}]"));
            let of = names.get(intent).map_or(String::new(), |subject| format!(": {subject}"));
            let detail = if outcome.detail.is_empty() { String::new() } else { format!(": {}", outcome.detail) };
            format!("outcome {intent}: {}{status}{of}{detail}", outcome_name(outcome.kind))
        }
        RecordBody::Expected(expectation) => {
            format!("{} revocations announced until {:.0}", expectation.number, expectation.until)
        }
        RecordBody::ExpectationUsed => "the announced number was used".to_owned(),
        RecordBody::PlanUsedUp { digest } => format!("saved plan used up: {digest}"),
        RecordBody::Paused { because, until } => {
            let until = until.map_or(String::new(), |until| format!(" until {until:.0}"));
            format!("all writing of the daemon was stopped{until}: {because}")
        }
        RecordBody::Resumed => "writing goes on".to_owned(),
    };
    format!("#{} {} {}{target} {told}", record.seq, record.at.strftime("%F %TZ"), record.run).trim_end().to_owned()
}

fn outcome_name(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Done => "done",
        OutcomeKind::Gone => "gone already",
        OutcomeKind::InFlight => "in flight",
        OutcomeKind::Refused => "refused by the system",
        OutcomeKind::Failed => "failed",
        OutcomeKind::NotSent => "not sent",
        OutcomeKind::Untold => "still there, arrival not known",
        OutcomeKind::Unknown => "unknown yet",
    }
}
