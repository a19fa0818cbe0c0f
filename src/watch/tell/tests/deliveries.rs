//! Webhooks, over real HTTP on loopback, with references followed and nothing of them in the log.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tempfile::TempDir;
use url::Url;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::{super::*, news};
use crate::{
    config::{CredentialRef, NotifyOn, NotifyTo},
    run::system_clock,
};

const SECRET: &str = "whsec-5f0c9b77";

/// A file with a secret, as an operator would keep it.
fn kept(secret: &str) -> (TempDir, CredentialRef) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, format!("{secret}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    (dir, CredentialRef::File { path, shown: true })
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn everything(to: NotifyTo) -> Vec<Notify> {
    vec![Notify { to, on: Vec::new() }]
}

async fn until(teller: &Teller, way: &'static str, result: &'static str, count: u64) {
    let found = async {
        while teller.board.meters().notified(way, result) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found).await.unwrap();
}

fn only(requests: &[Request]) -> &Request {
    let [request] = requests else { panic!("{} requests", requests.len()) };
    request
}

#[tokio::test]
async fn a_webhook_is_signed_so_that_its_receiver_can_tell() {
    let server = server(ResponseTemplate::new(202)).await;
    let (_dir, secret) = kept(SECRET);
    let url = Url::parse(&format!("{}/hook", server.uri())).unwrap();
    let teller = Teller::start(&everything(NotifyTo::Webhook { url, secret }), Arc::default(), system_clock());
    teller.tell(news(NotifyOn::Refusals, "s2", "share"));
    until(&teller, "webhook", "sent", 1).await;

    let requests = server.received_requests().await.unwrap();
    let request = only(&requests);
    let document: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&document["version"], &document["news"][0]["subject"]), (&1.into(), &"s2".into()));
    assert_eq!(request.headers["idempotency-key"], document["id"].as_str().unwrap());
    // As a receiver would: take the header apart, sign what arrived, compare.
    let header = request.headers["portcullis-signature"].to_str().unwrap();
    let (time, given) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&[time.as_bytes(), b".", &request.body].concat());
    let own: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(given, own);
    assert!((time.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second()).abs() < 3_600);
}

#[test]
fn a_signature_is_hmac_sha_256_over_time_and_body() {
    let known = "6f8f533f68fee42bcc2d53176bc7fa19b1c056e35bd66896de5330ca603153dd";
    assert_eq!(signature(b"whsec-1", 1_700_000_000, b"{\"version\":1}"), format!("t=1700000000,v1={known}"));
}

#[tokio::test]
async fn slack_gets_its_text_and_a_new_address_needs_no_restart() {
    let server = server(ResponseTemplate::new(200).set_body_string("ok")).await;
    let (dir, url) = kept(&format!("{}/services/T0/B0/first", server.uri()));
    let teller = Teller::start(&everything(NotifyTo::Slack { url }), Arc::default(), system_clock());
    teller.tell(news(NotifyOn::Failures, "s2", "down"));
    until(&teller, "slack", "sent", 1).await;
    let next = dir.path().join("next");
    std::fs::write(&next, format!("{}/services/T0/B0/second\n", server.uri())).unwrap();
    std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o400)).unwrap();
    std::fs::rename(&next, dir.path().join("secret")).unwrap();
    teller.tell(news(NotifyOn::Recoveries, "s2", "up"));
    until(&teller, "slack", "sent", 2).await;
    let requests = server.received_requests().await.unwrap();
    let paths: Vec<&str> = requests.iter().map(|request| request.url.path()).collect();
    assert_eq!(paths, ["/services/T0/B0/first", "/services/T0/B0/second"]);
    let body: serde_json::Value = serde_json::from_slice(&requests[1].body).unwrap();
    assert!(body["text"].as_str().unwrap().contains("*Recovered*"), "{body}");
}

#[tokio::test]
async fn no_log_holds_a_secret_whatever_goes_wrong() {
    let elsewhere = MockServer::start().await;
    let redirect = ResponseTemplate::new(307).insert_header("location", format!("{}/{SECRET}", elsewhere.uri()));
    let quotes = ResponseTemplate::new(403).set_body_string(format!("bad {SECRET}"));
    let cases = [
        (redirect, "failed", "redirects are not followed"),
        (quotes, "failed", "HTTP 403"),
        (ResponseTemplate::new(200), "sent", ""),
    ];
    let log = crate::test_log::Log::default();
    let _guard = log.begin();
    for (answer, result, part) in cases {
        let server = server(answer).await;
        let (_dirs, receivers): (Vec<TempDir>, Vec<Notify>) = {
            let (slack_dir, url) = kept(&format!("{}/services/{SECRET}?sig={SECRET}", server.uri()));
            let (hook_dir, secret) = kept(SECRET);
            let hook = Url::parse(&format!("{}/hook/{SECRET}", server.uri())).unwrap();
            let both = [NotifyTo::Slack { url }, NotifyTo::Webhook { url: hook, secret }];
            (vec![slack_dir, hook_dir], both.map(|to| Notify { to, on: Vec::new() }).to_vec())
        };
        let teller = Teller::start(&receivers, Arc::default(), system_clock());
        teller.tell(news(NotifyOn::Failures, "s2", "down"));
        until(&teller, "slack", result, 1).await;
        until(&teller, "webhook", result, 1).await;
        teller.close(FLUSH).await;
        assert!(log.text().contains(part), "{}", log.text());
    }
    let text = log.text();
    assert!(text.contains("slack (number 1 under `notify:`) was not told") && !text.contains(SECRET), "{text}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn what_a_reference_holds_instead_of_an_address_is_not_shown() {
    let (_dir, url) = kept(SECRET);
    let log = crate::test_log::Log::default();
    let _guard = log.begin();
    let teller = Teller::start(&everything(NotifyTo::Slack { url }), Arc::default(), system_clock());
    teller.tell(news(NotifyOn::Failures, "s2", "down"));
    until(&teller, "slack", "failed", 1).await;
    teller.close(FLUSH).await;
    let text = log.text();
    assert!(text.contains("is no address") && !text.contains(SECRET), "{text}");
}
