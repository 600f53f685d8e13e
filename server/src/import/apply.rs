//! Plans of rows, carried out a few at a time: a transaction for the tables, then the documents.

use futures_util::future::join_all;
use store::rows::audit::Note;
use store::rows::parts::{self, Part};
use store::rows::room::RowKind;
use store::rows::users::{self, User};
use store::writer::{EditRequest, Expect};
use sync_core::change::Entry;
use sync_core::check::Region;
use sync_core::document::Document;
use sync_core::id::{TenantId, UserId, VanId};
use sync_core::schema::DocId;

use super::run::Import;
use crate::api::account::{Copied, of_rows};
use crate::api::check;
use crate::api::jobs::fields::{Set, entries};
use crate::api::vans::period;
use crate::api::{edit, technicians};
use crate::http::{Code, Problem};

/// What is to be written for one row.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Of a table.
    pub record: Option<Record>,
    /// Of a document, after that.
    pub document: Option<Edit>,
}

/// A row of a table at the version at which it was seen, 0 where there was none.
#[derive(Debug, Clone)]
pub enum Record {
    /// An account.
    User(User, i64, Note),
    /// A part.
    Part(Part, i64, Note),
}

/// Fields of a document.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Which document.
    pub target: Target,
    /// What is to stand in it.
    pub sets: Vec<Set>,
    /// What the audit list says of it.
    pub note: Note,
}

/// A document that is written to.
#[derive(Debug, Clone)]
pub enum Target {
    /// That of a technician, with a copy of their account and where they dial numbers without `+`.
    Technician(Box<User>, Region),
    /// That of a van that is new.
    NewVan(VanId),
    /// The present record of a van, and who is to drive it.
    Van(VanId, Option<UserId>),
}

impl Edit {
    /// The entries for what differs from a document.
    pub fn entries(&self, document: &Document) -> Vec<Entry> {
        let mut all = match &self.target {
            Target::Technician(user, region) if document.is_empty() => {
                technicians::first_fields(document, user, Some(*region))
            }
            Target::Technician(user, region) => {
                technicians::copy_entries(document, user, Some(*region))
            }
            Target::NewVan(_) | Target::Van(..) => Vec::new(),
        };
        all.extend(entries(document, self.sets.clone()));
        all
    }
}

/// Carries plans out. Each comes back with what kept it from being written, if anything did.
pub async fn all(import: &Import, plans: &[Plan]) -> Result<Vec<Result<(), Problem>>, Problem> {
    let records: Vec<Option<Record>> = plans.iter().map(|plan| plan.record.clone()).collect();
    let written = match write(import, records.clone()).await {
        // Someone took a login or a number at this moment. Which one is found row by row.
        Err(problem) if problem.code() == Code::Conflict => {
            let mut each = Vec::with_capacity(records.len());
            for record in records {
                each.push(write(import, vec![record]).await.map(drop));
            }
            each
        }
        written => {
            written?.into_iter().map(|done| if done { Ok(()) } else { Err(changed()) }).collect()
        }
    };
    let edited = plans.iter().zip(written).map(async |(plan, written)| {
        written?;
        match &plan.document {
            Some(edit) => edit_one(import, edit.clone()).await,
            None => Ok(()),
        }
    });
    let done = join_all(edited).await;
    for plan in plans {
        if let Some(Record::User(user, 1.., _)) = &plan.record {
            import.store.writer().access_changed(import.who.tenant, user.id);
        }
    }
    Ok(done)
}

fn changed() -> Problem {
    Problem::new(Code::Changed).detail("It was changed at the same moment. Send the file again.")
}

/// Writes rows in one transaction; `false` for one that changed since it was seen.
async fn write(import: &Import, records: Vec<Option<Record>>) -> Result<Vec<bool>, Problem> {
    let (tenant, now) = (import.who.tenant, import.now);
    if records.iter().all(Option::is_none) {
        return Ok(vec![true; records.len()]);
    }
    let written = import.store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let mut done = Vec::with_capacity(records.len());
            for record in records {
                done.push(match record {
                    Some(record) => write_one(tx, tenant, record, now).await?,
                    None => true,
                });
            }
            Ok(done)
        })
    });
    written.await
}

async fn write_one(
    tx: &mut sqlx::AnyConnection,
    tenant: TenantId,
    record: Record,
    now: i64,
) -> Result<bool, Problem> {
    let note = match record {
        Record::User(user, 0, note) => {
            check::room(tx, tenant, RowKind::Users).await?;
            users::insert(tx, tenant, &user, None).await?;
            note
        }
        Record::User(user, seen, note) => {
            let found = users::get(tx, tenant, user.id).await?;
            if found.is_none_or(|found| found.version != seen) {
                return Ok(false);
            }
            users::update(tx, tenant, &user).await?;
            note
        }
        Record::Part(part, seen, note) => {
            if seen == 0 {
                check::room(tx, tenant, RowKind::Parts).await?;
            }
            if !parts::put_at(tx, tenant, &part, seen).await? {
                return Ok(false);
            }
            note
        }
    };
    note.write(tx, now).await?;
    Ok(true)
}

async fn edit_one(import: &Import, edit: Edit) -> Result<(), Problem> {
    let (tenant, now) = (import.who.tenant, import.now);
    let (doc, expect): (DocId, _) = match &edit.target {
        Target::Technician(user, _) => (user.id.into(), Expect::Any),
        Target::NewVan(van) => ((*van).into(), Expect::New),
        Target::Van(van, driver) => {
            let present = period::present(&import.store, tenant, *van, *driver, now).await?;
            (present.ok_or_else(Problem::not_found)?.into(), Expect::Existing)
        }
    };
    let (caller, note) = (import.who.policy, Some(edit.note.clone()));
    let request = EditRequest { tenant, caller, doc, expect, now, note };
    if let Target::Technician(user, _) = &edit.target {
        // As the account stands now, not as it stood when the file was read.
        let (copied, id, fallback) = (Copied::default(), user.id, import.region);
        let read = copied.clone();
        let rows = of_rows(move |tx| {
            Box::pin(async move {
                read.read(tx, tenant, id, Some(fallback)).await?;
                Ok(())
            })
        });
        let work = move |document: &Document| {
            let mut all = copied.entries(document);
            all.extend(entries(document, edit.sets));
            Ok(all)
        };
        return import.store.writer().write_and_edit(rows, request, work).await.map(drop);
    }
    let work = move |document: &Document| Ok(edit.entries(document));
    import.store.writer().edit(request, work).await?.map(drop).map_err(edit::problem)
}
