//! Phones exchange frames over HTTP and WebSocket; what is no frame or no phone is told so.

use std::net::TcpStream;

use crate::world::{Phone, World};
use serde_json::json;
use sync_core::limits;
use sync_core::sync::{Frame, Request, Response, decode_response, encode_request};
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
    token["access_token"].as_str().unwrap_or_default().to_owned()
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
fn a_web_socket_of_a_revoked_phone_is_closed_at_its_next_frame() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let mut socket = socket(&world, &token(&world, &phone));
    world.admin().post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
    let frame = encode_request(&Request::default());
    socket.send(Message::binary(frame)).expect("it is open");
    assert_eq!(next(&mut socket), None);
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
fn a_phone_that_watches_is_poked_when_it_gets_a_job_and_not_for_the_work_of_others() {
    let world = World::new();
    let bo = world.phone(world.tenant, "acme", "admin", "bo");
    let cy = world.phone(world.tenant, "acme", "admin", "cy");
    let mut socket = socket(&world, &token(&world, &bo));
    socket.send(Message::binary(encode_request(&Request::default()))).expect("it is open");
    let before = answer(&next(&mut socket).expect("an answer"));
    let desk = world.admin();
    for (technician, problem) in [(cy.user, "for another"), (bo.user, "for this one")] {
        let job = desk.post("/v1/jobs", json!({"problem": problem, "address": "here"})).ok(201);
        let path = format!("/v1/jobs/{}/assign", job["id"].as_str().unwrap_or_default());
        desk.post(&path, json!({"technician": technician})).ok(200);
    }
    let poke = next(&mut socket).expect("a poke");
    assert!(matches!(decode_response(&poke), Ok(Frame::Poke)), "{poke:?}");
    let again = Request { epoch: before.epoch, cursor: before.cursor, ..Request::default() };
    socket.send(Message::binary(encode_request(&again))).expect("it is open");
    let news = answer(&next(&mut socket).expect("an answer"));
    assert_eq!(news.whole.len(), 1, "the one job of this technician");
    // Nothing is outstanding: the next message is the answer to the next request, not a poke.
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
    let token = token["access_token"].as_str().unwrap_or_default().to_owned();
    world.anybody().bearer(&token).get("/v1/me").ok(200);
    let first = answer(&post(&world, &token, &encode_request(&Request::default())));
    world.admin().post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
    there.bearer(&token).get("/v1/me").problem(401, "device_revoked");
    assert_eq!(second.running().app().store.epoch(), first.epoch);
}
