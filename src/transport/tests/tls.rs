//! TLS by a private authority, with a server whose certificate is made for the test.

use axum::{Router, extract::Request, routing::any, serve::Listener};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
    server::TlsStream,
};

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Accepts TLS; a handshake that fails is dropped.
struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.tcp).await;
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// A server whose certificate names `name` and comes from this authority. It answers with the HTTP version of the request.
async fn serve(authority: &Authority, name: &str, protocols: &[&str]) -> Url {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("https://localhost:{}", tcp.local_addr().unwrap().port())).unwrap();
    let version = async |request: Request| format!("{:?}", request.version());
    let listener = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) };
    tokio::spawn(axum::serve(listener, Router::new().fallback(any(version))).into_future());
    base
}

async fn ask(base: Url, ca_pem: Option<String>) -> Result<String, Unreadable> {
    let limits = RequestLimits { requests: RequestRate { count: 1000, seconds: 1 }, concurrency: 1 };
    let ca_pem = ca_pem.map(String::into_bytes);
    let reader = read_only(Connection { ca_pem, ..connection(base, limits) }, None).unwrap();
    Ok(String::from_utf8(reader.ask(read(&["x"])).await?.body).unwrap())
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_where_the_target_names_it() {
    let ours = authority();
    let base = serve(&ours, "localhost", &[]).await;
    assert_eq!(ask(base.clone(), Some(ours.pem())).await.unwrap(), "HTTP/1.1");
    for other in [None, Some(authority().pem())] {
        let error = ask(base.clone(), other).await.unwrap_err();
        assert_eq!(error.fault, Fault::Network, "{error}");
        assert!(error.what.contains("no trusted connection") && error.advice.unwrap().contains("ca_file"));
    }
}

#[tokio::test]
async fn a_bundle_may_hold_several_authorities() {
    let (one, other) = (authority(), authority());
    let base = serve(&other, "localhost", &[]).await;
    assert!(ask(base, Some(format!("{}{}", one.pem(), other.pem()))).await.is_ok());
}

#[tokio::test]
async fn a_trusted_certificate_of_another_name_is_refused() {
    let ours = authority();
    let base = serve(&ours, "elsewhere.example", &[]).await;
    let error = ask(base, Some(ours.pem())).await.unwrap_err();
    assert!(error.fault == Fault::Network && error.what.contains("no trusted connection"), "{error}");
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_does() {
    let ours = authority();
    let base = serve(&ours, "localhost", &["h2", "http/1.1"]).await;
    assert_eq!(ask(base, Some(ours.pem())).await.unwrap(), "HTTP/2.0");
}
