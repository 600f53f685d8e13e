//! Ids of another tenant, or of another branch, in every place that takes an id.

use serde_json::json;
use server::clock::random;
use sync_core::change::Change;
use sync_core::document::Document;
use sync_core::id::{ActorId, JobId};
use sync_core::sync::{Inventory, Request, encode_request};

use super::hand::{note, now, run_of};
use super::town::SECRET;
use super::wire::Reply;
use super::{Row, Town};

const GONE: &str = "404 not_found";
const UNKNOWN: &str = "422 unknown_reference";
const NONE: &str = "200, nothing of theirs";

pub const ROWS: &[Row] = &[
    ("reads a job", GONE, |t| get(t, &format!("/v1/jobs/{}", t.acme.job))),
    ("changes a job", GONE, |t| patch(t, &format!("/v1/jobs/{}", t.acme.job), "remarks")),
    ("assigns a job", GONE, |t| act(t, "assign", &json!({"technician": t.other.user}))),
    ("recalls a job", GONE, |t| act(t, "recall", &json!({}))),
    ("cancels a job", GONE, |t| act(t, "cancel", &json!({"reason": "other"}))),
    ("reopens a job", GONE, |t| act(t, "reopen", &json!({}))),
    ("remarks on a job", GONE, |t| act(t, "notes", &json!({"text": "x"}))),
    ("charges a job", GONE, |t| {
        act(t, "charges", &json!({"description": "x", "amount": 1, "currency": "TWD"}))
    }),
    ("decides on a job", GONE, |t| {
        act(t, "decisions", &json!({"about": "goa_claimed", "choice": "confirm"}))
    }),
    ("takes the evidence of a job", GONE, |t| {
        get(t, &format!("/v1/jobs/{}/seals/{}", t.acme.job, t.acme.job))
    }),
    ("reads a van", GONE, |t| get(t, &format!("/v1/vans/{}", t.acme.van))),
    ("changes a van", GONE, |t| patch(t, &format!("/v1/vans/{}", t.acme.van), "name")),
    ("loads a van", GONE, |t| {
        let line = json!({"kind": "load", "part_no": "X", "quantity": 1});
        post(t, &format!("/v1/vans/{}/movements", t.acme.van), &json!({"movements": [line]}))
    }),
    ("counts a van", GONE, |t| {
        let line = json!({"part_no": "X", "quantity": 1});
        post(t, &format!("/v1/vans/{}/counts", t.acme.van), &json!({"counts": [line]}))
    }),
    ("reads a technician", GONE, |t| get(t, &format!("/v1/technicians/{}", t.acme.user))),
    ("changes a technician", GONE, |t| {
        patch(t, &format!("/v1/technicians/{}", t.acme.user), "phone")
    }),
    ("gives a technician a certificate", GONE, |t| {
        post(t, &format!("/v1/technicians/{}/certificates", t.acme.user), &json!({"skill": "tow"}))
    }),
    ("gives a technician a shift", GONE, |t| {
        let shift = json!({"starts_at": 1, "ends_at": 2});
        post(t, &format!("/v1/technicians/{}/shifts", t.acme.user), &shift)
    }),
    ("reads a person", GONE, |t| get(t, &format!("/v1/users/{}", t.acme.user))),
    ("changes a person", GONE, |t| patch(t, &format!("/v1/users/{}", t.acme.user), "name")),
    ("reads a branch", GONE, |t| get(t, &format!("/v1/branches/{}", t.acme.branch))),
    ("changes a branch", GONE, |t| patch(t, &format!("/v1/branches/{}", t.acme.branch), "name")),
    ("reads a phone", GONE, |t| get(t, &format!("/v1/devices/{}", t.bo.device))),
    ("confirms a phone", GONE, |t| {
        let digits = json!({"digits": t.pending.digits});
        post(t, &format!("/v1/devices/{}/confirm", t.pending.device), &digits)
    }),
    ("revokes a phone", GONE, |t| {
        post(t, &format!("/v1/devices/{}/revoke", t.bo.device), &json!({}))
    }),
    ("accepts a submission", GONE, |t| submission(t, "accept")),
    ("discards a submission", GONE, |t| submission(t, "discard")),
    ("lists jobs of a branch", NONE, |t| list(t, &format!("/v1/jobs?branch={}", t.acme.branch))),
    ("lists jobs of a technician", NONE, |t| {
        list(t, &format!("/v1/jobs?technician={}", t.acme.user))
    }),
    ("searches for a plate", NONE, |t| list(t, "/v1/jobs?text=ABC-1234")),
    ("follows a technician", NONE, |t| list(t, &format!("/v1/positions?user={}", t.acme.user))),
    ("lists everything there is", NONE, |t| {
        let lists = [
            "jobs",
            "vans",
            "technicians",
            "users",
            "devices",
            "branches",
            "parts",
            "audit",
            "submissions",
            "positions",
        ];
        let each = lists.map(|name| {
            let whole = name == "branches" || name == "positions";
            list(t, &format!("/v1/{name}{}", if whole { "" } else { "?limit=200" }))
        });
        super::hand::set(each)
    }),
    ("a job of a foreign branch", UNKNOWN, |t| {
        post(t, "/v1/jobs", &json!({"problem": "tow", "address": "x", "branch": t.acme.branch}))
    }),
    ("a person of a foreign branch", UNKNOWN, |t| {
        let user =
            json!({"login": "spy", "name": "x", "role": "dispatcher", "branch": t.acme.branch});
        post(t, "/v1/users", &user)
    }),
    ("a van for a foreign technician", UNKNOWN, |t| {
        post(t, "/v1/vans", &json!({"name": "x", "technician": t.acme.user}))
    }),
    ("an own job for a foreign technician", UNKNOWN, |t| {
        let path = format!("/v1/jobs/{}/assign", t.other.job);
        post(t, &path, &json!({"technician": t.acme.user}))
    }),
    ("a code for a foreign technician", UNKNOWN, |t| {
        post(t, "/v1/devices/codes", &json!({"user": t.acme.user}))
    }),
    ("a phone that writes to a foreign job", "job_not_yours", |t| {
        let doc = t.other.job.parse::<JobId>().unwrap_or(t.mine);
        let document = Document::new(doc.into());
        let actor = ActorId::new(now(), random());
        let change = Change { actor, seq: 1, after: vec![], time: now(), entries: vec![note("x")] };
        t.mallory.push(vec![run_of(&document, vec![change])])
    }),
    ("a phone that says it holds a foreign job", "nothing of theirs, 1 unknown", |t| {
        let doc = t.other.job.parse::<JobId>().unwrap_or(t.mine);
        inventory(t, doc)
    }),
    ("a phone that says it holds another technician's job", "nothing of theirs, 1 unknown", |t| {
        inventory(t, t.acme.job.parse().unwrap_or(t.mine))
    }),
    ("a phone that brings back foreign work", "receipt_not_genuine", |t| {
        let (_, all) = t.foreign.pull();
        let of_job = all.into_iter().filter(|attested| attested.run.doc.job().is_some());
        t.mallory.relay(of_job.take(1).collect())
    }),
    ("a phone that reads a foreign part", GONE, |t| {
        told(&t.foreign.client.get("/v1/parts/ACME-1"), t)
    }),
    ("a point on a foreign job, which only its own tenant could look up", "200", |t| {
        let point = json!({"at": now(), "place": {"lat": 1, "lon": 1}, "job": t.other.job});
        t.mallory.client.post("/v1/positions", &json!({"points": [point]})).told()
    }),
    ("staff of a branch reads another branch's job", GONE, |t| {
        told(&t.branch_desk.get(&format!("/v1/jobs/{}", t.acme.job)), t)
    }),
    ("staff of a branch assigns another branch's job", GONE, |t| {
        let path = format!("/v1/jobs/{}/assign", t.acme.job);
        told(&t.branch_desk.post(&path, &json!({"technician": t.acme.user})), t)
    }),
    ("staff of a branch lists another branch's jobs", NONE, |t| {
        let reply = t.branch_desk.get(&format!("/v1/jobs?branch={}", t.acme.branch));
        told(&reply, t)
    }),
];

