//! Takes the credential out of what a vendor answers. A server that quotes it, in whatever spelling, must not get it into a log,
//! an error, a plan or the journal.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::access::hex;

/// Shorter parts of a credential say nothing by themselves, and would be found in harmless text.
const SHORTEST: usize = 8;

/// What must not come back: the credential, and of a JSON Web Token also its payload, its signature and the secrets that the
/// payload holds. Not its first part, which many tokens share, nor the names in its payload, which say whose it is.
pub(super) struct Mask(Vec<Zeroizing<Vec<u8>>>);

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").finish_non_exhaustive()
    }
}

impl Mask {
    pub(super) fn of(credential: &[u8]) -> Self {
        let mut parts = vec![Zeroizing::new(credential.to_vec())];
        let mut dotted = credential.split(|byte| *byte == b'.');
        if let (Some(_), Some(payload), Some(signature), None) =
            (dotted.next(), dotted.next(), dotted.next(), dotted.next())
        {
            parts.extend([payload, signature].map(|part| Zeroizing::new(part.to_vec())));
            let claims = URL_SAFE_NO_PAD.decode(payload).ok().map(Zeroizing::new);
            if let Some(Value::Object(claims)) = claims.and_then(|claims| serde_json::from_slice(&claims).ok()) {
                let secret = |name: &str| name.to_ascii_lowercase().contains("secret");
                let secrets = claims.into_iter().filter(|(name, _)| secret(name));
                parts.extend(secrets.filter_map(|(_, value)| match value {
                    Value::String(text) => Some(Zeroizing::new(text.into_bytes())),
                    _ => None,
                }));
            }
        }
        parts.retain(|part| part.len() >= SHORTEST);
        Self(parts)
    }

    /// Writes asterisks over every part, as many as it has bytes there: JSON stays JSON. No deadline holds here and the text may
    /// be hostile, so that the work is linear in its length.
    pub(super) fn cover(&self, text: &mut [u8]) {
        self.cover_counting(text);
    }

    /// The same; tells how many bytes were looked at.
    fn cover_counting(&self, text: &mut [u8]) -> usize {
        self.0.iter().map(|part| cover_part(part, text)).sum()
    }

