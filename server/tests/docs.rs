//! docs/api.md lists every route, problem code and setting as the program has them.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use server::config::SETTINGS;
use server::http::Code;

/// Set to write the file again instead of comparing it.
const WRITE: &str = "TOWLINE_WRITE_DOCS";
const MARK: &str = "<!-- From here on the file is made from the program; `server/tests/docs.rs` compares it. -->\n";

#[test]
fn the_api_document_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let file = std::fs::read_to_string(&path).unwrap();
    let (written, made) = file.split_once(MARK).unwrap();
    let fresh = generated();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, format!("{written}{MARK}{fresh}")).unwrap();
        return;
    }
    assert_eq!(made, fresh, "run the tests once with {WRITE}=1");
}

fn generated() -> String {
    let mut text = String::from("\n## Routes\n\n| route | what it does |\n|---|---|\n");
    let api: Value = serde_json::to_value(server::router::openapi()).unwrap();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let (method, summary) = (method.to_uppercase(), operation["summary"].as_str().unwrap());
            writeln!(text, "| `{method} {path}` | {} |", summary.replace('|', "\\|")).unwrap();
        }
    }
    text.push_str("\n## Problem codes\n\n| status | code | sentence |\n|---|---|---|\n");
    for code in Code::ALL {
        let status = code.status().as_u16();
        writeln!(text, "| {status} | `{}` | {} |", code.as_str(), code.title()).unwrap();
    }
    text.push_str("\n## Settings\n\n| file | flag | environment | default | meaning |\n|---|---|---|---|---|\n");
    for setting in SETTINGS {
        let (name, flag, variable) = (setting.name, setting.flag(), setting.variable());
        let about = setting.about.replace('|', "\\|");
        writeln!(text, "| `{name}` | `--{flag}` | `{variable}` | {} | {about} |", setting.default)
            .unwrap();
    }
    text
}
