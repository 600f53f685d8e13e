//! What changed since somebody signed: two canonical renderings compared, place by place.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One place where what stands now differs from what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, such as `parts.H7.amount`; a line is named by its part number or kind.
    pub what: String,
    /// What was signed; absent for something added.
    pub signed: Option<String>,
    /// What stands now; absent for something taken away.
    pub now: Option<String>,
}

impl Difference {
    /// Whether it touches what is to be paid.
    pub fn is_about_money(&self) -> bool {
        ["parts", "charges", "totals"].iter().any(|part| {
            self.what
                .strip_prefix(part)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// Differences kept; more say no more.
const MAX_DIFFERENCES: usize = 200;

/// The differences between two renderings, in the order of their keys.
pub(super) fn differences(signed: &Json, now: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(signed), Some(now), &mut found);
    found
}

fn compare(what: &str, signed: Option<&Json>, now: Option<&Json>, found: &mut Vec<Difference>) {
    if signed == now || found.len() >= MAX_DIFFERENCES {
        return;
    }
    match (signed, now) {
        (Some(Json::Object(signed)), Some(Json::Object(now))) => {
            let added = now.keys().filter(|key| !signed.contains_key(*key));
            for key in signed.keys().chain(added) {
                compare(&join(what, key), signed.get(key), now.get(key), found);
            }
        }
        (Some(Json::Array(signed)), Some(Json::Array(now))) => {
            let standing: HashMap<_, _> = now.iter().map(|line| (identity(line), line)).collect();
            let known: HashSet<_> = signed.iter().map(identity).collect();
            for line in signed {
                let same = standing.get(&identity(line)).copied();
                compare(&join(what, label(line)), Some(line), same, found);
            }
            for line in now.iter().filter(|line| !known.contains(&identity(line))) {
                compare(&join(what, label(line)), None, Some(line), found);
            }
        }
        (signed, now) => found.push(Difference {
            what: what.to_owned(),
            signed: signed.map(plain),
            now: now.map(plain),
        }),
    }
}

/// Lines are the same when their facts are, totals when their currency is.
fn identity(line: &Json) -> Option<&str> {
    line.get("id").or_else(|| line.get("currency")).and_then(Json::as_str)
}

fn label(line: &Json) -> &str {
    let names = ["part_no", "kind", "description", "currency", "id"];
    names.iter().find_map(|name| line.get(name).and_then(Json::as_str)).unwrap_or("line")
}

fn join(what: &str, key: &str) -> String {
    if what.is_empty() { key.to_owned() } else { format!("{what}.{key}") }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
