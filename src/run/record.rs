//! The journal as a run needs it: opened for what the command does, and its word on each target.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    access::{Expectation, Hasher, History, Text},
    config::{Config, JournalPlace, Target},
    journal::{Journal, JournalError, Mode, RecordBody, RunInfo},
};

/// How long a run waits for a target that another process holds.
pub const LOCK_WAIT: Duration = Duration::from_secs(30);

/// How long an order waits: whoever has the target may be settling what it sent, and then reads it back.
pub fn order_wait(config: &Config, target: &str) -> Duration {
    let settle = config.targets.get(target).map(|target| Duration::try_from(target.settle).unwrap_or_default());
    LOCK_WAIT + settle.unwrap_or_default()
}

/// Opens the journal to be written. `create` makes it where it is missing.
///
/// # Errors
/// [`JournalError`]: a missing journal is never made silently.
pub async fn to_write(config: &Config, create: bool) -> Result<Journal, JournalError> {
    match &config.journal {
        JournalPlace::Ephemeral => Journal::ephemeral().await,
        JournalPlace::File(path) => Journal::open(path, if create { Mode::Create } else { Mode::Write }).await,
    }
}

/// Opens the journal to be read; `None` where there is none.
///
/// # Errors
/// A journal that is there and cannot be read.
pub async fn to_read(config: &Config) -> Result<Option<Journal>, JournalError> {
    match &config.journal {
        JournalPlace::Ephemeral => Ok(None),
        JournalPlace::File(path) => match Journal::open(path, Mode::Read).await {
            Ok(journal) => Ok(Some(journal)),
            Err(JournalError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        },
    }
}

/// What is known of a target. Without a journal nothing is; a journal that the operator wants to last and that is not there
/// counts as one that lasts and was not read: it may be made yet, or lie where `apply` runs.
///
/// # Errors
/// The journal cannot be read.
pub async fn history(
    journal: Option<&Journal>,
    config: &Config,
    target: &str,
    now: Timestamp,
) -> Result<History, JournalError> {
    match journal {
        Some(journal) => {
            let history = journal.history(target, now).await?;
            let known = journal.account_of(target).await?;
            let digest = config.targets.get(target).map(account_digest);
            // A plan writes nothing: what a run that sends would forget is left out here.
            let is_another = known.zip(digest).is_some_and(|(known, digest)| known != digest);
            Ok(if is_another { history.at_another_account() } else { history })
        }
        None => {
            let persistent = config.journal != JournalPlace::Ephemeral;
            Ok(History { persistent, unread: persistent, ..History::default() })
        }
    }
}

/// Digest of what decides which account a target is: its system, hosts, label, and the fields without which the system has no
/// account at all. Anything else of the target may change, and it is the same account still.
pub(super) fn account_digest(target: &Target) -> Text {
    let Target { description, fields, hosts, account, .. } = target;
    let mut hasher = Hasher::new("account of a target");
    hasher.text(description.system).text(account.as_deref().unwrap_or_default());
    for (name, host) in hosts {
        hasher.text(name).text(host.as_str());
    }
    let names_account = |name: &str| description.target_fields.iter().any(|field| field.name == name && field.required);
    for (name, values) in fields.iter().filter(|(name, _)| names_account(name)) {
        hasher.text(name);
        values.iter().for_each(|value| {
            hasher.text(value);
        });
    }
    hasher.finish_hex().into()
}

/// Every target of the configuration with the account id that the journal pins for it.
///
/// # Errors
/// The journal cannot be read.
pub async fn pinned<'a>(
    journal: Option<&Journal>,
    config: &'a Config,
) -> Result<Vec<(&'a Target, Option<Text>)>, JournalError> {
    // One question for all of them: the daemon asks at every look at every target.
    let mut pinned = match journal {
        Some(journal) => journal.account_ids().await?,
        None => BTreeMap::new(),
    };
    Ok(config.targets.values().map(|target| (target, pinned.remove(&target.name))).collect())
}

