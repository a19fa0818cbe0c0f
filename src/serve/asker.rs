//! Who asks, and what they may see.
//!
//! A caller on this machine is let in without a token: its address is loopback, and so is the host that it asked for. Both are
//! needed, since a page of a stranger's can have a browser on this machine ask `evil.example`, which its owner lets resolve to
//! 127.0.0.1 (DNS rebinding): the address is loopback then, and the host is not. What a proxy forwards is not from here.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode, Uri, header, uri::Authority};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::Problem;

/// Headers by which a proxy tells that it speaks for somebody else.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// The address that a connection came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Who may have an address' answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Open,
    /// Everybody, where the operator opened the metrics; else as [`Access::Token`].
    Metrics,
    /// Everybody; the request proves itself by its signature.
    Signed,
    /// Callers on this machine, and those with the token.
    Token,
}

/// Whether the address is this machine's own.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a request came from this machine, for this machine.
pub(super) fn is_local(peer: Peer, uri: &Uri, headers: &HeaderMap) -> bool {
    if !is_loopback(peer.0.ip()) || FORWARDED.iter().any(|name| headers.contains_key(*name)) {
        return false;
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
        _ => None,
    };
    let named_loopback = named.is_some_and(|host| is_loopback_host(host.host()));
    named_loopback && uri.authority().is_none_or(|authority| is_loopback_host(authority.host()))
}

fn is_loopback_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(is_loopback)
}

/// Whether the request carries the token. Takes as long for a wrong one that begins right as for any other.
pub(super) fn has_token(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, given)) = given.and_then(|value| value.split_once(' ')) else { return false };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return false;
    }
    // What is compared are digests under a key that a caller does not know.
    let digest = |text: &str| {
        Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()).map(|mac| mac.chain_update(text).finalize())
    };
    match (digest(given.trim()), digest(token.expose_secret())) {
        (Ok(given), Ok(wanted)) => given == wanted,
        _ => false,
    }
}

/// Whether a request may have what it asks for.
pub(super) fn judge(
    access: Access,
    local: bool,
    headers: &HeaderMap,
    token: Option<&SecretString>,
    open_metrics: bool,
) -> Result<(), Problem> {
    let open = match access {
        Access::Open | Access::Signed => true,
        Access::Metrics => open_metrics || local,
        Access::Token => local,
    };
    match token {
        _ if open => Ok(()),
        Some(token) if has_token(headers, token) => Ok(()),
        Some(_) if headers.contains_key(header::AUTHORIZATION) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "this is not the token of this listener",
            "send `Authorization: Bearer TOKEN` with what `watch: { token: … }` in portcullis.yaml names",
        )),
        Some(_) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "this needs the token of this listener",
            "send `Authorization: Bearer TOKEN`, or ask on the machine itself, by http://localhost or http://127.0.0.1 \
             (`kubectl port-forward`, `ssh -L`)",
        )),
        None => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this listener has no token, and so serves its own machine only",
            "ask on the machine itself by http://localhost or http://127.0.0.1 and without a proxy between, or set \
             `watch: { token: … }` in portcullis.yaml",
        )),
    }
}

/// A browser says where the page came from that sends something: a foreign one may not.
pub(super) fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

/// Whether the body is said to be JSON, which no form of a foreign page can say.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use secrecy::SecretString;

    use super::{Peer, has_token, is_json, is_local};

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let line =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        lines.iter().map(line).collect()
    }

    fn local(peer: &str, uri: &str, lines: &[(&str, &str)]) -> bool {
        is_local(Peer(peer.parse().unwrap()), &uri.parse().unwrap(), &headers(lines))
    }

    #[test]
    fn only_loopback_that_was_asked_for_as_loopback_is_local() {
        for host in ["localhost", "LOCALHOST:9464", "127.0.0.1:9464", "127.9.9.9", "[::1]:9464", "[::ffff:127.0.0.1]"] {
            assert!(local("127.0.0.1:5", "/", &[("host", host)]), "{host}");
        }
        assert!(local("[::ffff:127.0.0.1]:5", "/", &[("host", "localhost")]));
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "user@localhost@x"]
        {
            assert!(!local("127.0.0.1:5", "/", &[("host", host)]), "{host}");
        }
        assert!(!local("127.0.0.1:5", "/", &[]), "no host at all");
        assert!(!local("127.0.0.1:5", "/", &[("host", "localhost"), ("host", "evil.example")]), "two hosts");
        assert!(!local("127.0.0.1:5", "http://evil.example/", &[("host", "localhost")]), "another host in the address");
        assert!(!local("10.0.0.9:5", "/", &[("host", "localhost")]), "another machine");
        assert!(!local("127.0.0.1:5", "/", &[("host", "localhost"), ("x-forwarded-for", "10.0.0.9")]), "a proxy");
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = SecretString::from("a-token-of-enough-length");
        let given = |value: &str| has_token(&headers(&[("authorization", value)]), &token);
        assert!(given("Bearer a-token-of-enough-length") && given("bearer a-token-of-enough-length"));
        for wrong in
            ["Bearer a-token-of-enough-lengt", "Bearer ", "a-token-of-enough-length", "Basic a-token-of-enough-length"]
        {
            assert!(!given(wrong), "{wrong}");
        }
        assert!(!has_token(&HeaderMap::new(), &token));
    }

    #[test]
    fn a_form_is_no_json() {
        let json = |value: &str| is_json(&headers(&[("content-type", value)]));
        assert!(json("application/json") && json("Application/JSON; charset=utf-8"));
        for form in
            ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", "application/jsonp"]
        {
            assert!(!json(form), "{form}");
        }
    }
}
