//! The `towline` program as a person runs it, from a fresh folder to a server that stops.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let mark: String =
            server::clock::random::<8>().iter().map(|b| format!("{b:02x}")).collect();
        Self(std::env::temp_dir().join(format!("towline-cli-{mark}")))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_towline"));
        command.args(args).env("TOWLINE_DATA", &self.0).env("TOWLINE_PASSWORD_MEMORY_KIB", "64");
        command.env("TOWLINE_LISTEN", "127.0.0.1:0");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}: {out}{err}");
        out
    }

    #[track_caller]
    fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_first_day_from_a_fresh_folder_to_a_login() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let made = folder.ok(&[
        "admin",
        "user",
        "--tenant",
        "acme",
        "--login",
        "mei",
        "--name",
        "Mei",
        "--role",
        "administrator",
    ]);
    let password = made.lines().find_map(|line| line.strip_prefix("Password, shown this once: "));
    let password = password.unwrap().to_owned();
    let technician = [
        "admin",
        "user",
        "--tenant",
        "acme",
        "--login",
        "bo",
        "--name",
        "Bo",
        "--role",
        "technician",
    ];
    assert!(!folder.ok(&technician).contains("Password"), "phones need none");
    assert!(folder.fails(&technician).contains("already exists"));
    folder.ok(&["admin", "van", "--tenant", "acme", "--name", "Van 7", "--technician", "bo"]);
    let code = folder.ok(&["admin", "code", "--tenant", "acme", "--login", "bo"]);
    assert!(code.lines().any(|line| line.trim().len() == 14), "{code}");
    assert!(folder.ok(&["admin", "list"]).contains("acme"));
    assert!(folder.ok(&["admin", "list", "--tenant", "acme"]).contains("technician"));
    assert!(folder.ok(&["verify"]).contains("no difference"));
    assert!(folder.fails(&["admin", "list", "--tenant", "nobody"]).contains("nobody"));

    let mut child = folder.command(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let greeting = lines.next().unwrap().unwrap();
    let url = greeting.strip_prefix("Towline listens on ").unwrap().to_owned();
    let body = json!({"tenant": "acme", "login": "mei", "password": password}).to_string();
    let opened = ureq::post(format!("{url}/v1/session"))
        .header("content-type", "application/json")
        .send(body.as_bytes());
    let opened = opened.unwrap().body_mut().read_to_string().unwrap();
    let opened: Value = serde_json::from_str(&opened).unwrap();
    assert_eq!(opened["user"]["role"], "administrator");
    let stopped = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert!(child.wait().unwrap().success(), "it stops in good order");
}

/// A server in a process of its own.
struct Process {
    child: std::process::Child,
    url: String,
    /// Held open: the server writes its log there.
    _log: BufReader<std::process::ChildStdout>,
}

