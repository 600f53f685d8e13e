//! A server that is away, busy, or not the server: each a clear end, nothing lost.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use mobile_ffi::{Engine, HttpTransport, NetError, Post, Reply, SyncEnd, Transport};
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
