//! A tenant with a desk and phones, for the conformance suite.

use crate::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::{Signer, SigningKey};
use store::StoreError;
use store::writer::{EditRequest, Edited, Evidence, Expect, PushRequest, RunVerdicts};
use sync_core::admission::{Received, push_message, record};
use sync_core::change::{Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId, JobId, TenantId, UserId, VanId};
use sync_core::job::Job;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::seal::{self, Draft, Point, Shown};
use sync_core::sync::{Pull, Pulled, Submitted};
use sync_core::time::Stamp;
use sync_core::value::{Record, Value};

/// The moment at which everything in the suite happens, Unix milliseconds.
pub const NOW: i64 = 1_790_000_000_000;

/// Ten bytes that were never drawn before in this process.
pub fn random() -> [u8; 10] {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&count.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    bytes
}

pub fn tenant() -> TenantId {
    TenantId::new(NOW, random())
}

pub fn job() -> JobId {
    JobId::new(NOW, random())
}

pub fn van() -> VanId {
    VanId::new(NOW, random())
}

/// A fact with a fresh id.
pub fn fact(section: Section, record: &[(Key, Value)]) -> Entry {
    let record: Record = record.iter().cloned().collect();
    Entry::Fact { section, id: FactId::new(NOW, random()), record }
}

pub fn note(text: &str) -> Entry {
    fact(section::NOTES, &[(key::TEXT, text.into())])
}

pub fn step(kind: &str, epoch: i64) -> Entry {
    fact(section::STATUS, &[(key::KIND, kind.into()), (key::EPOCH, epoch.into())])
}

pub fn assign(to: UserId, epoch: i64) -> Entry {
    let technician = Value::Bytes(to.as_bytes().to_vec());
    let kind = (key::KIND, "assign".into());
    fact(section::ASSIGNMENT, &[kind, (key::EPOCH, epoch.into()), (key::TECHNICIAN, technician)])
}

/// A dispatcher.
#[derive(Debug, Clone, Copy)]
pub struct Desk {
    pub tenant: TenantId,
    pub user: UserId,
}

impl Desk {
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, user: UserId::new(NOW, random()) }
    }

    pub fn request(&self, doc: DocId, expect: Expect) -> EditRequest {
        let caller = Principal { user: self.user, role: Role::Manager };
        EditRequest { tenant: self.tenant, caller, doc, expect, now: NOW, note: None }
    }

    /// Writes these entries.
    pub async fn write(&self, store: &Any, doc: DocId, entries: Vec<Entry>) -> Edited {
        self.edit(store, doc, move |_| entries).await
    }

    /// Writes what the closure says.
    pub async fn edit(
        &self,
        store: &Any,
        doc: DocId,
        work: impl FnOnce(&Document) -> Vec<Entry> + Clone + Send + 'static,
    ) -> Edited {
        let request = self.request(doc, Expect::Any);
        let edited = store.edit::<(), _>(request, |document| Ok(work(document)));
        edited.await.unwrap().unwrap()
    }

    /// Gives a van to a technician.
    pub async fn gives(&self, store: &Any, van: DocId, to: UserId) -> Edited {
        let driver = Value::Bytes(to.as_bytes().to_vec());
        let set = move |document: &Document| {
            vec![document.set(section::DETAILS, key::TECHNICIAN, driver.clone())]
        };
        self.edit(store, van, set).await
    }

    /// A job given to a technician, with the epoch 1.
    pub async fn job(&self, store: &Any, to: UserId) -> DocId {
        let doc = DocId::from(job());
        self.edit(store, doc, move |document| {
            vec![
                document.set(section::INTAKE, key::CALLER, "陳淑芬".into()),
                document.set(section::INTAKE, key::PLATE, "ABC-1234".into()),
                document.set(section::INTAKE, key::PHONE, "+886912345678".into()),
                document.set(section::INTAKE, key::LAT, 250_330_000.into()),
                document.set(section::INTAKE, key::LON, 1_215_640_000.into()),
            ]
        })
        .await;
        self.write(store, doc, vec![assign(to, 1)]).await;
        doc
    }
}

/// A technician's phone.
pub struct Phone {
    pub tenant: TenantId,
    pub user: UserId,
    pub device: DeviceId,
    pub actor: ActorId,
    pub key: SigningKey,
}