impl Process {
    fn serve(folder: &Folder) -> Self {
        let mut child = folder.command(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        log.read_line(&mut greeting).unwrap();
        let url = greeting.trim_end().strip_prefix("Towline listens on ").unwrap().to_owned();
        Self { child, url, _log: log }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Runs statements on the database of a folder.
fn sql(folder: &Folder, statements: &'static str) {
    use sqlx::Connection as _;
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", folder.0.join("towline.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("PRAGMA busy_timeout = 20000").execute(&mut connection).await.unwrap();
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

#[test]
fn a_server_that_dies_between_a_write_and_its_kept_answer_answers_the_repeat() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let user = ["admin", "user", "--tenant", "acme", "--login", "mei", "--name", "Mei"];
    let made = folder.ok(&[&user[..], &["--role", "administrator"]].concat());
    let password = made.lines().find_map(|line| line.strip_prefix("Password, shown this once: "));
    let server = Process::serve(&folder);
    let url = server.url.clone();
    let body = json!({"tenant": "acme", "login": "mei", "password": password.unwrap()});
    let send = |url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &Value| {
        let request = ureq::http::Request::builder().method(method).uri(format!("{url}{path}"));
        let headers = [&[("content-type", "application/json")], headers].concat();
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let agent = ureq::Agent::new_with_config(config);
        let mut answer = agent.run(request.body(body.to_string()).unwrap()).unwrap();
        let tag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        let text = answer.body_mut().read_to_string().unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        (answer.status().as_u16(), tag.unwrap_or_default(), body)
    };
    let (_, _, opened) = send(&url, "POST", "/v1/session", &[], &body);
    let bearer = format!("Bearer {}", opened["token"].as_str().unwrap());
    let known = ("authorization", bearer.as_str());
    let call = json!({"problem": "tow", "address": "Road 1"});
    let (_, seen, job) = send(&url, "POST", "/v1/jobs", &[known], &call);
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    // From here on no answer can be kept, so the process ends before any is.
    sql(
        &folder,
        "CREATE TRIGGER dead BEFORE UPDATE OF status ON idempotency BEGIN \
                  SELECT RAISE(ABORT, 'dead'); END",
    );
    let headers = [known, ("if-match", seen.as_str()), ("idempotency-key", "k-1")];
    let change = json!({"caller": "Ms Wu"});
    let (status, tag, first) = send(&url, "PATCH", &path, &headers, &change);
    assert_eq!(status, 200, "{first}");
    server.kill();
    sql(&folder, "DROP TRIGGER dead");
    let server = Process::serve(&folder);
    let again = send(&server.url, "PATCH", &path, &headers, &change);
    server.kill();
    assert_eq!(again, (200, tag, first));
}

#[test]
fn tokens_links_and_imports_work_from_the_command_line() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let of = ["--tenant", "acme"];
    let with = |args: &[&'static str]| [&["admin"][..], args, &of[..]].concat();
    let made = folder.ok(&with(&["token", "create", "--name", "DMS", "--scope", "jobs:read"]));
    let id = made.lines().find_map(|it| it.strip_prefix("Token DMS is ")).unwrap();
    let id = id.trim_end_matches('.');
    assert!(made.contains("shown this once: twl_"), "{made}");
    let listed = folder.ok(&with(&["token", "list"]));
    assert!(listed.contains("DMS  jobs:read  never used") && !listed.contains("twl_"), "{listed}");
    folder.ok(&["admin", "token", "revoke", "--id", id, "--tenant", "acme"]);
    assert!(folder.ok(&with(&["token", "list"])).contains("(revoked)"));
    let unknown = with(&["token", "create", "--name", "X", "--scope", "jobs:sell"]);
    assert!(folder.fails(&unknown).contains("masters:write"), "it says which there are");

    std::fs::write(folder.0.join("users.csv"), "login;name;role\nmei;Mei;dispatcher\nbo;;boss\n")
        .unwrap();
    let file = folder.0.join("users.csv").display().to_string();
    let import = ["admin", "import", "users", &file, "--tenant", "acme"];
    let dry = folder.run(&[&import[..], &["--dry-run"]].concat());
    let dry = text(&dry.stdout);
    assert!(dry.contains("Would be: 1 created"), "{dry}");
    let done = folder.run(&import);
    let done = (done.status.success(), text(&done.stdout));
    assert!(!done.0 && done.1.contains("row 3, role \"boss\":"), "{}", done.1);
    let link = folder.ok(&["admin", "link", "--login", "mei", "--tenant", "acme"]);
    assert!(link.contains("/password#twp_") && link.contains("4320 minutes"), "{link}");
    assert!(folder.ok(&["verify"]).contains("no difference"));
}

#[test]
fn help_teaches_with_examples_and_names_every_setting() {
    let folder = Folder::new();
    for args in [
        &["--help"][..],
        &["serve", "--help"],
        &["admin", "--help"],
        &["verify-seal", "--help"],
        &["rebuild", "--help"],
    ] {
        assert!(folder.ok(args).contains("Example"), "{args:?}");
    }
    let help = folder.ok(&["serve", "--help"]);
    for setting in server::config::SETTINGS {
        let flag = format!("--{}", setting.flag());
        assert!(help.contains(&flag) && help.contains(&setting.variable()), "{flag}");
    }
}

#[test]
fn the_api_document_is_openapi_3_1_and_every_reference_in_it_resolves() {
    let printed = Folder::new().ok(&["openapi"]);
    let api: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    for part in printed.split("\"$ref\": \"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(api["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_said_in_one_sentence_and_secrets_are_not() {
    let folder = Folder::new();
    assert!(folder.fails(&["serve", "--listen", "here"]).contains("--listen"));
    let secret = folder.fails(&["serve", "--database", "mysql://me:hush@db/x"]);
    assert!(secret.contains("mysql") && !secret.contains("hush"), "{secret}");
    let missing = folder.fails(&["verify-seal", "nothing.json", "--keys", "nothing.json"]);
    assert!(missing.contains("No such file"), "{missing}");
}

#[test]
fn a_bundle_is_proven_complete_or_said_not_to_be_and_a_cut_one_fails() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let vector = std::fs::read_to_string("../docs/vectors/evidence-bundle.json").unwrap();
    let vector: Value = serde_json::from_str(&vector).unwrap();
    let hex = vector["trusted"]["2026-1"].as_str().unwrap();
    let key = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
    let x = URL_SAFE_NO_PAD.encode(key.collect::<Vec<u8>>());
    let file = |name: &str, value: &Value| {
        let path = folder.0.join(name).display().to_string();
        std::fs::write(&path, value.to_string()).unwrap();
        path
    };
    let keys = file("keys.json", &json!({"keys": [{"kid": "2026-1", "x": x}]}));
    let mut bundle = vector["bundle"].clone();
    let said = folder.ok(&["verify-seal", &file("whole.json", &bundle), "--keys", &keys]);
    assert!(said.contains("VALID") && said.contains("complete    proven"), "{said}");
    assert!(said.contains("not proven\n  who held the pen"), "{said}");
    let mut old = bundle.clone();
    old.as_object_mut().unwrap().remove("statement");
    let said = folder.ok(&["verify-seal", &file("old.json", &old), "--keys", &keys]);
    assert!(said.contains("complete    NOT PROVEN"), "{said}");
    bundle["runs"].as_array_mut().unwrap().pop();
    let said = folder.fails(&["verify-seal", &file("cut.json", &bundle), "--keys", &keys]);
    assert!(said.contains("NOT VALID (bundle_incomplete)"), "{said}");
}

#[test]
fn a_wrong_path_is_named_and_no_empty_database_is_made_there() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let typo = Folder::new();
    let (there, copy) = (typo.0.display().to_string(), folder.0.join("copy.db"));
    let copy = copy.display().to_string();
    for command in [
        &["verify"][..],
        &["verify", "--json"],
        &["backup", &copy],
        &["verify-seal", "seal.json"],
        &["admin", "list"],
        &["admin", "rotate-key"],
    ] {
        let said = folder.fails(&[command, &["--data", &there]].concat());
        let hint = said.contains("no database at") && said.contains("--data");
        assert!(hint && said.contains(&there), "{command:?}: {said}");
        assert!(!typo.0.exists(), "{command:?} made something");
    }
    assert!(!std::path::Path::new(&copy).exists());
    assert!(folder.ok(&["backup", &copy]).contains("no difference"));
}

#[test]
fn a_backup_of_a_bare_name_warns_of_stale_rows_which_a_rebuild_mends() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    folder.ok(&["admin", "van", "--tenant", "acme", "--name", "Van 7"]);
    let damage = "DELETE FROM documents";
    let url = format!("sqlite://{}/towline.db", folder.0.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use sqlx::Connection as _;
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(damage).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    let output = folder.run(&["verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("towline rebuild"), "{}", text(&output.stdout));
    let data = folder.0.display().to_string();
    let mut copy = folder.command(&["backup", "b1.db", "--data", &data]);
    let output = copy.current_dir(&folder.0).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("towline rebuild"), "{said}");
    assert!(folder.0.join("b1.db").exists());
    assert!(folder.ok(&["rebuild", "--tenant", "acme"]).contains("1 rows mended"));
    assert!(folder.ok(&["verify"]).contains("no difference"));
    assert!(folder.fails(&["rebuild", "--tenant", "nobody"]).contains("nobody"));
}

#[test]
fn the_command_line_refuses_what_the_api_refuses() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let branch = |currency, zone| {
        [
            "admin",
            "branch",
            "--tenant",
            "acme",
            "--name",
            "N",
            "--currency",
            currency,
            "--time-zone",
            zone,
        ]
    };
    assert!(folder.fails(&branch("NT", "Asia/Taipei")).contains("currency"));
    assert!(folder.fails(&branch("TWD", "Nowhere/City")).contains("time_zone"));
    folder.ok(&branch("TWD", "Asia/Taipei"));
    let part = |price, tax| {
        let plain =
            ["admin", "part", "--tenant", "acme", "--part-no", "F", "--description", "Fuse"];
        [&plain[..], &["--currency", "TWD", price, tax]].concat()
    };
    assert!(folder.fails(&part("--unit-price=-5", "--tax-rate=0")).contains("unit_price"));
    assert!(folder.fails(&part("--unit-price=5", "--tax-rate=999999999")).contains("tax_rate"));
    folder.ok(&part("--unit-price=5", "--tax-rate=500"));
    let nowhere = "0190b1c0-0000-7000-8000-000000000001";
    let van = ["admin", "van", "--tenant", "acme", "--name", "V", "--branch", nowhere];
    assert!(folder.fails(&van).contains("branch"));
}

#[test]
fn what_admin_is_told_of_people_and_vans_is_checked_as_the_api_checks_it() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let acme = |what: &'static str, rest: &[&str]| -> Output {
        folder.run(&[&["admin", what, "--tenant", "acme"], rest].concat())
    };
    let user = ["--name", "Bo", "--role", "technician"];
    let refused = |what: &'static str, rest: &[&str], field: &str| {
        let output = acme(what, rest);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(field), "{rest:?}: {said}");
    };
    refused("user", &[&["--login", "b o"][..], &user].concat(), "login: ");
    refused("user", &[&["--login", ""][..], &user].concat(), "login: ");
    let kept = |what: &'static str, rest: &[&str], warning: &str| {
        let output = acme(what, rest);
        let said = text(&output.stderr);
        assert!(output.status.success() && said.contains(warning), "{rest:?}: {said}");
    };
    let desk = ["--login", "al", "--phone", "12"];
    kept("user", &[&desk[..], &user].concat(), "Warning: phone: 12 is not a valid");
    kept("van", &["--name", "Van 6", "--plate", "#"], "Warning: plate: # ");
    refused("user", &["--login", "bo", "--name", "", "--role", "technician"], "name: ");
    refused("user", &["--login", "bo", "--name", "Bo", "--role", "boss"], "--role");
    let nowhere = "0190b1c0-0000-7000-8000-000000000001";
    refused("user", &[&["--login", "bo", "--branch", nowhere][..], &user].concat(), "branch: ");
    let staff = ["--login", "mei", "--name", "M", "--role", "manager", "--phone", "0912345678"];
    refused("user", &staff, "technician's");
    let phone = ["--login", "Bo", "--phone", "0912 345 678"];
    assert!(acme("user", &[&phone[..], &user].concat()).status.success());
    refused("user", &[&["--login", "bo"][..], &user].concat(), "already exists");
    refused("van", &["--name", ""], "name: ");
    refused("van", &["--name", "Van 7", "--technician", "nobody"], "nobody");
    assert!(acme("user", &staff[..6]).status.success());
    refused("van", &["--name", "Van 7", "--technician", "mei"], "active technician");
    refused(
        "part",
        &["--part-no", " ", "--description", "B", "--unit-price", "1", "--currency", "TWD"],
        "part_no: ",
    );
    assert!(
        acme("van", &["--name", "Van 7", "--plate", "abc-1234", "--technician", "bo"])
            .status
            .success()
    );
}

