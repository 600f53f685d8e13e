//! The modules of sync-core know each other in one direction, from the bottom up.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What only tests use, and so may know everything.
const TESTS: [&str; 3] = ["cost/documents.rs", "cost/law.rs", "policy/tests.rs"];

#[test]
fn modules_know_each_other_in_one_direction() {
    let mut knows = modules();
    assert!(knows.len() > 20, "only {} modules were found", knows.len());
    assert!(knows["sync"].contains("admission") && knows["job"].contains("seal"), "{knows:?}");
    // Whoever knows nobody that is left stands below those that are left.
    while let Some(lowest) = knows.iter().find(|(_, of)| of.is_empty()).map(|(it, _)| it.clone()) {
        knows.remove(&lowest);
        for of in knows.values_mut() {
            of.remove(&lowest);
        }
    }
    assert!(
        knows.is_empty(),
        "these go round in a circle; move what is used below to where it is used: {knows:#?}"
    );
}

#[test]
fn names_are_found_alone_and_in_braces() {
    let code =
        "use crate::{job::{self, Past}, limits};\nuse crate::value::Value;\ncrate::cost::step()";
    let found: Vec<_> = named(code).into_iter().collect();
    assert_eq!(found, ["cost", "job", "limits", "value"]);
}

/// Each module at the top of the crate, with the others that its code names.
fn modules() -> BTreeMap<String, BTreeSet<String>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut knows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let path = file.strip_prefix(&source).unwrap();
        let top = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if top == "lib" || TESTS.iter().any(|test| path == Path::new(test)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let known = knows.entry(top.to_owned()).or_default();
        known.extend(named(&code.collect::<Vec<_>>().join("\n")));
    }
    let all: BTreeSet<String> = knows.keys().cloned().collect();
    for (module, known) in &mut knows {
        known.retain(|name| name != module && all.contains(name));
    }
    knows
}

/// The first names of the paths that begin at the crate, alone or in braces.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in code.split("crate::").skip(1) {
        let Some(list) = path.strip_prefix('{') else {
            names.insert(first(path));
            continue;
        };
        let (mut depth, mut start) = (0_usize, 0);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names.insert(first(list[start..at].trim()));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    names.remove("");
    names
}

fn first(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
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
