//! No route of the OpenAPI document shows or changes anything of another tenant, and staff of one
//! branch see and do nothing of another.

use crate::devices::{submit, walk_up};
use crate::world::{Client, PASSWORD, Phone, Told, World};
use serde_json::{Value, json};
use server::auth::Role;
use sync_core::time::Stamp;

/// Two tenants; everything of `acme` is known to an administrator of `other`.
struct Two {
    world: World,
    ids: Vec<(&'static str, String)>,
    job: String,
}

impl Two {
    fn of(world: World) -> Self {
        let other = world.add_tenant("other");
        world.add_user(other, "admin", Role::Administrator);
        let acme = world.admin();
        let phone = world.phone(world.tenant, "acme", "admin", "secret-technician");
        let branch = json!({
            "name": "secret-branch", "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei",
        });
        let branch = acme.post("/v1/branches", branch).ok(201);
        let part = json!({"description": "secret-part", "unit_price": 1, "currency": "TWD"});
        acme.put("/v1/parts/SECRET-1", part).ok(200);
        let job = json!({"problem": "secret-problem", "address": "secret-address"});
        let job = acme.post("/v1/jobs", job).ok(201);
        let van = json!({"name": "secret-van", "technician": phone.user});
        let van = acme.post("/v1/vans", van).ok(201);
        let text = |value: &Value| value["id"].text().to_owned();
        let ids = vec![
            ("/v1/users/", phone.user.to_string()),
            ("/v1/technicians/", phone.user.to_string()),
            ("/v1/devices/", phone.device.to_string()),
            ("/v1/branches/", text(&branch)),
            ("/v1/parts/", "SECRET-1".to_owned()),
            ("/v1/jobs/", text(&job)),
            ("/v1/vans/", text(&van)),
        ];
        let job = text(&job);
        Self { world, ids, job }
    }

    fn stranger(&self) -> Client {
        self.world.desk("other", "admin").header("if-match", "*")
    }

    /// The path with ids of `acme` in it.
    fn path(&self, template: &str) -> String {
        let id = self.ids.iter().find(|(prefix, _)| template.starts_with(prefix));
        let id = id.map_or(self.job.as_str(), |(_, id)| id.as_str());
        template.replace("{id}", id).replace("{seal}", &self.job).replace("{kind}", "parts")
    }
}

/// A body that would be taken, as far as the schema of the request says.
pub fn body(api: &Value, operation: &Value) -> Option<Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    (!schema.is_null()).then(|| example(api, schema))
}

fn example(api: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        return example(api, &api["components"]["schemas"][name]);
    }
    if let Some(first) = schema["oneOf"].as_array().and_then(|all| all.last()) {
        return example(api, first);
    }
    if let Some(word) = schema["enum"].as_array().and_then(|words| words.first()) {
        return word.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().cloned().unwrap_or_default(),
        kind => kind.clone(),
    };
    match kind.as_str() {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let fields = required.filter_map(Value::as_str);
            fields
                .map(|name| (name.to_owned(), example(api, &schema["properties"][name])))
                .collect()
        }
        Some("array") => json!([]),
        Some("integer") => json!(1),
        Some("boolean") => json!(false),
        _ if schema["format"] == "uuid" => json!("0190b1c0-0000-7000-8000-000000000001"),
        _ => json!("TWD"),
    }
}

pub fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let paths = api["paths"].as_object().unwrap().clone();
    let each = |(path, item): (String, Value)| {
        let methods = item.as_object().unwrap().clone();
        methods.into_iter().map(move |(method, op)| (path.clone(), method.to_uppercase(), op))
    };
    paths.into_iter().flat_map(each).collect()
}

#[test]
fn ids_of_another_tenant_are_not_found_on_any_route() {
    World::on_each_database().map(Two::of).for_each(|two| not_found(&two));
}

