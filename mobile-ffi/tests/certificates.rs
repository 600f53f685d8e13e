//! A server whose certificate does not hold is named as that, over HTTP and over a WebSocket.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;

use mobile_ffi::{HttpTransport, NetError, Post, SocketTransport, Transport};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A server with a certificate; for two connections.
fn serve(certificate: &[u8]) -> String {
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let _ = rustls::StreamOwned::new(session, stream.unwrap()).read(&mut [0; 1]);
        }
    });
    format!("https://localhost:{port}")
}

/// What a phone says of it, over both ways.
fn refused(certificate: &[u8]) -> [NetError; 2] {
    let url = serve(certificate);
    let post =
        Post { path: "/v1/token", media_type: "a/b", accept: "a/b", bearer: None, body: b"x" };
    let http = HttpTransport::new(&url).unwrap().post(post).unwrap_err();
    [http, SocketTransport::new(&url).unwrap().sync("t", b"frame").unwrap_err()]
}

#[test]
fn a_certificate_of_a_stranger_is_called_untrusted() {
    for error in refused(include_bytes!("tls/stranger.pem")) {
        assert_eq!(error.code(), "certificate_untrusted", "{error:?}");
        assert!(error.to_string().contains("certificate is not trusted"));
    }
}

#[test]
fn a_certificate_that_does_not_hold_today_asks_to_look_at_the_clock() {
    for error in refused(include_bytes!("tls/expired.pem")) {
        assert_eq!(error.code(), "certificate_time", "{error:?}");
        assert!(error.to_string().contains("clock"));
    }
}
