//! Invite and reset links: one use, a short life, and a password nobody else knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use server::Clock;
use server::auth::Role;

use crate::world::{Answer, PASSWORD, World};

const START: i64 = 1_800_000_000_000;
const HOUR: i64 = 3_600_000;
const CHOSEN: &str = "a password of my own";

fn redeem(world: &World, link: &Value, password: &str) -> Answer {
    let body = json!({"secret": link["secret"], "password": password});
    world.anybody().post("/v1/password-links/redeem", body)
}

fn log_in(world: &World, login: &str, password: &str) -> Answer {
    let body = json!({"tenant": "acme", "login": login, "password": password});
    world.anybody().post("/v1/session", body)
}

fn link_for(world: &World, user: &Value) -> Answer {
    let path = format!("/v1/users/{}/password-link", user.as_str().unwrap());
    world.admin().send("POST", &path, None, "")
}

#[test]
fn an_invited_person_sets_their_password_once_and_logs_in() {
    for world in World::on_each_database() {
        let person = json!({"login": "mei", "name": "Mei Lin", "role": "dispatcher"});
        let user = world.admin().post("/v1/users", person).ok(201);
        let link = link_for(&world, &user["id"]).ok(201);
        assert_eq!(link["kind"], "invite");
        let secret = link["secret"].as_str().unwrap();
        assert_eq!(link["url"], format!("/password#{secret}"));
        let weak = redeem(&world, &link, "short").problem(422, "weak_password");
        assert_eq!(weak["field"], "password");
        let done = redeem(&world, &link, CHOSEN).ok(200);
        assert_eq!(done, json!({"tenant": "acme", "login": "mei", "name": "Mei Lin"}));
        log_in(&world, "mei", CHOSEN).ok(200);
        redeem(&world, &link, "another password").problem(401, "bad_link");
        log_in(&world, "mei", CHOSEN).ok(200);
        let audit = world.admin().get("/v1/audit").ok(200).to_string();
        assert!(audit.contains("user.password_link") && audit.contains("user.password"));
        assert!(!audit.contains(secret) && !audit.contains(CHOSEN));
    }
}

#[test]
fn a_reset_ends_every_session_and_every_earlier_failure() {
    let world = World::with(|config| {
        config.public_url = Some("https://rescue.example.com".to_owned());
        config.clock = Clock::new(|| START);
    });
    let user = json!(world.add_user(world.tenant, "mei", Role::Dispatcher));
    let before = world.desk("acme", "mei");
    let link = link_for(&world, &user).ok(201);
    assert_eq!(link["kind"], "reset");
    assert!(link["url"].as_str().unwrap().starts_with("https://rescue.example.com/password#twp_"));
    before.get("/v1/me").ok(200);
    while log_in(&world, "mei", "forgotten, alas").status != 429 {}
    redeem(&world, &link, CHOSEN).ok(200);
    before.get("/v1/me").problem(401, "not_logged_in");
    log_in(&world, "mei", CHOSEN).ok(200);
}

#[test]
fn a_link_dies_with_its_time_the_next_link_a_new_password_and_the_account() {
    let time = Arc::new(AtomicI64::new(START));
    let clock = time.clone();
    let world = World::with(|config| {
        config.clock = Clock::new(move || clock.load(Ordering::Relaxed));
    });
    let user = json!(world.add_user(world.tenant, "mei", Role::Dispatcher));
    let admin = world.admin().header("if-match", "*");
    let path = format!("/v1/users/{}", user.as_str().unwrap());
    let dead = |link: &Value| redeem(&world, link, CHOSEN).problem(401, "bad_link");

    let first = link_for(&world, &user).ok(201);
    assert_eq!(first["expires_at"], START + HOUR);
    let second = link_for(&world, &user).ok(201);
    dead(&first);
    time.fetch_add(HOUR, Ordering::Relaxed);
    dead(&second);
    let third = link_for(&world, &user).ok(201);
    admin.patch(&path, json!({"password": PASSWORD})).ok(200);
    dead(&third);
    let fourth = link_for(&world, &user).ok(201);
    admin.patch(&path, json!({"active": false})).ok(200);
    dead(&fourth);
    link_for(&world, &user).problem(409, "wrong_state");

    let person = json!({"login": "bo", "name": "Bo", "role": "manager"});
    let user = world.admin().post("/v1/users", person).ok(201);
    let invite = link_for(&world, &user["id"]).ok(201);
    assert_eq!(invite["expires_at"], START + HOUR + 72 * HOUR);
}

#[test]
fn links_are_for_people_with_passwords_made_by_administrators_and_not_guessed() {
    let world = World::with(|config| config.clock = Clock::new(|| START));
    let bo = json!(world.add_user(world.tenant, "bo", Role::Technician));
    link_for(&world, &bo).problem(409, "wrong_state");
    let boss = world.add_user(world.tenant, "boss", Role::Manager);
    let path = format!("/v1/users/{boss}/password-link");
    world.desk("acme", "boss").send("POST", &path, None, "").problem(403, "forbidden");
    let other = world.add_tenant("other");
    world.add_user(other, "admin", Role::Administrator);
    world.desk("other", "admin").send("POST", &path, None, "").problem(404, "not_found");
    let guess = json!({"secret": "twp_guess"});
    let answers = (0..40).map(|_| redeem(&world, &guess, CHOSEN)).collect::<Vec<_>>();
    assert!(answers.iter().any(|answer| answer.status == 429));
    let link = link_for(&world, &json!(boss)).ok(201);
    redeem(&world, &link, CHOSEN).ok(200);
}
