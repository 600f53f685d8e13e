//! No route of the OpenAPI document shows or changes anything of another tenant.

use crate::world::{Client, World};
use serde_json::{Value, json};
use server::auth::Role;

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
        let text = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
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
        template.replace("{id}", id).replace("{seal}", &self.job)
    }
}

/// A body that would be taken, as far as the schema of the request says.
fn body(api: &Value, operation: &Value) -> Option<Value> {
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

fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let paths = api["paths"].as_object().cloned().unwrap_or_default();
    let each = |(path, item): (String, Value)| {
        let methods = item.as_object().cloned().unwrap_or_default();
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
    let stranger = two.stranger();
    for (template, method, _) in operations(&api) {
        let open = template.starts_with("/health") || template == "/metrics";
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
    }
}

#[test]
fn ids_of_another_tenant_in_bodies_are_unknown() {
    let two = Two::of(World::new());
    let stranger = two.stranger();
    let id = |prefix: &str| {
        let found = two.ids.iter().find(|(known, _)| *known == prefix);
        found.map(|(_, id)| id.clone()).unwrap_or_default()
    };
    let (technician, branch) = (id("/v1/users/"), id("/v1/branches/"));
    let code = stranger.post("/v1/devices/codes", json!({"user": technician}));
    code.problem(422, "unknown_reference");
    let job = json!({"problem": "tow", "address": "here", "branch": branch});
    stranger.post("/v1/jobs", job).problem(422, "unknown_reference");
    let user = json!({"login": "x", "name": "x", "role": "dispatcher", "branch": branch});
    stranger.post("/v1/users", user).problem(422, "unknown_reference");
    let own = stranger.post("/v1/jobs", json!({"problem": "tow", "address": "here"})).ok(201);
    let path = format!("/v1/jobs/{}/assign", own["id"].as_str().unwrap_or_default());
    stranger.post(&path, json!({"technician": technician})).problem(422, "unknown_reference");
    let van = json!({"name": "v", "technician": technician});
    stranger.post("/v1/vans", van).problem(422, "unknown_reference");
}

#[test]
fn every_route_but_the_open_ones_needs_a_login() {
    let two = Two::of(World::new());
    let api = two.world.anybody().get("/v1/openapi.json").ok(200);
    let open = ["/health/live", "/health/ready", "/metrics", "/.well-known/jwks.json"];
    let own_check = ["/v1/session", "/v1/token", "/v1/devices/enrol"];
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
