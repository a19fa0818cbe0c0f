//! What the connections of one target share over time, for whoever connects again and again: its rate, and its sockets.
//!
//! A run connects once. The daemon connects at every look, so that a credential that was changed is used; a rate that began
//! anew with each connection would let it pass the vendor's limit, and a client that was built anew would cost more than a
//! short reading.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Client;

use super::pace::Pace;
use crate::config::RequestLimits;

/// Kept between the connections of one target.
pub struct Lasting {
    limits: RequestLimits,
    pace: Arc<Pace>,
    clients: Mutex<Vec<Arc<Client>>>,
}

impl Lasting {
    /// Nothing was sent yet.
    pub fn new(limits: RequestLimits) -> Self {
        Self { limits, pace: Arc::new(Pace::new(limits)), clients: Mutex::default() }
    }

    /// The limits that it was made for: with others another one is needed.
    pub fn limits(&self) -> RequestLimits {
        self.limits
    }

    pub(super) fn pace(&self) -> Arc<Pace> {
        Arc::clone(&self.pace)
    }

    /// Keeps the sockets of the newest connection.
    pub(super) fn keep(&self, clients: Vec<Arc<Client>>) {
        *self.clients.lock().unwrap_or_else(PoisonError::into_inner) = clients;
    }
}
