//! A scripted asker for tests: each expected request with its answer, in any order, each used once.
//!
//! A request is written `GET /path?name=value&…` (values not encoded, in the order asked), `POST /path {"json":1}` for a
//! look-up by POST and `QUERY Name {"variable":1}` for GraphQL; with the host's name and a colon before it where that matters.

use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::wire::{Answer, Ask, Fault, Read, ReadMethod, Unreadable};

/// An answer of 12:00:00 UTC on the first of October 2026.
pub fn answer(status: u16, body: impl Into<String>) -> Answer {
    Answer { status, headers: Vec::new(), body: body.into().into_bytes(), received_at: noon() }
}

/// When scripted answers arrive.
pub fn noon() -> Timestamp {
    "2026-10-01T12:00:00Z".parse().unwrap()
}

/// Expected requests with their answers.
#[derive(Default)]
pub struct Transcript {
    steps: Mutex<Vec<Step>>,
}

struct Step {
    request: String,
    answer: Result<Answer, Unreadable>,
}

impl Transcript {
    /// An empty script: every request fails.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a 200 answer with this body.
    #[must_use]
    pub fn on(self, request: &str, body: impl ToString) -> Self {
        self.answers(request, answer(200, body.to_string()))
    }

    /// Adds an answer with this status and body.
    #[must_use]
    pub fn on_status(self, request: &str, status: u16, body: impl ToString) -> Self {
        self.answers(request, answer(status, body.to_string()))
    }

    /// Adds an answer. Of several for one request the first is used first.
    #[must_use]
    pub fn answers(self, request: &str, answer: Answer) -> Self {
        self.step(request, Ok(answer))
    }

    /// Adds a request that gets no answer.
    #[must_use]
    pub fn fails(self, request: &str, fault: Fault) -> Self {
        self.step(request, Err(Unreadable::new(fault, "no answer")))
    }

    fn step(self, request: &str, answer: Result<Answer, Unreadable>) -> Self {
        self.steps.lock().unwrap().push(Step { request: request.to_owned(), answer });
        self
    }

    /// Fails the test where an expected request was never made.
    pub fn finished(&self) {
        let left: Vec<String> = self.steps.lock().unwrap().iter().map(|step| step.request.clone()).collect();
        assert!(left.is_empty(), "never asked: {left:#?}");
    }
}

/// A request as transcripts write it.
pub fn spelled(read: &Read) -> String {
    let path = if read.path().segments().is_empty() { "/".to_owned() } else { read.path().encoded() };
    let query: Vec<String> = read.query().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    match read.method() {
        ReadMethod::Get => format!("GET {path}{query}"),
        ReadMethod::LookupByPost(body) => format!("POST {path}{query} {body}"),
        ReadMethod::Graphql(_, variables) => {
            format!("{} {variables}", read.shown().replace("GraphQL query", "QUERY"))
        }
    }
}

#[async_trait]
impl Ask for Transcript {
    async fn ask(&self, read: Read) -> Result<Answer, Unreadable> {
        let request = spelled(&read);
        let with_host = format!("{}: {request}", read.host());
        let mut steps = self.steps.lock().unwrap();
        match steps.iter().position(|step| step.request == request || step.request == with_host) {
            Some(at) => steps.remove(at).answer,
            None => {
                let left: Vec<&str> = steps.iter().map(|step| step.request.as_str()).collect();
                panic!("not in the script: {request}\nleft: {left:#?}")
            }
        }
    }
}
