//! A server that is away, busy, or not the server: each a clear end, nothing lost.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mobile_ffi::{Connector, Engine, HttpTransport, NetError, Options, Post, Reply};
use mobile_ffi::{SocketTransport, SyncEnd, Transport};
use support::{Enroller, Folder, json, with_job};

fn end_when_server_says(reply: Option<Reply>) -> (Engine, SyncEnd, Folder) {
    let folder = Folder::new("network");
    let server = Enroller::of_technician(1);
    let (engine, job) = with_job(&folder.file("phone.db"), server.options());
    engine.note(job, "to be sent").unwrap();
    *server.says.lock().unwrap() = reply;
    let report = engine.sync_now().unwrap();
    assert!(report.again_in_ms > 0, "it is tried again");
    assert_eq!(engine.status().unwrap().waiting, 2, "everything still waits");
    (engine, report.end, folder)
}

#[test]
fn no_coverage_is_an_end_and_not_an_error() {
    let (_, end, _folder) = end_when_server_says(None);
    assert!(matches!(end, SyncEnd::Failed(NetError::Unreachable(_))), "{end:?}");
}

#[test]
fn a_captive_portal_is_told_from_the_server() {
    let mut page = json(200, &serde_json::Value::Null);
    page.media_type = "text/html".to_owned();
    page.body = b"<html>Welcome to the hotel</html>".to_vec();
    let (_, end, _folder) = end_when_server_says(Some(page));
    assert_eq!(end, SyncEnd::Failed(NetError::Portal));
}

#[test]
fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let mut busy = json(503, &serde_json::json!({"code": "overloaded"}));
    busy.retry_after_s = Some(90);
    let folder = Folder::new("busy");
    let server = Enroller::of_technician(1);
    let (engine, _) = with_job(&folder.file("phone.db"), server.options());
    *server.says.lock().unwrap() = Some(busy);
    let report = engine.sync_now().unwrap();
    assert_eq!(report.end, SyncEnd::Failed(NetError::Busy { retry_after_s: Some(90) }));
    assert!(report.again_in_ms >= 90_000);
}

#[test]
fn a_revoked_phone_is_told_so_by_name() {
    let body = serde_json::json!({"code": "device_revoked", "detail": "This phone was revoked."});
    let (_, end, _folder) = end_when_server_says(Some(json(401, &body)));
    let SyncEnd::Failed(error) = end else { panic!("{end:?}") };
    assert_eq!((error.code(), matches!(error, NetError::Login { .. })), ("device_revoked", true));
}

/// Logs every phone in, is busy for the first page, and says at later ones that it was revoked.
#[derive(Clone)]
struct Revoker(Enroller, Arc<AtomicUsize>);

impl Connector for Revoker {
    fn connect(&self, _server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Revoker {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        Ok(match request.path {
            "/v1/token" => json(200, &serde_json::json!({"access_token": "t", "expires_in": 900})),
            "/v1/sync" if self.1.fetch_add(1, Ordering::SeqCst) == 0 => {
                json(503, &serde_json::json!({"code": "overloaded"}))
            }
            "/v1/sync" => json(401, &serde_json::json!({"code": "device_revoked"})),
            _ => return self.0.post(request),
        })
    }
}

#[test]
fn a_revoked_phone_sends_its_work_once_a_sync_for_the_office_to_look_at() {
    let folder = Folder::new("revoked");
    let pages = Arc::new(AtomicUsize::new(0));
    let server = Revoker(Enroller::of_technician(1), Arc::clone(&pages));
    let options = Options { connector: Arc::new(server), ..Options::default() };
    let (engine, _) = with_job(&folder.file("phone.db"), options);
    let busy = engine.sync_now().unwrap().end;
    assert!(matches!(busy, SyncEnd::Failed(NetError::Busy { .. })), "{busy:?}");
    // The token it holds is good; the phone is not.
    let end = engine.sync_now().unwrap().end;
    assert!(matches!(end, SyncEnd::Failed(NetError::Login { .. })), "{end:?}");
    assert_eq!(pages.load(Ordering::SeqCst), 2);
}

#[test]
fn a_frame_for_which_a_revoked_phone_gets_no_socket_is_posted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let problem = r#"{"code":"device_revoked","detail":"It is with the office."}"#;
        let head = format!(
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/problem+json\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            problem.len()
        );
        // The answer to the handshake comes in two parts: what is wrong is not read any more.
        let (mut stream, _) = listener.accept().unwrap();
        let asked = until(&mut stream, b"\r\n\r\n");
        assert!(asked.starts_with("GET /v1/sync/ws "), "{asked}");
        stream.write_all(head.as_bytes()).unwrap();
        let (mut post, _) = listener.accept().unwrap();
        let posted = until(&mut post, b"the frame");
        assert!(posted.starts_with("POST /v1/sync "), "{posted}");
        post.write_all((head + problem).as_bytes()).unwrap();
    });
    let transport = SocketTransport::new(&address).unwrap();
    let (code, sentence) = ("device_revoked".to_owned(), "It is with the office.".to_owned());
    assert_eq!(
        transport.sync("token", b"the frame"),
        Err(NetError::Login { code, reason: None, verdicts: None, sentence })
    );
    server.join().unwrap();
}

#[test]
fn a_socket_that_is_closed_says_what_the_phone_has_to_do() {
    use sync_core::sync::close;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let codes = [close::LOG_IN_AGAIN, close::REVOKED, close::TRY_LATER, close::GOING_AWAY];
    let server = std::thread::spawn(move || {
        for code in codes {
            let (stream, _) = listener.accept().unwrap();
            let mut socket = tungstenite::accept(stream).unwrap();
            let frame = tungstenite::protocol::CloseFrame { code: code.into(), reason: "".into() };
            socket.close(Some(frame)).unwrap();
            while socket.read().is_ok() {}
        }
    });
    let transport = SocketTransport::new(&address).unwrap();
    let said = codes.map(|_| {
        let error = transport.news("token", std::time::Duration::from_secs(60)).unwrap_err();
        error.code().to_owned()
    });
    assert_eq!(said, ["token_expired", "device_revoked", "server_busy", "connection_cut"]);
    server.join().unwrap();
}

/// Reads up to these bytes.
fn until(stream: &mut TcpStream, end: &[u8]) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.extend(byte);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn an_answer_cut_off_in_the_middle_is_a_cut_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").unwrap();
    });
    let transport = HttpTransport::new(&address).unwrap();
    let request = Post {
        path: "/v1/sync",
        media_type: "application/json",
        accept: "application/json",
        bearer: None,
        body: b"{}",
    };
    let answer = transport.post(request);
    assert!(matches!(answer, Err(NetError::Cut(_))), "{answer:?}");
    server.join().unwrap();
}

#[test]
fn an_address_that_is_none_is_refused_before_anything_is_sent() {
    assert!(matches!(HttpTransport::new("towline"), Err(NetError::BadAddress(_))));
}
