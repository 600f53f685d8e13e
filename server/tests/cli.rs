//! The `towline` program as a person runs it, from a fresh folder to a server that stops.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

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

#[test]
fn help_teaches_with_examples_and_names_every_setting() {
    let folder = Folder::new();
    for args in
        [&["--help"][..], &["serve", "--help"], &["admin", "--help"], &["verify-seal", "--help"]]
    {
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
