//! Staff log in, are slowed down when they guess, and log out, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::world::{Client, PASSWORD, Phone, World};
use serde_json::{Value, json};
use server::Clock;
use server::auth::{Role, token};
use server::sweep::STEADY_MS;
use store::Mark;

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

fn at_home(login: &str) -> Value {
    json!({"tenant": "acme", "login": login, "password": PASSWORD})
}

fn guess(login: &str) -> Value {
    json!({"tenant": "acme", "login": login, "password": "wrong wrong"})
}

/// A server behind a proxy, to which anybody may come from any address.
fn behind_a_proxy() -> World {
    World::with(|config| {
        config.proxy_hops = 1;
        // Nobody's wait ends while a test looks at it.
        config.clock = Clock::new(|| START);
    })
}

fn from(world: &World, address: &str) -> Client {
    world.anybody().header("x-forwarded-for", address)
}

/// Guesses until the address is slowed down.
fn guess_until_slowed(client: &Client, login: &str) {
    let slowed =
        (0..10).map(|_| client.post("/v1/session", guess(login))).find(|a| a.status == 429);
    let slowed = slowed.expect("ten guesses are too many");
    assert!(slowed.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    slowed.problem(429, "too_many_attempts");
}

#[test]
fn guessing_one_account_is_slowed_down_and_others_are_not() {
    let world = behind_a_proxy();
    world.add_user(world.tenant, "disp", Role::Dispatcher);
    let client = world.anybody();
    for _ in 0..5 {
        client.post("/v1/session", guess("admin")).problem(401, "bad_credentials");
    }
    guess_until_slowed(&client, "admin");
    // The right password has to wait as well, or waiting would tell that it is right.
    client.post("/v1/session", at_home("admin")).problem(429, "too_many_attempts");
    client.post("/v1/session", at_home("disp")).ok(200);
}

#[test]
fn strangers_elsewhere_lock_nobody_out() {
    let world = behind_a_proxy();
    for host in 0..5 {
        let stranger = from(&world, &format!("198.51.{host}.7"));
        guess_until_slowed(&stranger, "admin");
    }
    from(&world, "203.0.113.5").post("/v1/session", at_home("admin")).ok(200);
}

#[test]
fn a_browser_that_logged_in_before_is_not_slowed_down_by_its_neighbours() {
    let world = behind_a_proxy();
    let office = from(&world, "203.0.113.5");
    let opened = office.post("/v1/session", at_home("admin"));
    let cookies = opened.headers.get_all("set-cookie").iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok()?.split(';').next());
    let browser = cookies.filter(|it| it.starts_with("towline_browser=")).collect::<String>();
    let browser = office.header("cookie", &browser);
    guess_until_slowed(&office, "admin");
    office.post("/v1/session", at_home("admin")).problem(429, "too_many_attempts");
    browser.post("/v1/session", at_home("admin")).ok(200);
    // For another account it is a stranger like others; its own guesses are counted too.
    guess_until_slowed(&browser, "nobody");
    for _ in 0..5 {
        browser.post("/v1/session", guess("admin")).problem(401, "bad_credentials");
    }
    browser.post("/v1/session", at_home("admin")).problem(429, "too_many_attempts");
}

#[test]
fn all_addresses_of_one_ipv6_customer_count_as_one() {
    let world = behind_a_proxy();
    let mut answers = (0..20).map(|host| {
        from(&world, &format!("2001:db8:1:2::{host:x}")).post("/v1/session", guess("admin"))
    });
    assert!(answers.any(|answer| answer.status == 429));
    from(&world, "2001:db8:1:3::1").post("/v1/session", at_home("admin")).ok(200);
    let code = json!({"code_name": "A".repeat(43), "public_key": "A".repeat(43),
        "nonce": "A".repeat(22), "proof": "A".repeat(86)});
    let mut answers = (0..40).map(|host| {
        let client = from(&world, &format!("2001:db8:7:2::{host:x}"));
        client.post("/v1/devices/enrol", code.clone())
    });
    assert!(answers.any(|answer| answer.status == 429), "codes are guessed without end");
}

#[test]
fn the_right_code_enrols_a_phone_wherever_others_guessed() {
    let world = behind_a_proxy();
    let desk = world.admin();
    let wrong = json!({"code_name": "A".repeat(43), "public_key": "A".repeat(43),
        "nonce": "A".repeat(22), "proof": "A".repeat(86)});
    let mut answers = (0..40).map(|_| world.anybody().post("/v1/devices/enrol", wrong.clone()));
    assert!(answers.any(|answer| answer.status == 429));
    // Whoever guessed here may not log in here for a while; the desk did before.
    let user = world.add_user(world.tenant, "bo", Role::Technician);
    let code = desk.post("/v1/devices/codes", json!({"user": user})).ok(201);
    Phone::enrol(&world.anybody(), code["code"].as_str().unwrap());
}

