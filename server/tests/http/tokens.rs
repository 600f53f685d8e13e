//! API tokens: what each scope opens, how one ends, and what is known of it afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use server::Clock;
use server::auth::{Role, Scope};

use crate::world::{Client, World};

const START: i64 = 1_800_000_000_000;

fn token(world: &World, scopes: &[&str]) -> (Client, Value) {
    let made = world.admin().post("/v1/tokens", json!({"name": "DMS", "scopes": scopes})).ok(201);
    (world.anybody().bearer(made["token"].as_str().unwrap()), made)
}

fn call() -> Value {
    json!({"problem": "tow", "address": "Highway 5, km 12"})
}

#[test]
fn a_token_does_what_its_scopes_say_and_nothing_else() {
    for world in World::on_each_database() {
        let (client, _) = token(&world, &["jobs:read", "jobs:write", "masters:read"]);
        let job = client.post("/v1/jobs", call()).ok(201);
        client.get(&format!("/v1/jobs/{}", job["id"].as_str().unwrap())).ok(200);
        client.get("/v1/parts").ok(200);
        let part = json!({"description": "Fuse", "unit_price": 100, "currency": "TWD"});
        let refused = client.put("/v1/parts/FUSE", part.clone()).problem(403, "forbidden");
        assert_eq!(refused["reason"], "scope");
        assert!(refused["detail"].as_str().unwrap().contains("masters:write"), "{refused}");
        client.get("/v1/positions").problem(403, "forbidden");
        let me = client.get("/v1/me").ok(200);
        assert_eq!((&me["name"], &me["scopes"][1]), (&json!("DMS"), &json!("jobs:write")));
        let (masters, _) = token(&world, &["masters:write"]);
        masters.put("/v1/parts/FUSE", part).ok(200);
        masters.post("/v1/jobs", call()).problem(403, "forbidden");
        assert_eq!(client.get("/v1/parts/FUSE").ok(200)["description"], "Fuse");
    }
}

#[test]
fn every_route_that_staff_may_take_asks_tokens_for_its_scope_or_is_closed_to_them() {
    let world = World::new();
    let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let (any, _) = token(&world, &all);
    let api = serde_json::to_value(server::router::openapi()).unwrap();
    let mut closed = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schemes = operation["security"].as_array().unwrap();
            if !schemes.iter().any(|scheme| scheme.get("cookie").is_some()) {
                continue;
            }
            let method = method.to_uppercase();
            let sent = path.replace("{id}", "x").replace("{seal}", "x").replace("{kind}", "parts");
            let body = (method != "GET").then(|| b"{}".to_vec());
            let answer = any.send(&method, &sent, body, "application/json");
            let is_open = schemes.iter().any(|scheme| scheme.get("api_token").is_some());
            let is_closed = answer.body["reason"] == "not_for_tokens";
            assert_ne!(is_open, is_closed, "{method} {path}: {}", answer.text);
            if is_closed {
                closed.push(format!("{method} {path}"));
            } else {
                // A scope always comes with the role that its route asks for.
                assert_ne!(answer.status, 403, "{method} {path}: {}", answer.text);
            }
        }
    }
    for never in ["GET /v1/tokens", "POST /v1/tokens", "POST /v1/users/{id}/password-link"] {
        assert!(closed.iter().any(|it| it == never), "{never} is open: {closed:?}");
    }
}

#[test]
fn a_revoked_token_and_one_that_expired_are_refused_at_once() {
    let time = Arc::new(AtomicI64::new(START));
    let clock = time.clone();
    let world = World::with(|config| {
        config.clock = Clock::new(move || clock.load(Ordering::Relaxed));
    });
    let admin = world.admin();
    let (client, made) = token(&world, &["jobs:read"]);
    client.get("/v1/jobs").ok(200);
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let revoked = admin.send("POST", &format!("{path}/revoke"), None, "").ok(200);
    assert_eq!(revoked["revoked_at"], START);
    assert_eq!(client.get("/v1/jobs").problem(401, "bad_token")["reason"], "revoked");
    admin.send("POST", &format!("{path}/revoke"), None, "").ok(200);

    let short = json!({"name": "Short", "scopes": ["jobs:read"], "expires_at": START + 1000});
    let made = admin.post("/v1/tokens", short).ok(201);
    let client = world.anybody().bearer(made["token"].as_str().unwrap());
    client.get("/v1/jobs").ok(200);
    time.fetch_add(1000, Ordering::Relaxed);
    client.get("/v1/jobs").problem(401, "token_expired");
    for past in [START, -1, i64::MAX] {
        let body = json!({"name": "Past", "scopes": ["jobs:read"], "expires_at": past});
        let refused = admin.post("/v1/tokens", body);
        assert!(matches!(refused.status, 400 | 422), "{}", refused.text);
    }
}