    /// The same for text.
    pub(super) fn cover_text(&self, text: String) -> String {
        let mut bytes = text.into_bytes();
        self.cover(&mut bytes);
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

fn cover_part(part: &[u8], text: &mut [u8]) -> usize {
    let Some(first) = part.first() else { return 0 };
    let mut looked = 0;
    let mut beginnings = Beginnings::in_text(text, *first, &mut looked);
    let mut from = 0;
    while let Some(at) = beginnings.next(text, from, &mut looked) {
        let Some(rest) = text.get(at..) else { break };
        from = match spelled(rest, part, &mut looked) {
            Some(length) => {
                if let Some(bytes) = text.get_mut(at..at + length) {
                    bytes.fill(b'*');
                }
                at + length
            }
            // Behind a run of backslashes comes the same, from whichever of them one looks.
            None => at + run(rest, &mut looked).max(1),
        };
    }
    looked
}

/// Where a part can begin: with its first byte, or with an escape. What was found and is not passed yet is kept: neither of the
/// two searches goes over the same text again because the other one finds something in between.
struct Beginnings {
    first: u8,
    plain: Option<usize>,
    entity: Option<usize>,
}

impl Beginnings {
    fn in_text(text: &[u8], first: u8, looked: &mut usize) -> Self {
        Self { first, plain: Self::plain(text, 0, first, looked), entity: Self::entity(text, 0, looked) }
    }

    fn next(&mut self, text: &[u8], from: usize, looked: &mut usize) -> Option<usize> {
        if self.plain.is_some_and(|at| at < from) {
            self.plain = Self::plain(text, from, self.first, looked);
        }
        if self.entity.is_some_and(|at| at < from) {
            self.entity = Self::entity(text, from, looked);
        }
        [self.plain, self.entity].into_iter().flatten().min()
    }

    fn plain(text: &[u8], from: usize, first: u8, looked: &mut usize) -> Option<usize> {
        Self::found(text, from, looked, |rest| memchr::memchr3(first, b'\\', b'%', rest))
    }

    fn entity(text: &[u8], from: usize, looked: &mut usize) -> Option<usize> {
        Self::found(text, from, looked, |rest| memchr::memchr(b'&', rest))
    }

    fn found(text: &[u8], from: usize, looked: &mut usize, search: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let rest = text.get(from..)?;
        let found = search(rest);
        *looked += found.map_or(rest.len(), |at| at + 1);
        found.map(|at| from + at)
    }
}

/// How many bytes of the text spell the part, if it begins so.
fn spelled(text: &[u8], part: &[u8], looked: &mut usize) -> Option<usize> {
    part.iter().try_fold(0, |at, byte| Some(at + spelled_byte(text.get(at..)?, *byte, looked)?))
}

/// How many backslashes the text begins with.
fn run(text: &[u8], looked: &mut usize) -> usize {
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    *looked += slashes;
    slashes
}

/// One byte as it is, or as JSON (`\/`, `\u002b`, escaped again any number of times), an address (`%2B`) or HTML (`&#43;`,
/// `&#x2b;`) spell it.
fn spelled_byte(text: &[u8], byte: u8, looked: &mut usize) -> Option<usize> {
    *looked += 1;
    if text.first() == Some(&byte) {
        return Some(1);
    }
    match text {
        [b'\\', ..] => {
            let slashes = run(text, looked);
            match text.get(slashes..)? {
                [b'u', rest @ ..] => (hex::number(rest.get(..4)?, 16)? == byte).then_some(slashes + 5),
                [escaped, ..] if *escaped == byte => Some(slashes + 1),
                _ => None,
            }
        }
        [b'%', rest @ ..] => (hex::number(rest.get(..2)?, 16)? == byte).then_some(3),
        [b'&', b'#', rest @ ..] => {
            let digits = rest.iter().take(6).position(|byte| *byte == b';')?;
            let spelled = rest.get(..digits)?;
            let number = match spelled {
                [b'x' | b'X', digits @ ..] => hex::number(digits, 16)?,
                digits => hex::number(digits, 10)?,
            };
            (number == byte).then_some(2 + digits + 1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covered(credential: &str, text: &str) -> String {
        Mask::of(credential.as_bytes()).cover_text(text.to_owned())
    }

    /// A byte in one of the spellings that servers use.
    fn spell(byte: char, how: u8) -> String {
        let code = u32::from(byte);
        match how {
            0 => format!("\\u{code:04x}"),
            1 => format!("\\\\u{code:04X}"),
            2 => format!("%{code:02X}"),
            3 => format!("%{code:02x}"),
            4 if !byte.is_alphanumeric() => format!("\\{byte}"),
            5 => format!("&#{code};"),
            6 => format!("&#x{code:02X};"),
            _ => byte.to_string(),
        }
    }

    proptest! {
        #[test]
        fn no_spelling_of_it_comes_out(
            credential in "[A-Za-z0-9+/=_-]{8,60}",
            how in prop::collection::vec(0_u8..14, 60),
            before in "[ a-z{}\":]{0,30}",
            after in "[ a-z{}\":]{0,30}",
        ) {
            let quoted: String = credential.chars().zip(how).map(|(byte, how)| spell(byte, how)).collect();
            let shown = covered(&credential, &format!("{before}{quoted}{after}"));
            prop_assert_eq!(shown, format!("{before}{}{after}", "*".repeat(quoted.len())));
        }

        #[test]
        fn what_does_not_spell_it_stays(text in "\\PC{0,200}") {
            prop_assert_eq!(covered("a-credential-of-this-test", &text), text);
        }
    }

    #[test]
    fn of_a_web_token_its_parts_and_secrets_are_covered_and_whose_it_is_stays() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"scopedKeyKey":"the-public-key","scopedKeySecret":"the-secret-key"}"#);
        let token = format!("eyJhbGciOiJIUzI1NiJ9.{payload}.signature-of-it");
        let told = format!("eyJhbGciOiJIUzI1NiJ9 {payload} signature-of-it the-public-key the-secret-key");
        let shown = covered(&token, &told);
        assert!(shown.starts_with("eyJhbGciOiJIUzI1NiJ9 ***"), "{shown}");
        assert!(shown.contains(" the-public-key "), "{shown}");
        for secret in [payload.as_str(), "signature-of-it", "the-secret-key"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn html_is_a_spelling_too_and_a_short_credential_is_no_needle() {
        assert_eq!(
            covered("abcdefg+h", "<b>abcdefg&#43;h abcdefg&#x2B;h</b>"),
            format!("<b>{} {}</b>", "*".repeat(13), "*".repeat(14))
        );
        assert_eq!(covered("+abcdefgh", "\\\\% & &#43;abcdefgh&#43;"), format!("\\\\% & {}&#43;", "*".repeat(13)));
        assert_eq!(covered("short", "short"), "short");
    }

    #[test]
    fn the_work_is_linear_in_the_text_whatever_it_is() {
        let credential = "Sk-0123456789abcdefu+";
        let almost = &credential[..credential.len() - 1];
        let slashes = "\\".repeat(500);
        let spelled: String = almost.chars().map(|byte| format!("{slashes}u{:04x}", u32::from(byte))).collect();
        let hostile = [
            "\\".to_owned(),
            "\\\\\\u".to_owned(),
            "&".to_owned(),
            "&#".to_owned(),
            "&#x000".to_owned(),
            "%".to_owned(),
            "S".to_owned(),
            "&S".to_owned(),
            almost.to_owned(),
            format!("{slashes}{almost}"),
            format!("{almost}{slashes}"),
            spelled,
            "harmless ".to_owned(),
        ];
        let mask = Mask::of(credential.as_bytes());
        for piece in hostile {
            let mut text = piece.repeat(40_000 / piece.len()).into_bytes();
            let (before, length) = (text.clone(), text.len());
            let looked = mask.cover_counting(&mut text);
            assert!(looked <= 8 * length, "{looked} for {length} of {:?}", &piece[..piece.len().min(20)]);
            assert_eq!(text, before, "nothing of it is the credential");
        }
    }
}
