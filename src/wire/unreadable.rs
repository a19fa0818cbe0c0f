//! Why a target could not be read whole.

use std::fmt;

/// Whose fault it was, so that the edge can give the right hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The credential is missing, invalid, expired or revoked.
    Credential,
    /// The credential lacks a right.
    Permission,
    /// The credential belongs to another account, or the account is not the pinned one.
    WrongAccount,
    /// No connection, or it broke.
    Network,
    /// An answer or the whole conversation took too long.
    Timeout,
    /// The rate limit would not let the reading end in time.
    RateLimited,
    /// The vendor answered with a server error.
    Server,
    /// An answer was not what the API promises: not JSON, a wrong type, a field missing, a redirect, too large.
    Malformed,
    /// The list could not be proved whole: it does not end, a cursor repeated, an answer contradicts another.
    Incomplete,
    /// Rows came or went while the list was read: an id twice, totals off, pages that do not meet. Another reading may be
    /// whole.
    Shifted,
    /// Something that has to be there was not: an organization, a gateway, a `must_see` entry.
    Missing,
    /// The request itself could not be built (an id that is no path segment).
    Request,
}

/// A reading that did not succeed: nothing may be concluded from it, least of all that something is absent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unreadable {
    /// Whose fault.
    pub fault: Fault,
    /// What happened, in words of ours. Text of the vendor may be quoted in it; outputs neutralize it.
    pub what: String,
    /// The request it happened at, without secrets: `GET /access-tokens`.
    pub request: Option<String>,
    /// What to do next.
    pub advice: Option<String>,
}

impl Unreadable {
    /// An error without a request.
    pub fn new(fault: Fault, what: impl Into<String>) -> Self {
        Self { fault, what: what.into(), request: None, advice: None }
    }

    /// Adds the request where none is named yet.
    #[must_use]
    pub fn at(mut self, request: impl Into<String>) -> Self {
        self.request.get_or_insert_with(|| request.into());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// What to do next: the advice, or what its fault suggests.
    pub fn way_on(&self) -> &str {
        self.advice.as_deref().unwrap_or(match self.fault {
            Fault::Credential => "check that the credential is set, not expired, and of this account",
            Fault::Permission => "give the credential the right that the request needs",
            Fault::WrongAccount => "check `account:` and the credential of this target",
            Fault::Network | Fault::Timeout | Fault::Server => "try again; the vendor's status page may tell more",
            Fault::RateLimited => "wait, or lower `limits.requests` of this target",
            Fault::Malformed | Fault::Incomplete => "try again; if it stays, the API has changed: please report it",
            Fault::Shifted => "run again when nobody changes the list",
            Fault::Missing => "check the names in the target's configuration",
            Fault::Request => "check the entry's id",
        })
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(request) = &self.request {
            write!(f, " ({request})")?;
        }
        Ok(())
    }
}
