//! What stands before a system: TLS by a private authority, which the target has to name, and an answer that swells.

use std::{io::Write, net::SocketAddr, sync::Arc};

use portcullis::sandbox::System;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
};
use wiremock::ResponseTemplate;

use crate::{
    house::{House, Run},
    letterbox::Letterbox,
};

type Authority = CertifiedIssuer<'static, KeyPair>;

const POLICY: &str = "version: 1\ntarget: s2\nmanage: { access_tokens: { select: [{ id: \"service/*\" }] } }\naccess_tokens:\n  - id: service/kept\n    justification: writes the ledger\n";
const ENFORCED: &str =
    "    enforce: [access_tokens]\n    guards: { notice: 0h, max_share: 100%, keep_at_least: 0 }\n    settle: 1s\n";

fn house() -> House {
    House::s2(&["service/kept", "service/stray"], ENFORCED, POLICY)
}

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Leads the target's way through a TLS front whose certificate is of `localhost` and comes from this authority.
fn lead_through_tls(house: &House, authority: &Authority) -> tokio::runtime::Runtime {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let plain = house.sandbox.url(System::S2).to_string();
    let (_, address) = plain.split_once("//").unwrap();
    let (address, path) = address.split_once('/').unwrap_or((address, ""));
    let address: SocketAddr = address.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    house.edit("portcullis.yaml", &plain, &format!("https://localhost:{port}/{path}"));
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut sealed) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(address).await.unwrap();
                copy_bidirectional(&mut sealed, &mut behind).await.ok();
            });
        }
    });
    runtime
}

fn assert_unreadable(house: &House, run: &Run, says: &str) {
    assert_eq!(run.code, 1, "{}", run.all());
    assert!(run.all().contains(says), "{}", run.all());
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_private_authority_is_trusted_only_by_the_target_that_names_it() {
    let house = house();
    let ours = authority();
    let _front = lead_through_tls(&house, &ours);
    assert_unreadable(&house, &house.run(&["apply", "--yes", "--new-journal"]), "ca_file");

    house.edit("portcullis.yaml", "    enforce:", "    ca_file: ca.pem\n    enforce:");
    house.write("ca.pem", &authority().pem());
    assert_unreadable(&house, &house.run(&["apply", "--yes", "--new-journal"]), "no trusted connection");

    house.write("ca.pem", &ours.pem());
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["service/stray"]);
}

#[test]
fn an_answer_that_swells_when_it_is_decompressed_is_no_reading() {
    let house = house();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(br#"{"access_tokens":[],"has_more":false"#).unwrap();
    bomb.write_all(&vec![b' '; 65 << 20]).unwrap();
    bomb.write_all(b"}").unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "small as it travels: {}", bomb.len());
    let answer = ResponseTemplate::new(200).insert_header("content-encoding", "gzip");
    let swelling = Letterbox::answering(answer.set_body_raw(bomb, "application/json"));
    let plain = house.sandbox.url(System::S2).to_string();
    house.edit("portcullis.yaml", &plain, &swelling.url("/v1"));
    assert_unreadable(&house, &house.run(&["apply", "--yes", "--new-journal"]), "larger than");
    assert!(swelling.letters().iter().all(|letter| letter.method == wiremock::http::Method::GET));
}