fn get(town: &Town, path: &str) -> String {
    told(&town.stranger.get(path), town)
}

fn list(town: &Town, path: &str) -> String {
    told(&town.stranger.get(path), town)
}

fn post(town: &Town, path: &str, body: &serde_json::Value) -> String {
    told(&town.stranger.post(path, body), town)
}

fn patch(town: &Town, path: &str, field: &str) -> String {
    told(&town.stranger.patch(path, &json!({field: "X"})), town)
}

fn act(town: &Town, verb: &str, body: &serde_json::Value) -> String {
    post(town, &format!("/v1/jobs/{}/{verb}", town.acme.job), body)
}

fn submission(town: &Town, verb: &str) -> String {
    let list = town.admin.get("/v1/submissions").json();
    let id = list["items"][0]["id"].as_str().unwrap_or("0190b1c0-0000-7000-8000-000000000001");
    post(town, &format!("/v1/submissions/{id}/{verb}"), &json!({}))
}

/// The answer, and whether anything of the other tenant is in it.
fn told(reply: &Reply, town: &Town) -> String {
    let text = String::from_utf8_lossy(&reply.body);
    // The tenants have things of one name; only their ids and people tell them apart.
    let theirs = [&town.acme.job, &town.acme.van, &town.acme.branch];
    let user = town.acme.user.to_string();
    let shows = theirs.iter().any(|id| text.contains(id.as_str())) || text.contains(&user);
    let own_branch = reply.status == 404 && text.contains(SECRET);
    match (reply.status, shows || own_branch) {
        (status, true) => format!("{status}, SHOWS WHAT IS NOT THEIRS"),
        (200, false) => NONE.to_owned(),
        _ => reply.told(),
    }
}

fn inventory(town: &Town, job: JobId) -> String {
    let inventory = Some(Inventory(vec![(job.into(), 7)]));
    let request = Request { epoch: town.mallory.epoch, inventory, ..Request::default() };
    let answer = town.mallory.exchange(&request);
    let Some(sync_core::sync::Frame::Response(answer)) = answer else {
        return town.mallory.frame(&encode_request(&request));
    };
    let shows = answer.runs.iter().any(|attested| attested.run.doc == job.into());
    let what = if shows { "THEIR WORK" } else { "nothing of theirs" };
    format!("{what}, {} unknown", answer.unknown.len())
}
