//! What the connections of one target share over time, for whoever connects again and again: its rate, and its sockets.
//!
//! A run connects once. The daemon connects at every look, so that a credential that was changed is used; a rate that began
//! anew with each connection would let it pass the vendor's limit, and a client that was built anew would cost more than a
//! short reading.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::Client;
use url::Url;

use super::pace::Pace;
use crate::config::RequestLimits;

/// Kept between the connections of one target.
pub struct Lasting {
    hosts: BTreeMap<&'static str, Url>,
    limits: RequestLimits,
    pace: Arc<Pace>,
    clients: Mutex<Vec<Arc<Client>>>,
}

impl Lasting {
    /// Nothing was sent yet.
    pub fn new(hosts: BTreeMap<&'static str, Url>, limits: RequestLimits) -> Self {
        Self { hosts, limits, pace: Arc::new(Pace::new(limits)), clients: Mutex::default() }
    }

    /// Whether it was made for these: at another address, or with other limits, what was counted and asked for does not hold.
    pub fn is_for(&self, hosts: &BTreeMap<&'static str, Url>, limits: RequestLimits) -> bool {
        self.hosts == *hosts && self.limits == limits
    }

    pub(super) fn pace(&self) -> Arc<Pace> {
        Arc::clone(&self.pace)
    }

    /// Keeps the sockets of the newest connection.
    pub(super) fn keep(&self, clients: Vec<Arc<Client>>) {
        *self.clients.lock().unwrap_or_else(PoisonError::into_inner) = clients;
    }
}
