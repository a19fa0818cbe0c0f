//! A try that brought no answer: whose fault it was, whether the request can have left, whether another try makes sense.

use std::{error::Error, io::ErrorKind};

use url::Url;

use crate::wire::{Fault, Unreadable};

/// Why a try brought no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    /// In words of ours, without secrets.
    pub(super) what: String,
    pub(super) advice: Option<&'static str>,
    /// Whether the request certainly did not leave: then even a write may be sent again.
    pub(super) unsent: bool,
    /// Whether a read may be tried again.
    pub(super) transient: bool,
}

impl Failure {
    /// An answer that is not what it should be; another try would bring the same.
    pub(super) fn malformed(what: String, advice: Option<&'static str>) -> Self {
        Self { fault: Fault::Malformed, what, advice, unsent: false, transient: false }
    }

    /// One try took too long.
    pub(super) fn timeout(what: String) -> Self {
        Self { fault: Fault::Timeout, what, advice: None, unsent: false, transient: true }
    }

    /// What the client reports.
    pub(super) fn of(error: reqwest::Error, address: &Url) -> Self {
        // Addresses carry names of ours and the vendor's, and no error needs them: the host is enough.
        let error = error.without_url();
        let host = address.origin().ascii_serialization();
        let unsent = error.is_connect() || error.is_builder();
        let kind = io_kind(&error);
        let network = |what: String, advice: Option<&'static str>, transient: bool| Self {
            fault: Fault::Network,
            what,
            advice,
            unsent,
            transient,
        };
        if error.is_timeout() {
            let what = if unsent {
                format!("no connection to {host} in time")
            } else {
                format!("no answer of {host} in time")
            };
            return Self { unsent, ..Self::timeout(what) };
        }
        if error.is_dns() {
            let advice = "check the host's name in the address, and the name service of this machine";
            return network(format!("the name of {host} cannot be resolved"), Some(advice), true);
        }
        let chain = chain(&error);
        let speaks_of_tls = ["certificate", "tls", "handshake"].iter().any(|word| chain.to_lowercase().contains(word));
        if unsent && speaks_of_tls {
            let advice =
                "where the certificate comes from a private authority, name its PEM file as the target's `ca_file`";
            return network(format!("no trusted connection to {host}: {chain}"), Some(advice), false);
        }
        if kind == Some(ErrorKind::ConnectionRefused) {
            let advice = "check the port in the address, and whether something listens there";
            return network(format!("{host} refuses the connection"), Some(advice), true);
        }
        if error.is_builder() {
            return Self {
                fault: Fault::Request,
                transient: false,
                ..network(format!("the request cannot be built: {chain}"), None, false)
            };
        }
        if unsent {
            return network(
                format!("no connection to {host}: {chain}"),
                Some("check network, proxy and firewall"),
                true,
            );
        }
        // The client calls a broken connection an error in decoding, too; one of the decoder itself comes from no deeper.
        if error.is_decode() && error.source().is_some_and(|source| source.is::<std::io::Error>()) {
            return Self::malformed(format!("the answer of {host} cannot be decompressed: {chain}"), None);
        }
        network(format!("the connection to {host} broke before the answer was whole: {chain}"), None, true)
    }

    /// As the end of a reading.
    pub(super) fn unreadable(self) -> Unreadable {
        let error = Unreadable::new(self.fault, self.what);
        match self.advice {
            Some(advice) => error.advise(advice),
            None => error,
        }
    }
}

/// The messages of an error's sources, innermost last, without repeats.
fn chain(error: &dyn Error) -> String {
    let mut messages: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        let message = source.to_string();
        if !messages.iter().any(|known| known.contains(&message)) {
            messages.push(message);
        }
        next = source.source();
    }
    if messages.is_empty() { error.to_string() } else { messages.join(": ") }
}

fn io_kind(error: &dyn Error) -> Option<ErrorKind> {
    let mut next = error.source();
    let mut kind = None;
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<std::io::Error>() {
            kind = Some(io.kind());
        }
        next = source.source();
    }
    kind
}
