//! Requests that cannot change anything.

use serde_json::Value;

use super::{Fault, Judge, Unreadable};

/// A path as segments, each sent percent-encoded as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<String>);

impl Path {
    /// Checks that every segment can travel as exactly one segment.
    ///
    /// # Errors
    /// An empty segment, `.` or `..` would change the path: no request is made from them.
    pub fn new(segments: &[&str]) -> Result<Self, Unreadable> {
        if let Some(bad) = segments.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            return Err(Unreadable::new(Fault::Request, format!("{bad:?} cannot be a part of a request path")));
        }
        Ok(Self(segments.iter().map(|&segment| segment.to_owned()).collect()))
    }

    /// The segments, not encoded.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The path as it travels: every byte of a segment that is not unreserved is percent-encoded, slashes too.
    pub fn encoded(&self) -> String {
        let mut path = String::new();
        for segment in &self.0 {
            path.push('/');
            path.extend(percent_encoding::utf8_percent_encode(segment, UNRESERVED));
        }
        path
    }
}

/// Everything but RFC 3986's unreserved characters.
const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A GraphQL document that is a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryDoc(&'static str);

impl QueryDoc {
    /// Takes a document that begins with `query` and holds no other operation. In a constant this is checked when compiled.
    #[expect(clippy::indexing_slicing, reason = "each index is compared first; slices have no const `get`")]
    pub const fn new(document: &'static str) -> Self {
        let bytes = document.as_bytes();
        let mut start = 0;
        while start < bytes.len() && bytes[start].is_ascii_whitespace() {
            start += 1;
        }
        assert!(word_at(bytes, start, b"query"), "a read's document begins with the word query");
        let mut at = 0;
        while at < bytes.len() {
            assert!(!word_at(bytes, at, b"mutation"), "a read holds no mutation");
            assert!(!word_at(bytes, at, b"subscription"), "a read holds no subscription");
            at += 1;
        }
        Self(document)
    }

    /// The document.
    pub fn document(self) -> &'static str {
        self.0
    }
}

#[expect(clippy::indexing_slicing, reason = "each index is compared first; slices have no const `get`")]
const fn word_at(bytes: &[u8], start: usize, word: &[u8]) -> bool {
    let mut at = 0;
    while at < word.len() {
        if start + at >= bytes.len() || bytes[start + at] != word[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The lists that a vendor offers only by POST although they change nothing. The closed list of such calls.
const LOOKUPS_BY_POST: &[&[&str]] = &[
    // Aitronos members: POST …/organizations/{organization}/users
    &["organizations", "*", "users"],
];

/// A request that changes nothing.
#[derive(Debug, Clone)]
pub struct Read {
    host: &'static str,
    method: ReadMethod,
    path: Path,
    query: Vec<(&'static str, String)>,
    judge: Judge,
}

/// In which of the harmless forms a read is sent.
#[derive(Debug, Clone)]
pub enum ReadMethod {
    /// GET.
    Get,
    /// A GraphQL query, sent by POST to the host's own address.
    Graphql(QueryDoc, Value),
    /// A list that is only offered by POST.
    LookupByPost(Value),
}

impl Read {
    /// A GET.
    ///
    /// # Errors
    /// A segment that cannot travel, see [`Path::new`].
    pub fn get(
        host: &'static str,
        path: &[&str],
        query: &[(&'static str, &str)],
        judge: Judge,
    ) -> Result<Self, Unreadable> {
        let query = query.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        Ok(Self { host, method: ReadMethod::Get, path: Path::new(path)?, query, judge })
    }

    /// A GraphQL query.
    pub fn graphql(host: &'static str, document: QueryDoc, variables: Value, judge: Judge) -> Self {
        Self {
            host,
            method: ReadMethod::Graphql(document, variables),
            path: Path(Vec::new()),
            query: Vec::new(),
            judge,
        }
    }

    /// A list that a vendor offers only by POST.
    ///
    /// # Errors
    /// A path that is not on the closed list of such calls.
    pub fn lookup_by_post(host: &'static str, path: &[&str], body: Value, judge: Judge) -> Result<Self, Unreadable> {
        let known = LOOKUPS_BY_POST.iter().any(|known| {
            known.len() == path.len() && known.iter().zip(path).all(|(known, given)| *known == "*" || known == given)
        });
        if !known {
            return Err(Unreadable::new(Fault::Request, "a POST to this path is not a read"));
        }
        let method = ReadMethod::LookupByPost(body);
        Ok(Self { host, method, path: Path::new(path)?, query: Vec::new(), judge })
    }

    /// The host's name in the system's description.
    pub fn host(&self) -> &'static str {
        self.host
    }

    /// The form.
    pub fn method(&self) -> &ReadMethod {
        &self.method
    }

    /// The path below the host's base address.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Query parameters, not encoded.
    pub fn query(&self) -> &[(&'static str, String)] {
        &self.query
    }

    /// Whether an answer ends it.
    pub fn judge(&self) -> Judge {
        self.judge
    }

    /// The request for logs and errors: method and path, without parameters.
    pub fn shown(&self) -> String {
        match &self.method {
            ReadMethod::Get => format!("GET {}", self.path.encoded()),
            ReadMethod::LookupByPost(_) => format!("POST {} (a read)", self.path.encoded()),
            ReadMethod::Graphql(document, _) => {
                let name = document.document().trim_start().trim_start_matches("query").trim_start();
                let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
                format!("GraphQL query {}", name.get(..end).unwrap_or(""))
            }
        }
    }
}
