//! Runs that only look: `plan`, with or without credentials, and `snapshot`.

use std::collections::BTreeMap;

use super::{
    Loaded, Ready, RunError, RunReport, Wishes, checks, limit_all, paused, plan_all,
    planning::earlier,
    reach::Connect,
    read::{Reading, ToRead, read_all},
    record, selected,
    snapshot_file::{FromFile, SnapshotFileError},
};
use crate::{
    access::{PastRecord, Text},
    apply::{Clock, Progress},
    config::JournalPlace,
    journal::Journal,
    plan::Plan,
    wire::Unreadable,
};

/// What a plan is made from.
pub struct Show<'a> {
    /// Policies and configuration.
    pub loaded: &'a Loaded,
    /// What the caller asks for.
    pub wishes: &'a Wishes,
    /// Readings from files; where there are any, nothing is read live and only their targets are planned.
    pub files: Vec<FromFile>,
    /// The time.
    pub clock: Clock,
}

/// Refuses names of targets that are not there.
pub(super) fn known_targets(loaded: &Loaded, wishes: &Wishes) -> Result<(), RunError> {
    let unknown =
        wishes.only.iter().chain(wishes.stated.keys()).find(|name| !loaded.config.targets.contains_key(*name));
    match unknown {
        Some(name) => Err(RunError::UnknownTarget {
            name: name.to_string(),
            known: loaded.config.targets.keys().map(Text::as_str).collect::<Vec<_>>().join(", "),
        }),
        None => Ok(()),
    }
}

/// Makes a plan and sends nothing but reads. Nothing is written.
///
/// # Errors
/// [`RunError`]. Broken policies and unreadable targets are no errors here: they stand in the report.
pub async fn show(show: Show<'_>, connect: &dyn Connect, progress: &dyn Progress) -> Result<RunReport, RunError> {
    let Show { loaded, wishes, files, clock } = show;
    known_targets(loaded, wishes)?;
    let journal = record::to_read(&loaded.config).await?;
    let last_pause = match &journal {
        Some(journal) => journal.last_pause().await?,
        None => None,
    };
    let now = clock();
    let paused = || last_pause.as_ref().filter(|paused| paused.stands(now)).map(paused::why);
    let stopped = wishes.stopped.clone().or_else(paused);
    let wishes = &Wishes { stopped, last_pause, ..wishes.clone() };
    let mut report = RunReport { problems: loaded.problems.clone(), ..RunReport::default() };
    let all_know = !files.is_empty() && files.iter().all(|file| file.past.is_some());
    if let (None, JournalPlace::File(path), false) = (&journal, &loaded.config.journal, all_know) {
        let how = match files.is_empty() {
            true => "",
            false => "; a reading that `portcullis snapshot` makes where the journal is holds what it knows",
        };
        report.remarks.push(format!("there is no journal at {}: nothing is known of the past{how}", path.display()));
    }
    if files.is_empty() {
        let readings = read_targets(loaded, wishes, false, journal.as_ref(), connect, false, progress).await?;
        report.usage = usage(&readings);
        let ready = into_ready(loaded, readings, journal.as_ref(), &clock).await?;
        report.plan = Some(planned(loaded, &ready, wishes, clock()));
    } else {
        let mut only = wishes.clone();
        let ready = ready_from_files(loaded, files, journal.as_ref(), &clock).await?;
        only.only = ready.keys().filter(|name| wishes.only.is_empty() || wishes.only.contains(name)).cloned().collect();
        if only.only.is_empty() {
            report.remarks.push("no snapshot file is of a target that was asked for".into());
            report.errors.push("there is nothing to plan from these snapshot files".into());
            return Ok(report);
        }
        report.plan = Some(planned(loaded, &ready, &only, clock()));
    }
    Ok(report)
}

fn planned(loaded: &Loaded, ready: &BTreeMap<Text, Ready>, wishes: &Wishes, now: jiff::Timestamp) -> Plan {
    let mut plan = plan_all(loaded, ready, wishes, now, false).plan;
    limit_all(loaded, ready, wishes, &mut plan);
    plan
}

