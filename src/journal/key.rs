//! The idempotency key: the same for the same removal, whoever computes it, and another one for the next.

use crate::access::{Fingerprint, Hasher, Text};

use super::Intent;

/// Everything that goes into an intent's key but its generation.
///
/// No run, time or chance is among it, so that a run without history comes to the same key.
pub(super) struct KeyParts {
    system: Text,
    host: Text,
    account: Text,
    action: &'static str,
    kind: &'static str,
    entry: Text,
    fingerprint: Fingerprint,
    body: [u8; 32],
}

impl KeyParts {
    /// The parts of an intent.
    pub(super) fn of(intent: &Intent<'_>) -> Self {
        let mut body = Hasher::new("request body");
        body.bytes(intent.draft.body.as_deref().unwrap_or_default());
        Self {
            system: intent.system.clone(),
            host: intent.host.clone(),
            account: intent.account.clone(),
            action: intent.order.action.name(),
            kind: intent.order.entry.kind.name,
            entry: intent.order.entry.id.clone(),
            fingerprint: intent.order.fingerprint,
            body: body.finish(),
        }
    }

    /// The key in a generation: 64 hexadecimal digits.
    pub(super) fn key(&self, generation: u32) -> String {
        let mut key = Hasher::new("portcullis idempotency key 1");
        key.text(&self.system).text(&self.host).text(&self.account).text(self.action).text(self.kind).text(&self.entry);
        key.text(&self.fingerprint.to_string()).text(&generation.to_string()).bytes(&self.body);
        key.finish_hex()
    }
}
