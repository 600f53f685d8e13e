//! How often each fault and each rare branch was met: one that never was proves nothing.

use std::collections::BTreeMap;

use super::plan::Plan;

/// Rare branches beside the faults of a plan, each of which a long enough run has to meet.
pub const BRANCHES: &[&str] = &[
    "request lost",
    "request duplicated at once",
    "request duplicated and late",
    "request cut",
    "reply lost after commit",
    "reply late",
    "reply cut",
    "captive portal",
    "one-way partition up",
    "one-way partition down",
    "full partition",
    "server down",
    "token expired or unknown",
    "login refused for the clock",
    "revoked phone submitted",
    "submission accepted",
    "phone enrolled again",
    "inventory sent",
    "epoch renewed",
    "actor rotated by a fork",
    "work brought back with a receipt",
    "work orphaned by a restore",
    "numbers claimed after a restore",
    "own work sent again after a loss",
    "page of changes cut",
    "page of the answer cut",
    "document released",
    "released document dropped",
    "change refused",
    "change re-authored",
    "change missed what it follows",
    "change answered later",
    "fork answered",
    "document evicted from the cache",
    "document loaded from a snapshot",
    "document brought forward from another node",
    "commit unknown after a failed sync",
    "torn write cut off",
    "group of two pushes",
    "push signed",
    "push hashed",
    "edit found its document changed",
    "seal countersigned",
    "seal shown from what the server holds",
    "van oversold",
    "fact of a newer version taken in",
    "fact of a newer version left waiting",
    "section of a newer version added",
    "hostile change refused",
    "facts lost with their only holder",
    "phone came back by its own timer",
    "copy recognised by its missing secret",
];

/// Counters by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// Counts one.
    pub fn met(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// Counts several.
    pub fn add(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// Adds those of another run.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, times)| self.add(what, *times));
    }

    /// How often this was met.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Everything counted, by name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(what, times)| (*what, *times))
    }

    /// Faults and branches that were never met.
    pub fn never(&self) -> Vec<&'static str> {
        let expected = Plan::words().chain(BRANCHES.iter().copied());
        expected.filter(|what| self.of(what) == 0).collect()
    }
}
