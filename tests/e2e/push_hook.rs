//! A Git host's push webhook, as GitHub sends it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use crate::daemon::{Answer, Daemon};

/// The secret that host and daemon share.
pub const SECRET: &str = "a-shared-secret-of-the-hook";
/// What `watch:` says of it.
pub const SETTING: &str = "webhooks: [{ from: github, secret: { env: HOOK_SECRET } }]";

/// The signature of a text, in hexadecimal digits.
pub fn signature(secret: &str, text: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(text);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells the daemon of a push, signed by this secret.
pub fn push(daemon: &mut Daemon, secret: &str) -> Answer {
    let body = json!({ "ref": "refs/heads/main", "after": "0".repeat(40) }).to_string();
    let proof = format!("sha256={}", signature(secret, body.as_bytes()));
    daemon.ask(|client, base| {
        let request = client.post(format!("{base}/v1/hooks/github")).header("content-type", "application/json");
        request.header("x-github-event", "push").header("x-hub-signature-256", proof).body(body)
    })
}
