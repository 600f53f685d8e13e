//! Who works for one branch, a person or a token, writes nothing of another and makes nobody reach
//! further than themselves, on every route of the OpenAPI document; and what is refused is not done.

use serde_json::{Value, json};

use crate::devices::{submit, walk_up};
use crate::isolation::{Branches, body, operations};
use crate::world::{Answer, Client};
use sync_core::time::Stamp;

/// Two branches, with something of each kind in both.
struct Both {
    all: Branches,
    api: Value,
    /// What `{id}` stands for below a path: of North, and of South.
    ids: Vec<(&'static str, String, String)>,
    /// Work for North: an API token with every scope, and a manager.
    callers: Vec<(&'static str, Client)>,
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

impl Both {
    fn of(all: Branches) -> Self {
        let admin = &all.admin;
        let branch = |at: usize| [&all.north, &all.south][at].clone();
        let user = |at: usize| {
            let login = ["ned", "sue"][at];
            let body =
                json!({"login": login, "name": login, "role": "manager", "branch": branch(at)});
            id(&admin.post("/v1/users", body).ok(201))
        };
        let job = |at: usize| {
            let body = json!({"problem": "tow", "address": "here", "branch": branch(at)});
            id(&admin.post("/v1/jobs", body).ok(201))
        };
        let van = |at: usize| {
            let name = ["Van N", "Van S"][at];
            let body = json!({"name": name, "branch": branch(at)});
            id(&admin.post("/v1/vans", body).ok(201))
        };
        let submission = |phone: &crate::world::Phone| {
            admin.post(&format!("/v1/devices/{}/revoke", phone.device), json!({})).ok(200);
            let (_, run) = walk_up(Stamp::wall(all.world.running().app().now() - 1000));
            submit(&all.world, phone, vec![run]);
            id(&admin.get("/v1/submissions").ok(200)["items"][0])
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ids = vec![
            ("/v1/users/", user(0), user(1)),
            ("/v1/technicians/", all.cy.user.to_string(), all.bo.user.to_string()),
            ("/v1/devices/", all.cy.device.to_string(), all.bo.device.to_string()),
            ("/v1/branches/", text(&all.north), text(&all.south)),
            ("/v1/jobs/", job(0), job(1)),
            ("/v1/vans/", van(0), van(1)),
            ("/v1/submissions/", submission(&all.cy), submission(&all.bo)),
        ];
        let scopes = [
            "jobs:read",
            "jobs:write",
            "masters:read",
            "masters:write",
            "positions:read",
            "audit:read",
            "users:read",
            "users:write",
        ];
        let token = json!({"name": "North's", "scopes": scopes, "branch": all.north});
        let token = admin.post("/v1/tokens", token).ok(201);
        let token = all.world.anybody().bearer(token["token"].as_str().unwrap());
        let mona = all.world.desk("acme", "mona");
        let callers = [("a token of North", token), ("a manager of North", mona)];
        let callers = callers.map(|(who, client)| (who, client.header("if-match", "*"))).into();
        let api = all.world.anybody().get("/v1/openapi.json").ok(200);
        Self { all, api, ids, callers }
    }

    fn each() -> impl Iterator<Item = Self> {
        Branches::each().map(Self::of)
    }

    /// The path with an id of South, or of North, in it; absent where `{id}` is of no branch.
    fn path(&self, template: &str, is_south: bool) -> Option<String> {
        let (_, north, south) =
            self.ids.iter().find(|(prefix, ..)| template.starts_with(prefix))?;
        let id = if is_south { south } else { north };
        let job = &self.ids.iter().find(|(prefix, ..)| *prefix == "/v1/jobs/")?.1;
        Some(template.replace("{id}", id).replace("{fact}", job).replace("{seal}", job))
    }

    /// Everything that an administrator sees of all branches, but for the audit list.
    fn everything(&self) -> Vec<(String, Value)> {
        let lists = [
            "users",
            "technicians",
            "devices",
            "branches",
            "jobs",
            "vans",
            "tokens",
            "submissions",
        ];
        let lists = lists.map(|list| format!("/v1/{list}"));
        let each = lists.into_iter().map(|path| {
            let mut body = self.all.admin.get(&path).ok(200);
            for item in body["items"].as_array_mut().unwrap() {
                // When something was used last is no change of it.
                for used in ["last_used_at", "last_seen_at", "on_shift"] {
                    item.as_object_mut().unwrap().remove(used);
                }
            }
            (path, body)
        });
        each.collect()
    }

    fn unchanged(&self, before: &[(String, Value)], what: &str) {
        for ((path, was), (_, is)) in before.iter().zip(self.everything()) {
            assert_eq!(*was, is, "{what} changed {path}");
        }
    }

    fn send(&self, client: &Client, method: &str, path: &str, body: Option<Value>) -> Answer {
        let bytes = body.map(|body| body.to_string().into_bytes());
        let media = if bytes.is_some() { "application/json" } else { "" };
        client.send(method, path, bytes, media)
    }

    /// The properties of the body of an operation.
    fn properties(&self, operation: &Value) -> Vec<String> {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let name = schema["$ref"].as_str().unwrap_or_default();
        let name = name.trim_start_matches("#/components/schemas/");
        let found = &self.api["components"]["schemas"][name]["properties"];
        found.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }
}

#[test]
fn no_route_lets_a_caller_of_one_branch_at_what_is_of_another() {
    for both in Both::each() {
        let before = both.everything();
        let mut tried = 0;
        for (template, method, operation) in operations(&both.api) {
            // Phones and the desk both read every branch: its name, currency and time zone.
            let is_open = method == "GET" && template.starts_with("/v1/branches");
            let path = both.path(&template, true).filter(|_| template.contains("{id}") && !is_open);
            let Some(path) = path else { continue };
            for (who, client) in &both.callers {
                let what = format!("{who}: {method} {template}");
                let answer = both.send(client, &method, &path, body(&both.api, &operation));
                assert!([403, 404].contains(&answer.status), "{what}: {}", answer.text);
            }
            tried += 1;
        }
        assert!(tried >= 25, "only {tried} operations take an id of a branch");
        both.unchanged(&before, "one of them");
    }
}

#[test]
fn no_body_names_another_branch_or_anybody_of_it() {
    for both in Both::each() {
        let (south, bo) = (&both.all.south, json!(both.all.bo.user));
        let (mut tried, mut named) = (0, Vec::new());
        for (template, method, operation) in operations(&both.api) {
            for field in both.properties(&operation) {
                let value = match &*field {
                    "branch" => south.clone(),
                    "technician" | "user" => bo.clone(),
                    _ => continue,
                };
                named.push(format!("{method} {template} {field}"));
                let mut body = match (&*method, &*template) {
                    ("POST", "/v1/users") => {
                        json!({"login": "new", "name": "N", "role": "manager"})
                    }
                    ("POST", "/v1/vans") => json!({"name": "Another"}),
                    ("POST", "/v1/jobs") => json!({"problem": "tow", "address": "here"}),
                    ("POST", "/v1/tokens") => json!({"name": "T", "scopes": ["jobs:read"]}),
                    ("POST", "/v1/jobs/{id}/steps") => json!({"kind": "travelling"}),
                    ("POST", "/v1/devices/codes" | "/v1/jobs/{id}/assign") | ("PATCH", _) => {
                        json!({})
                    }
                    _ => panic!("say what {method} {template} takes, for its {field}"),
                };
                body[&*field] = value;
                let path = both.path(&template, false).unwrap_or(template.clone());
                let before = both.everything();
                for (who, client) in &both.callers {
                    let what = format!("{who}: {method} {template} with {field} of South");
                    let keyed = client.header("idempotency-key", &what.replace(' ', "-"));
                    for client in [client, &keyed] {
                        let answer = both.send(client, &method, &path, Some(body.clone()));
                        assert!([403, 422].contains(&answer.status), "{what}: {}", answer.text);
                        if answer.status == 422 {
                            let told = (answer.code(), answer.body["field"].as_str());
                            assert_eq!(told, ("unknown_reference", Some(&*field)), "{what}");
                        }
                    }
                    both.unchanged(&before, &what);
                }
                tried += 1;
            }
        }
        assert!(tried >= 10, "{named:?}");
    }
}

#[test]
fn nobody_is_made_to_reach_further_than_a_caller_of_one_branch() {
    for both in Both::each() {
        let (all, token) = (&both.all, &both.callers[0].1);
        let path = |id: &dyn std::fmt::Display| format!("/v1/users/{id}");
        let boss = json!({"login": "boss", "name": "Boss", "role": "manager"});
        let boss = id(&all.admin.post("/v1/users", boss).ok(201));
        let before = both.everything();
        // A manager without a branch works for all of them, a technician without one too.
        for (who, change) in [
            (path(&boss), json!({"active": false})),
            (path(&boss), json!({"name": "X"})),
            (path(&all.cy.user), json!({"branch": null})),
            (path(&all.cy.user), json!({"role": "manager", "branch": null})),
            (path(&all.dee.user), json!({"role": "manager"})),
        ] {
            let refused = token.patch(&who, change.clone()).problem(403, "forbidden");
            assert_eq!(refused["reason"], "other_branch", "{who} {change}");
        }
        let branch =
            json!({"name": "West", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei"});
        token.post("/v1/branches", branch).problem(403, "forbidden");
        both.unchanged(&before, "a token of North");
        // What it adds is its own branch's, and what it may do it still does.
        let new = json!({"login": "new", "name": "New", "role": "manager"});
        assert_eq!(token.post("/v1/users", new).ok(201)["branch"], all.north);
        for (who, client) in &both.callers {
            let van = client.post("/v1/vans", json!({"name": "Van"})).ok(201);
            assert_eq!(van["branch"], all.north, "{who}");
            let technician = format!("/v1/technicians/{}", all.dee.user);
            client.patch(&technician, json!({"name": "Dee Wu"})).ok(200);
            client.patch(&technician, json!({"branch": all.north})).ok(200);
            all.admin.header("if-match", "*").patch(&technician, json!({"branch": null})).ok(200);
        }
        token.patch(&path(&all.cy.user), json!({"role": "dispatcher"})).ok(200);
        token
            .patch(&format!("/v1/branches/{}", all.north.as_str().unwrap()), json!({"name": "N"}))
            .ok(200);
    }
}

#[test]
fn who_dismisses_a_technician_of_their_branch_need_not_see_all_of_the_jobs() {
    for both in Both::each() {
        let (all, token) = (&both.all, &both.callers[0].1);
        let job = json!({"problem": "tow", "address": "here", "branch": all.south});
        let job = format!("/v1/jobs/{}", id(&all.admin.post("/v1/jobs", job).ok(201)));
        all.admin.post(&format!("{job}/assign"), json!({"technician": all.cy.user})).ok(200);
        token.patch(&format!("/v1/users/{}", all.cy.user), json!({"active": false})).ok(200);
        let app = all.world.running().app().clone();
        let recalled = server::upkeep::recall_jobs(app.shared(), app.now());
        all.world.block_on(recalled).unwrap();
        assert_eq!(all.admin.get(&job).ok(200)["assignment"], Value::Null);
    }
}
