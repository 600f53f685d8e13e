//! Phones exchange frames over HTTP and WebSocket; what is no frame or no phone is told so.

use std::net::TcpStream;

use crate::world::{Phone, Told, World};
use serde_json::json;
use sync_core::limits;
use sync_core::sync::{Frame, Request, Response, close, decode_response, encode_request};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

const MEDIA: &str = "application/vnd.towline.sync";

fn answer(bytes: &[u8]) -> Box<Response> {
    match decode_response(bytes) {
        Ok(Frame::Response(response)) => response,
        other => panic!("not a response: {other:?}"),
    }
}

fn fault(bytes: &[u8]) -> String {
    match decode_response(bytes) {
        Ok(Frame::Fault(fault)) => fault.code,
        other => panic!("not a fault: {other:?}"),
    }
}

/// Posts bytes and gives the bytes that come back.
fn post(world: &World, token: &str, body: &[u8]) -> Vec<u8> {
    let url = format!("{}/v1/sync", world.running().url());
    let mut response = ureq::post(url)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", MEDIA)
        .send(body)
        .expect("the server answers");
    response.body_mut().read_to_vec().expect("a body")
}

fn token(world: &World, phone: &Phone) -> String {
    let now_s = world.running().app().now() / 1000;
    let token = phone.token(&world.anybody(), &phone.assertion(now_s)).ok(200);
    token["access_token"].text().to_owned()
}

fn socket(world: &World, token: &str) -> WebSocket<TcpStream> {
    let address = world.running().addr;
    let mut request =
        format!("ws://{address}/v1/sync/ws").into_client_request().expect("a request");
    let value = format!("Bearer {token}").parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a timeout");
    tungstenite::client(request, stream).expect("an upgrade").0
}

/// The next binary message; nothing once the server closed.
fn next(socket: &mut WebSocket<TcpStream>) -> Option<Vec<u8>> {
    loop {
        match socket.read() {
            Ok(Message::Binary(bytes)) => return Some(bytes.to_vec()),
            Ok(Message::Close(_)) => return None,
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) => panic!("the server is silent: {error}"),
            Err(_) => return None,
        }
    }
}

#[test]
fn an_empty_exchange_tells_epoch_and_time_in_one_round_trip() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let token = token(&world, &phone);
    let first = answer(&post(&world, &token, &encode_request(&Request::default())));
    assert!(first.epoch != 0 && first.server_time > 0 && first.verdicts.is_empty());
    let again = Request { epoch: first.epoch, cursor: first.cursor, ..Request::default() };
    let again = answer(&post(&world, &token, &encode_request(&again)));
    assert_eq!(
        (again.epoch, again.cursor, again.digest),
        (first.epoch, first.cursor, first.digest)
    );
}

#[test]
fn what_is_no_frame_is_answered_by_a_fault_and_what_is_too_large_by_413() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let token = token(&world, &phone);
    for garbage in [&b""[..], b"\x01", b"\x01\x01\x00", b"<html>", &[0xff; 5000]] {
        assert_eq!(fault(&post(&world, &token, garbage)), "frame_malformed");
    }
    let client = world.anybody().bearer(&token);
    let large = vec![1; limits::FRAME_BYTES + 1];
    client.send("POST", "/v1/sync", Some(large), MEDIA).problem(413, "too_large");
    client.send("POST", "/v1/sync", Some(vec![1]), "text/plain").problem(415, "wrong_media_type");
    world.admin().send("POST", "/v1/sync", Some(vec![1]), MEDIA).problem(403, "forbidden");
    world.anybody().send("POST", "/v1/sync", Some(vec![1]), MEDIA).problem(401, "not_logged_in");
}

#[test]
fn a_web_socket_carries_the_same_frames() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let token = token(&world, &phone);
    let mut socket = socket(&world, &token);
    let frame = encode_request(&Request::default());
    for _ in 0..2 {
        socket.send(Message::binary(frame.clone())).expect("it is open");
        assert!(answer(&next(&mut socket).expect("an answer")).epoch != 0);
    }
    socket.send(Message::binary(b"garbage".to_vec())).expect("it is open");
    assert_eq!(fault(&next(&mut socket).expect("an answer")), "frame_malformed");
    socket.send(Message::text("hello")).expect("it is open");
    assert_eq!(next(&mut socket), None, "text closes it");
}

#[test]
fn a_fifth_web_socket_of_a_phone_takes_the_place_of_its_first() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let token = token(&world, &phone);
    let mut sockets: Vec<_> = (0..5).map(|_| socket(&world, &token)).collect();
    let frame = encode_request(&Request::default());
    let told = loop {
        match sockets[0].read() {
            Ok(Message::Close(told)) => break told,
            Ok(_) => {}
            Err(error) => panic!("not told to go: {error}"),
        }
    };
    assert_eq!(told.map(|it| u16::from(it.code)), Some(close::TRY_LATER));
    for socket in &mut sockets[1..] {
        socket.send(Message::binary(frame.clone())).expect("it is open");
        assert!(answer(&next(socket).expect("an answer")).epoch != 0);
    }
}

