//! Where a target's requests go. A credential is sent there, so a wrong address is a leak.

use std::{collections::BTreeMap, net::IpAddr};

use url::{Host, Url};

use crate::{
    access::{Description, HostSpec},
    yaml::{Fields, Node, Reporter, get, quoted},
};

/// The base address of every host of the system.
pub(super) fn hosts(
    fields: &Fields<'_, '_>,
    description: &'static Description,
    reporter: &mut Reporter<'_>,
) -> Option<BTreeMap<&'static str, Url>> {
    let any_host = match fields.get("allow_host") {
        None => false,
        Some(node) => get::boolean(node, "`allow_host`", reporter)?,
    };
    let before = reporter.count();
    let mut hosts = BTreeMap::new();
    for spec in description.hosts {
        let url = match fields.get(spec.key) {
            Some(node) => given(node, spec, description, any_host, reporter),
            None => Url::parse(spec.default).ok(),
        };
        hosts.extend(url.map(|url| (spec.name, url)));
    }
    (reporter.count() == before).then_some(hosts)
}

// No message quotes more of the address than its host: the rest may hold a secret.
fn given(
    node: &Node<'_>,
    spec: &HostSpec,
    description: &Description,
    any_host: bool,
    reporter: &mut Reporter<'_>,
) -> Option<Url> {
    let what = quoted(spec.key);
    let hint = format!("write an address such as {}", spec.default);
    let text = get::text(node, &what, reporter)?;
    let Ok(mut url) = Url::parse(text) else {
        reporter.report_with(node, format!("{what} is no address"), hint);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "the credential belongs into `credential:`, by reference; if this was one, revoke it".to_owned();
        reporter.report_unseen(node, format!("{what} may not hold a user or a password"), Some(hint));
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        reporter.report_unseen(node, format!("{what} may not have a query or a fragment"), Some(hint));
        return None;
    }
    let Some(host) = url.host_str().map(str::to_owned) else {
        reporter.report_with(node, format!("{what} names no host"), hint);
        return None;
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            let message = format!("{what} is plain HTTP, which would show the credential to the network");
            reporter.report_with(node, message, "write https://; plain HTTP is for loopback only");
            return None;
        }
        _ => {
            reporter.report_with(node, format!("{what} has to begin with https://"), hint);
            return None;
        }
    }
    if !any_host && !is_own(&url, spec) {
        let message =
            format!("{} is not a host of {}, and the credential would be sent there", quoted(&host), description.title);
        reporter.report_with(node, message, "if that is meant, add `allow_host: true` to this target");
        return None;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}

/// Whether requests to this address stay on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn is_own(url: &Url, spec: &HostSpec) -> bool {
    Url::parse(spec.default).is_ok_and(|own| own.origin() == url.origin())
}