#[test]
fn a_reader_who_goes_away_ends_no_command_and_no_server() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    // As with `| head -1`, for what is printed and for what is logged.
    let mut child = folder.command(&["serve", "--log", "debug"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut greeting = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut greeting).unwrap();
    drop((out, child.stderr.take()));
    let url = greeting.trim_end().strip_prefix("Towline listens on ").unwrap().to_owned();
    for _ in 0..20 {
        let health = ureq::get(format!("{url}/health/ready")).call().unwrap();
        assert_eq!(health.status(), 200);
    }
    let stopped = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert!(child.wait().unwrap().success(), "it stops in good order");
    for args in [&["admin", "list", "--tenant", "acme"][..], &["verify"], &["openapi"]] {
        let mut child = folder.command(args).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert!(child.wait().unwrap().success(), "{args:?}");
    }
}

#[test]
fn usage_shows_what_fills_a_tenant_and_gives_a_technician_more() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let bo = ["--login", "bo", "--name", "Bo", "--role", "technician"];
    folder.ok(&[&["admin", "user", "--tenant", "acme"], &bo[..]].concat());
    let usage = ["admin", "usage", "--tenant", "acme"];
    let shown = folder.ok(&usage);
    assert!(shown.contains("Of 102400.0 MiB (tenant_storage_gib):"), "{shown}");
    assert!(shown.lines().any(|line| line.trim_start().starts_with("log ")), "{shown}");
    assert!(shown.contains("a day's bound is 256.0 MiB"), "{shown}");
    let more = folder.ok(&[&usage[..], &["--login", "bo", "--extra-mib", "500"]].concat());
    assert!(more.contains("bo may store 500 MiB"), "{more}");
    assert!(folder.ok(&usage).contains("bo"), "who may have more is listed");
    let json = |args: &[&str]| -> Value {
        let said = folder.ok(&[&["admin", "--json", "usage", "--tenant", "acme"], args].concat());
        serde_json::from_str(&said).unwrap()
    };
    let told = json(&[]);
    assert_eq!(told["technicians"][0]["extra"], 500 << 20, "{told}");
    assert!(told["kinds"].as_array().unwrap().iter().any(|it| it["kind"] == "log"), "{told}");
    json(&["--login", "bo", "--extra-mib", "0"]);
    assert!(json(&[])["technicians"].as_array().unwrap().iter().all(|it| it["extra"] == 0));
    assert!(
        folder
            .fails(&[&usage[..], &["--login", "nobody", "--extra-mib", "1"]].concat())
            .contains("nobody")
    );
    assert!(folder.fails(&["admin", "usage", "--tenant", "none"]).contains("none"));
}

