//! REST for the desk: bodies, queries and headers made to hurt, and roles that reach too far.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use server::clock::random;

use super::hand::set;
use super::town::{Client, PASSWORD};
use super::{Row, Town};

const DENIED: &str = "403 forbidden";

pub const ROWS: &[Row] = &[
    ("JSON 100,000 deep to every route that takes JSON", "400 bad_json", |t| {
        deep(t, &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)))
    }),
    ("objects 40,000 deep to every route that takes JSON", "400 bad_json", |t| {
        deep(t, &format!("{}1{}", "{\"a\":".repeat(40_000), "}".repeat(40_000)))
    }),
    ("JSON that is cut off, to every route", "400 bad_json", |t| deep(t, "{\"text\":\"x")),
    ("a field nobody knows, to every route", "400 bad_json", |t| deep(t, "{\"__proto__\":{}}")),
    ("a list where an object belongs, to every route", "400 bad_json", |t| deep(t, "[[[[]]]]")),
    ("257 KiB of JSON", "413 too_large", |t| {
        job(t, &format!("{{\"problem\":\"{}\"}}", "x".repeat(257 << 10)))
    }),
    ("JSON with bytes after it", "400 bad_json", |t| {
        job(t, "{\"problem\":\"x\",\"address\":\"y\"}{}")
    }),
    ("JSON that is not UTF-8", "400 bad_json", |t| {
        let body = b"{\"problem\":\"\xc3\x28\",\"address\":\"y\"}";
        t.admin.send("POST", "/v1/jobs", &[("content-type", "application/json")], body).told()
    }),
    ("half a surrogate pair in JSON", "400 bad_json", |t| text(t, "\\ud800")),
    ("JSON in UTF-16", "400 bad_json", |t| {
        let body: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        t.admin.send("POST", "/v1/jobs", &[("content-type", "application/json")], &body).told()
    }),
    ("the same field twice", "400 bad_json", |t| {
        job(t, "{\"problem\":\"x\",\"problem\":\"y\",\"address\":\"z\"}")
    }),
    ("JSON said to be text", "415 wrong_media_type", |t| {
        t.admin.send("POST", "/v1/jobs", &[("content-type", "text/plain")], b"{}").told()
    }),
    ("JSON said to be gzip", "400 bad_json", |t| {
        let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
        t.admin.send("POST", "/v1/jobs", &headers, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).told()
    }),
    ("no media type", "415 wrong_media_type", |t| {
        t.admin.send("POST", "/v1/jobs", &[], b"{}").told()
    }),
    ("NUL in a text", "422 invalid", |t| text(t, "\\u0000")),
    ("bells and escapes in a text", "422 invalid", |t| text(t, "\\u0007\\u001b[2J")),
    ("a text that reads backwards", "200, as it stands", |t| turned(t, "\\u202egnp.exe")),
    ("isolated directions in a text", "200, as it stands", |t| turned(t, "\\u2066x\\u2069")),
    ("a text of blanks", "422 invalid", |t| text(t, "   ")),
    ("a text of 5,000 letters", "422 invalid", |t| text(t, &"x".repeat(5_000))),
    ("a place given as NaN", "400 bad_json", |t| place(t, "NaN")),
    ("a place given as Infinity", "400 bad_json", |t| place(t, "Infinity")),
    ("a place given as 1e999", "400 bad_json", |t| place(t, "1e999")),
    ("a place given as text", "400 bad_json", |t| place(t, "\"25.0\"")),
    ("a place given in units of 1e-7 degrees", "422 bad_place", |t| place(t, "250330000")),
    ("a place north of the pole", "422 bad_place", |t| place(t, "900000001")),
    ("a place at the smallest number there is", "422 bad_place", |t| {
        place(t, "-9223372036854775808")
    }),
    ("a place at the largest number there is", "422 bad_place", |t| {
        place(t, "9223372036854775807")
    }),
    ("a place one beyond 64 bits", "422 bad_place", |t| place(t, "9223372036854775808")),
    ("a point north of the pole", "0 accepted, bad_place", |t| {
        point(t, 900_000_001, super::hand::now())
    }),
    ("a point at the smallest number there is", "0 accepted, bad_place", |t| {
        point(t, i64::MIN, super::hand::now())
    }),
    ("a point at the largest number there is", "0 accepted, bad_place", |t| {
        point(t, i64::MAX, super::hand::now())
    }),
    ("a point in the year 1", "0 accepted, time_out_of_range", |t| {
        point(t, 1, -62_135_596_800_000)
    }),
    ("a point in the year 10,000", "0 accepted, time_out_of_range", |t| {
        point(t, 1, 253_402_300_800_000)
    }),
    ("1,001 points", "422 invalid", |t| {
        let points = vec![json!({"at": super::hand::now(), "place": {"lat": 1, "lon": 1}}); 1001];
        t.mallory.client.post("/v1/positions", &json!({"points": points})).told()
    }),
    ("times at both ends of the numbers", "422 invalid", |t| {
        set([i64::MIN, -1, i64::MAX].map(|n| {
            let path = format!("/v1/jobs/{}", t.mine);
            let changed = t.admin.patch(&path, &json!({"eta": n, "eta_by": n})).told();
            match t.admin.get(&path).told().as_str() {
                "200" => changed,
                other => format!("then {other}"),
            }
        }))
    }),
    ("an offer that ends at both ends of the numbers", "422 invalid", |t| {
        set([i64::MIN, -1, i64::MAX].map(|n| {
            let body =
                json!({"kind": "offer", "technician": t.mallory.user, "expires_at": n, "eta": n});
            let path = format!("/v1/jobs/{}/assign", t.mine);
            let offered = t.admin.post(&path, &body).told();
            match t.admin.get(&format!("/v1/jobs/{}", t.mine)).told().as_str() {
                "200" => offered,
                other => format!("then {other}"),
            }
        }))
    }),
    ("an amount beyond all money", "422 invalid", |t| {
        let body = json!({"description": "x", "amount": i64::MAX, "currency": "TWD"});
        t.admin.post(&format!("/v1/jobs/{}/charges", t.mine), &body).told()
    }),
    ("a shift from the first moment to the last", "422 invalid", |t| {
        let path = format!("/v1/technicians/{}/shifts", t.mallory.user);
        set([(i64::MIN, i64::MAX), (5, 1), (i64::MAX, i64::MIN)].map(|(starts, ends)| {
            let shift = t.admin.post(&path, &json!({"starts_at": starts, "ends_at": ends})).told();
            match t.admin.get(&format!("/v1/technicians/{}", t.mallory.user)).told().as_str() {
                "200" => shift,
                other => format!("then {other}"),
            }
        }))
    }),
    ("a quantity of everything", "422 invalid", |t| {
        let line = json!({"kind": "load", "part_no": "X", "quantity": i64::MAX});
        let path = format!("/v1/vans/{}/movements", t.acme.van);
        t.manager.post(&path, &json!({"movements": [line]})).told()
    }),
    ("a search for every wildcard there is", "200, nothing", |t| {
        found(t, &["%25", "_", "%25%25%25", "!", "!%25", "%5C%25"])
    }),
    ("SQL in a search", "200, nothing", |t| {
        found(
            t,
            &["'", "%27%20OR%201%3D1%20--", "%22%3B%20DROP%20TABLE%20jobs%3B", "%3F9zz", "$9zz"],
        )
    }),
    ("a search for 20,000 letters", "400 bad_query", |t| found(t, &["x".repeat(20_000).as_str()])),
    ("NUL in a search, which is none then", "200", |t| get(t, "/v1/jobs?text=%00")),
    ("a plate with NUL in a search", "200, nothing", |t| found(t, &["%00no-such-plate"])),
    ("a search that is not UTF-8", "200, nothing | 400 bad_query", |t| found(t, &["%c3%28"])),
    ("a state nobody knows", "400 bad_query", |t| get(t, "/v1/jobs?state=lost")),
    ("a page of a billion", "400 bad_query", |t| get(t, "/v1/jobs?limit=1000000000")),
    ("a page of less than nothing", "400 bad_query", |t| {
        get(t, "/v1/jobs?limit=-9223372036854775808")
    }),
    ("a page of letters", "400 bad_query", |t| get(t, "/v1/jobs?limit=all")),
    ("a cursor of nothing", "400 bad_cursor", |t| cursors(t, "")),
    ("a cursor that is no base64", "400 bad_cursor", |t| cursors(t, "%25%25%25")),
    ("a cursor that is too short", "400 bad_cursor", |t| cursors(t, "AAAA")),
    ("a cursor of a kilobyte", "400 bad_cursor", |t| cursors(t, &"A".repeat(1024))),
    ("a cursor of another list", "400 bad_cursor", |t| {
        set(["jobs", "vans", "users", "technicians", "devices"]
            .map(|list| get(t, &format!("/v1/{list}?cursor=AAAAAAAAAABTRUNSRVQtMQ"))))
    }),
    ("an id that is no id", "404 not_found", |t| {
        let ids = ["1", "..", "%2e%2e%2f", "%00", "'", "00000000-0000-0000-0000-000000000000"];
        set(ids.map(|id| get(t, &format!("/v1/jobs/{id}"))))
    }),
    ("a path out of the house", "404 not_found", |t| {
        let paths =
            ["/../etc/passwd", "/v1/../../etc/passwd", "/v1//jobs", "/%2e%2e/", "/.git/config"];
        set(paths.map(|path| get(t, path)))
    }),
    ("a change that nobody saw first", "428 if_match_required", |t| {
        let headers = [("content-type", "application/json")];
        t.admin
            .send("PATCH", &format!("/v1/jobs/{}", t.mine), &headers, b"{\"remarks\":\"x\"}")
            .told()
    }),
    ("a forged ETag", "412 changed_meanwhile", |t| {
        set(["\"0000000000000000\"", "W/\"x\"", "x", "\"", "\"v1\""].map(|tag| if_match(t, tag)))
    }),
    ("an ETag of 10,000 bytes", "412 changed_meanwhile", |t| if_match(t, &"x".repeat(10_000))),
    ("a key used again with another body", "201 / 422 idempotency_key_reused", |t| {
        let key = key();
        set(["one", "two"].map(|what| keyed(t, &t.admin, &key, what)))
    }),
    ("a key used by someone else", "201", |t| {
        let key = key();
        set([&t.admin, &t.desk].map(|who| keyed(t, who, &key, "one")))
    }),
    ("a key used twenty times at once makes one job", "1 job", |t| {
        let key = key();
        let made = std::thread::scope(|scope| {
            let all = [(); 20].map(|()| {
                scope.spawn(|| {
                    let body = json!({"problem": "tow", "address": "once"}).to_string();
                    let headers =
                        [("content-type", "application/json"), ("idempotency-key", key.as_str())];
                    let reply = t.admin.send("POST", "/v1/jobs", &headers, body.as_bytes());
                    reply.json()["id"].as_str().map(str::to_owned)
                })
            });
            let ids = all.map(|one| one.join().ok().flatten());
            ids.into_iter().flatten().collect::<std::collections::BTreeSet<String>>()
        });
        format!("{} job", made.len())
    }),
    ("an empty key", "400 bad_header", |t| keyed(t, &t.admin, "", "x")),
    ("a key of 129 letters", "400 bad_header", |t| keyed(t, &t.admin, &"k".repeat(129), "x")),
    ("formulas in every text, which stay text", "201", |t| {
        let body =
            json!({"problem": "=cmd|' /C calc'!A0", "address": "@SUM(1+1)*cmd", "remarks": "+1"});
        t.admin.post("/v1/jobs", &body).told()
    }),
    ("scripts in every text, which stay text", "201 application/json nosniff", |t| {
        let body = json!({"problem": "<script>alert(1)</script>", "address": "<img src=x onerror=alert(1)>"});
        let reply = t.admin.post("/v1/jobs", &body);
        let kind = reply.header("content-type");
        format!("{} {kind} {}", reply.status, reply.header("x-content-type-options"))
    }),
    ("a technician on every route of the desk", DENIED, |t| every(t, &t.mallory.client)),
    ("a dispatcher where others work", "403 denied / 403 forbidden", |t| {
        let posts = [
            ("/v1/users", json!({"login": "x1", "name": "x", "role": "administrator"})),
            (
                "/v1/branches",
                json!({"name": "x", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"}),
            ),
            ("/v1/vans", json!({"name": "x"})),
        ];
        set(posts.map(|(path, body)| t.desk.post(path, &body).told()))
    }),
    ("a dispatcher who reads the audit", DENIED, |t| t.desk.get("/v1/audit").told()),
    ("a dispatcher who loads a van", "403 denied", |t| {
        let line = json!({"kind": "load", "part_no": "X", "quantity": 1});
        t.desk
            .post(&format!("/v1/vans/{}/movements", t.acme.van), &json!({"movements": [line]}))
            .told()
    }),
    ("a dispatcher who makes itself administrator", DENIED, |t| {
        let me = t.desk.get("/v1/me").json();
        let path = format!("/v1/users/{}", me["id"].as_str().unwrap_or_default());
        t.desk.patch(&path, &json!({"role": "administrator"})).told()
    }),
    ("a manager who makes an administrator", DENIED, |t| {
        let user = json!({"login": "x2", "name": "x", "role": "administrator"});
        t.manager.post("/v1/users", &user).told()
    }),
    (
        "guesses a password until the account is slowed down for the address",
        "401 bad_credentials / 429 too_many_attempts",
        |t| guesses(t, 10, |_| (Ipv4Addr::new(127, 0, 1, 99), "guessed".to_owned())),
    ),
    ("the right password where it was guessed too often", "429 too_many_attempts", |t| {
        log_in(t, Ipv4Addr::new(127, 0, 1, 99), "guessed", PASSWORD)
    }),
    (
        "guesses accounts until the address is slowed down",
        "401 bad_credentials / 429 too_many_attempts",
        |t| guesses(t, 40, |n| (Ipv4Addr::new(127, 0, 0, 71), format!("nobody{n}"))),
    ),
    ("an address it claims to come from", "429 too_many_attempts", |t| {
        let body = json!({"tenant": "acme", "login": "nobody", "password": "x"}).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", "203.0.113.9")];
        let from = Ipv4Addr::new(127, 0, 0, 71);
        Client { from, ..t.anybody.clone() }
            .send("POST", "/v1/session", &headers, body.as_bytes())
            .told()
    }),
    ("a password of 16 KiB", "413 too_large", |t| {
        log_in(t, Ipv4Addr::new(127, 0, 0, 72), "desk", &"x".repeat(16 << 10))
    }),
    ("NUL in a login", "401 bad_credentials", |t| {
        log_in(t, Ipv4Addr::new(127, 0, 0, 72), "de\0sk", "x")
    }),
];

/// Routes for those whom the server does not know yet.
const OPEN: [&str; 3] = ["/v1/session", "/v1/devices/enrol", "/v1/password-links/redeem"];

/// Every route that takes JSON, as the server describes itself, and one answer to all of them.
fn deep(town: &Town, body: &str) -> String {
    let api = town.anybody.get("/v1/openapi.json").json();
    let takes =
        |operation: &Value| !operation["requestBody"]["content"]["application/json"].is_null();
    let routes = operations(&api).into_iter().filter(|(_, _, operation)| takes(operation));
    let mut tried = 0;
    let answers = set(routes.map(|(path, method, _)| {
        tried += 1;
        let phone = path == "/v1/positions";
        let who = if phone { &town.mallory.client } else { &town.admin };
        let own = path.starts_with("/v1/users") || path.starts_with("/v1/technicians");
        let id = if own { town.mallory.user.to_string() } else { town.mine.to_string() };
        let headers = [("content-type", "application/json"), ("if-match", "*")];
        let of = path.replace("{id}", &id).replace("{fact}", &town.mine.to_string());
        let reply = who.send(&method, &of, &headers, body.as_bytes());
        // Who is not known yet may send 16 KiB.
        let open = OPEN.contains(&path.as_str());
        if open { reply.told().replace("413 too_large", "400 bad_json") } else { reply.told() }
    }));
    if tried >= 20 { answers } else { format!("only {tried} routes") }
}

/// Every route of the desk, and one answer to all of them.
fn every(town: &Town, who: &Client) -> String {
    let api = town.anybody.get("/v1/openapi.json").json();
    let theirs = [
        "/v1/branches",
        "/v1/me",
        "/v1/openapi.json",
        "/v1/sync",
        "/v1/session",
        "/v1/token",
        "/health",
        "/metrics",
        "/.well",
        "/v1/devices/enrol",
        "/v1/password-links",
        "/v1/parts",
        "/v1/billing",
    ];
    let desk = operations(&api).into_iter().filter(|(path, method, _)| {
        let own = theirs.iter().any(|start| path.starts_with(start));
        // What they may read is not theirs to write.
        let read = ["/v1/parts", "/v1/branches", "/v1/billing"];
        let read = read.iter().any(|start| path.starts_with(start));
        (!own || read && method != "GET") && !(path == "/v1/positions" && method == "POST")
    });
    let mut tried = 0;
    let answers = set(desk.map(|(path, method, _)| {
        tried += 1;
        let path = path
            .replace("{id}", &town.mine.to_string())
            .replace("{fact}", &town.mine.to_string())
            .replace("{seal}", &town.mine.to_string())
            .replace("{kind}", "parts");
        let headers = [("content-type", "application/json"), ("if-match", "*")];
        let told = who.send(&method, &path, &headers, b"{}").told();
        if told == DENIED { told } else { format!("{method} {path}: {told}") }
    }));
    if tried >= 35 { answers } else { format!("only {tried} routes") }
}

fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let paths = api["paths"].as_object().cloned().unwrap_or_default();
    let each = |(path, item): (String, Value)| {
        let methods = item.as_object().cloned().unwrap_or_default();
        methods.into_iter().map(move |(method, op)| (path.clone(), method.to_uppercase(), op))
    };
    paths.into_iter().flat_map(each).collect()
}