fn not_found(two: &Two) {
    let api = two.world.anybody().get("/v1/openapi.json").ok(200);
    let stranger = two.stranger();
    let mut tried = 0;
    for (template, method, operation) in operations(&api) {
        // A part is named by its number; putting one makes it in one's own catalogue.
        let own = method == "PUT" && template.starts_with("/v1/parts/");
        if !template.contains("{id}") || own {
            continue;
        }
        let path = two.path(&template);
        let bytes = body(&api, &operation).map(|body| body.to_string().into_bytes());
        let media = if bytes.is_some() { "application/json" } else { "" };
        let answer = stranger.send(&method, &path, bytes, media);
        assert_eq!(answer.status, 404, "{method} {template}: {}", answer.text);
        assert!(!answer.text.contains("secret"), "{method} {template}: {}", answer.text);
        tried += 1;
    }
    assert!(tried >= 20, "only {tried} operations take an id");
}

#[test]
fn lists_show_nothing_of_another_tenant() {
    World::on_each_database().map(Two::of).for_each(|two| hidden(&two));
}

fn hidden(two: &Two) {
    let api = two.world.anybody().get("/v1/openapi.json").ok(200);
    let (stranger, mut looked_at) = (two.stranger(), 0);
    for (template, method, _) in operations(&api) {
        // A stream does not end; its own tests say what comes on it.
        let probes = ["/metrics", "/v1/openapi.json", "/v1/events"];
        let open = template.starts_with("/health") || probes.contains(&template.as_str());
        if method != "GET" || template.contains('{') || open || template.ends_with("/ws") {
            continue;
        }
        let answer = stranger.get(&template);
        assert!(answer.status == 200, "{template}: {}", answer.text);
        let text = answer.text.to_lowercase();
        assert!(!text.contains("secret"), "{template}: {text}");
        for (_, id) in &two.ids {
            assert!(!text.contains(&id.to_lowercase()), "{template} shows {id}");
        }
        looked_at += 1;
    }
    assert!(two.ids.len() >= 7 && looked_at >= 15, "only {looked_at} lists were looked at");
}

#[test]
fn ids_of_another_tenant_in_bodies_are_unknown() {
    let two = Two::of(World::new());
    let stranger = two.stranger();
    let id = |prefix: &str| {
        let found = two.ids.iter().find(|(known, _)| *known == prefix);
        found.unwrap().1.clone()
    };
    let (technician, branch) = (id("/v1/users/"), id("/v1/branches/"));
    let code = stranger.post("/v1/devices/codes", json!({"user": technician}));
    code.problem(422, "unknown_reference");
    let job = json!({"problem": "tow", "address": "here", "branch": branch});
    stranger.post("/v1/jobs", job).problem(422, "unknown_reference");
    let user = json!({"login": "x", "name": "x", "role": "dispatcher", "branch": branch});
    stranger.post("/v1/users", user).problem(422, "unknown_reference");
    let own = stranger.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
    let path = format!("/v1/jobs/{}/assign", own["id"].text());
    stranger.post(&path, json!({"technician": technician})).problem(422, "unknown_reference");
    let van = json!({"name": "v", "technician": technician});
    stranger.post("/v1/vans", van).problem(422, "unknown_reference");
}

#[test]
fn every_route_but_the_open_ones_needs_a_login() {
    let two = Two::of(World::new());
    let api = two.world.anybody().get("/v1/openapi.json").ok(200);
    let open =
        ["/health/live", "/health/ready", "/metrics", "/.well-known/jwks.json", "/v1/openapi.json"];
    let own_check = ["/v1/session", "/v1/token", "/v1/devices/enrol", "/v1/password-links/redeem"];
    for (template, method, operation) in operations(&api) {
        let logs_in = own_check.contains(&template.as_str()) && method == "POST";
        if open.contains(&template.as_str()) || logs_in {
            continue;
        }
        let bytes = body(&api, &operation).map(|body| body.to_string().into_bytes());
        let media = if bytes.is_some() { "application/json" } else { "" };
        let answer = two.world.anybody().send(&method, &two.path(&template), bytes, media);
        assert_eq!((answer.status, answer.code()), (401, "not_logged_in"), "{method} {template}");
    }
}

/// One tenant with two branches and a phone in each, and one of a technician without a branch.
pub struct Branches {
    pub world: World,
    pub north: Value,
    pub south: Value,
    /// Runs everything.
    pub admin: Client,
    /// Dispatchers of the two branches.
    pub nora: Client,
    pub sam: Client,
    /// Phones of North, of South and of no branch.
    pub cy: Phone,
    pub bo: Phone,
    pub dee: Phone,
}

