//! Addresses: which ones a credential may be sent to, and how a path goes onto them byte for byte.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};

use crate::wire::{Fault, Path, Unreadable};

/// Everything but RFC 3986's unreserved characters.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whether an address stays on this machine.
pub(super) fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Refuses an address that a credential must not travel to, or that requests cannot be built on.
pub(super) fn check(address: &Url) -> Result<(), Unreadable> {
    let refuse = |what: &str, advice: &str| Err(Unreadable::new(Fault::Request, what).advise(advice));
    if !address.username().is_empty() || address.password().is_some() {
        return refuse(
            "an address with a user name or a password in it is refused",
            "take them out of the address; the credential is named under `credential:`",
        );
    }
    let plain = match address.scheme() {
        "https" => false,
        "http" => true,
        _ => return refuse("an address that is neither https nor http", "give an address that begins with https://"),
    };
    let shown = address.origin().ascii_serialization();
    if plain && !is_loopback(address) {
        return refuse(
            &format!("plain HTTP to {shown} is refused: the credential would travel unprotected"),
            "give an address that begins with https://",
        );
    }
    if address.query().is_some() || address.fragment().is_some() {
        return refuse(
            &format!("the address of {shown} has a query or a fragment"),
            "give the base address alone; everything from `?` or `#` on goes",
        );
    }
    Ok(())
}

/// The address of a request: the base's path, then the path's segments, exactly as they are encoded, then the query.
pub(super) fn compose(base: &Url, path: &Path, query: &[(&str, String)]) -> Result<Url, Unreadable> {
    let mut url = base.clone();
    let mut wanted = Cow::Borrowed(base.path());
    if !path.segments().is_empty() {
        wanted = format!("{}{}", base.path().trim_end_matches('/'), path.encoded()).into();
        url.set_path(&wanted);
    }
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let wanted_query = (!pairs.is_empty()).then(|| pairs.join("&"));
    url.set_query(wanted_query.as_deref());
    // The url crate follows the browsers' rules; a path that those would change names something else.
    if url.path() != wanted || url.query() != wanted_query.as_deref() {
        return Err(Unreadable::new(Fault::Request, "the request's address cannot travel unchanged"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn only_https_and_loopback_get_a_credential() {
        for good in ["https://api.example.com/v1", "http://127.0.0.1:8080", "http://[::1]:1/x", "http://localhost/"] {
            assert!(check(&url(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://api.example.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://ann:secret@api.example.com",
            "https://api.example.com/?a=1",
            "https://api.example.com/#a",
        ] {
            let error = check(&url(bad)).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{bad}");
        }
    }

    #[test]
    fn segments_travel_as_they_are() {
        let base = url("https://api.example.com/v1/");
        let path = Path::new(&["access-tokens", "a/b", "%2e%2e", "..%2f", "ü?#\t ~"]).unwrap();
        let composed = compose(&base, &path, &[("p&q", "a b/+".into())]).unwrap();
        assert_eq!(
            composed.as_str(),
            "https://api.example.com/v1/access-tokens/a%2Fb/%252e%252e/..%252f/%C3%BC%3F%23%09%20~?p%26q=a%20b%2F%2B"
        );
        assert_eq!(compose(&base, &Path::new(&[]).unwrap(), &[]).unwrap(), base);
    }
}