impl Phone {
    pub fn new(tenant: TenantId) -> Self {
        let mut seed = [7; 32];
        seed[..10].copy_from_slice(&random());
        Self {
            tenant,
            user: UserId::new(NOW, random()),
            device: DeviceId::new(NOW, random()),
            actor: ActorId::new(NOW, random()),
            key: SigningKey::from_bytes(&seed),
        }
    }

    /// Has the server know its key, where a database keeps keys.
    pub async fn enrol(&self, store: &Any) {
        let Some(store) = store.sql() else { return };
        let ids = [self.tenant.as_bytes(), self.device.as_bytes(), self.user.as_bytes()];
        let ids = ids.map(|id| id.to_vec());
        let key = self.key.verifying_key().to_bytes().to_vec();
        let enrolled = store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let insert = sqlx::query(
                    "INSERT INTO devices (tenant, id, user_id, state, name, app_version, \
                     public_key, digits, tries, created_at, version) \
                     VALUES ($1, $2, $3, 'active', 'phone', '1', $4, '', 0, $5, 1)",
                );
                let insert = ids.into_iter().fold(insert, |insert, id| insert.bind(id));
                insert.bind(key).bind(NOW).execute(tx).await?;
                Ok(())
            })
        });
        enrolled.await.unwrap();
    }

    /// Records work in a copy of a document, as the phone's policy allows it.
    pub fn record(&self, document: &mut Document, entries: Vec<Entry>) -> Run {
        let caller = Principal { user: self.user, role: Role::Technician };
        let author = Author::phone(self.user, self.device);
        record(document, self.actor, NOW, &caller, author, entries).unwrap()
    }

    /// Records work that the phone's policy would not allow: as a broken or hostile phone.
    pub fn forge(&self, document: &mut Document, entries: Vec<Entry>) -> Run {
        let caller = Principal { user: self.user, role: Role::Manager };
        record(document, self.actor, NOW, &caller, Author::desk(self.user), entries).unwrap()
    }

    /// The customer signs on this phone what a document says.
    pub fn seal(&self, document: &Document) -> Entry {
        let signer = seal::Signer {
            name: "Lin".to_owned(),
            role: "customer".to_owned(),
            language: "en".to_owned(),
            statement: "The work was done.".to_owned(),
        };
        let draft = Draft {
            job: document.id().job().unwrap(),
            fact: FactId::new(NOW, random()),
            device: self.device,
            shown: Shown::of(&Job::of(document), signer),
            heads: document.heads(),
            strokes: vec![vec![Point { x: 1, y: 2, t: 3, pressure: 4 }; 3]],
            place: None,
            stamp: Stamp::wall(NOW),
        };
        draft.sign(|message| self.key.sign(message).to_bytes()).unwrap()
    }

    pub fn request(&self, runs: Vec<Run>) -> PushRequest {
        let message = push_message(self.device, runs.iter());
        let signature = self.key.sign(&message).to_bytes();
        let received = runs.into_iter().map(Received).collect();
        let key = self.key.verifying_key();
        let verified = Received::verify(received, &signature, &key, self.user, self.device);
        PushRequest {
            tenant: self.tenant,
            caller: Principal { user: self.user, role: Role::Technician },
            device: self.device,
            devices: vec![self.device],
            runs: verified.unwrap().into_iter().map(Submitted::Signed).collect(),
            evidence: Some(Evidence { message, signature }),
            now: NOW,
        }
    }

    pub async fn push(&self, store: &Any, runs: Vec<Run>) -> RunVerdicts {
        self.try_push(store, runs).await.unwrap()
    }

    pub async fn try_push(&self, store: &Any, runs: Vec<Run>) -> Result<RunVerdicts, StoreError> {
        store.push(self.request(runs)).await
    }

    pub async fn pull(&self, store: &Any, cursor: u64) -> Pulled {
        let pull = Pull { user: self.user, cursor, inventory: None, pushed: Vec::new() };
        store.pull(self.tenant, &pull, usize::MAX).await.unwrap()
    }

    /// The document as the server has it.
    pub async fn copy(&self, store: &Any, doc: DocId) -> Document {
        store.document(self.tenant, doc).await.unwrap().unwrap().document
    }
}