#[test]
fn admin_answers_programs_in_json_and_teaches_each_command_by_example() {
    let folder = Folder::new();
    let json = |args: &[&str]| -> Value {
        let said = folder.ok(&[&["admin", "--json"], args].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{args:?}: {error}: {said}"))
    };
    let tenant = json(&["tenant", "--slug", "acme", "--name", "Acme Motors"]);
    assert_eq!(tenant["slug"], "acme");
    let mei = ["--login", "mei", "--name", "Mei", "--role", "administrator"];
    let mei = json(&[&["user", "--tenant", "acme"], &mei[..]].concat());
    assert!(mei["password"].as_str().is_some_and(|it| it.len() > 10) && mei["id"].is_string());
    let place = ["--name", "North", "--currency", "TWD", "--time-zone", "Asia/Taipei"];
    let branch = json(&[&["branch", "--tenant", "acme"], &place[..]].concat());
    assert!(branch["id"].is_string());
    assert!(json(&["rotate-key"])["kid"].is_string());
    assert_eq!(json(&["list"])["slug"], "acme");
    assert_eq!(json(&["list", "--tenant", "acme"])["login"], "mei");
    let commands = "tenant user password branch van part code revoke rotate-key list";
    for command in commands.split(' ') {
        let help = folder.ok(&["admin", command, "--help"]);
        assert!(help.contains("Example") && help.contains("--json"), "{command}: {help}");
    }
}

#[test]
fn a_device_code_says_where_the_server_is_or_warns_that_it_does_not() {
    let folder = Folder::new();
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let bo = ["--login", "bo", "--name", "Bo", "--role", "technician"];
    folder.ok(&[&["admin", "user", "--tenant", "acme"], &bo[..]].concat());
    let code = ["admin", "code", "--tenant", "acme", "--login", "bo"];
    let output = folder.run(&code);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && err.contains("Warning") && err.contains("--public-url"));
    assert!(out.lines().last().unwrap().starts_with("towline:enrol?code="), "{out}");
    let told = folder.run(&[&code[..], &["--public-url", "https://rescue.example.com/"]].concat());
    let (out, err) = (text(&told.stdout), text(&told.stderr));
    let link = "towline:enrol?url=https%3A%2F%2Frescue.example.com&code=";
    assert!(err.is_empty() && out.lines().last().unwrap().starts_with(link), "{out}{err}");
    let mut set = folder.command(&code);
    let set = set.env("TOWLINE_PUBLIC_URL", "https://rescue.example.com").output().unwrap();
    assert!(text(&set.stdout).contains(link) && set.stderr.is_empty());
}

