//! Where notifications arrive: a server on loopback that keeps what it is sent.

use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

/// It answers as it is told, and keeps every request.
pub struct Letterbox {
    server: MockServer,
    runtime: Runtime,
}

impl Letterbox {
    /// One that says yes.
    pub fn open() -> Self {
        Self::answering(ResponseTemplate::new(200))
    }

    /// One that never answers.
    pub fn hanging() -> Self {
        Self::answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(3_600)))
    }

    /// One that answers so.
    pub fn answering(answer: ResponseTemplate) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(answer).mount(&server).await;
            server
        });
        Self { server, runtime }
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.uri())
    }

    /// What it was sent so far.
    pub fn letters(&self) -> Vec<Request> {
        self.runtime.block_on(self.server.received_requests()).unwrap()
    }

    /// The same as JSON.
    pub fn documents(&self) -> Vec<Value> {
        self.letters().iter().map(|letter| serde_json::from_slice(&letter.body).unwrap()).collect()
    }

    /// The news in the documents of a generic webhook, of one sort.
    pub fn news(&self, about: &str) -> Vec<Value> {
        let documents = self.documents();
        let news = documents.iter().flat_map(|document| document["news"].as_array().unwrap());
        news.filter(|one| one["about"] == about).cloned().collect()
    }
}
