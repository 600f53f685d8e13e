//! What follows from a group's changes: rows computed from documents, scope, snapshots, news.

use std::sync::Arc;

use sync_core::scope;

use super::group::{Group, find, guard};
use super::project::{Scene, project};
use super::request::Committed;
use crate::StoreError;
use crate::log::doc_key;
use crate::log::snapshot;

/// A document gets a snapshot after so many runs without one.
pub(crate) const SNAPSHOT_RUNS: usize = 16;

impl Group<'_> {
    /// Adds the rows computed from every document that changed since the last time.
    pub fn project(&mut self) -> Result<(), StoreError> {
        for ((tenant, doc), now) in &std::mem::take(&mut self.changed) {
            let held = find(&mut self.docs, *tenant, *doc)?;
            let (before, document) = (held.take_shown(), Arc::clone(held.document()));
            let rows = &mut self.tables.projected;
            let (first, pos) = (held.first, held.pos);
            let scene = Scene { tenant: *tenant, document: &document, first, pos, now: *now };
            let shown = guard(|| project(rows, &scene, &before)).flatten()?;
            held.show(shown);
            let members = guard(|| scope::members(&document))?;
            if held.members.as_ref() != Some(&members) {
                let before = held.members.take().unwrap_or_default();
                for member in members.iter().filter(|member| !before.contains(member)) {
                    rows.scope.push([
                        tenant.as_bytes().into(),
                        member.user.as_bytes().into(),
                        doc_key(doc).into(),
                        i64::from(member.current).into(),
                        held.pos.into(),
                    ]);
                }
            }
            if held.runs > SNAPSHOT_RUNS
                && let Some(payload) = snapshot::encode(&document)
            {
                rows.snapshots.push([
                    tenant.as_bytes().into(),
                    doc_key(doc).into(),
                    held.pos.into(),
                    (document.changes().len() as i64).into(),
                    payload.into(),
                ]);
                held.runs = 0;
            }
            let (docs, users) = self.news.entry(*tenant).or_default();
            docs.insert(*doc);
            users.extend(members.iter().map(|member| member.user));
            held.members = Some(members);
        }
        Ok(())
    }

    /// What there is to tell once the group is committed.
    pub fn committed(&mut self) -> Vec<Committed> {
        let news = std::mem::take(&mut self.news).into_iter();
        news.map(|(tenant, (docs, users))| Committed {
            tenant,
            pos: self.positions.get(&tenant).map_or(0, |positions| positions.last),
            docs: docs.into_iter().collect(),
            users: users.into_iter().collect(),
        })
        .collect()
    }
}
