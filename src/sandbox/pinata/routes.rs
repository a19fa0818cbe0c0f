//! Pinata's routes: two sorts of pages, two odd success bodies, secrets in clear text.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{ApiKey, Control, Gateway, State};
use crate::sandbox::{
    call::{Call, Deed, Effect, Mutation, Reply, Right, Store, known},
    company,
    record::WORLD,
};

const GATEWAY_KEY: &str = "gateway_key";
const API_KEY: &str = "api_key";
/// The default page of gateways; the vendor does not tell its own.
const GATEWAY_PAGE: usize = 10;

fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, json!({ "error": { "code": status, "message": message } }))
}

impl Store for State {
    fn answer(&mut self, call: &Call) -> Reply {
        let Some(segments) = call.segments() else { return error(404, "not found") };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            return error(404, "not found");
        }
        let Some(caller) = known(&self.credentials, call.bearer()) else {
            return error(401, "no Authorization header found");
        };
        let (right, label) = (caller.right, caller.label.clone());
        if self.api_keys.iter().any(|key| key.key == label && key.revoked) {
            let details = "This API key has been revoked";
            return Reply::json(403, json!({ "error": { "reason": "API_KEY_REVOKED", "details": details } }));
        }
        let read = call.method == Method::GET;
        let refused = || error(401, "no Authorization header found");
        match (right, segments.as_slice()) {
            (Right::Nothing, _) => return refused(),
            (Right::ReadOnly, _) if !read => return error(403, "the key lacks the scope for this"),
            // Listing API keys takes the write scope, as the vendor documents it.
            (Right::ReadOnly, ["v3", "api_keys", ..]) => return error(403, "the key lacks the scope org:write"),
            (Right::Foreign, rest) => {
                let mut other = Self { credentials: Vec::new(), gateways: Vec::new(), api_keys: Vec::new(), ..*self };
                return other.route(call, rest, &label);
            }
            _ => {}
        }
        self.route(call, &segments, &label).header("x-request-id", company::hex_of(&call.at.to_string(), 32))
    }

    fn rate_limited(&self, call: &Call, after_ms: u64) -> Reply {
        let after = after_ms.div_ceil(1000);
        let reset = u64::try_from(call.at.as_second()).unwrap_or(0).saturating_add(after);
        error(429, "Rate limit exceeded")
            .header("x-ratelimit-limit", 60)
            .header("x-ratelimit-remaining", 0)
            .header("x-ratelimit-reset", reset)
            .header("retry-after", after)
    }

    fn failed(&self, _call: &Call, status: u16) -> Reply {
        error(status, "the request failed")
    }

    fn mutate(&mut self, mutation: &Mutation, at: Timestamp) -> Result<Vec<Effect>, String> {
        match mutation {
            Mutation::Remove { kind, id } if kind == GATEWAY_KEY => {
                let removed = self.gateways.iter_mut().any(|gateway| take(&mut gateway.keys, id));
                let effect = Effect::new(Deed::Removed, GATEWAY_KEY, id, WORLD);
                if removed { Ok(vec![effect]) } else { Err(format!("there is no gateway key {id}")) }
            }
            Mutation::Remove { kind, id } if kind == API_KEY => {
                let Some(key) = self.api_keys.iter_mut().find(|key| key.id == *id || key.key == *id) else {
                    return Err(format!("there is no API key {id}"));
                };
                key.revoked = true;
                key.updated_at = at;
                Ok(vec![Effect::new(Deed::Removed, API_KEY, &key.key, WORLD)])
            }
            // A key is issued as `{ "gateway": ID, "id": ID }`; it gets a canary for its secret.
            Mutation::Issue { kind, entry } if kind == GATEWAY_KEY => {
                let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("");
                let Some(gateway) = self.gateways.iter_mut().find(|gateway| gateway.id == text("gateway")) else {
                    return Err("gateway names no gateway".to_owned());
                };
                gateway.keys.push(Control::key(text("id"), at));
                Ok(vec![Effect::new(Deed::Issued, GATEWAY_KEY, text("id"), WORLD)])
            }
            Mutation::Issue { kind, entry } if kind == API_KEY => {
                let key: ApiKey = serde_json::from_value(entry.clone()).map_err(|error| error.to_string())?;
                let effect = Effect::new(Deed::Issued, API_KEY, &key.key, WORLD);
                self.api_keys.retain(|known| known.id != key.id);
                self.api_keys.push(key);
                Ok(vec![effect])
            }
            _ => Err("Pinata has the kinds gateway_key and api_key".to_owned()),
        }
    }

    fn live(&self) -> Vec<(&'static str, String)> {
        let gateway_keys = self.gateways.iter().flat_map(|gateway| &gateway.keys);
        let api_keys = self.api_keys.iter().filter(|key| !key.revoked);
        let gateway_keys = gateway_keys.map(|key| (GATEWAY_KEY, key.id.clone()));
        gateway_keys.chain(api_keys.map(|key| (API_KEY, key.key.clone()))).collect()
    }
}

fn take(controls: &mut Vec<Control>, id: &str) -> bool {
    let before = controls.len();
    controls.retain(|control| control.id != id);
    controls.len() < before
}

