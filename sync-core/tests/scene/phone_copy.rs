//! A phone's replica of a job, and what the office and a server say of it.

use sync_core::admission::{Attested, Verdict};
use sync_core::change::{ChangeRef, Entry, Run};
use sync_core::document::Author;
use sync_core::id::{ActorId, DeviceId, FactId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, key, section};
use sync_core::sync::{LocalWriter, Replica, SyncStatus};
use sync_core::value::Record;

use super::{Hand, NOON, a_job, user};

/// The technician of the phone.
pub const PHONE: u8 = 1;

pub fn actor(number: u8) -> ActorId {
    ActorId::new(NOON, [number; 10])
}

/// A phone's replica with what it needs to write.
pub struct PhoneCopy {
    pub replica: Replica,
    pub actor: ActorId,
    pub next_n: u64,
}

impl PhoneCopy {
    pub fn of(doc: DocId, actor: ActorId) -> Self {
        Self { replica: Replica::new(doc), actor, next_n: 1 }
    }

    pub fn note(&mut self, id: u8) -> FactId {
        let fact = FactId::new(NOON, [id; 10]);
        let record = Record::from([(key::TEXT, format!("note {id}").into())]);
        let entry = Entry::Fact { section: section::NOTES, id: fact, record };
        let caller = Principal { user: user(PHONE), role: Role::Technician };
        let mut writer = writer(&mut self.next_n, self.actor);
        let saved = self.replica.record(&mut writer, NOON, &caller, author(), vec![entry]);
        saved.expect("it may be written");
        fact
    }

    pub fn settle_all(&mut self) {
        let rows = self.replica.held().iter();
        let changes = rows.flat_map(|row| row.run.changes.iter().map(|c| (c.actor, c.seq)));
        let verdicts: Vec<_> =
            changes.map(|(actor, seq)| (ChangeRef { actor, seq }, Verdict::Durable)).collect();
        let mut writer = writer(&mut self.next_n, self.actor);
        self.replica.settle(&mut writer, &verdicts).expect("verdicts apply");
    }

    pub fn take_whole(&mut self, runs: &[Attested]) -> bool {
        let mut writer = writer(&mut self.next_n, self.actor);
        self.replica.take(&mut writer, runs, true).expect("it can be taken").rotated
    }

    pub fn take(&mut self, runs: &[Attested]) {
        let mut writer = writer(&mut self.next_n, self.actor);
        self.replica.take(&mut writer, runs, false).expect("it can be taken");
    }

    /// The server does not have the job any more.
    pub fn lose(&mut self) {
        let mut writer = writer(&mut self.next_n, self.actor);
        self.replica.lost(&mut writer);
    }

    pub fn statuses(&self) -> Vec<SyncStatus> {
        self.replica.held().iter().map(|row| row.status).collect()
    }

    pub fn own_runs(&self) -> Vec<Attested> {
        let own = self.replica.held().iter().filter(|row| row.author == author());
        own.map(|row| attested(row.run.clone(), row.author)).collect()
    }
}

pub fn writer(next_n: &mut u64, actor: ActorId) -> LocalWriter<'_> {
    LocalWriter { next_n, actor, fresh_actor: self::actor(77), device: author().device }
}

pub fn author() -> Author {
    Author::phone(user(PHONE), DeviceId::new(NOON, [1; 10]))
}

pub fn attested(run: Run, author: Author) -> Attested {
    Attested { run, author, receipt: [7; 16] }
}

/// What the office wrote, as the server sends it.
pub fn from_desk(desk: &Hand) -> Vec<Attested> {
    desk.runs().map(|(run, author)| attested(run, author)).collect()
}

/// A phone that took in a job given to its technician.
pub fn given() -> (Hand, PhoneCopy) {
    let mut desk = Hand::desk(a_job());
    desk.assign(PHONE, 1);
    let mut phone = PhoneCopy::of(a_job(), actor(1));
    phone.take_whole(&from_desk(&desk));
    (desk, phone)
}