/// Announces a number for a target: `expect TARGET N --until TIME`.
///
/// # Errors
/// The journal cannot be written, or is ephemeral, so that nothing would remember the number.
pub async fn expect(
    config: &Config,
    target: &str,
    number: u32,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), ExpectError> {
    if !config.targets.contains_key(target) {
        return Err(ExpectError::UnknownTarget(target.to_owned()));
    }
    if config.journal == JournalPlace::Ephemeral {
        return Err(ExpectError::Ephemeral);
    }
    let announced = Expectation { number, until };
    if announced.is_over(now) || until.duration_since(now) > Expectation::LONGEST {
        return Err(ExpectError::Until);
    }
    let journal = to_write(config, false).await?;
    let info = RunInfo {
        command: "expect".into(),
        version: crate::run::VERSION.into(),
        confirmed: true,
        ..RunInfo::default()
    };
    let run = journal.begin(&info).await?;
    journal.append(&run, Some(target), RecordBody::Expected(announced)).await?;
    journal.append(&run, None, RecordBody::RunEnded { exit_code: 0, cut_off: false }).await?;
    Ok(())
}

/// Why a number cannot be announced.
#[derive(Debug, thiserror::Error)]
pub enum ExpectError {
    /// No such target.
    #[error("portcullis.yaml has no target `{0}`")]
    UnknownTarget(String),
    /// Nothing would remember it.
    #[error("`journal: ephemeral` remembers nothing: state the number with --expect-revocations instead")]
    Ephemeral,
    /// Not in the near future.
    #[error("the time has to lie in the future, at most {} days ahead", Expectation::LONGEST.as_hours() / 24)]
    Until,
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, path::Path};

    use super::*;
    use crate::{config, systems};

    fn config(targets: usize) -> Config {
        let mut text = "version: 1\njournal: ephemeral\ntargets:\n".to_owned();
        for number in 0..targets {
            text.push_str(&format!(
                "  t{number:03}: {{ system: s2, account: x{number}, credential: {{ env: T{number} }} }}\n"
            ));
        }
        config::load("portcullis.yaml", Path::new("portcullis.yaml"), text.as_bytes(), &systems::descriptions())
            .unwrap()
    }

    #[test]
    fn an_order_waits_longer_than_a_look_settles() {
        let config = config(1);
        assert_eq!(order_wait(&config, "t000"), Duration::from_secs(2 * 60 + 30));
        assert_eq!(order_wait(&config, "elsewhere"), LOCK_WAIT);
    }

    #[tokio::test]
    async fn the_pins_of_all_targets_are_asked_for_in_one_go_and_the_newest_counts() {
        let (config, journal) = (config(60), Journal::ephemeral().await.unwrap());
        let run = journal.begin(&RunInfo::default()).await.unwrap();
        for (target, id) in [("t001", "old"), ("t007", "seven"), ("t001", "new"), ("elsewhere", "other")] {
            let pin = RecordBody::AccountPinned { account_id: id.into() };
            journal.append(&run, Some(target), pin).await.unwrap();
        }
        // Whoever asks next gets the journal when it is given back for the first time.
        let ended = RefCell::new(Vec::new());
        let all = async {
            let all = pinned(Some(&journal), &config).await.unwrap();
            ended.borrow_mut().push("all pins");
            all
        };
        let next = async {
            journal.account_id("t001").await.unwrap();
            ended.borrow_mut().push("the next question");
        };
        let (all, ()) = tokio::join!(all, next);
        assert_eq!(*ended.borrow(), ["all pins", "the next question"]);
        assert_eq!(all.len(), 60);
        let known: Vec<_> =
            all.iter().filter_map(|(target, id)| Some((target.name.as_str(), id.as_deref()?))).collect();
        assert_eq!(known, [("t001", "new"), ("t007", "seven")]);
    }
}
