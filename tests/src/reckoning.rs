//! The reckoning: what phones said was saved against what the server's log holds, fact by fact.

use std::collections::BTreeSet;

use crate::ledger::{FactKey, Ledger};
use crate::server_log::ServerLog;

/// The result for every fact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reckoning {
    /// Facts saved on phones.
    pub saved: u64,
    /// Of them, those in the log once and with the same contents.
    pub durable: u64,
    /// Of them, those the server refused and keeps aside with a reason.
    pub refused: u64,
    /// Neither in the log nor refused.
    pub lost: Vec<FactKey>,
    /// More than once in the log, once for every time too many.
    pub doubled: Vec<FactKey>,
    /// In the log with other contents.
    pub changed: Vec<FactKey>,
    /// Saved under one id on two phones.
    pub reused: Vec<FactKey>,
    /// In the log as a phone's work, though no phone ever called it saved.
    pub never_saved: Vec<FactKey>,
}

impl Reckoning {
    /// Compares all ledgers with the log.
    pub fn of<'a>(ledgers: impl IntoIterator<Item = &'a Ledger>, log: &ServerLog) -> Self {
        let mut reckoning = Self::default();
        let mut saved = BTreeSet::new();
        for (key, hash) in ledgers.into_iter().flat_map(Ledger::facts) {
            reckoning.saved += 1;
            if !saved.insert(key) {
                reckoning.reused.push(key.clone());
            }
            match log.facts.get(key).map(Vec::as_slice).unwrap_or_default() {
                [] if log.refused.get(key) == Some(hash) => reckoning.refused += 1,
                [] => reckoning.lost.push(key.clone()),
                standing if standing.iter().any(|contents| contents != hash) => {
                    reckoning.changed.push(key.clone());
                }
                [_] => reckoning.durable += 1,
                [_, again @ ..] => {
                    reckoning.durable += 1;
                    reckoning.doubled.extend(again.iter().map(|_| key.clone()));
                }
            }
        }
        let invented = log.from_phones.iter().filter(|key| !saved.contains(key));
        reckoning.never_saved.extend(invented.cloned());
        reckoning
    }

    /// Whether nothing was lost, doubled, changed, or made up.
    pub fn is_whole(&self) -> bool {
        let Self { lost, doubled, changed, reused, never_saved, .. } = self;
        [lost, doubled, changed, reused, never_saved].iter().all(|list| list.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use sync_core::id::{FactId, JobId};
    use sync_core::schema::{key, section};
    use sync_core::value::{Record, Value};

    use super::*;
    use crate::ledger::hash;

    fn fact(n: u8) -> (FactKey, Record) {
        let doc = JobId::new(1, [1; 10]).into();
        let key = FactKey { doc, section: section::NOTES, id: FactId::new(2, [n; 10]) };
        (key, Record::from([(key::TEXT, Value::Int(i64::from(n)))]))
    }

    /// A phone that saved three facts, and a log that holds them.
    fn day() -> (Ledger, ServerLog) {
        let (mut ledger, mut log) = (Ledger::default(), ServerLog::default());
        for (key, record) in [1, 2, 3].map(fact) {
            log.facts.insert(key.clone(), vec![hash(&key, &record)]);
            log.from_phones.insert(key.clone());
            ledger.saved(key, &record).expect("a fresh fact");
        }
        (ledger, log)
    }

    #[test]
    fn a_day_without_trouble_is_whole() {
        let (ledger, log) = day();
        let reckoning = Reckoning::of([&ledger], &log);
        assert_eq!((reckoning.saved, reckoning.durable), (3, 3));
        assert!(reckoning.is_whole());
    }

    #[test]
    fn each_kind_of_trouble_is_found() {
        let (key, record) = fact(2);
        let of = |spoil: fn(&mut ServerLog, FactKey)| {
            let (ledger, mut log) = day();
            spoil(&mut log, fact(2).0);
            let reckoning = Reckoning::of([&ledger], &log);
            assert!(!reckoning.is_whole());
            reckoning
        };
        let lost = of(|log, key| drop(log.facts.remove(&key)));
        assert_eq!((lost.lost, lost.durable), (vec![key.clone()], 2));
        let doubled = of(|log, key| {
            let standing = log.facts[&key][0];
            log.facts.insert(key, vec![standing; 3]);
        });
        assert_eq!((doubled.doubled.len(), doubled.durable), (2, 3));
        let changed = of(|log, key| drop(log.facts.insert(key, vec![[0; 32]])));
        assert_eq!((changed.changed, changed.durable), (vec![key.clone()], 2));
        let invented = of(|log, _| {
            log.from_phones.insert(fact(9).0);
        });
        assert_eq!(invented.never_saved, [fact(9).0]);

        let (ledger, log) = day();
        assert_eq!(Reckoning::of([&ledger, &ledger], &log).reused.len(), 3);
        let (ledger, mut log) = day();
        log.facts.remove(&key);
        log.refused.insert(key.clone(), hash(&key, &record));
        let refused = Reckoning::of([&ledger], &log);
        assert_eq!((refused.refused, refused.is_whole()), (1, true));
    }
}
