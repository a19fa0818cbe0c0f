//! Reads targets in parallel into snapshots that are checked, each on its own and against each other.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt as _, stream};

use super::{
    checks,
    reach::{Connect, Reach},
    wanted::wanted,
};
use crate::{
    access::{Snapshot, Text},
    apply::{Event, LONGEST_READING, Progress, within},
    config::Target,
    policy::TargetPolicy,
    systems::Wanted,
    wire::Unreadable,
};

/// Targets read at once.
pub const TARGETS_AT_ONCE: usize = 16;

/// One target, read.
pub struct Reading {
    /// The target within reach.
    pub reach: Reach,
    /// The names that were looked up.
    pub wanted: Wanted,
    /// What exists.
    pub snapshot: Arc<Snapshot>,
}

/// What to read.
pub struct ToRead<'a> {
    /// The target.
    pub target: &'a Target,
    /// What policies say of it, for names to look up.
    pub policy: Option<&'a TargetPolicy>,
    /// The account id that earlier runs saw.
    pub pinned: Option<Text>,
}

/// Reads every target and checks every reading; `all` are all targets of the configuration, each with the account id that
/// the journal pins for it, since one that is not read may still share an account or an own entry with one that is.
pub async fn read_all<'a>(
    connect: &dyn Connect,
    to_read: Vec<ToRead<'a>>,
    all: &[(&'a Target, Option<Text>)],
    to_send: bool,
    progress: &dyn Progress,
) -> BTreeMap<Text, Result<Reading, Unreadable>> {
    let mut reading = Vec::new();
    for one in to_read {
        // Made before they are waited for: a closure over borrowed targets could not go to another thread.
        reading.push(async move {
            let name = one.target.name.clone();
            let read = read(connect, one, to_send, progress).await;
            match &read {
                Ok(reading) => {
                    progress.tell(&Event::Read { target: &name, entries: reading.snapshot.entries.len() });
                }
                Err(unreadable) => progress.tell(&Event::Unreadable { target: &name, what: &unreadable.what }),
            }
            (name, read)
        });
    }
    let mut readings: BTreeMap<Text, Result<Reading, Unreadable>> =
        stream::iter(reading).buffer_unordered(TARGETS_AT_ONCE).collect().await;
    let snapshot_of = |target: &Target| match readings.get(&target.name) {
        Some(Ok(reading)) => Some(&*reading.snapshot),
        _ => None,
    };
    let wrong = checks::cross(all.iter().map(|(target, pinned)| checks::Known {
        target,
        pinned: pinned.as_ref(),
        reading: snapshot_of(target),
    }));
    for (name, unreadable) in wrong {
        if let Some(reading) = readings.get_mut(&name)
            && reading.is_ok()
        {
            *reading = Err(unreadable);
        }
    }
    readings
}

async fn read(
    connect: &dyn Connect,
    one: ToRead<'_>,
    to_send: bool,
    progress: &dyn Progress,
) -> Result<Reading, Unreadable> {
    let ToRead { target, policy, pinned } = one;
    let reach = connect.reach(target, to_send).await?;
    progress.tell(&Event::Reading { target: &target.name });
    let wanted = wanted(target, policy);
    let reading = reach.system.read(&*reach.ask, &reach.account, &wanted);
    let snapshot = within(LONGEST_READING, reading).await?;
    checks::check(target, pinned.as_ref(), &snapshot)?;
    Ok(Reading { reach, wanted, snapshot: Arc::new(snapshot) })
}