#[test]
fn what_a_token_did_is_audited_under_its_name_and_its_use_noted_to_the_minute() {
    let time = Arc::new(AtomicI64::new(START));
    let clock = time.clone();
    let world = World::with(|config| {
        config.clock = Clock::new(move || clock.load(Ordering::Relaxed));
    });
    let admin = world.admin();
    let (client, made) = token(&world, &["jobs:write"]);
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).ok(200)["last_used_at"], Value::Null);
    for later in [0, 59_999, 60_000] {
        time.store(START + later, Ordering::Relaxed);
        client.post("/v1/jobs", call()).ok(201);
        let noted = if later == 60_000 { later } else { 0 };
        assert_eq!(admin.get(&path).ok(200)["last_used_at"], START + noted, "{later}");
    }
    let rows = admin.get("/v1/audit").ok(200);
    let rows = rows["items"].as_array().unwrap();
    let job = rows.iter().find(|row| row["action"] == "job.create").unwrap();
    assert_eq!((&job["user"], &job["detail"]["token"]), (&made["id"], &json!("DMS")));
    let make = rows.iter().find(|row| row["action"] == "token.create").unwrap();
    assert_eq!(make["detail"]["scopes"], "jobs:write");
    let secret = made["token"].as_str().unwrap();
    assert!(!rows.iter().any(|row| row.to_string().contains(secret)));
}

#[test]
fn a_token_is_shown_once_and_a_repeat_of_its_making_shows_another() {
    let world = World::new();
    let admin = world.admin().header("idempotency-key", "dms-1");
    let body = json!({"name": "DMS", "scopes": ["jobs:read"]});
    let first = admin.post("/v1/tokens", body.clone()).ok(201);
    let again = admin.post("/v1/tokens", body).ok(201);
    assert_eq!(first["id"], again["id"]);
    let get =
        |made: &Value| world.anybody().bearer(made["token"].as_str().unwrap()).get("/v1/jobs");
    get(&again).ok(200);
    get(&first).problem(401, "bad_token");
    let listed = admin.get("/v1/tokens").ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert!(!listed.to_string().contains("twl_"));
}

#[test]
fn guessed_tokens_are_slowed_down_and_neither_a_right_one_nor_a_login_is() {
    let world = World::with(|config| {
        config.clock = Clock::new(|| START);
        config.proxy_hops = 1;
    });
    let (client, made) = token(&world, &["jobs:read"]);
    let mut guess = made["token"].as_str().unwrap().to_owned();
    guess.replace_range(40..41, if &guess[40..41] == "A" { "B" } else { "A" });
    let from = |client: &Client| client.header("x-forwarded-for", "203.0.113.5");
    let guesses = from(&world.anybody().bearer(&guess));
    let answers: Vec<_> = (0..40).map(|_| guesses.get("/v1/jobs")).collect();
    assert_eq!(answers[0].code(), "bad_token");
    let slowed = answers.iter().find(|answer| answer.status == 429).expect("it is slowed down");
    assert!(!slowed.header("retry-after").is_empty());
    from(&client).get("/v1/jobs").ok(200);
    let login = json!({"tenant": "acme", "login": "admin", "password": crate::world::PASSWORD});
    from(&world.anybody()).post("/v1/session", login).ok(200);
}

#[test]
fn a_repeat_of_the_making_of_a_token_that_is_in_use_gives_none_that_is_dead() {
    let world = World::new();
    let admin = world.admin().header("idempotency-key", "dms-1");
    let body = json!({"name": "DMS", "scopes": ["jobs:read"]});
    let made = admin.post("/v1/tokens", body.clone()).ok(201);
    let client = world.anybody().bearer(made["token"].as_str().unwrap());
    client.get("/v1/jobs").ok(200);
    let refused = admin.post("/v1/tokens", body).problem(409, "wrong_state");
    assert_eq!(refused["reason"], "token_in_use");
    client.get("/v1/jobs").ok(200);
}

