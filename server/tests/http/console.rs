//! The console: what browsers get, how long they keep it, and what the pages may do.

use serde_json::json;
use server::auth::Role;

use crate::world::World;

/// The address of a file that the page names.
fn named<'a>(page: &'a str, end: &str) -> &'a str {
    let quoted = page.split('"').find(|part| part.starts_with("/c/") && part.ends_with(end));
    quoted.unwrap_or_else(|| panic!("the page names no {end}: {page}"))
}

#[test]
fn the_page_is_asked_for_each_time_and_its_files_are_kept_for_ever() {
    let world = World::new();
    let page = world.anybody().get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-cache");
    let tag = page.header("etag").to_owned();
    assert_eq!(world.anybody().header("if-none-match", &tag).get("/").status, 304);
    let script = world.anybody().get(named(&page.text, "/main.js"));
    assert_eq!(
        (script.status, script.header("content-type")),
        (200, "text/javascript; charset=utf-8")
    );
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    let kept = named(&page.text, "/main.js");
    let older = kept.replacen(kept.split('/').nth(2).unwrap(), "0000000000000000", 1);
    for path in [&older, "/c/x/../Cargo.toml", "/c//main.js", "/c/x/vendor/lock.json"] {
        world.anybody().get(path).problem(404, "not_found");
    }
}

#[test]
fn pages_run_no_script_but_that_of_the_server_and_make_no_html_of_texts() {
    let world = World::new();
    for path in ["/", "/password"] {
        let page = world.anybody().get(path);
        let policy = page.header("content-security-policy").to_owned();
        for rule in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert!(!page.text.contains("<style") && !page.text.contains(" style="), "{path}");
        let scripts = page.text.matches("<script").count();
        assert_eq!(
            scripts,
            page.text.matches("<script type=\"module\" src=\"/c/").count(),
            "{path}"
        );
    }
}

#[test]
fn every_module_that_the_start_needs_is_fetched_at_once() {
    let world = World::new();
    let page = world.anybody().get("/");
    let preloaded: Vec<_> = page.text.split('"').filter(|part| part.ends_with(".js")).collect();
    for name in [
        "lib/http.js",
        "screens/board.js",
        "vendor/lit-html/lit-html.js",
        "vendor/signals-core/signals-core.js",
    ] {
        assert!(preloaded.iter().any(|path| path.ends_with(name)), "{name}: {preloaded:?}");
    }
    // What is opened later comes later.
    assert!(!preloaded.iter().any(|path| path.ends_with("screens/admin.js")));
    assert!(preloaded.len() <= 32, "{}", preloaded.len());
}

#[test]
fn a_call_that_is_being_taken_is_compared_by_the_rule_of_a_new_job_and_nothing_is_written() {
    let world = World::new();
    world.add_user(world.tenant, "mei", Role::Dispatcher);
    let desk = world.desk("acme", "mei");
    let first = json!({"problem": "battery", "place": {"lat": 25.033, "lon": 121.5654}, "plate": "ABC-1234", "phone": "0912 345 678"});
    let first = desk.post("/v1/jobs", first).ok(201);
    let before = desk.get("/v1/jobs").ok(200);
    let same = desk
        .get("/v1/jobs/similar?plate=abc1234&phone=0912345678&lat=25.0331&lon=121.5655")
        .ok(200);
    let twin = &same["likely_duplicates"][0];
    assert_eq!(twin["id"], first["id"]);
    assert_eq!(twin["reasons"], json!(["plate", "phone", "place_and_time"]));
    assert_eq!(same["phone"], "+886912345678");
    assert_eq!(same["findings"], json!([]));
    let doubtful = desk.get("/v1/jobs/similar?phone=12&vin=NHP10-1234567&lat=0&lon=0").ok(200);
    let found: Vec<_> = doubtful["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["reason"].as_str().unwrap())
        .collect();
    assert_eq!(found, ["phone_invalid", "chassis_number", "place_zero"]);
    assert_eq!(doubtful["likely_duplicates"], json!([]));
    let half = desk.get("/v1/jobs/similar?lat=25").problem(422, "invalid");
    assert_eq!(half["field"], "lon");
    assert_eq!(desk.get("/v1/jobs").ok(200), before);
}
