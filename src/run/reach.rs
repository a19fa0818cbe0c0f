//! From a target in the configuration to someone who can ask it, and, for commands that send, to a hand.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{
    credential::{self, Whose},
    files,
};
use crate::{
    access::{Account, Text},
    apply::{self, Hand},
    config::Target,
    systems::{self, System},
    transport::{self, Connection, Lasting, Reader, Usage},
    wire::{Ask, Fault, Unreadable},
};

/// One target within reach.
pub struct Reach {
    /// Its system.
    pub system: &'static dyn System,
    /// What the system may know of it.
    pub account: Account,
    /// Base address by host name.
    pub hosts: BTreeMap<&'static str, Text>,
    /// Who asks.
    pub ask: Arc<dyn Ask>,
    /// The hold on its writer, where the command sends.
    pub hand: Option<Hand>,
    /// Tells the calls made so far.
    pub usage: Arc<dyn Fn() -> Usage + Send + Sync>,
}

/// Brings targets within reach.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Resolves the credential and prepares the connection. No request is made.
    ///
    /// # Errors
    /// [`Unreadable`]: no credential, an address or a certificate that cannot be used.
    async fn reach(&self, target: &Target, to_send: bool) -> Result<Reach, Unreadable>;
}

/// The vendors' real addresses, with real credentials.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live;

#[async_trait]
impl Connect for Live {
    async fn reach(&self, target: &Target, to_send: bool) -> Result<Reach, Unreadable> {
        reach(target, to_send, None).await
    }
}

/// How long is kept what nobody asks for any more: longer than any rate is counted in and any vendor wants to be left alone. A
/// target that is renamed and back again must not begin its rate anew, so that leaving the configuration alone ends nothing.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// The same for a process that looks again and again: each target keeps its rate and its sockets from look to look.
#[derive(Default)]
pub struct Enduring {
    kept: Mutex<BTreeMap<Text, Kept>>,
}

struct Kept {
    lasting: Arc<Lasting>,
    used: Instant,
}

impl Enduring {
    /// What is kept of a target; anew where its addresses or limits changed.
    fn of(&self, target: &Target) -> Arc<Lasting> {
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| now - kept.used < UNUSED);
        let known = kept.get(&target.name).filter(|kept| kept.lasting.is_for(&target.hosts, target.limits));
        let lasting = known.map_or_else(
            || Arc::new(Lasting::new(target.hosts.clone(), target.limits)),
            |kept| Arc::clone(&kept.lasting),
        );
        kept.insert(target.name.clone(), Kept { lasting: Arc::clone(&lasting), used: now });
        lasting
    }
}

#[async_trait]
impl Connect for Enduring {
    async fn reach(&self, target: &Target, to_send: bool) -> Result<Reach, Unreadable> {
        let lasting = self.of(target);
        reach(target, to_send, Some(&lasting)).await
    }
}

async fn reach(target: &Target, to_send: bool, lasting: Option<&Lasting>) -> Result<Reach, Unreadable> {
    let name = target.description.system;
    let system = systems::by_name(name)
        .ok_or_else(|| Unreadable::new(Fault::Missing, format!("there is no system `{name}`")))?;
    let secret = credential::resolve(Whose::Target(&target.name), &target.credential)
        .await
        .map_err(|error| Unreadable::new(Fault::Credential, error.what).advise(error.advice))?;
    let own_claim = target.description.own_claim.and_then(|claim| credential::own_claim(&secret, claim));
    let ca_pem = match target.ca_file.clone() {
        Some(path) => Some(certificates(path).await?),
        None => None,
    };
    let connection = Connection {
        target: target.name.clone(),
        hosts: target.hosts.clone(),
        auth: target.auth,
        credential: secret,
        limits: target.limits,
        ca_pem,
    };
    let (reader, hand): (Reader, Option<Hand>) = if to_send {
        let (reader, hand) = apply::connect(connection, lasting)?;
        (reader, Some(hand))
    } else {
        (transport::read_only(connection, lasting)?, None)
    };
    let for_usage = reader.clone();
    Ok(Reach {
        system,
        account: account(target, own_claim),
        hosts: target.hosts.iter().map(|(name, url)| (*name, Text::from(url.as_str()))).collect(),
        ask: Arc::new(reader),
        hand,
        usage: Arc::new(move || for_usage.usage()),
    })
}

/// Reads a certificate file, on a thread for what blocks.
async fn certificates(path: PathBuf) -> Result<Vec<u8>, Unreadable> {
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || files::read_file(&path).map_err(|problem| problem.message)).await;
    read.unwrap_or_else(|_| Err("was not read: reading was cut off".into())).map_err(|why| {
        Unreadable::new(Fault::Network, format!("the certificate file {shown} {why}"))
            .advise("see `ca_file:` of this target in portcullis.yaml")
    })
}

/// What a system module is told of a target.
pub fn account(target: &Target, own_claim: Option<Text>) -> Account {
    Account { target: target.name.clone(), fields: target.fields.clone(), label: target.account.clone(), own_claim }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::target;

    fn at(name: &str, address: &str) -> Target {
        Target { hosts: BTreeMap::from([("api", address.parse().unwrap())]), ..target(name) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_keeps_its_rate_until_its_address_or_limits_change_or_nobody_asks() {
        let enduring = Enduring::default();
        let (near, far) = (at("a", "https://near.example"), at("a", "https://far.example"));
        let first = enduring.of(&near);
        tokio::time::advance(UNUSED / 2).await;
        assert!(Arc::ptr_eq(&first, &enduring.of(&near)));
        let moved = enduring.of(&far);
        assert!(!Arc::ptr_eq(&first, &moved), "another server knows nothing of what this one asked for");
        let mut faster = at("a", "https://far.example");
        faster.limits.concurrency += 1;
        assert!(!Arc::ptr_eq(&moved, &enduring.of(&faster)));

        enduring.of(&at("b", "https://near.example"));
        tokio::time::advance(UNUSED / 2).await;
        let other = enduring.of(&at("b", "https://near.example"));
        tokio::time::advance(UNUSED / 2).await;
        assert!(Arc::ptr_eq(&other, &enduring.of(&at("b", "https://near.example"))));
        let names: Vec<Text> = enduring.kept.lock().unwrap().keys().cloned().collect();
        assert_eq!(names, ["b"], "the one that is not configured any more is dropped");
    }
}
