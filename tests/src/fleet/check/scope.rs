//! What nobody may see: another tenant's texts, and documents that are not, or no longer, theirs.

use std::collections::BTreeMap;

use store::in_memory::{InScope, Node};
use sync_core::change::{Entry, Run};
use sync_core::document::Document;
use sync_core::id::{TenantId, UserId};
use sync_core::schema::DocId;
use sync_core::sync::Inbox;
use sync_core::value::Value;

use super::super::site::Site;
use super::super::taint;
use super::super::world::World;

/// What an answer shows that this technician may not see, if anything.
pub(in crate::fleet) fn leak(
    site: &Site,
    tenants: &[TenantId; 2],
    tenant: u8,
    user: UserId,
    inbox: &Inbox,
) -> Option<String> {
    // An answer that was under way while the server was restored is of a scope that is gone.
    if inbox.runs.is_empty() || inbox.epoch != site.database.epoch() {
        return None;
    }
    let node = site.places.iter().find_map(|place| place.node.as_ref())?;
    let id = tenants[usize::from(tenant)];
    // A database that does not answer right now cannot say what the scope is.
    let scope = node.scope(id, user).ok()?;
    for attested in &inbox.runs {
        let (run, doc) = (&attested.run, attested.run.doc);
        match scope.iter().find(|row| row.doc == doc) {
            None => return Some(format!("{user} got {doc:?}, which never was theirs")),
            Some(row) if !row.current && is_after(node, id, run, row) => {
                return Some(format!("{user} got what came into {doc:?} when they had lost it"));
            }
            Some(_) => {}
        }
        for entry in run.changes.iter().flat_map(|change| &change.entries) {
            if let Some(text) = foreign(tenant, Some(doc), entry) {
                return Some(format!("{user} of tenant {tenant} got {text:?} in {doc:?}"));
            }
        }
    }
    None
}

/// Whether a run stands in the log after its document left a scope. What came before that may
/// have been under way.
fn is_after(node: &Node, tenant: TenantId, run: &Run, left: &InScope) -> bool {
    let Ok(lines) = node.lines(tenant, run.doc) else { return false };
    let is_it = |line: &&store::in_memory::Line| {
        line.actor == run.actor() && line.last_seq == run.last_seq()
    };
    lines.iter().find(is_it).is_none_or(|line| line.pos > left.since)
}

/// A text of an entry that belongs elsewhere.
fn foreign(tenant: u8, doc: Option<DocId>, entry: &Entry) -> Option<String> {
    let odd = |value: &Value| {
        let text = value.as_text()?;
        (!taint::may_stand(tenant, doc, text)).then(|| text.to_owned())
    };
    match entry {
        Entry::Fact { record, .. } => record.values().find_map(odd),
        Entry::Field { value, .. } => odd(value),
        Entry::Section { .. } => None,
    }
}

impl World {
    pub(super) fn check_leaks(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
        let mut leak = None;
        for ((tenant, doc), document) in documents {
            let entries = document.changes().iter().flat_map(|(change, _)| &change.entries);
            for entry in entries {
                leak = leak.or_else(|| foreign(*tenant, Some(*doc), entry));
            }
        }
        for tenant in 0..2_u8 {
            self.site.database.texts(self.tenants[usize::from(tenant)], |table, text| {
                if !taint::may_stand(tenant, None, text) {
                    leak = Some(format!("{text:?} in {table} of tenant {tenant}"));
                }
            });
        }
        if let Some(leak) = leak {
            self.fail("nothing leaks between tenants or out of a scope", leak);
        }
    }
}
