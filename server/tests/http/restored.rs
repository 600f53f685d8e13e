//! What a client saw before a restore stands for nothing after it.

use serde_json::{Value, json};
use server::auth::Role;
use server::config::Secret;
use store::{Renewal, backup};

use crate::world::{Client, World};

/// One thing of each kind, as a client changes it.
const KINDS: usize = 7;

/// The paths of them, and whether it is put or patched with what.
fn change(paths: &[String; KINDS], n: usize, word: &str) -> (&'static str, Value) {
    let body = match n {
        0 => json!({"name": word}),
        1 => json!({"description": word, "unit_price": 100, "currency": "TWD"}),
        2 | 5 | 6 => json!({"name": word}),
        3 => json!({"caller": word}),
        _ => json!({"currency": if word == "Lost" { "USD" } else { "EUR" }}),
    };
    (if paths[n].starts_with("/v1/parts") { "PUT" } else { "PATCH" }, body)
}

fn send(
    desk: &Client,
    tag: &str,
    paths: &[String; KINDS],
    n: usize,
    word: &str,
) -> crate::world::Answer {
    let (method, body) = change(paths, n, word);
    let body = serde_json::to_vec(&body).unwrap();
    desk.header("if-match", tag).send(method, &paths[n], Some(body), "application/json")
}

fn tag(desk: &Client, path: &str) -> String {
    desk.get(path).header("etag").to_owned()
}

fn made(desk: &Client, path: &str, body: Value) -> String {
    format!("{path}/{}", desk.post(path, body).ok(201)["id"].as_str().unwrap())
}

#[test]
fn a_tag_of_before_a_restore_is_refused_though_its_version_is_reached_again() {
    let world = World::new();
    let desk = world.admin();
    let branch = json!({"name": "North", "kind": "owned", "currency": "TWD", "time_zone": "UTC"});
    let part = json!({"description": "Battery", "unit_price": 1, "currency": "TWD"});
    desk.put("/v1/parts/12V60", part).ok(200);
    let (bo, dan) = (
        world.add_user(world.tenant, "bo", Role::Technician),
        world.add_user(world.tenant, "dan", Role::Dispatcher),
    );
    let paths = [
        made(&desk, "/v1/branches", branch),
        "/v1/parts/12V60".to_owned(),
        made(&desk, "/v1/vans", json!({"name": "Van 7"})),
        made(&desk, "/v1/jobs", json!({"address": "Highway 3", "problem": "tow"})),
        "/v1/billing".to_owned(),
        format!("/v1/technicians/{bo}"),
        format!("/v1/users/{dan}"),
    ];
    let copy = std::env::temp_dir().join(format!("towline-restored-{bo}"));
    let (backup, restored) = (copy.with_extension("copy"), copy.with_extension("db"));
    world.block_on(backup::backup(&world.running().app().store, &backup)).unwrap();
    // A server that starts adds the region to the technician's record: one position, as this call takes.
    desk.post("/v1/jobs", json!({"address": "Highway 4", "problem": "tow"})).ok(201);
    for n in 0..KINDS {
        send(&desk, &tag(&desk, &paths[n]), &paths, n, "Lost").ok(200);
    }
    let seen: Vec<String> = paths.iter().map(|path| tag(&desk, path)).collect();

    let url = format!("sqlite://{}", restored.display());
    world.block_on(backup::restore(&backup, &url, Renewal::at(0))).unwrap();
    let node = world.second_node_with(|config| config.database = Secret::new(url.clone()));
    let desk = node.admin();
    for n in 0..KINDS {
        send(&desk, &tag(&desk, &paths[n]), &paths, n, "Made later").ok(200);
    }
    for (n, (path, seen)) in paths.iter().zip(&seen).enumerate() {
        let version = |tag: &str| tag.rsplit_once('-').unwrap().0.to_owned();
        assert_eq!(
            version(&tag(&desk, path)),
            version(seen),
            "{path}: the version is reached again"
        );
        send(&desk, seen, &paths, n, "Over it").problem(412, "changed_meanwhile");
    }
    drop(node);
    for file in [backup, restored] {
        std::fs::remove_file(file).ok();
    }
}

#[test]
fn a_row_of_a_list_has_the_tag_that_the_thing_has_by_itself() {
    for world in World::on_each_database() {
        let desk = world.admin();
        world.add_user(world.tenant, "bo", Role::Technician);
        let branch = json!({"name": "N", "kind": "owned", "currency": "TWD", "time_zone": "UTC"});
        made(&desk, "/v1/branches", branch);
        made(&desk, "/v1/vans", json!({"name": "Van 7"}));
        made(&desk, "/v1/jobs", json!({"address": "Highway 3", "problem": "tow"}));
        let part = json!({"description": "Battery", "unit_price": 1, "currency": "TWD"});
        desk.put("/v1/parts/12V60", part).ok(200);
        for list in ["branches", "users", "vans", "jobs", "parts", "technicians"] {
            let items = desk.get(&format!("/v1/{list}")).ok(200)["items"].take();
            for item in items.as_array().unwrap() {
                let id = item["id"].as_str().or(item["part_no"].as_str()).unwrap();
                assert_eq!(item["etag"], tag(&desk, &format!("/v1/{list}/{id}")), "{list}");
            }
            assert!(!items.as_array().unwrap().is_empty(), "{list}");
        }
    }
}
