//! The modules of the store know each other in one direction, from the bottom up.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    }
    let homes = homes(&std::fs::read_to_string(source.join("lib.rs")).unwrap());
    let all: BTreeSet<String> = knows.keys().cloned().collect();
    for (module, known) in &mut knows {
        *known = known.iter().map(|name| homes.get(name).unwrap_or(name).clone()).collect();
        let unknown: Vec<_> = known.difference(&all).collect();
        assert!(unknown.is_empty(), "{module} names what is no module: {unknown:?}");
        known.remove(module);
    }
    knows
}

/// The names that the root re-exports, each with the module that defines it.
fn homes(root: &str) -> BTreeMap<String, String> {
    let mut homes = BTreeMap::new();
    for statement in root.split(';') {
        let Some((_, path)) = statement.split_once("use ") else { continue };
        let Some((module, names)) = path.split_once("::") else { continue };
        homes.extend(firsts(names).into_iter().map(|name| (name, module.to_owned())));
    }
    homes
}

/// The first names of the paths that follow a prefix, alone or in braces.
fn named(code: &str, prefix: &str) -> BTreeSet<String> {
    code.split(prefix).skip(1).flat_map(firsts).collect()
}

/// The first name of a path; where braces open, those of each path in them.
fn firsts(path: &str) -> Vec<String> {
    let Some(list) = path.strip_prefix('{') else {
        return path
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .take(1)
            .map(str::to_owned)
            .collect();
    };
    let (mut depth, mut start, mut firsts_of) = (0_usize, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                let each = list[start..at].trim();
                firsts_of.extend((!each.is_empty()).then(|| firsts(each)).into_iter().flatten());
                if c == '}' {
                    break;
                }
                start = at + 1;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    firsts_of
}

#[test]
fn names_in_nested_braces_are_all_found() {
    let code = "use crate::{log::{Loaded, snapshot::{self}}, sql, rows::audit};\ncrate::passed();";
    let found = named(code, "crate::");
    assert_eq!(
        found.iter().map(String::as_str).collect::<Vec<_>>(),
        ["log", "passed", "rows", "sql"]
    );
    let homes = homes("mod a;\npub use a::{B, c};\npub(crate) use d::E;");
    assert_eq!((&*homes["B"], &*homes["c"], &*homes["E"]), ("a", "a", "d"));
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