fn job(town: &Town, body: &str) -> String {
    town.admin.text("POST", "/v1/jobs", body).told()
}

/// A remark with this in it, as it would stand in JSON.
fn text(town: &Town, escaped: &str) -> String {
    let path = format!("/v1/jobs/{}/notes", town.mine);
    town.admin.text("POST", &path, &format!("{{\"text\":\"{escaped}\"}}")).told()
}

/// A remark with characters that turn the text around, and whether they are kept.
fn turned(town: &Town, escaped: &str) -> String {
    let path = format!("/v1/jobs/{}/notes", town.mine);
    let reply = town.admin.text("POST", &path, &format!("{{\"text\":\"{escaped}\"}}"));
    let notes = reply.json()["notes"].to_string();
    let is_turned = notes.contains(['\u{202e}', '\u{2066}', '\u{2069}']);
    match reply.status {
        200 if !is_turned && notes != "null" => "200, as it stands".to_owned(),
        200 => format!("200, {notes}"),
        _ => reply.told(),
    }
}

fn place(town: &Town, lat: &str) -> String {
    job(town, &format!("{{\"problem\":\"x\",\"place\":{{\"lat\":{lat},\"lon\":1}}}}"))
}

fn point(town: &Town, lat: i64, at: i64) -> String {
    let point = json!({"at": at, "place": {"lat": lat, "lon": 1}});
    let reply = town.mallory.client.post("/v1/positions", &json!({"points": [point]}));
    let taken = reply.json();
    match (reply.status, &taken["accepted"], taken["refused"][0]["code"].as_str()) {
        (200, accepted, Some(code)) => format!("{accepted} accepted, {code}"),
        _ => reply.told(),
    }
}

