//! From a target in the configuration to someone who can ask it, and, for commands that send, to a hand.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{
    credential::{self, Whose},
    files,
};
use crate::{
    access::{Account, Text},
    apply::{self, Hand},
    config::Target,
    systems::{self, System},
    transport::{Connection, Connector, Lasting, Reader, Usage},
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

/// The same for a process that looks again and again: each target keeps its rate and its sockets from look to look.
#[derive(Default)]
pub struct Enduring {
    kept: Mutex<BTreeMap<Text, Arc<Lasting>>>,
}

impl Enduring {
    /// What is kept of a target; anew where its limits changed.
    fn of(&self, target: &Target) -> Arc<Lasting> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(&target.name).filter(|known| known.limits() == target.limits) {
            Some(known) => Arc::clone(known),
            None => {
                let fresh = Arc::new(Lasting::new(target.limits));
                kept.insert(target.name.clone(), Arc::clone(&fresh));
                fresh
            }
        }
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
    let ca_pem = match &target.ca_file {
        Some(path) => Some(files::read_file(path).map_err(|problem| {
            Unreadable::new(Fault::Network, format!("the certificate file {} {}", problem.file, problem.message))
                .advise("see `ca_file:` of this target in portcullis.yaml")
        })?),
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
        (Connector::connect_again(connection, lasting)?.0, None)
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

/// What a system module is told of a target.
pub fn account(target: &Target, own_claim: Option<Text>) -> Account {
    Account { target: target.name.clone(), fields: target.fields.clone(), label: target.account.clone(), own_claim }
}