impl Branches {
    fn of(world: World) -> Self {
        let admin = world.admin();
        let branch = |name: &str| {
            let body = json!({
                "name": name, "kind": "owned", "currency": "TWD", "time_zone": "Asia/Taipei",
            });
            admin.post("/v1/branches", body).ok(201)["id"].clone()
        };
        let (north, south) = (branch("North"), branch("South"));
        let staff = |login: &str, role: &str, branch: &Value| {
            let user = json!({
                "login": login, "name": login, "role": role, "branch": branch,
                "password": PASSWORD,
            });
            admin.post("/v1/users", user).ok(201);
            world.desk("acme", login)
        };
        let (nora, sam) = (staff("nora", "dispatcher", &north), staff("sam", "dispatcher", &south));
        staff("mona", "manager", &north);
        let phone = |login: &str, branch: Option<&Value>| {
            let phone = world.phone(world.tenant, "acme", "admin", login);
            if let Some(branch) = branch {
                let path = format!("/v1/users/{}", phone.user);
                admin.header("if-match", "*").patch(&path, json!({"branch": branch})).ok(200);
            }
            let point = json!({"at": world.running().app().now(), "place": {"lat": 25.033, "lon": 121.5654}});
            phone.log_in(&world).post("/v1/positions", json!({"points": [point]})).ok(200);
            phone
        };
        let (cy, bo) = (phone("cy", Some(&north)), phone("bo", Some(&south)));
        let dee = phone("dee", None);
        Self { north, south, admin, nora, sam, cy, bo, dee, world }
    }

    pub fn each() -> impl Iterator<Item = Self> {
        World::on_each_database().map(Self::of)
    }
}

#[test]
fn staff_of_a_branch_see_people_phones_and_places_of_their_own_and_of_no_branch() {
    for all in Branches::each() {
        let (cy, bo, dee) =
            (all.cy.user.to_string(), all.bo.user.to_string(), all.dee.user.to_string());
        for list in ["users", "technicians", "devices", "positions"] {
            let limit = if list == "positions" { "" } else { "?limit=200" };
            let path = format!("/v1/{list}{limit}");
            let told = all.nora.get(&path);
            assert_eq!(told.status, 200, "{}", told.text);
            assert!(told.text.contains(&cy) && told.text.contains(&dee), "{list}: {}", told.text);
            assert!(!told.text.contains(&bo), "{list}: {}", told.text);
            let told = all.admin.get(&path).text;
            assert!([&cy, &bo, &dee].iter().all(|user| told.contains(*user)), "{list}: {told}");
        }
        // Their pages are full though others stand between.
        let page = all.nora.get("/v1/technicians?limit=2").ok(200);
        assert_eq!(
            (page["items"].as_array().map(Vec::len), &page["next"]),
            (Some(2), &Value::Null)
        );
        for list in ["devices", "positions"] {
            let path = format!("/v1/{list}?user={bo}");
            assert_eq!(all.nora.get(&path).ok(200)["items"], json!([]), "{list}");
            assert_eq!(all.sam.get(&path).ok(200)["items"].as_array().map(Vec::len), Some(1));
        }
        all.nora.get(&format!("/v1/users/{bo}")).problem(404, "not_found");
        all.nora.get(&format!("/v1/users/{dee}")).ok(200);
        all.nora.get(&format!("/v1/devices/{}", all.bo.device)).problem(404, "not_found");
        all.nora.get(&format!("/v1/devices/{}", all.dee.device)).ok(200);
    }
}

