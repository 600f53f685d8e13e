//! Staff log in, are slowed down when they guess, and log out, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::world::{PASSWORD, Phone, World};
use serde_json::json;
use server::Clock;
use server::auth::{Role, token};

#[test]
fn a_person_logs_in_is_known_and_logs_out() {
    let world = World::new();
    world.anybody().get("/v1/me").problem(401, "not_logged_in");
    let admin = world.admin();
    let me = admin.get("/v1/me").ok(200);
    assert_eq!(me["role"], "administrator");
    assert_eq!(me["tenant"], world.tenant.to_string());
    admin.delete("/v1/session").ok(204);
    admin.get("/v1/me").problem(401, "not_logged_in");
}

#[test]
fn wrong_password_wrong_login_and_wrong_tenant_look_the_same() {
    let world = World::new();
    let client = world.anybody();
    for (tenant, login, password) in [
        ("acme", "admin", "wrong wrong wrong"),
        ("acme", "nobody", PASSWORD),
        ("other", "admin", PASSWORD),
    ] {
        let body = json!({"tenant": tenant, "login": login, "password": password});
        client.post("/v1/session", body).problem(401, "bad_credentials");
    }
}

#[test]
fn guessing_one_account_is_slowed_down_and_others_are_not() {
    let world = World::new();
    world.add_user(world.tenant, "disp", Role::Dispatcher);
    let client = world.anybody();
    let guess = json!({"tenant": "acme", "login": "admin", "password": "wrong wrong"});
    for _ in 0..5 {
        client.post("/v1/session", guess.clone()).problem(401, "bad_credentials");
    }
    let slowed = client.post("/v1/session", guess);
    assert!(slowed.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    slowed.problem(429, "too_many_attempts");
    // The right password has to wait as well, or waiting would tell that it is right.
    let right = json!({"tenant": "acme", "login": "admin", "password": PASSWORD});
    client.post("/v1/session", right).problem(429, "too_many_attempts");
    let other = json!({"tenant": "acme", "login": "disp", "password": PASSWORD});
    client.post("/v1/session", other).ok(200);
}

#[test]
fn guessing_many_accounts_from_one_address_is_slowed_down() {
    let world = World::new();
    let client = world.anybody();
    let mut answers = (0..40).map(|n| {
        let body =
            json!({"tenant": "acme", "login": format!("user{n}"), "password": "wrong wrong"});
        client.post("/v1/session", body)
    });
    assert!(answers.any(|answer| answer.status == 429));
}

#[test]
fn a_browser_write_needs_our_own_origin() {
    let world = World::new();
    let body = json!({"tenant": "acme", "login": "admin", "password": PASSWORD});
    let opened = world.anybody().post("/v1/session", body);
    let cookie = opened.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap_or_default();
    let browser = world.anybody().header("cookie", pair);
    browser.get("/v1/me").ok(200);
    let evil = browser.header("origin", "https://evil.example");
    evil.delete("/v1/session").problem(403, "cross_site");
    browser.delete("/v1/session").problem(403, "cross_site");
    browser.header("x-towline-csrf", "1").delete("/v1/session").ok(204);
}

#[test]
fn a_new_password_ends_every_session_of_the_account() {
    let world = World::new();
    let (one, two) = (world.admin(), world.admin());
    let wrong = json!({"current": "not the password", "password": "another long one"});
    one.post("/v1/me/password", wrong).problem(401, "bad_credentials");
    let short = json!({"current": PASSWORD, "password": "short"});
    one.post("/v1/me/password", short).problem(422, "weak_password");
    let right = json!({"current": PASSWORD, "password": "another long one"});
    one.post("/v1/me/password", right).ok(204);
    one.get("/v1/me").problem(401, "not_logged_in");
    two.get("/v1/me").problem(401, "not_logged_in");
}

#[test]
fn a_body_that_is_not_what_is_wanted_is_named_by_its_field() {
    let world = World::new();
    let body = json!({"tenant": "acme", "login": 7, "password": PASSWORD});
    let problem = world.anybody().post("/v1/session", body).problem(400, "bad_json");
    assert_eq!(problem["field"], "login");
    let media = world.anybody().send("POST", "/v1/session", Some(b"{}".to_vec()), "text/plain");
    media.problem(415, "wrong_media_type");
    let large = vec![b' '; 17 * 1024];
    let large = world.anybody().send("POST", "/v1/session", Some(large), "application/json");
    large.problem(413, "too_large");
    world.anybody().get("/v1/nowhere").problem(404, "not_found");
    world.anybody().send("PUT", "/v1/session", None, "").problem(405, "method_not_allowed");
}

/// The name of the key by which the server signs what it gives a phone that logs in now.
fn signed_by(world: &World, phone: &Phone) -> String {
    let client = phone.log_in(world);
    client.get("/v1/me").ok(200);
    token::kid(client.token().unwrap()).unwrap()
}

#[test]
fn a_key_that_another_process_retires_signs_nothing_after_a_minute() {
    let start = Clock::system().now();
    let now = Arc::new(AtomicI64::new(start));
    let hand = Arc::clone(&now);
    let world = World::with(|config| {
        config.clock = Clock::new(move || hand.load(Ordering::SeqCst));
    });
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let old = signed_by(&world, &phone);
    let app = world.running().app();
    let new = world.block_on(server::admin::rotate_key(&app.store, app.now())).unwrap();
    now.store(start + 59_000, Ordering::SeqCst);
    assert_eq!(signed_by(&world, &phone), old, "nobody has told this process yet");
    now.store(start + 61_000, Ordering::SeqCst);
    assert_eq!(signed_by(&world, &phone), new);
    // A clock that is put back keeps nobody from looking.
    let newest = world.block_on(server::admin::rotate_key(&app.store, app.now())).unwrap();
    now.store(start, Ordering::SeqCst);
    assert_eq!(signed_by(&world, &phone), newest);
}

#[test]
fn what_is_done_each_minute_brings_the_keys_of_another_process() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let old = signed_by(&world, &phone);
    let app = world.running().app();
    let new = world.block_on(server::admin::rotate_key(&app.store, app.now())).unwrap();
    assert_eq!(app.keys.current().unwrap().kid, old);
    world.block_on(app.read_keys()).unwrap();
    assert_eq!(app.keys.current().unwrap().kid, new);
    assert_eq!(signed_by(&world, &phone), new);
}