#[test]
fn a_web_socket_of_a_revoked_phone_takes_no_further_frame() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let mut socket = socket(&world, &token(&world, &phone));
    world.admin().post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
    let frame = encode_request(&Request::default());
    // The server may close while we still write.
    socket.send(Message::binary(frame)).ok();
    assert!(!matches!(socket.read(), Ok(Message::Binary(_))));
}

#[test]
fn a_frame_larger_than_allowed_closes_the_web_socket() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let mut socket = socket(&world, &token(&world, &phone));
    // The server may close while we still write.
    socket.send(Message::binary(vec![1; limits::FRAME_BYTES + 1])).ok();
    assert!(!matches!(socket.read(), Ok(Message::Binary(_))));
}

#[test]
fn the_server_stops_while_a_web_socket_is_open() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let mut socket = socket(&world, &token(&world, &phone));
    socket.send(Message::binary(encode_request(&Request::default()))).expect("it is open");
    next(&mut socket).expect("an answer");
    drop(world);
    assert_eq!(next(&mut socket), None);
}

#[test]
fn a_phone_that_watches_is_notified_when_it_gets_a_job_and_not_for_the_work_of_others() {
    let world = World::new();
    let bo = world.phone(world.tenant, "acme", "admin", "bo");
    let cy = world.phone(world.tenant, "acme", "admin", "cy");
    let mut socket = socket(&world, &token(&world, &bo));
    socket.send(Message::binary(encode_request(&Request::default()))).expect("it is open");
    let before = answer(&next(&mut socket).expect("an answer"));
    let desk = world.admin();
    for (technician, problem) in [(cy.user, "for another"), (bo.user, "for this one")] {
        let job = desk.post("/v1/jobs", json!({"problem": problem, "address": "here"})).ok(201);
        let path = format!("/v1/jobs/{}/assign", job["id"].text());
        desk.post(&path, json!({"technician": technician})).ok(200);
    }
    let notification = next(&mut socket).expect("a notification");
    assert!(matches!(decode_response(&notification), Ok(Frame::Notification)), "{notification:?}");
    let again = Request { epoch: before.epoch, cursor: before.cursor, ..Request::default() };
    socket.send(Message::binary(encode_request(&again))).expect("it is open");
    let news = answer(&next(&mut socket).expect("an answer"));
    assert_eq!(news.whole.len(), 1, "the one job of this technician");
    // Nothing is outstanding: the next message is the answer to the next request, not a notification.
    let last = Request { epoch: news.epoch, cursor: news.cursor, ..Request::default() };
    socket.send(Message::binary(encode_request(&last))).expect("it is open");
    let quiet = answer(&next(&mut socket).expect("an answer"));
    assert!(quiet.runs.is_empty());
}

#[test]
fn two_nodes_on_one_postgres_agree_on_logins_keys_and_revocations() {
    let Some(world) = World::on_postgres() else { return };
    let second = world.second_node();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let now_s = world.running().app().now() / 1000;
    let there = second.anybody();
    // Logged in at one, known at the other; an assertion used at one is used up at the other.
    let assertion = phone.assertion(now_s);
    let token = phone.token(&there, &assertion).ok(200);
    phone.token(&world.anybody(), &assertion).problem(401, "bad_assertion");
    let token = token["access_token"].text().to_owned();
    world.anybody().bearer(&token).get("/v1/me").ok(200);
    let first = answer(&post(&world, &token, &encode_request(&Request::default())));
    world.admin().post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
    there.bearer(&token).get("/v1/me").problem(401, "device_revoked");
    assert_eq!(second.running().app().store.epoch(), first.epoch);
}

/// The code and reason with which the server closes a socket on which nothing is said.
fn closed(socket: &mut WebSocket<TcpStream>) -> (u16, String) {
    let stream = socket.get_ref();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).expect("a timeout");
    loop {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => {
                return (frame.code.into(), frame.reason.to_string());
            }
            Ok(Message::Close(None)) => panic!("closed without a reason"),
            Ok(_) => {}
            Err(error) => panic!("the server did not close in order: {error}"),
        }
    }
}

fn revoked() -> (u16, String) {
    (close::REVOKED, "device_revoked".to_owned())
}