#[test]
fn staff_of_a_branch_do_nothing_to_people_and_phones_of_another() {
    for all in Branches::each() {
        let for_bo = json!({"user": all.bo.user});
        all.nora.post("/v1/devices/codes", for_bo.clone()).problem(422, "unknown_reference");
        let code = all.sam.post("/v1/devices/codes", for_bo).ok(201);
        let next = Phone::enrol(&all.world.anybody(), code["code"].text());
        let confirm = format!("/v1/devices/{}/confirm", next.device);
        let wrong = if next.digits == "000000" { "000001" } else { "000000" };
        for digits in [wrong, wrong, wrong, next.digits.as_str()] {
            let answer = all.nora.post(&confirm, json!({"digits": digits}));
            answer.problem(404, "not_found");
        }
        let revoke = format!("/v1/devices/{}/revoke", all.bo.device);
        all.nora.post(&revoke, json!({})).problem(404, "not_found");
        let phone = all.admin.get(&format!("/v1/devices/{}", all.bo.device)).ok(200);
        assert_eq!(phone["state"], "active");
        let job = json!({"problem": "tow", "address": "here"});
        let job = all.nora.post("/v1/jobs", job).ok(201);
        let assign = format!("/v1/jobs/{}/assign", job["id"].text());
        let to = |phone: &Phone| all.nora.post(&assign, json!({"technician": phone.user}));
        to(&all.bo).problem(422, "unknown_reference");
        to(&all.cy).ok(200);
        to(&all.dee).ok(200);
        // Nobody's wrong digits were counted; South does what North may not.
        all.sam.post(&confirm, json!({"digits": next.digits})).ok(200);
        all.sam.post(&revoke, json!({})).ok(200);
    }
}

#[test]
fn staff_of_a_branch_review_only_submissions_of_their_own_phones() {
    for all in Branches::each() {
        all.admin.post(&format!("/v1/devices/{}/revoke", all.bo.device), json!({})).ok(200);
        let (_, run) = walk_up(Stamp::wall(all.world.running().app().now() - 1000));
        submit(&all.world, &all.bo, vec![run]);
        assert_eq!(all.nora.get("/v1/submissions").ok(200)["items"], json!([]));
        let row = all.sam.get("/v1/submissions").ok(200)["items"][0].clone();
        let path = format!("/v1/submissions/{}", row["id"].text());
        for verb in ["accept", "discard"] {
            all.nora.post(&format!("{path}/{verb}"), json!({})).problem(404, "not_found");
        }
        assert_eq!(all.admin.get("/v1/submissions").ok(200)["items"][0]["state"], "waiting");
        let accepted = all.sam.post(&format!("{path}/accept"), json!({})).ok(200);
        assert_eq!(accepted["verdicts"], json!({"durable": 1}));
    }
}

#[test]
fn a_manager_of_a_branch_reads_what_its_own_people_did_and_people_without_one() {
    for all in Branches::each() {
        for desk in [&all.nora, &all.sam, &all.admin] {
            desk.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
        }
        let made = |desk: &Client| {
            let rows = desk.get("/v1/audit?limit=200").ok(200)["items"].clone();
            let rows = rows.list().to_vec();
            rows.iter().filter(|row| row["action"] == "job.create").count()
        };
        assert_eq!(made(&all.world.desk("acme", "mona")), 2);
        assert_eq!(made(&all.admin), 3);
    }
}

#[test]
fn jobs_without_a_branch_are_listed_for_the_staff_of_every_branch() {
    for all in Branches::each() {
        let call = |branch: Option<&Value>| {
            let call =
                json!({"problem": "tow", "address": "x", "plate": "ABC-1", "branch": branch});
            all.admin.post("/v1/jobs", call).ok(201)["id"].clone()
        };
        let (open, southern) = (call(None), call(Some(&all.south)));
        let listed = |path: &str| {
            let items = all.nora.get(path).ok(200)["items"].clone();
            let items = items.list().to_vec();
            items.iter().map(|job| job["id"].clone()).collect::<Vec<_>>()
        };
        for path in ["/v1/jobs", "/v1/jobs?text=abc1", "/v1/jobs?state=received&limit=1"] {
            assert_eq!(listed(path), std::slice::from_ref(&open), "{path}");
        }
        let of_south = format!("/v1/jobs?branch={}", all.south.text());
        assert_eq!(listed(&of_south), [] as [Value; 0], "{southern} is not theirs");
        all.nora.get(&format!("/v1/jobs/{}", open.text())).ok(200);
    }
}

#[test]
fn a_job_of_a_branch_is_listed_however_many_newer_ones_others_have() {
    let all = Branches::of(World::new());
    let own = json!({"problem": "tow", "address": "here"});
    let own = all.nora.post("/v1/jobs", own).ok(201)["id"].clone();
    for _ in 0..201 {
        let call = json!({"problem": "tow", "address": "there", "branch": all.south});
        all.admin.post("/v1/jobs", call).ok(201);
    }
    let page = all.nora.get("/v1/jobs").ok(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&own, &Value::Null));
}