/// Reads targets for `snapshot` and `import`: no policy is needed, so a broken one does not matter.
///
/// # Errors
/// [`RunError`].
pub async fn snapshots(
    loaded: &Loaded,
    wishes: &Wishes,
    connect: &dyn Connect,
    progress: &dyn Progress,
) -> Result<BTreeMap<Text, Result<Reading, Unreadable>>, RunError> {
    known_targets(loaded, wishes)?;
    let journal = record::to_read(&loaded.config).await?;
    read_targets(loaded, wishes, true, journal.as_ref(), connect, false, progress).await
}

/// What the journal knows of these targets, for the files of `snapshot`; nothing where no lasting one is there.
///
/// # Errors
/// The journal is there and cannot be read.
pub async fn pasts(
    loaded: &Loaded,
    targets: impl Iterator<Item = &Text>,
    clock: &Clock,
) -> Result<BTreeMap<Text, PastRecord>, RunError> {
    let mut pasts = BTreeMap::new();
    let Some(journal) = record::to_read(&loaded.config).await? else { return Ok(pasts) };
    for target in targets {
        let now = clock();
        let history = journal.history(target, now).await?;
        pasts.extend(PastRecord::of(&history, now).map(|past| (target.clone(), past)));
    }
    Ok(pasts)
}

/// Reads the targets that are asked for, the blocked ones only where they are wanted as well.
pub(super) async fn read_targets(
    loaded: &Loaded,
    wishes: &Wishes,
    blocked_too: bool,
    journal: Option<&Journal>,
    connect: &dyn Connect,
    to_send: bool,
    progress: &dyn Progress,
) -> Result<BTreeMap<Text, Result<Reading, Unreadable>>, RunError> {
    let all = record::pinned(journal, &loaded.config).await?;
    let to_read = selected(loaded, wishes)
        .filter(|target| blocked_too || !loaded.blocked.contains_key(&target.name))
        .map(|target| ToRead {
            target,
            policy: loaded.policies.targets.get(&target.name),
            pinned: all.iter().find(|(known, _)| known.name == target.name).and_then(|(_, pinned)| pinned.clone()),
        })
        .collect();
    Ok(read_all(connect, to_read, &all, to_send, progress).await)
}

/// Calls made so far, by target.
pub(super) fn usage(readings: &BTreeMap<Text, Result<Reading, Unreadable>>) -> BTreeMap<Text, crate::transport::Usage> {
    readings.iter().filter_map(|(name, reading)| Some((name.clone(), (reading.as_ref().ok()?.reach.usage)()))).collect()
}

async fn into_ready(
    loaded: &Loaded,
    readings: BTreeMap<Text, Result<Reading, Unreadable>>,
    journal: Option<&Journal>,
    clock: &Clock,
) -> Result<BTreeMap<Text, Ready>, RunError> {
    let mut ready = BTreeMap::new();
    for (name, reading) in readings {
        let reading = reading.map(|reading| reading.snapshot);
        let at = earlier(loaded, &name, &reading, clock());
        let history = record::history(journal, &loaded.config, &name, at).await?;
        ready.insert(name, Ready { reading, history, from_file: None });
    }
    Ok(ready)
}

async fn ready_from_files(
    loaded: &Loaded,
    files: Vec<FromFile>,
    journal: Option<&Journal>,
    clock: &Clock,
) -> Result<BTreeMap<Text, Ready>, RunError> {
    let mut ready = BTreeMap::new();
    for FromFile { target: name, file, snapshot, past } in files {
        let Some(target) = loaded.config.targets.get(&name) else {
            return Err(SnapshotFileError::UnknownTarget { file, target: name.to_string() }.into());
        };
        let history = match (past, record::history(journal, &loaded.config, &name, clock()).await?) {
            (Some(past), unread) if unread.unread => past.into_history(clock()),
            (_, history) => history,
        };
        let reading = checks::check(target, history.account_id.as_ref(), &snapshot).map(|()| snapshot.into());
        let one = Ready { reading, history, from_file: Some(file.clone()) };
        if ready.insert(name.clone(), one).is_some() {
            return Err(SnapshotFileError::Twice { file, target: name.to_string() }.into());
        }
    }
    Ok(ready)
}
