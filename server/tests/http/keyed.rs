//! A write with an `Idempotency-Key` happens once, and its repeat gets its answer, whatever became of
//! the server in between.

use serde_json::{Value, json};
use server::auth::Role;

use crate::world::{Answer, Client, World};

struct Write {
    method: &'static str,
    path: String,
    body: Value,
}

impl Write {
    fn send(&self, client: &Client) -> Answer {
        let body = Some(self.body.to_string().into_bytes());
        client.send(self.method, &self.path, body, "application/json")
    }
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// Every kind of keyed write at a desk whose repeat could be refused, in an order that works.
fn writes(world: &World, desk: &Client) -> Vec<Write> {
    let bo = world.add_user(world.tenant, "bo", Role::Technician);
    let ann = world.add_user(world.tenant, "ann", Role::Dispatcher);
    let branch =
        json!({"name": "North", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
    let branch = desk.post("/v1/branches", branch).ok(201);
    let van = desk.post("/v1/vans", json!({"name": "Van 7"})).ok(201);
    let part = json!({"description": "Battery", "unit_price": 100, "currency": "TWD"});
    desk.put("/v1/parts/B-1", part).ok(200);
    let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "Road 1"})).ok(201);
    let (job, van) = (format!("/v1/jobs/{}", id(&job)), format!("/v1/vans/{}", id(&van)));
    let technician = format!("/v1/technicians/{bo}");
    let one = |method, path: String, body| Write { method, path, body };
    let charge = json!({"description": "Tow", "amount": 5, "currency": "TWD"});
    let part = json!({"description": "Battery 60 Ah", "unit_price": 101, "currency": "TWD"});
    vec![
        one("PATCH", job.clone(), json!({"caller": "Ms Wu"})),
        one("POST", format!("{job}/notes"), json!({"text": "hello"})),
        one("POST", format!("{job}/charges"), charge),
        one("POST", format!("{job}/assign"), json!({"technician": bo})),
        one("POST", format!("{job}/recall"), json!({})),
        one("POST", format!("{job}/cancel"), json!({"reason": "duplicate"})),
        one("POST", format!("{job}/reopen"), json!({})),
        one("PATCH", van, json!({"name": "Van 8"})),
        one("PATCH", technician.clone(), json!({"name": "Bo Chen", "phone": "0912 345 678"})),
        one("POST", format!("{technician}/certificates"), json!({"skill": "tow"})),
        one("PATCH", format!("/v1/users/{ann}"), json!({"name": "Ann Lin"})),
        one("PATCH", format!("/v1/branches/{}", id(&branch)), json!({"name": "North 2"})),
        one("PUT", "/v1/parts/B-1".to_owned(), part),
        one("PATCH", "/v1/billing".to_owned(), json!({"currency": "USD"})),
    ]
}

#[test]
fn a_repeat_after_the_server_died_gets_the_answer_and_changes_nothing() {
    for world in World::on_each_database() {
        let desk = world.admin();
        for (n, write) in writes(&world, &desk).into_iter().enumerate() {
            let what = format!("{} {}", write.method, write.path);
            let resource: Vec<_> = write.path.split('/').take(4).collect();
            let resource = resource.join("/");
            let seen = desk.get(&resource).header("etag").to_owned();
            let keyed = desk.header("idempotency-key", &format!("k-{n}"));
            let free = ["notes", "charges", "certificates"];
            let is_free = free.iter().any(|end| write.path.ends_with(end));
            let keyed = if is_free { keyed } else { keyed.header("if-match", &seen) };
            let first = write.send(&keyed);
            let tag = first.header("etag").to_owned();
            let first = first.ok(200);
            let stands = desk.get(&resource).header("etag").to_owned();
            world.lose_answers();
            let again = write.send(&keyed);
            assert_eq!(again.header("etag"), tag, "{what}: {}", again.text);
            assert_eq!(again.ok(200), first, "{what}");
            assert_eq!(desk.get(&resource).header("etag"), stands, "{what}");
        }
    }
}

#[test]
fn a_repeat_is_answered_though_someone_changed_the_thing_since() {
    let world = World::new();
    let desk = world.admin();
    let is_one = |write: &Write| write.method == "PATCH" && write.path != "/v1/billing";
    for write in writes(&world, &desk).into_iter().filter(is_one) {
        let seen = desk.get(&write.path).header("etag").to_owned();
        let key = write.path.replace('/', "-");
        let keyed = desk.header("idempotency-key", &key).header("if-match", &seen);
        write.send(&keyed).ok(200);
        let seen = desk.get(&write.path).header("etag").to_owned();
        let other = if write.path.contains("jobs") { "plate" } else { "name" };
        let later = json!({other: "LATER-1"});
        desk.header("if-match", &seen).patch(&write.path, later).ok(200);
        world.lose_answers();
        let again = write.send(&keyed).ok(200);
        assert_eq!(id(&again), write.path.rsplit('/').next().unwrap());
        assert!(again.to_string().contains("LATER-1"), "{again}");
    }
}

#[test]
fn a_large_answer_of_a_keyed_write_is_given_and_its_repeat_gets_it_made_again() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "Road 1"})).ok(201);
        let path = format!("/v1/jobs/{}", id(&job));
        for _ in 0..10 {
            desk.post(&format!("{path}/notes"), json!({"text": "字".repeat(4000)})).ok(200);
        }
        let seen = desk.get(&path).header("etag").to_owned();
        let keyed = desk.header("idempotency-key", "large").header("if-match", &seen);
        let first = keyed.patch(&path, json!({"caller": "Ms Wu"}));
        assert!(first.text.len() > 64 * 1024, "{}", first.text.len());
        let first = first.ok(200);
        let again = keyed.patch(&path, json!({"caller": "Ms Wu"}));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.ok(200), first);
        assert_eq!(kept_bytes(&world, "large"), 0);
        // The other branch: a write whose ids come from its key.
        let note = desk.header("idempotency-key", "note");
        let first = note.post(&format!("{path}/notes"), json!({"text": "one"})).ok(200);
        let again = note.post(&format!("{path}/notes"), json!({"text": "one"})).ok(200);
        assert_eq!(again["notes"], first["notes"], "it was made once");
    }
}

fn kept_bytes(world: &World, key: &'static str) -> i64 {
    let store = world.running().app().store.clone();
    world.block_on(async move {
        let mut connection = store.readers().acquire().await.unwrap();
        let kept = sqlx::query_scalar("SELECT bytes FROM idempotency WHERE key = $1").bind(key);
        kept.fetch_one(&mut *connection).await.unwrap()
    })
}

#[test]
fn answers_kept_of_one_person_are_bounded_and_beyond_that_made_again() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let job = desk.post("/v1/jobs", json!({"problem": "tow", "address": "Road 1"})).ok(201);
        let path = format!("/v1/jobs/{}/notes", id(&job));
        let first = desk.header("idempotency-key", "first");
        first.post(&path, json!({"text": "one"})).ok(200);
        assert!(kept_bytes(&world, "first") > 0);
        let store = world.running().app().store.clone();
        let fill = store.write::<(), store::StoreError, _>(|tx| {
            Box::pin(async move {
                let all = "UPDATE idempotency SET bytes = 16 * 1024 * 1024";
                sqlx::query(all).execute(tx).await?;
                Ok(())
            })
        });
        world.block_on(fill).unwrap();
        let second = desk.header("idempotency-key", "second");
        let made = second.post(&path, json!({"text": "two"})).ok(200);
        assert_eq!(kept_bytes(&world, "second"), 0);
        let again = second.post(&path, json!({"text": "two"}));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.ok(200), made);
    }
}
