//! The invariants: what must hold whenever something is lost, and once everything is mended.
//!
//! 1. `loss`: what was saved or promised is there. `scope`: nobody sees what they may not.
//! 2. `replicas`: phones, servers and projections are equal. `books`: seals verify, stock adds up.
//! 3. `bounds`: nothing grows beyond what was put in.

mod books;
mod bounds;
mod loss;
mod replicas;
mod scope;

use std::collections::BTreeMap;

pub(super) use scope::leak;
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::FactId;
use sync_core::schema::DocId;

use super::world::World;

/// What was worked out at the last check, to be used again where nothing it follows from changed.
#[derive(Default)]
pub(super) struct Checked {
    /// Epoch and version of the server's database: with the same, no row is another.
    at: Option<(u64, u64)>,
    documents: Documents,
    seals: books::Sound,
    disks: bounds::Disks,
}

/// Every document of the server, by tenant.
type Documents = BTreeMap<(u8, DocId), Document>;

impl World {
    /// Everything is mended and quiet: all must agree.
    pub(super) fn check(&mut self) {
        let salt = self.now as u64;
        self.power(salt);
        let at = Some((self.site.database.epoch(), self.site.database.version()));
        let mut checked = std::mem::take(&mut self.checked);
        if checked.at != at {
            self.check_rebuilt();
            let (documents, seals) = (self.documents(), books::Sound::default());
            checked = Checked { at, documents, seals, ..checked };
        }
        let documents = &checked.documents;
        self.check_facts(documents);
        self.check_phones(documents);
        self.check_leaks(documents);
        self.check_seals(documents, &mut checked.seals);
        self.check_stock(documents);
        self.check_bounds(documents, &mut checked.disks);
        self.checked = checked;
    }

    fn documents(&self) -> Documents {
        let mut documents = Documents::new();
        let node = self.site.places[0].node.as_ref().expect("it was started");
        for tenant in 0..2_u8 {
            let id = self.tenants[usize::from(tenant)];
            for doc in node.documents(id).expect("the database answers") {
                let standing = node.document(id, doc).expect("the database answers");
                documents.extend(standing.map(|it| ((tenant, doc), it.document)));
            }
        }
        documents
    }
}

fn ids(entries: &[Entry]) -> impl Iterator<Item = FactId> + '_ {
    entries.iter().filter_map(|entry| match entry {
        Entry::Fact { id, .. } => Some(*id),
        Entry::Field { .. } | Entry::Section { .. } => None,
    })
}