#[test]
fn an_idle_web_socket_closes_when_its_phone_is_revoked() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let other = world.phone(world.tenant, "acme", "admin", "cy");
    let (mut idle, mut others) =
        (socket(&world, &token(&world, &phone)), socket(&world, &token(&world, &other)));
    world.admin().post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
    assert_eq!(closed(&mut idle), revoked());
    others.send(Message::binary(encode_request(&Request::default()))).expect("it is open");
    next(&mut others).expect("another phone's socket stays open");
}

#[test]
fn an_idle_web_socket_closes_when_its_technician_may_not_log_in_any_more() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let mut idle = socket(&world, &token(&world, &phone));
    deactivate(&world, &phone);
    assert_eq!(closed(&mut idle), revoked());
}

fn deactivate(world: &World, phone: &Phone) {
    let (desk, path) = (world.admin(), format!("/v1/users/{}", phone.user));
    let seen = desk.get(&path);
    let desk = desk.header("if-match", seen.header("etag"));
    desk.patch(&path, json!({"active": false})).ok(200);
}

#[test]
fn an_idle_web_socket_closes_when_another_node_revokes_or_deactivates() {
    let Some(world) = World::on_postgres() else { return };
    let second = world.second_node();
    let bo = world.phone(world.tenant, "acme", "admin", "bo");
    let cy = world.phone(world.tenant, "acme", "admin", "cy");
    let mut idle = socket(&second, &token(&second, &bo));
    world.admin().post(&format!("/v1/devices/{}/revoke", bo.device), json!({})).ok(200);
    assert_eq!(closed(&mut idle), revoked());
    let mut idle = socket(&second, &token(&second, &cy));
    deactivate(&world, &cy);
    assert_eq!(closed(&mut idle), revoked());
}

#[test]
fn a_revocation_of_which_nobody_told_the_server_is_found_by_looking() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let mut idle = socket(&world, &token(&world, &phone));
    let app = world.running().app();
    // As `towline admin revoke` does in a process of its own.
    let revoke = server::admin::revoke_device(&app.store, app.now(), world.tenant, phone.device);
    world.block_on(revoke).expect("it is there");
    world.block_on(server::sync::look_at_all(app)).expect("the database answers");
    assert_eq!(closed(&mut idle), revoked());
}

#[test]
fn a_web_socket_closes_when_its_token_ends() {
    let world = World::with(|config| config.access = std::time::Duration::from_secs(1));
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let mut idle = socket(&world, &token(&world, &phone));
    assert_eq!(closed(&mut idle), (close::LOG_IN_AGAIN, "token_expired".to_owned()));
}

#[test]
fn who_gave_a_job_away_is_told_so_once_and_not_notified_for_it_again() {
    for world in World::on_each_database() {
        // The desk works on another node where there can be one.
        let second = world.is_on_postgres().then(|| world.second_node());
        let office = second.as_ref().unwrap_or(&world);
        let bo = world.phone(world.tenant, "acme", "admin", "bo");
        let cy = world.phone(world.tenant, "acme", "admin", "cy");
        let desk = office.admin();
        let job = desk.post("/v1/jobs", json!({"problem": "flat", "address": "here"})).ok(201);
        let path = format!("/v1/jobs/{}", job["id"].text());
        let mut socket = socket(&world, &token(&world, &bo));
        let exchange = |socket: &mut WebSocket<TcpStream>, epoch, cursor| {
            let request = Request { epoch, cursor, ..Request::default() };
            socket.send(Message::binary(encode_request(&request))).expect("it is open");
            answer(&next(socket).expect("an answer, and no notification"))
        };
        let mut stands = exchange(&mut socket, 0, 0);
        for technician in [bo.user, cy.user] {
            desk.post(&format!("{path}/assign"), json!({"technician": technician})).ok(200);
            let notification = next(&mut socket).expect("a notification");
            assert!(
                matches!(decode_response(&notification), Ok(Frame::Notification)),
                "{notification:?}"
            );
            stands = exchange(&mut socket, stands.epoch, stands.cursor);
        }
        assert_eq!(stands.released.len(), 1, "the job went to another");
        let mut commits = world.running().app().writer().commits();
        desk.post(&format!("{path}/notes"), json!({"text": "for the other"})).ok(200);
        world.block_on(commits.recv()).expect("the commit is heard of");
        // Everything about the first note is heard of before anything about this job.
        let own = desk.post("/v1/jobs", json!({"problem": "own", "address": "here"})).ok(201);
        let own = format!("/v1/jobs/{}/assign", own["id"].text());
        desk.post(&own, json!({"technician": bo.user})).ok(200);
        let notification = next(&mut socket).expect("a notification");
        assert!(
            matches!(decode_response(&notification), Ok(Frame::Notification)),
            "{notification:?}"
        );
        // Had the note caused one too, a second notification would stand before the answer.
        exchange(&mut socket, stands.epoch, stands.cursor);
    }
}
