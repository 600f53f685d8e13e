//! The modules of the store know each other in one direction, from the bottom up.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where the names that the crate re-exports are defined.
const NAMES: &[(&str, &str)] = &[
    ("Backend", "connect"),
    ("Inspected", "inspect"),
    ("JobFilter", "jobs"),
    ("JobPage", "jobs"),
    ("JobPlace", "jobs"),
    ("JobRow", "jobs"),
    ("Likeness", "alike"),
    ("Logged", "log"),
    ("Meta", "meta"),
    ("Reach", "error"),
    ("SealCursor", "seals"),
    ("StoredDocument", "read"),
    ("Reader", "readers"),
    ("Store", "store"),
    ("StoreError", "error"),
    ("TakenUp", "upkeep"),
    ("Writer", "writer"),
    ("noticing_conflicts", "error"),
    ("reading", "readers"),
];

#[test]
fn modules_know_each_other_in_one_direction() {
    let mut knows = modules();
    assert!(knows.len() > 15, "only {} modules were found", knows.len());
    assert!(knows["writer"].contains("log") && knows["verify"].contains("store"), "{knows:?}");
    // Whoever knows nobody that is left stands below those that are left.
    while let Some(lowest) = knows.iter().find(|(_, of)| of.is_empty()).map(|(it, _)| it.clone()) {
        knows.remove(&lowest);
        for of in knows.values_mut() {
            of.remove(&lowest);
        }
    }
    assert!(knows.is_empty(), "these go round in a circle: {knows:#?}");
}

/// Each module at the top of the crate, with those that its code names.
fn modules() -> BTreeMap<String, BTreeSet<String>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut knows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let path = file.strip_prefix(&source).unwrap();
        let top = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        // The root only re-exports; two modules are tests of others.
        if ["lib", "plans", "paging"].contains(&top) {
            continue;
        }
        let deep = path.iter().count() > 1;
        let at_top = !deep || path.ends_with("mod.rs") && path.iter().count() == 2;
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        let known = knows.entry(top.to_owned()).or_default();
        known.extend(named(&code, "crate::"));
        // `super` of a file at the top is the crate; of a folder's `mod.rs` too.
        if at_top {
            known.extend(named(&code, "super::"));
        }
        known.remove(top);
    }
    let all: BTreeSet<String> = knows.keys().cloned().collect();
    knows.values_mut().for_each(|known| known.retain(|it| all.contains(it)));
    knows
}

/// The modules behind the names that follow a prefix, alone or in braces.
fn named(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for after in code.split(prefix).skip(1) {
        let names: Vec<&str> = match after.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap().split(',').collect(),
            None => vec![after],
        };
        for name in names {
            let name = name.trim_start();
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            let home = NAMES.iter().find(|(it, _)| *it == &name[..end]).map(|(_, home)| *home);
            found.insert(home.unwrap_or(&name[..end]).to_owned());
        }
    }
    found
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
