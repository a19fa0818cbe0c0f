//! Promises of the courier, over real HTTP on loopback.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use url::Url;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string, header, method, path},
};

use super::{Again, Courier, Undelivered};

/// What stands in an address and may stand nowhere else.
const SECRET: &str = "t0-b0-verysecret";

async fn server(answer: ResponseTemplate) -> (MockServer, Url) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let address = Url::parse(&format!("{}/services/{SECRET}?sig={SECRET}", server.uri())).unwrap();
    (server, address)
}

async fn post(address: &Url) -> Result<(), Undelivered> {
    let posted = Courier::new().unwrap().post(address, &[], b"{}".to_vec()).await;
    if let Err(error) = &posted {
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    }
    posted
}

async fn refused(answer: ResponseTemplate) -> Undelivered {
    let (_server, address) = server(answer).await;
    post(&address).await.unwrap_err()
}

#[tokio::test]
async fn a_message_arrives_with_its_headers() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/hook"))
        .and(header("content-type", "application/json"))
        .and(header("idempotency-key", "k1"))
        .and(body_string("{\"a\":1}"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let address = Url::parse(&format!("{}/hook", server.uri())).unwrap();
    let with = [("idempotency-key", "k1".to_owned())];
    Courier::new().unwrap().post(&address, &with, b"{\"a\":1}".to_vec()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_status_says_whether_to_try_again() {
    for status in [408, 425, 429, 500, 503] {
        let error = refused(ResponseTemplate::new(status).insert_header("retry-after", "7")).await;
        assert_eq!(error.again, Again::After(Duration::from_secs(7)), "{error:?}");
        assert!(error.what.contains(&status.to_string()) && error.what.contains("127.0.0.1"), "{error:?}");
    }
    for status in [400, 401, 403, 404, 410] {
        assert_eq!(refused(ResponseTemplate::new(status)).await.again, Again::Never);
    }
}

#[tokio::test]
async fn only_a_plain_word_of_the_answer_is_repeated() {
    let told = refused(ResponseTemplate::new(404).set_body_string("no_service\n")).await;
    assert!(told.what.ends_with("HTTP 404 and says `no_service`"), "{told:?}");
    for body in [&format!("no {SECRET}"), "services", "\u{1b}[2J", "<b>", &"a".repeat(65)] {
        let told = refused(ResponseTemplate::new(404).set_body_string(body)).await;
        assert!(told.what.ends_with("HTTP 404"), "{told:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = MockServer::start().await;
    let to = format!("{}/{SECRET}", elsewhere.uri());
    for status in [301, 302, 303, 307, 308] {
        let error = refused(ResponseTemplate::new(status).insert_header("location", to.as_str())).await;
        assert!(error.again == Again::Never && error.what.contains(&elsewhere.uri()), "{error:?}");
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let flood = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
        socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let chunk = [b"400\r\n".as_slice(), &[b'x'; 0x400], b"\r\n"].concat();
        // Ends when the other side has heard enough.
        while socket.write_all(&chunk).await.is_ok() {}
    });
    post(&address).await.unwrap();
    flood.await.unwrap();
}

#[tokio::test]
async fn nobody_there_is_a_reason_to_try_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Url::parse(&format!("http://{}/{SECRET}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = post(&address).await.unwrap_err();
    assert!(matches!(error.again, Again::After(_)) && error.what.contains("refuses the connection"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Url::parse(&format!("http://{}/{SECRET}", listener.local_addr().unwrap())).unwrap();
    let keep = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut nothing = [0; 4096];
        while socket.read(&mut nothing).await.is_ok_and(|read| read > 0) {}
    });
    let error = post(&address).await.unwrap_err();
    assert!(matches!(error.again, Again::After(_)) && error.what.starts_with("no "), "{error:?}");
    keep.abort();
}

#[tokio::test]
async fn only_https_and_loopback_get_a_message() {
    for (address, part) in [
        (format!("http://ops.example.com/{SECRET}"), "not HTTPS"),
        (format!("ftp://127.0.0.1/{SECRET}"), "not HTTPS"),
        (format!("https://u:{SECRET}@ops.example.com/"), "a user name or a password"),
        (format!("mailto:{SECRET}@example.com"), "no host"),
    ] {
        let error = post(&Url::parse(&address).unwrap()).await.unwrap_err();
        assert!(error.again == Again::Never && error.what.contains(part), "{error:?}");
    }
}
