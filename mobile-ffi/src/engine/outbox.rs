//! What the phone has to say: changes without a verdict as runs, oldest first, page by page.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sync_core::schema::DocId;
use sync_core::sync::{Inventory, Outbox, join};

use crate::error::EngineError;
use crate::store::docs;
use crate::store::meta::{self, Position};
use crate::store::runs;

/// Reads one page, with nothing of the documents in `pass_over`.
pub(super) fn read(
    db: &Connection,
    page_bytes: usize,
    inventory: bool,
    pass_over: &BTreeSet<DocId>,
) -> Result<Outbox, EngineError> {
    let position: Position = meta::get(db)?.unwrap_or_default();
    let (held, more) = runs::unsettled(db, 0, page_bytes, pass_over)?;
    let inventory = match inventory {
        true => Some(Inventory(docs::inventory(db)?)),
        false => None,
    };
    Ok(Outbox { epoch: position.epoch, cursor: position.cursor, runs: join(held), inventory, more })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use sync_core::admission::{record, replay};
    use sync_core::change::Entry;
    use sync_core::document::{Author, Document};
    use sync_core::id::{ActorId, DeviceId, FactId, JobId, UserId};
    use sync_core::policy::{Principal, Role};
    use sync_core::schema::{key, section};
    use sync_core::sync::{StoredRun, SyncStatus};
    use sync_core::value::Record;

    #[test]
    fn changes_of_two_documents_saved_in_turn_become_one_run_each_in_order() {
        let user = UserId::new(1, [2; 10]);
        let author = Author::phone(user, DeviceId::new(1, [1; 10]));
        let caller = Principal { user, role: Role::Technician };
        let actor = ActorId::new(1, [3; 10]);
        let mut documents = [4, 5].map(|tail| Document::new(JobId::new(1, [tail; 10]).into()));
        let mut held = Vec::new();
        for n in 0..6u8 {
            let document = &mut documents[usize::from(n % 2)];
            let id = FactId::new(2, [n; 10]);
            let (section, record_) = match document.is_empty() {
                true => (section::STATUS, Record::from([(key::KIND, "walk_up".into())])),
                false => (section::NOTES, Record::from([(key::TEXT, "seen".into())])),
            };
            let entries = vec![Entry::Fact { section, id, record: record_ }];
            let run = record(document, actor, 1_700_000_000_000, &caller, author, entries).unwrap();
            held.push(StoredRun { n: n.into(), run, author, status: SyncStatus::Waiting });
        }
        let sent = join(held);
        assert_eq!(sent.len(), 2);
        for (sent, document) in sent.iter().zip(&documents) {
            let mut copy = Document::new(document.id());
            replay(&mut copy, sent.run(), author).unwrap();
            assert_eq!(copy.fingerprint(), document.fingerprint());
        }
    }
}