#[test]
fn a_new_password_from_the_command_line_ends_a_wait() {
    let world = behind_a_proxy();
    let client = world.anybody();
    guess_until_slowed(&client, "admin");
    let store = &world.running().app().store;
    let now = world.running().app().now();
    let user = world.block_on(server::admin::find_user(store, world.tenant, "admin")).unwrap();
    let set = server::admin::set_password(store, now, world.tenant, user.id, PASSWORD, 64);
    world.block_on(set).unwrap();
    client.post("/v1/session", at_home("admin")).ok(200);
}

#[test]
fn a_wrong_password_while_the_clock_was_ahead_locks_nobody_out() {
    let (world, hand) = with_a_clock(10 * 365 * DAY);
    world.anybody().post("/v1/session", guess("admin")).problem(401, "bad_credentials");
    hand.store(START, Ordering::SeqCst);
    world.anybody().post("/v1/session", at_home("admin")).ok(200);
}

#[test]
fn a_session_lasts_while_it_is_used_and_ends_without() {
    let (world, hand) = with_a_clock(0);
    let desk = world.admin();
    for hours in [11, 22, 33, 44] {
        hand.store(START + hours * HOUR, Ordering::SeqCst);
        desk.get("/v1/me").ok(200);
    }
    hand.store(START + (44 + 12) * HOUR, Ordering::SeqCst);
    desk.get("/v1/me").problem(401, "not_logged_in");
    let desk = world.admin();
    for day in 3..10 {
        hand.store(START + day * DAY, Ordering::SeqCst);
        for _ in 0..3 {
            hand.fetch_add(8 * HOUR, Ordering::SeqCst);
            desk.get("/v1/me");
        }
    }
    desk.get("/v1/me").problem(401, "not_logged_in");
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_800_000_000_000;

/// A server whose clock is so far ahead of `START`, and the hand of the clock.
fn with_a_clock(ahead: i64) -> (World, Arc<AtomicI64>) {
    let hand = Arc::new(AtomicI64::new(START + ahead));
    let now = Arc::clone(&hand);
    let world = World::with(|config| {
        config.clock = Clock::new(move || now.load(Ordering::SeqCst));
    });
    (world, hand)
}

#[test]
fn over_https_a_session_cookie_without_the_prefix_is_not_taken() {
    let url = "https://desk.example";
    let world = World::with(|config| config.public_url = Some(url.to_owned()));
    let opened = world.anybody().post("/v1/session", at_home("admin"));
    let token = opened.body["token"].as_str().unwrap();
    for cookie in opened.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-towline_") && cookie.ends_with("; Secure"), "{cookie}");
    }
    let planted = format!("towline_session={token}");
    let own = format!("__Host-towline_session={token}");
    let other = "towline_session=tws_of_someone_else";
    world.anybody().header("cookie", &planted).get("/v1/me").problem(401, "not_logged_in");
    world.anybody().header("cookie", &own).get("/v1/me").ok(200);
    world.anybody().header("cookie", &format!("{other}; {own}")).get("/v1/me").ok(200);
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

#[test]
fn the_date_header_and_a_refused_login_tell_the_time_after_a_step_back() {
    let (world, hand) = with_a_clock(8 * HOUR);
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    assert_eq!(world.anybody().get("/health/live").header("date"), "Fri, 15 Jan 2027 16:00:00 GMT");
    let ahead = phone.log_in(&world);
    hand.store(START, Ordering::SeqCst);
    assert_eq!(world.anybody().get("/health/live").header("date"), "Fri, 15 Jan 2027 08:00:00 GMT");
    ahead.get("/v1/me").problem(401, "bad_token");
    let early = phone.token(&world.anybody(), &phone.assertion((START + 8 * HOUR) / 1000));
    let problem = early.problem(401, "bad_assertion");
    assert_eq!(
        (problem["reason"].as_str(), &problem["server_time"]),
        (Some("not_yet_valid"), &json!(START))
    );
    phone.log_in(&world).get("/v1/me").ok(200);
}

#[test]
fn a_clock_put_back_by_minutes_sends_no_phone_to_log_in_again() {
    let (world, hand) = with_a_clock(0);
    let phone = world.phone(world.tenant, "acme", "admin", "bo").log_in(&world);
    hand.store(START - 200_000, Ordering::SeqCst);
    phone.get("/v1/me").ok(200);
}

#[test]
fn what_a_clock_ten_years_ahead_stored_is_put_right() {
    let ahead = 10 * 365 * DAY;
    let (world, hand) = with_a_clock(ahead);
    let desk = world.admin();
    let user = world.add_user(world.tenant, "bo", Role::Technician);
    let code = desk.post("/v1/devices/codes", json!({"user": user})).ok(201);
    let app = world.running().app();
    let old = world.block_on(server::admin::rotate_key(&app.store, app.now())).unwrap();
    world.block_on(server::admin::rotate_key(&app.store, app.now())).unwrap();
    hand.store(START, Ordering::SeqCst);
    let settle = || world.block_on(server::auth::deadlines::settle(app)).unwrap();
    assert!(settle() >= 3, "a session, a code and keys");
    assert_eq!(settle(), 0);
    desk.get("/v1/me").ok(200);
    // The code lives its ten minutes from now, the session its days, the key its grace.
    hand.store(START + 11 * 60_000, Ordering::SeqCst);
    let client = world.anybody();
    let mark = code["code"].as_str().unwrap();
    let refused = std::panic::catch_unwind(|| Phone::enrol(&client, mark).device);
    assert!(refused.is_err(), "the code is over");
    hand.store(START + 8 * DAY, Ordering::SeqCst);
    desk.get("/v1/me").problem(401, "not_logged_in");
    world.block_on(app.read_keys()).unwrap();
    assert!(app.keys.find(&old).is_none(), "a retired key verifies for ten years");
}

#[test]
fn a_server_whose_clock_is_behind_changes_no_row_and_forgets_no_answer() {
    let (world, hand) = with_a_clock(0);
    let desk = world.admin();
    let call = || {
        let keyed = desk.header("idempotency-key", "call-4711");
        keyed.post("/v1/jobs", json!({"address": "Highway 3", "problem": "tow"})).ok(201)["id"]
            .clone()
    };
    let made = call();
    let app = world.running().app();
    let known = Mark { judged: START, confirmed: STEADY_MS };
    let mark = || world.block_on(app.store.time_mark()).unwrap();
    // The server's own task writes it too.
    while mark() != Some(known) {
        world.block_on(app.store.put_time_mark(mark(), known)).unwrap();
    }
    for behind in [30 * DAY, 6 * 365 * DAY] {
        hand.store(START - behind, Ordering::SeqCst);
        assert_eq!(world.block_on(server::auth::deadlines::settle(app)).unwrap(), 0);
    }
    hand.store(START, Ordering::SeqCst);
    desk.get("/v1/me").ok(200);
    assert_eq!(call(), made, "the key was forgotten");
}

#[test]
fn a_used_assertion_is_not_taken_by_a_node_whose_clock_is_behind() {
    let Some(behind) = World::on_postgres() else { return };
    let ahead = behind.second_node_with(|config| {
        config.clock = Clock::new(|| Clock::system().now() + 10 * 60_000);
    });
    let phone = behind.phone(behind.tenant, "acme", "admin", "bo");
    let now_s = Clock::system().now() / 1000;
    let used = phone.assertion(now_s);
    phone.token(&behind.anybody(), &used).ok(200);
    // The node ahead forgets what is over by its own clock.
    phone.token(&ahead.anybody(), &phone.assertion(now_s + 600)).ok(200);
    let again = phone.token(&behind.anybody(), &used).problem(401, "bad_assertion");
    assert_eq!(again["reason"], "used_before");
}

#[test]
fn two_administrators_who_take_each_others_rights_away_leave_one() {
    for world in World::on_each_database() {
        for round in 0..4 {
            let pair = ["one", "two"].map(|name| {
                let login = format!("{name}{round}");
                (world.add_user(world.tenant, &login, Role::Administrator), login)
            });
            // Only these two are left.
            let desk = world.desk("acme", &pair[0].1);
            let people = desk.get("/v1/users?role=administrator&limit=200").ok(200);
            for person in people["items"].as_array().unwrap() {
                let id = person["id"].as_str().unwrap();
                if pair.iter().all(|(own, _)| own.to_string() != id) {
                    let any = desk.header("if-match", "*");
                    any.patch(&format!("/v1/users/{id}"), json!({"active": false})).ok(200);
                }
            }
            let start = std::sync::Barrier::new(2);
            let desks = [desk.clone(), world.desk("acme", &pair[1].1)];
            std::thread::scope(|scope| {
                for (own, other) in [(0, 1), (1, 0)] {
                    let (desk, start, (user, _)) = (&desks[own], &start, &pair[other]);
                    scope.spawn(move || {
                        let any = desk.header("if-match", "*");
                        start.wait();
                        any.patch(&format!("/v1/users/{user}"), json!({"role": "dispatcher"}));
                    });
                }
            });
            let store = &world.running().app().store;
            let left = "SELECT COUNT(*) FROM users WHERE role = 'administrator' AND active = 1";
            let left = sqlx::query_scalar::<_, i64>(left).fetch_one(store.readers());
            assert_eq!(world.block_on(left).unwrap(), 1);
        }
    }
}

#[test]
fn a_write_for_another_person_than_the_caller_is_refused_before_anything_is_done() {
    let world = World::new();
    let desk = world.admin();
    let me = desk.get("/v1/me").ok(200)["id"].as_str().unwrap().to_owned();
    let dan = world.add_user(world.tenant, "dan", Role::Dispatcher).to_string();
    let call = || json!({"address": "Highway 3", "problem": "tow"});
    let meant = desk.header("towline-person", &dan);
    meant.post("/v1/jobs", call()).problem(409, "other_person");
    let keyed = meant.header("idempotency-key", "one");
    keyed.post("/v1/jobs", call()).problem(409, "other_person");
    desk.header("towline-person", "dan").post("/v1/jobs", call()).problem(400, "bad_header");
    assert_eq!(desk.get("/v1/jobs").ok(200)["items"], json!([]));
    desk.header("towline-person", &me).post("/v1/jobs", call()).ok(201);
    let again = desk.header("idempotency-key", "one").header("towline-person", &me);
    again.post("/v1/jobs", call()).ok(201);
}