impl State {
    fn route(&mut self, call: &Call, segments: &[&str], by: &str) -> Reply {
        match (&call.method, segments) {
            (&Method::GET, ["v3", "gateways"]) => self.list_gateways(call),
            (&Method::GET, ["v3", "gateways", id]) => match self.gateways.iter().find(|known| known.id == *id) {
                Some(gateway) => Reply::json(200, json!({ "data": details(gateway) }))
                    .list("/data/settings/restriction_policies/accessTokens", None),
                None => error(404, "gateway not found"),
            },
            // The vendor would remove the whole gateway. Nothing of ours may ever do that, so it is recorded as such.
            (&Method::DELETE, ["v3", "gateways", id]) => {
                let before = self.gateways.len();
                self.gateways.retain(|known| known.id != *id);
                if self.gateways.len() == before {
                    return error(404, "gateway not found");
                }
                Reply::json(200, json!({ "data": null })).effect(Effect::new(Deed::Removed, "gateway", id, by))
            }
            (&Method::DELETE, ["v3", "gateways", id, "access_tokens", key]) => {
                let Some(gateway) = self.gateways.iter_mut().find(|known| known.id == *id) else {
                    return error(404, "gateway not found");
                };
                if !take(&mut gateway.keys, key) {
                    return error(404, "access token not found");
                }
                let null = Reply::text(200, "{\"data\":null}\n".into());
                null.effect(Effect::new(Deed::Removed, GATEWAY_KEY, key, by))
            }
            (&Method::GET, ["v3", "api_keys"]) => self.list_api_keys(call),
            (&Method::DELETE, ["v3", "api_keys", key]) => {
                let Some(row) = self.api_keys.iter_mut().find(|row| row.key == *key && !row.revoked) else {
                    return error(404, "API key not found");
                };
                row.revoked = true;
                row.updated_at = call.at;
                Reply::text(200, "\"Revoked\"".into()).effect(Effect::new(Deed::Removed, API_KEY, &row.key, by))
            }
            _ => error(404, "not found"),
        }
    }

    fn list_gateways(&self, call: &Call) -> Reply {
        // What is asked for above the largest page is not refused: whoever trusts the size asked for misses rows.
        let size = call.number("pageSize", GATEWAY_PAGE, 1, 1_000_000).map(|size| size.min(self.settings.gateway_page));
        let page = call.number("page", 1, 1, 1_000_000);
        let (size, page) = match (size, page) {
            (Ok(size), Ok(page)) => (size, page),
            (Err(why), _) | (_, Err(why)) => return error(400, &why),
        };
        let row = |gateway: &Gateway| {
            let custom: Vec<Value> = gateway
                .custom_domains
                .iter()
                .map(|domain| {
                    json!({ "domain": domain, "domain_validation_status": "active", "ssl_validation_status": "active",
                    "custom_domain_id": company::uuid_of(domain) })
                })
                .collect();
            json!({ "id": gateway.id, "created_at": gateway.created_at, "domain": gateway.domain,
                "restrict": true, "custom_domains": custom })
        };
        let rows: Vec<Value> = self.gateways.iter().skip((page - 1).saturating_mul(size)).take(size).map(row).collect();
        Reply::json(200, json!({ "data": { "count": self.gateways.len(), "rows": rows } }))
            .list("/data/rows", Some("/data/count"))
    }

    fn list_api_keys(&self, call: &Call) -> Reply {
        let offset = match call.number("offset", 0, 0, usize::MAX) {
            Ok(offset) => offset,
            Err(why) => return error(400, &why),
        };
        let flag = |name: &str| call.param(name).map(|text| text == "true");
        let (revoked, limited) = (flag("revoked"), flag("limitedUse").unwrap_or(false));
        let name = call.param("name").map(str::to_lowercase);
        let wanted: Vec<&ApiKey> = self
            .api_keys
            .iter()
            .filter(|key| revoked.is_none_or(|revoked| key.revoked == revoked))
            .filter(|key| !limited || key.max_uses.is_some_and(|most| most > 0))
            .filter(|key| name.as_deref().is_none_or(|name| key.name.to_lowercase().contains(name)))
            .collect();
        let count = wanted.len();
        let rows: Vec<Value> = wanted
            .into_iter()
            .skip(offset)
            .take(self.settings.key_page)
            .map(|key| {
                let mut row = json!(key);
                if let Value::Object(map) = &mut row {
                    map.insert("user_id".to_owned(), json!(company::uuid_of("pinata user")));
                    if self.settings.show_secrets {
                        map.insert("secret".to_owned(), json!(format!("CANARY-api-{}", key.key)));
                    }
                }
                row
            })
            .collect();
        Reply::json(200, json!({ "keys": rows, "count": count })).list("/keys", Some("/count"))
    }
}

fn details(gateway: &Gateway) -> Value {
    json!({
        "id": gateway.id,
        "created_at": gateway.created_at,
        "domain": gateway.domain,
        "restrict": true,
        "settings": {
            "restriction_policies": {
                "accessTokens": gateway.keys,
                "allowedHosts": gateway.hosts,
                "allowedIPAddresses": gateway.addresses,
            },
        },
    })
}
