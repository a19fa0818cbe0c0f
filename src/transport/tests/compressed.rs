//! Compressed answers: whole, cut off, and far larger than they travel.

use super::*;

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, body).unwrap();
    encoder.finish().unwrap()
}

fn says_zipped(body: &[u8]) -> Does {
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\ncontent-length";
    Does::Says([format!("{head}: {}\r\n\r\n", body.len()).as_bytes(), body].concat())
}

#[tokio::test]
async fn a_compressed_answer_is_read_and_one_that_is_cut_off_is_none() {
    let text = format!("[{}1]", "1,".repeat(10_000));
    let server = Server::start(vec![says_zipped(&zipped(text.as_bytes()))]).await;
    let (reader, writer) = server.connect();
    assert_eq!(reader.ask(read(&["x"])).await.unwrap().body, text.as_bytes());
    assert_eq!(writer.send(&receipt(), &Stop::new(), &|| None).await.unwrap().body, text.as_bytes());

    // As long as it says that it is: only the stream inside ends too early.
    let whole = zipped(text.as_bytes());
    for cut in [whole.len() - 1, whole.len() - 8, whole.len() / 2, 12, 5] {
        let server = Server::start(vec![says_zipped(&whole[..cut])]).await;
        let (reader, writer) = server.connect();
        let error = reader.ask(read(&["x"])).await.unwrap_err();
        assert!(error.fault == Fault::Malformed && error.what.contains("decompressed"), "{cut}: {error}");
        let failure = writer.send(&receipt(), &Stop::new(), &|| None).await.unwrap_err();
        assert!(matches!(failure, SendFailure::Unknown(_)), "{cut}: {failure}");
        assert_eq!(server.seen().len(), 2, "neither is sent again");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_a_compressed_answer_is_worth_another_try() {
    let Does::Says(whole) = says_zipped(&zipped(b"[1,2,3]")) else { panic!("it says something") };
    let server = Server::start(vec![Does::Says(whole[..whole.len() - 4].to_vec()), Does::Says(whole)]).await;
    assert_eq!(server.connect().0.ask(read(&["x"])).await.unwrap().body, b"[1,2,3]");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_answer_that_swells_when_it_is_decompressed_is_refused() {
    let bomb = zipped(&vec![b' '; limits::READ_BYTES + 1]);
    assert!(bomb.len() < limits::WRITE_BYTES, "small as it travels: {}", bomb.len());
    let server = Server::start(vec![says_zipped(&bomb)]).await;
    let (reader, writer) = server.connect();
    let error = reader.ask(read(&["x"])).await.unwrap_err();
    assert!(error.fault == Fault::Malformed && error.what.contains("larger than"), "{error}");
    let failure = writer.send(&receipt(), &Stop::new(), &|| None).await.unwrap_err();
    assert!(matches!(&failure, SendFailure::Unknown(what) if what.contains("larger than")), "{failure}");
    assert_eq!(server.seen().len(), 2, "neither is sent again");
}