#[test]
fn guessed_sessions_are_slowed_down_and_neither_a_right_one_nor_one_that_is_over_is() {
    let world = World::with(|config| config.proxy_hops = 1);
    let desk = world.admin();
    let from = |client: &Client, address: &str| client.header("x-forwarded-for", address);
    let made_up = format!("tws_{}", "A".repeat(43));
    for (guess, address) in [(&*made_up, "203.0.113.5"), ("tws_A", "203.0.113.6")] {
        let bearer = from(&world.anybody().bearer(guess), address);
        let cookie =
            from(&world.anybody().header("cookie", &format!("towline_session={guess}")), address);
        let answers: Vec<_> =
            (0..20).flat_map(|_| [bearer.get("/v1/me"), cookie.get("/v1/me")]).collect();
        assert_eq!(answers[0].code(), "not_logged_in");
        assert!(answers.iter().any(|answer| answer.status == 429), "{guess}");
        from(&desk, address).get("/v1/me").ok(200);
        let login = json!({"tenant": "acme", "login": "admin", "password": crate::world::PASSWORD});
        from(&world.anybody(), address).post("/v1/session", login).ok(200);
    }
    // A browser in which a session came to its end asks with it until someone logs in.
    let ended = world.admin();
    let store = world.running().app().store.clone();
    let end = store.write::<(), store::StoreError, _>(|tx| {
        Box::pin(async move {
            let all = "UPDATE sessions SET created_at = 0, used_at = 0, expires_at = 1";
            sqlx::query(all).execute(tx).await?;
            Ok(())
        })
    });
    world.block_on(end).unwrap();
    let ended = from(&ended, "203.0.113.7");
    (0..40).for_each(|_| drop(ended.get("/v1/me").problem(401, "not_logged_in")));
}

#[test]
fn a_token_of_one_branch_sees_no_other() {
    let world = World::new();
    let admin = world.admin();
    let branch = |name: &str| {
        let body =
            json!({"name": name, "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
        admin.post("/v1/branches", body).ok(201)["id"].clone()
    };
    let (north, south) = (branch("North"), branch("South"));
    let body = json!({"name": "DMS", "scopes": ["jobs:read"], "branch": north});
    let made = admin.post("/v1/tokens", body).ok(201);
    let client = world.anybody().bearer(made["token"].as_str().unwrap());
    for (branch, status) in [(north, 200), (south, 404)] {
        let mut call = call();
        call["branch"] = branch;
        let job = admin.post("/v1/jobs", call).ok(201);
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
        assert_eq!(client.get(&path).status, status);
    }
    let body = json!({"name": "DMS", "scopes": ["jobs:read"], "branch": made["id"]});
    admin.post("/v1/tokens", body).problem(422, "unknown_reference");
}

#[test]
fn a_token_that_may_write_people_makes_no_administrator_and_sets_no_password() {
    let world = World::new();
    let (client, _) = token(&world, &["users:read", "users:write"]);
    let person = |role: &str| json!({"login": role, "name": "Bo", "role": role});
    let made = client.post("/v1/users", person("dispatcher")).ok(201);
    client.post("/v1/users", person("administrator")).problem(403, "forbidden");
    let any = client.header("if-match", "*");
    let path = format!("/v1/users/{}", made["id"].as_str().unwrap());
    any.patch(&path, json!({"name": "Bo Chen"})).ok(200);
    any.patch(&path, json!({"role": "administrator"})).problem(403, "forbidden");
    any.patch(&path, json!({"password": "correct horse"})).problem(403, "forbidden");
    let users = client.get("/v1/users").ok(200);
    let admin =
        users["items"].as_array().unwrap().iter().find(|it| it["login"] == "admin").unwrap();
    let path = format!("/v1/users/{}", admin["id"].as_str().unwrap());
    any.patch(&path, json!({"name": "X"})).problem(403, "forbidden");
}

#[test]
fn only_administrators_make_tokens_and_only_so_many_are_good_at_a_time() {
    let world = World::new();
    world.add_user(world.tenant, "boss", Role::Manager);
    let body = json!({"name": "DMS", "scopes": ["jobs:read"]});
    world.desk("acme", "boss").post("/v1/tokens", body.clone()).problem(403, "forbidden");
    let admin = world.admin();
    for none in
        [json!({"name": "DMS", "scopes": []}), json!({"name": " ", "scopes": ["jobs:read"]})]
    {
        admin.post("/v1/tokens", none).problem(422, "invalid");
    }
    let unknown = json!({"name": "DMS", "scopes": ["jobs:sell"]});
    admin.post("/v1/tokens", unknown).problem(400, "bad_json");
    let mut last = Value::Null;
    for _ in 0..100 {
        last = admin.post("/v1/tokens", body.clone()).ok(201);
    }
    let refused = admin.post("/v1/tokens", body.clone()).problem(409, "wrong_state");
    assert_eq!(refused["reason"], "too_many_tokens");
    let path = format!("/v1/tokens/{}/revoke", last["id"].as_str().unwrap());
    admin.send("POST", &path, None, "").ok(200);
    admin.post("/v1/tokens", body).ok(201);
    let page = admin.get("/v1/tokens?limit=60").ok(200);
    let next = page["next"].as_str().unwrap();
    let rest = admin.get(&format!("/v1/tokens?limit=60&cursor={next}")).ok(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 41);
}
