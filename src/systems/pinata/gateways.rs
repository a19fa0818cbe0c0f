//! Dedicated gateways and their keys.
//!
//! No list of keys exists: the gateways are listed, then each is asked for its details, which hold the keys and the other
//! controls. The details carry every key in clear text; that field is not named here, so it is skipped while decoding and
//! never becomes a string of ours. A gateway whose details fail is an error and never a gateway without keys.

use std::{collections::HashSet, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use super::{
    answers,
    description::{API, GATEWAY_CLASS, GATEWAY_KEYS},
};
use crate::{
    access::{Account, Controls, Entry, Facts, Life, Object, Text, Value},
    systems::shared::{Conversation, Pages, Rereads, moment, read_judge},
    wire::{Fault, Read, Unreadable},
};

/// Gateways a page.
const PAGE_TEXT: &str = "100";
/// How many gateways are asked for their details at once.
const AT_ONCE: usize = 4;
/// Where a gateway without a domain of its own is reached.
const COMMON_DOMAIN: &str = "mypinata.cloud";

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Rows {
    count: u64,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: Text,
    domain: Text,
    #[serde(default)]
    custom_domains: Option<Vec<CustomDomain>>,
}

#[derive(Deserialize)]
struct CustomDomain {
    domain: Text,
}

#[derive(Deserialize)]
struct Details {
    id: Text,
    settings: Settings,
}

#[derive(Deserialize)]
struct Settings {
    restriction_policies: Policies,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policies {
    access_tokens: Vec<Key>,
    allowed_hosts: Vec<Other>,
    #[serde(rename = "allowedIPAddresses")]
    allowed_ip_addresses: Vec<Other>,
}

// The field `value`, the key itself, stays unnamed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    id: Text,
    created_at: String,
}

// Hosts and addresses only count.
#[derive(Deserialize)]
struct Other {}

/// A gateway's keys, and how many other controls it has.
pub(super) struct Controlled {
    /// The keys as entries.
    pub keys: Vec<Entry>,
    /// Hosts and addresses.
    pub others: u32,
}

/// Lists every gateway as an object of the directory, those only that the target names.
pub(super) async fn list(talk: &Conversation<'_>, account: &Account) -> Result<Vec<Arc<Object>>, Unreadable> {
    let mut rereads = Rereads::default();
    let rows = loop {
        match list_whole(talk).await {
            Ok(rows) => break rows,
            Err(error) => rereads.again(error)?,
        }
    };
    let gateways: Vec<Arc<Object>> = rows.into_iter().map(|row| Arc::new(object(row))).collect();
    narrowed(gateways, account)
}

/// Pages go by number, so they cannot overlap: a gateway that left the first page while another came at the end would hide
/// one, and the count would still fit. A list of several pages is therefore read twice, and both have to agree.
async fn list_whole(talk: &Conversation<'_>) -> Result<Vec<Row>, Unreadable> {
    let (rows, pages) = list_once(talk).await?;
    if pages.pages() > 1 {
        let (again, _) = list_once(talk).await?;
        if !rows.iter().map(|row| &row.id).eq(again.iter().map(|row| &row.id)) {
            return Err(pages.shifted("two readings of it differ"));
        }
    }
    talk.prove(format!("gateways: {}, as the API's count", pages.told()));
    Ok(rows)
}

async fn list_once(talk: &Conversation<'_>) -> Result<(Vec<Row>, Pages), Unreadable> {
    let mut pages = Pages::of("gateways");
    let mut rows = Vec::new();
    let mut counted = None;
    for number in 1_u32.. {
        let number = number.to_string();
        let query = [("pageSize", PAGE_TEXT), ("page", number.as_str())];
        let heard = talk.ask(Read::get(API, &["gateways"], &query, read_judge)?).await?;
        answers::check(&heard, "org:gateways:read")?;
        let Envelope { data: page }: Envelope<Rows> = heard.json()?;
        let here = |error: Unreadable| error.at(&heard.request);
        // How many rows a page may have at most is not documented, and the size asked for may be ignored.
        pages.page(page.rows.len(), usize::MAX).map_err(here)?;
        if *counted.get_or_insert(page.count) != page.count {
            return Err(here(pages.shifted("its count changed while it was read")));
        }
        let last = page.rows.is_empty();
        for row in page.rows {
            pages.id(&row.id).map_err(here)?;
            rows.push(row);
        }
        if last || pages.rows() >= page.count {
            pages.total(page.count).map_err(here)?;
            break;
        }
    }
    Ok((rows, pages))
}

fn object(row: Row) -> Object {
    let Row { id, domain, custom_domains } = row;
    let mut names = vec![domain.clone()];
    if !domain.contains('.') {
        names.push(format!("{domain}.{COMMON_DOMAIN}").into());
    }
    names.extend(custom_domains.into_iter().flatten().map(|custom| custom.domain));
    names.retain(|name| !name.is_empty());
    Object { class: GATEWAY_CLASS.into(), id, names, called: None, parent: None, people: None, typed: false }
}

fn narrowed(gateways: Vec<Arc<Object>>, account: &Account) -> Result<Vec<Arc<Object>>, Unreadable> {
    let Some(wanted) = account.fields.get("gateways").filter(|texts| !texts.iter().any(|text| text == "all")) else {
        return Ok(gateways);
    };
    let is = |gateway: &Object, name: &Text| {
        gateway.id == *name || gateway.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    if let Some(missing) = wanted.iter().find(|name| !gateways.iter().any(|gateway| is(gateway, name))) {
        return Err(Unreadable::new(Fault::Missing, format!("the account has no gateway {missing:?}"))
            .advise("correct `gateways:` of the target, or take the gateway out of it"));
    }
    Ok(gateways.into_iter().filter(|gateway| wanted.iter().any(|name| is(gateway, name))).collect())
}

/// Reads the details of all these gateways, a few at once.
pub(super) async fn read(
    talk: &Conversation<'_>,
    gateways: &[Arc<Object>],
) -> Result<(Vec<Entry>, Vec<Controls>), Unreadable> {
    let asked: Vec<_> = gateways.iter().map(|gateway| details(talk, gateway)).collect();
    let all: Vec<Controlled> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    let mut ids = HashSet::new();
    let (mut entries, mut controls) = (Vec::new(), Vec::new());
    for (gateway, Controlled { keys, others }) in gateways.iter().zip(all) {
        for key in keys {
            if !ids.insert(key.id.clone()) {
                return Err(Unreadable::new(Fault::Incomplete, format!("the gateway key {:?} came twice", key.id)));
            }
            entries.push(key);
        }
        controls.push(Controls { id: gateway.id.clone(), names: gateway.names.clone(), others });
    }
    talk.prove(format!("gateway keys: {} in the details of {} gateways", entries.len(), gateways.len()));
    Ok((entries, controls))
}

/// Reads one gateway's keys and counts its other controls.
pub(super) async fn details(talk: &Conversation<'_>, gateway: &Arc<Object>) -> Result<Controlled, Unreadable> {
    let heard = talk.ask(Read::get(API, &["gateways", &gateway.id], &[], read_judge)?).await?;
    answers::check(&heard, "org:gateways:read")?;
    talk.page(&heard);
    let Envelope { data: Details { id, settings } }: Envelope<Details> = heard.json()?;
    if id != gateway.id {
        return Err(heard.fault(Fault::Malformed, "the details are those of another gateway"));
    }
    let Policies { access_tokens, allowed_hosts, allowed_ip_addresses } = settings.restriction_policies;
    let mut pages = Pages::of("gateway keys");
    let keys = access_tokens.into_iter().map(|key| {
        pages.id(&key.id)?;
        Ok(Entry {
            kind: GATEWAY_KEYS,
            values: Box::new([Value::Object(Arc::clone(gateway)), Value::Text(key.id.clone())]),
            id: key.id,
            handle: None,
            principal: None,
            label: None,
            created_at: Some(moment("createdAt", &key.created_at)?),
            expires_at: None,
            last_used_at: None,
            life: Life::Live,
            facts: Some(Box::new(Facts {
                control: Some(gateway.id.clone()),
                floor_groups: vec![gateway.id.clone()],
                ..Facts::default()
            })),
        })
    });
    let keys = keys.collect::<Result<Vec<Entry>, Unreadable>>().map_err(|error| error.at(&heard.request))?;
    let others = u32::try_from(allowed_hosts.len().saturating_add(allowed_ip_addresses.len())).unwrap_or(u32::MAX);
    Ok(Controlled { keys, others })
}
