//! Who asks, and what they may see.
//!
//! A caller on this machine is let in without a token: its address is loopback, and so is the host that it asked for. Both are
//! needed, since a page of a stranger's can have a browser on this machine ask `evil.example`, which its owner lets resolve to
//! 127.0.0.1 (DNS rebinding): the address is loopback then, and the host is not. What a proxy forwards is not from here.
//!
//! A proxy that adds no header cannot be told from a caller on this machine. So where a token is configured, it is asked of
//! everybody.

use std::net::{IpAddr, SocketAddr};

use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Uri, header, uri::Authority};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Problem, denials::Denial, routes::Options};

/// Headers by which a proxy tells that it speaks for somebody else.
const FORWARDED: [&str; 8] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "fastly-client-ip",
    "x-original-host",
];
/// How the names of such headers begin.
const FORWARDED_BY: [&str; 3] = ["x-forwarded-", "x-envoy-", "cf-"];

/// The address that a connection came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Where a request came from.
pub(super) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<Peer>().map(|peer| peer.0)
}

/// Who may have an address' answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Open,
    /// Everybody, where the operator opened the metrics; else as [`Access::Token`].
    Metrics,
    /// Everybody; the request proves itself by its signature.
    Signed,
    /// The bearer of the token; where none is configured, callers on this machine.
    Token,
}

/// Whether the address is this machine's own.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a request came from this machine, for this machine.
pub(super) fn is_local(peer: Peer, uri: &Uri, headers: &HeaderMap) -> bool {
    let is_forwarded =
        |name: &str| FORWARDED.contains(&name) || FORWARDED_BY.iter().any(|begin| name.starts_with(begin));
    if !is_loopback(peer.0.ip()) || headers.keys().any(|name| is_forwarded(name.as_str())) {
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

/// Whether the request carries the token: as a bearer, or as the password of anybody, which is what a browser can send.
/// Takes as long for a wrong one that begins right as for any other.
pub(super) fn has_token(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, given)) = given.and_then(|value| value.split_once(' ')) else { return false };
    // What is compared are digests under a key that a caller does not know.
    let digest = |text: &[u8]| {
        Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()).map(|mac| mac.chain_update(text).finalize())
    };
    let is_token = |given: &[u8]| match (digest(given), digest(token.expose_secret().as_bytes())) {
        (Ok(given), Ok(wanted)) => given == wanted,
        _ => false,
    };
    let given = given.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return is_token(given.as_bytes());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return false;
    }
    let Ok(pair) = STANDARD.decode(given).map(Zeroizing::new) else { return false };
    let password = pair.iter().position(|byte| *byte == b':').and_then(|colon| pair.get(colon + 1..));
    password.is_some_and(is_token)
}

/// Whether a request may have what it asks for.
pub(super) fn judge(
    access: Access,
    local: bool,
    headers: &HeaderMap,
    options: &Options,
) -> Result<(), (Denial, Problem)> {
    let needs_token = options.token.is_some() || options.locked;
    let open = match access {
        Access::Open | Access::Signed => true,
        Access::Metrics => options.open_metrics || local && !needs_token,
        Access::Token => local && !needs_token,
    };
    let unauthorized = |what: &str, advice: &str| Problem::new(StatusCode::UNAUTHORIZED, what, advice);
    match &options.token {
        _ if open => Ok(()),
        Some(token) if has_token(headers, token) => Ok(()),
        _ if options.locked => Err((
            Denial::WrongToken,
            unauthorized(
                "the token of this listener cannot be had just now, and so nobody is let in",
                "put right what `watch: { token: … }` in portcullis.yaml names; the daemon's log says what is wrong",
            ),
        )),
        Some(_) if headers.contains_key(header::AUTHORIZATION) => Err((
            Denial::WrongToken,
            unauthorized(
                "this is not the token of this listener",
                "send `Authorization: Bearer TOKEN` with what `watch: { token: … }` in portcullis.yaml names",
            ),
        )),
        Some(_) => Err((
            Denial::NoToken,
            unauthorized(
                "this needs the token of this listener",
                "send `Authorization: Bearer TOKEN`; a browser asks for it as the password, of any name",
            ),
        )),
        None => Err((
            Denial::Elsewhere,
            Problem::new(
                StatusCode::FORBIDDEN,
                "this listener has no token, and so serves its own machine only",
                "ask on the machine itself by http://localhost or http://127.0.0.1 and without a proxy between, or set \
                 `watch: { token: … }` in portcullis.yaml",
            ),
        )),
    }
}

/// What is wrong with a request before anybody asks who sent it.
pub(super) fn malformed(headers: &HeaderMap) -> Option<Problem> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // Beside a `Content-Length` it has two lengths, and whoever stands between may believe the other one.
        return Some(Problem::bad(
            "the body comes in pieces (`Transfer-Encoding`)",
            "send it whole, with a `Content-Length` and nothing else that tells its length",
        ));
    }
    let is_odd = |host: &HeaderValue| host.as_bytes().contains(&b'@');
    let mut hosts = headers.get_all(header::HOST).iter();
    hosts.any(is_odd).then(|| Problem::bad("`Host` holds an `@`", "send the plain name of the host"))
}

/// Whether a page of another site sends this: a browser says where the page came from.
pub(super) fn is_cross_site(headers: &HeaderMap) -> bool {
    let said = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    said || headers.get_all(header::ORIGIN).iter().any(|origin| !is_own(origin, headers))
}

/// Whether an origin is the host that was asked.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), headers.get(header::HOST).map(HeaderValue::to_str)) else {
        return false;
    };
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// Whether the body is said to be JSON, which no form of a foreign page can say. An empty one without a type is not taken for
/// it: a foreign page can send that, too, and lift a pause.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use secrecy::SecretString;

    use super::{Peer, has_token, is_cross_site, is_json, is_local, malformed};

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
        for proxy in [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-port",
            "forwarded",
            "via",
            "x-real-ip",
            "x-client-ip",
            "true-client-ip",
            "x-envoy-external-address",
            "cf-connecting-ip",
            "cf-ray",
        ] {
            assert!(!local("127.0.0.1:5", "/", &[("host", "localhost"), (proxy, "10.0.0.9")]), "{proxy}");
        }
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
        let basic = |pair: &str| given(&format!("Basic {}", STANDARD.encode(pair)));
        assert!(basic("anybody:a-token-of-enough-length") && basic(":a-token-of-enough-length"));
        for wrong in ["a-token-of-enough-length", "a-token-of-enough-length:", "x:a-token-of-enough-lengt", "x::a", ""]
        {
            assert!(!basic(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_the_host_that_was_asked_is_the_same_origin() {
        let cross = |origin: &str| is_cross_site(&headers(&[("host", "Localhost:9464"), ("origin", origin)]));
        assert!(!cross("http://localhost:9464") && !cross("https://LOCALHOST:9464"));
        for other in [
            "null",
            "",
            "http://localhost",
            "http://localhost:9464.evil.example",
            "http://evil.example",
            "localhost:9464",
        ] {
            assert!(cross(other), "{other}");
        }
        assert!(is_cross_site(&headers(&[("origin", "http://localhost")])), "no host at all");
        assert!(!is_cross_site(&headers(&[("host", "localhost")])));
    }

    #[test]
    fn a_request_of_two_lengths_or_with_a_name_before_its_host_is_malformed() {
        assert!(malformed(&headers(&[("host", "localhost"), ("content-length", "3")])).is_none());
        assert!(malformed(&headers(&[("host", "localhost"), ("transfer-encoding", "chunked")])).is_some());
        assert!(malformed(&headers(&[("host", "user@localhost")])).is_some());
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