fn found(town: &Town, searches: &[&str]) -> String {
    set(searches.iter().map(|search| {
        let reply = town.admin.get(&format!("/v1/jobs?text={search}"));
        match (reply.status, reply.json()["items"].as_array()) {
            (200, Some(items)) if items.is_empty() => "200, nothing".to_owned(),
            (200, Some(items)) => format!("200, {} jobs for {search}", items.len()),
            _ => reply.told(),
        }
    }))
}

fn get(town: &Town, path: &str) -> String {
    town.admin.get(path).told()
}

/// A cursor to every list that takes one.
fn cursors(town: &Town, cursor: &str) -> String {
    let lists =
        ["jobs", "vans", "users", "technicians", "devices", "parts", "audit", "submissions"];
    set(lists.map(|list| get(town, &format!("/v1/{list}?cursor={cursor}"))))
}

fn if_match(town: &Town, tag: &str) -> String {
    let headers = [("content-type", "application/json"), ("if-match", tag)];
    let path = format!("/v1/jobs/{}", town.mine);
    town.admin.send("PATCH", &path, &headers, b"{\"remarks\":\"x\"}").told()
}

fn key() -> String {
    random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn keyed(_: &Town, who: &Client, key: &str, what: &str) -> String {
    let body = json!({"problem": "tow", "address": what}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    who.send("POST", "/v1/jobs", &headers, body.as_bytes()).told()
}

fn guesses(town: &Town, count: u8, who: impl Fn(u8) -> (Ipv4Addr, String)) -> String {
    set((0..count).map(|n| {
        let (from, login) = who(n);
        log_in(town, from, &login, "wrong")
    }))
}

fn log_in(town: &Town, from: Ipv4Addr, login: &str, password: &str) -> String {
    let body = json!({"tenant": "acme", "login": login, "password": password});
    Client { from, ..town.anybody.clone() }.post("/v1/session", &body).told()
}
