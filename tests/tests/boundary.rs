//! No Automerge bytes from outside reach Automerge: shown from the manifests and the sources.
//!
//! Automerge is safe on changes that we build and unsafe on foreign bytes. So one crate knows it,
//! one file builds its changes from typed ones, and nothing hands it bytes it did not make itself.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where Automerge is spoken to; each of these takes typed changes and nothing else.
const SPEAKS: &[&str] = &[
    "sync-core/src/document/genesis.rs",
    "sync-core/src/document/oracle.rs",
    "sync-core/src/document/rebuild.rs",
];

/// What else of it may be named, anywhere: thirty-two bytes.
const HASH: &[&str] = &["use automerge::ChangeHash;", "pub use automerge::ChangeHash;"];

/// Everything in automerge 0.12 that takes bytes, or messages and changes made from bytes.
const TAKES_BYTES: &[&str] = &[
    "AutoCommit",
    "Automerge::load",
    "automerge::load",
    "load_incremental",
    "load_with_options",
    "load_unverified_heads",
    "LoadOptions",
    "Change::from_bytes",
    "Change::try_from",
    "LoadedChange",
    "receive_sync_message",
    "sync::Message",
    "SyncDoc",
    "apply_changes",
    "apply_encoded",
    "hydrate",
    "Bundle::try_from",
    "load_bundle",
    "automerge::Bundle",
    "load_with",
    "Automerge::rescue",
];

/// The two calls there are: what was built from typed changes, and our own saved form of it.
const CALLS: &[(&str, &str)] = &[
    ("sync-core/src/document/oracle.rs", "automerge.apply_changes(changes)?;"),
    (
        "sync-core/src/document/oracle.rs",
        "let automerge = Automerge::load(&self.to_automerge()?.save())?;",
    ),
];

#[test]
fn one_crate_depends_on_automerge() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(metadata.status.success());
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let named = |package: &&Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies.into_iter().any(|dependency| {
            dependency["name"].as_str().is_some_and(|name| name.contains("automerge"))
        })
    };
    let who: BTreeSet<_> =
        packages.iter().filter(named).map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(who, BTreeSet::from(["sync-core"]));
    assert!(packages.len() >= 4, "only {} packages were looked at", packages.len());
}

#[test]
fn three_files_speak_to_automerge_and_others_name_only_its_hash() {
    let mut speaks = BTreeSet::new();
    for (name, line) in code() {
        let mentions = line.contains("automerge::") && !HASH.contains(&line.trim());
        if mentions && !line.contains("automerge::ChangeHash) ->") {
            speaks.insert(name);
        }
    }
    assert_eq!(speaks, SPEAKS.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn nothing_that_takes_bytes_is_called_but_on_what_we_built() {
    let mut calls = Vec::new();
    for (name, line) in code() {
        // Bundles of evidence and fuzzed bundles are our own JSON.
        if TAKES_BYTES.iter().any(|function| line.contains(function)) {
            calls.push((name, line.trim().to_owned()));
        }
    }
    let allowed: Vec<_> =
        CALLS.iter().map(|(name, line)| ((*name).to_owned(), (*line).to_owned())).collect();
    assert_eq!(calls, allowed);
}

#[test]
fn changes_of_automerge_are_built_in_one_place_from_typed_ones() {
    let built: Vec<_> = code()
        .into_iter()
        .filter(|(_, line)| line.contains("ExpandedChange") && !line.contains("use automerge"))
        .map(|(name, line)| (name, line.trim().to_owned()))
        .collect();
    let line = "automerge::Change::from(ExpandedChange {".to_owned();
    assert_eq!(built, [("sync-core/src/document/rebuild.rs".to_owned(), line)]);
}

/// Every line of code of what is shipped, with its file, comments left out.
fn code() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for folder in [
        "sync-core/src",
        "server/src",
        "server/store/src",
        "mobile-ffi/src",
        "tests/src",
        "tests/examples",
    ] {
        let mut files = Vec::new();
        rust_files(&root().join(folder), &mut files);
        files.sort();
        assert!(!files.is_empty(), "{folder} has no sources");
        for file in files {
            let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            lines.extend(code.map(|line| (name.clone(), line.to_owned())));
        }
    }
    lines
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