#[test]
fn a_restore_says_whom_it_lets_in_again_and_a_new_epoch_can_be_given_by_hand() {
    let (folder, again) = (Folder::new(), Folder::new());
    folder.ok(&["admin", "tenant", "--slug", "acme", "--name", "Acme Motors"]);
    let mei = ["--login", "mei", "--name", "Mei Lin", "--role", "administrator"];
    folder.ok(&[&["admin", "user", "--tenant", "acme"], &mei[..]].concat());
    folder.ok(&["admin", "link", "--tenant", "acme", "--login", "mei"]);
    let dms = ["--tenant", "acme", "--name", "DMS", "--scope", "jobs:read"];
    folder.ok(&[&["admin", "token", "create"], &dms[..]].concat());
    let copy = folder.0.join("copy.db");
    let copy = copy.to_str().unwrap();
    folder.ok(&["backup", copy]);
    let said = again.ok(&["restore", copy, "--hold-phones"]);
    let ended = "Ended: 0 sessions, 0 enrolment codes, 1 invite and reset links, 0 API tokens.";
    for part in
        [ended, "Check these", "Acme Motors", "administrator  mei  Mei Lin", "DMS: jobs:read"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = again.ok(&["admin", "new-epoch", "--revoke-tokens"]);
    assert!(said.contains("a new epoch") && said.contains("Mei Lin"), "{said}");
    assert!(said.contains("1 API tokens.") && !said.contains("DMS"), "{said}");
    let nowhere = Folder::new().fails(&["admin", "new-epoch"]);
    assert!(nowhere.contains("there is no database"), "{nowhere}");
}
