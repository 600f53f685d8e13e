//! What changed since someone signed: the rendering they signed against the job as it stands.
//!
//! The job is rendered once for all its seals, and of each line only what a seal asks for is
//! written out, so a seal costs what it itself says.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::lines::Line;
use super::shown::Shown;

/// One place where what stands now differs from what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Difference {
    /// Where, such as `parts.H7.amount`; a line is named by its part number or kind.
    pub what: String,
    /// What was signed, up to [`DIFFERENCE_BYTES`]; absent for something added.
    pub signed: Option<String>,
    /// What stands now, up to [`DIFFERENCE_BYTES`]; absent for something taken away.
    pub now: Option<String>,
}

/// Bytes of a text in a [`Difference`]; a longer one is cut and ends with `…`.
pub const DIFFERENCE_BYTES: usize = 1024;
/// Bytes of a line's name.
const NAME_BYTES: usize = 128;

/// How a job differs from what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The first of the places, in the order of their keys.
    pub listed: Vec<Difference>,
    /// How many places differ.
    pub count: usize,
    /// Whether any touches what is to be paid.
    pub about_money: bool,
}

/// A job as it would be shown now, whoever signs; read once for several seals.
pub(crate) struct CurrentRendering<'s> {
    shown: &'s Shown,
    /// What is not a list.
    rest: Json,
    lists: Vec<(&'static str, Lines<'s>)>,
}

struct Lines<'s> {
    all: Vec<Line<'s>>,
    by_identity: HashMap<String, usize>,
}

impl<'s> CurrentRendering<'s> {
    pub fn of(shown: &'s Shown) -> Self {
        let lists = shown.lists().into_iter().map(|(name, all)| {
            let by_identity = all.iter().map(Line::identity).zip(0..).collect();
            (name, Lines { all, by_identity })
        });
        Self { shown, rest: shown.without_lists(), lists: lists.collect() }
    }

    /// How it differs from a rendering, the first `room` places listed.
    pub fn changes(&self, signed: &Json, room: usize) -> Changes {
        let mut found = FoundChanges { room, changes: Changes::default() };
        let Json::Object(keys) = signed else {
            found.add("", || Some(plain(signed)), || Some(cut(self.shown)));
            return found.changes;
        };
        let own = self.rest.as_object().into_iter().flat_map(|rest| rest.keys());
        let own = own.map(String::as_str).chain(self.lists.iter().map(|(name, _)| *name));
        let mut added: Vec<&str> = own.filter(|key| !keys.contains_key(*key)).collect();
        added.sort_unstable();
        for key in keys.keys().map(String::as_str).chain(added) {
            match self.lists.iter().find(|(name, _)| *name == key) {
                Some((_, lines)) => lines.compare(key, keys.get(key), &mut found),
                None => compare(key, keys.get(key), self.rest.get(key), &mut found),
            }
        }
        found.changes
    }
}

impl Lines<'_> {
    fn compare(&self, what: &str, signed: Option<&Json>, found: &mut FoundChanges) {
        let Some(Json::Array(signed)) = signed else {
            return found.add(what, || signed.map(plain), || Some(cut(&self.all)));
        };
        let mut known: HashSet<usize> = HashSet::new();
        for line in signed {
            let place = identity(line).and_then(|identity| self.by_identity.get(identity));
            known.extend(place);
            let now = place.and_then(|place| self.all.get(*place)).map(Line::json);
            compare(&join(what, label(line)), Some(line), now.as_ref(), found);
        }
        let added = self.all.len() - known.len();
        let unknown = self.all.iter().enumerate().filter(|(place, _)| !known.contains(place));
        let mut listed = 0;
        for (_, line) in unknown.take(found.room) {
            let line = line.json();
            found.add(&join(what, label(&line)), || None, || Some(plain(&line)));
            listed += 1;
        }
        found.count(what, added - listed);
    }
}

/// What was found so far.
struct FoundChanges {
    /// How many more may be listed.
    room: usize,
    changes: Changes,
}

impl FoundChanges {
    fn add(
        &mut self,
        what: &str,
        signed: impl FnOnce() -> Option<String>,
        now: impl FnOnce() -> Option<String>,
    ) {
        self.count(what, 1);
        if self.room > 0 {
            self.room -= 1;
            let what = shorten(what, 4 * NAME_BYTES);
            let difference = Difference { what, signed: signed(), now: now() };
            self.changes.listed.push(difference);
        }
    }

    fn count(&mut self, what: &str, places: usize) {
        crate::cost::step();
        let list = what.split_once('.').map_or(what, |(list, _)| list);
        self.changes.count += places;
        self.changes.about_money |= places > 0 && ["parts", "charges", "totals"].contains(&list);
    }
}

fn compare(what: &str, signed: Option<&Json>, now: Option<&Json>, found: &mut FoundChanges) {
    match (signed, now) {
        (None, None) => {}
        (Some(Json::Object(signed)), Some(Json::Object(now))) => {
            let added = now.keys().filter(|key| !signed.contains_key(*key));
            for key in signed.keys().chain(added) {
                compare(&join(what, key), signed.get(key), now.get(key), found);
            }
        }
        (signed, now) if signed == now => {}
        (signed, now) => found.add(what, || signed.map(plain), || now.map(plain)),
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
    format!("{what}.{}", shorten(key, NAME_BYTES))
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => shorten(text, DIFFERENCE_BYTES),
        other => cut(other),
    }
}

fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}

/// The beginning of a value as JSON; no more of it is written than is kept.
fn cut(value: &impl Serialize) -> String {
    let mut beginning = Beginning(Vec::new());
    // It ends early where the value is longer.
    let _ = serde_json::to_writer(&mut beginning, value);
    shorten(&String::from_utf8_lossy(&beginning.0), DIFFERENCE_BYTES)
}

struct Beginning(Vec<u8>);

impl std::io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() > DIFFERENCE_BYTES {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        let most = bytes.len().min(2 * DIFFERENCE_BYTES);
        self.0.extend_from_slice(&bytes[..most]);
        Ok(most)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_and_whole_lists_are_cut_and_do_not_split_a_letter() {
        let long = Json::from("車".repeat(1000));
        let text = plain(&long);
        assert!(text.len() <= DIFFERENCE_BYTES + '…'.len_utf8() && text.ends_with("車…"));
        let list = Json::from(vec!["part"; 100_000]);
        assert!(plain(&list).len() <= DIFFERENCE_BYTES + '…'.len_utf8());
        assert_eq!(plain(&Json::from(vec![1, 2])), "[1,2]");
    }
}
