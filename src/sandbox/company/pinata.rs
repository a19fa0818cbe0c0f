//! Northlight's Pinata: three gateways with their keys, and the account's API keys.

use serde_json::json;

use super::{days_ago, hex_of, uuid_of};
use crate::sandbox::{
    call::Right,
    pinata::{ApiKey, Control, Gateway, State},
};

pub(super) fn state() -> State {
    let mut state = State::empty();
    let own = state.credential(Right::Full).map(|credential| credential.label.clone());
    state.credentials.retain(|known| known.right == Right::Full);
    state.api_keys.retain(|key| Some(&key.key) == own.as_ref());

    let key = |name: &str, age| Control::key(&uuid_of(&format!("gateway key {name}")), days_ago(age));
    let control = |value: &str, age| Control {
        id: uuid_of(&format!("gateway control {value}")),
        value: value.to_owned(),
        created_at: days_ago(age),
    };
    let gateway = |domain: &str, keys, hosts, addresses| Gateway {
        id: uuid_of(&format!("pinata gateway {domain}")),
        domain: domain.to_owned(),
        created_at: days_ago(700),
        custom_domains: Vec::new(),
        keys,
        hosts,
        addresses,
    };
    state.gateways = vec![
        gateway(
            "northlight-media",
            // Nobody declares the partner's.
            vec![key("media website", 300), key("media mobile", 280), key("media partner", 45)],
            vec![control("www.northlight.example", 300)],
            Vec::new(),
        ),
        gateway(
            "northlight-docs",
            vec![key("docs website", 260), key("docs preview", 120)],
            Vec::new(),
            vec![control("203.0.113.10", 260)],
        ),
        gateway(
            "northlight-archive",
            vec![key("archive reader", 500), key("archive sync", 90)],
            Vec::new(),
            Vec::new(),
        ),
    ];
    for (name, resource, age, revoked) in [
        ("website uploader", "org:files:write", 210, false),
        ("mobile uploader", "org:files:write", 180, false),
        ("archive sync", "org:files:write", 90, false),
        ("backup", "org:files:read", 150, false),
        ("editor plugin", "org:files:write", 60, false),
        ("media metrics", "org:analytics:read", 130, false),
        // Older than declared.
        ("analytics export", "org:analytics:read", 500, false),
        // Nobody declares it.
        ("hackathon 2025", "org:write", 240, false),
        // Revoked long ago, listed for ever.
        ("website uploader (old)", "org:files:write", 800, true),
        ("trial", "org:write", 900, true),
    ] {
        let age = days_ago(age);
        state.api_keys.push(ApiKey {
            id: uuid_of(&format!("pinata api key {name}")),
            name: name.to_owned(),
            key: hex_of(&format!("pinata api key {name}"), 20),
            scopes: json!({ "resources": [resource] }),
            revoked,
            uses: 41,
            max_uses: None,
            created_at: age,
            updated_at: age,
        });
    }
    state
}
