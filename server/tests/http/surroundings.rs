//! What a load balancer and the phones beside a busy desk are told.

use serde_json::json;
use server::clock::random;
use sync_core::id::BranchId;

use crate::world::World;

#[test]
fn a_node_that_a_newer_version_has_superseded_is_not_ready_and_still_lives() {
    for world in World::on_each_database() {
        assert_eq!(world.anybody().get("/health/ready").status, 200);
        let newer =
            "INSERT INTO schema_migrations (version, name, sha256) VALUES (9999, 'newer', '')";
        let store = world.running().app().store.clone();
        let done = store.write::<(), store::StoreError, _>(move |tx| {
            Box::pin(async move {
                sqlx::query(newer).execute(tx).await?;
                Ok(())
            })
        });
        world.block_on(done).unwrap();
        let problem = world.anybody().get("/health/ready").problem(503, "unavailable");
        assert_eq!(problem["reason"], "superseded");
        assert_eq!(world.anybody().get("/health/live").status, 200);
    }
}

#[test]
fn positions_arrive_while_every_place_of_the_desk_is_taken() {
    let world = World::with(|config| config.net.max_requests = 8);
    let admin = world.admin();
    let phone = world.phone(world.tenant, "acme", "admin", "lin");
    let client = phone.log_in(&world);
    let held: Vec<_> = std::iter::from_fn(|| world.running().app().concurrency.desk()).collect();
    assert_eq!(held.len(), 8);
    assert_eq!(admin.get("/v1/vans").status, 503, "the desk has none left");
    let point = json!({"at": 1_795_000_000_000_i64, "place": {"lat": 25.0, "lon": 121.5}});
    client.post("/v1/positions", json!({"points": [point]})).ok(200);
    drop(held);
    assert_eq!(admin.get("/v1/vans").status, 200);
}

#[test]
fn a_van_with_a_branch_or_driver_that_is_none_is_refused_as_before() {
    let world = World::new();
    let admin = world.admin();
    let nowhere = BranchId::new(1_790_000_000_000, random());
    let said = admin.post("/v1/vans", json!({"name": "Van 7", "branch": nowhere}));
    assert_eq!(said.body["field"], "branch", "{}", said.text);
    let said = admin.post("/v1/vans", json!({"name": "Van 7", "technician": nowhere}));
    assert_eq!(said.body["field"], "technician", "{}", said.text);
    admin.post("/v1/vans", json!({"name": "Van 7"})).ok(201);
}
