//! A van's record is closed before it is full, and the next one goes on: the steps, each of which
//! may be repeated, so that whoever finds one missing after a crash or a restore does it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use store::writer::{EditRequest, Expect};
use store::{Store, StoreError, StoredDocument};
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{TenantId, UserId, VanId};
use sync_core::policy::Principal;
use sync_core::schema::Section;
use sync_core::van::{carry, period};

use crate::api::edit;
use crate::http::Operation;

/// Changes in which a balance is stated at most.
const CHANGES: usize = 64;

/// The present record of a van, for work of the desk. A record that is due, or that has no share
/// left for `driver`, is closed first; so is one that a fault closed without a next one. It stays
/// the present one if the next cannot take its balance. None if there is no such van.
///
/// # Errors
/// If the database does not answer.
pub async fn present(
    store: &Store,
    tenant: TenantId,
    van: VanId,
    driver: Option<UserId>,
    now: i64,
) -> Result<Option<VanId>, StoreError> {
    let Some(record) = store.van_record(tenant, van).await? else { return Ok(None) };
    let fits = driver.is_none_or(|driver| period::has_room_for(&record.document, driver));
    let Some(id) = record.document.id().van() else { return Ok(None) };
    let document = &record.document;
    if fits && !period::is_due(document) && !period::is_closed(document) {
        return Ok(Some(id));
    }
    Ok(roll(store, tenant, &record, now).await?.or(Some(id)))
}

/// Whether an earlier attempt of an operation wrote its facts into the record before this one.
///
/// # Errors
/// If the database does not answer.
pub async fn has_done(
    store: &Store,
    tenant: TenantId,
    record: VanId,
    operation: &Operation,
    section: &Section,
) -> Result<bool, StoreError> {
    let Some(present) = store.document(tenant, record.into()).await? else { return Ok(false) };
    let number = period::number(&present.document);
    let Some(van) = period::van(&present.document).filter(|van| *van != record && number > 0)
    else {
        return Ok(false);
    };
    let before = store.document(tenant, period::record_id(van, number - 1).into()).await?;
    Ok(before.is_some_and(|before| edit::done(&before.document, operation, 0, section)))
}

/// Does what a record needs: closes it if it is due, states in the next one what came late, and has
/// the van's first record name it if a restored server forgot to.
///
/// # Errors
/// If the database does not answer.
pub async fn settle(
    store: &Store,
    tenant: TenantId,
    record: VanId,
    now: i64,
) -> Result<(), StoreError> {
    let Some(standing) = store.document(tenant, record.into()).await? else { return Ok(()) };
    let document = &standing.document;
    let Some(van) = period::van(document) else { return Ok(()) };
    if period::is_further(document) {
        let number = period::number(document);
        let before = period::record_id(van, number.saturating_sub(1));
        match store.document(tenant, before.into()).await? {
            // It may be that a crash left this one without the whole balance.
            Some(before) if !before.document.is_empty() => {
                let first = store.document(tenant, van.into()).await?;
                let is_pointed = first
                    .is_some_and(|first| period::point(&first.document, van, number).is_empty());
                if !is_pointed || !period::close(&before.document, record).is_empty() {
                    roll(store, tenant, &before, now).await?;
                }
            }
            _ => {
                let point = move |first: &Document| period::point(first, van, number);
                write(store, tenant, van, now, point).await?;
            }
        }
    }
    if period::is_closed(document) || period::is_due(document) {
        roll(store, tenant, &standing, now).await?;
    }
    Ok(())
}

/// Closes a record in favour of the next one, once that states the whole balance. Returns the next
/// one's id; None if it cannot take the balance, and the record goes on.
async fn roll(
    store: &Store,
    tenant: TenantId,
    closing: &StoredDocument,
    now: i64,
) -> Result<Option<VanId>, StoreError> {
    let document = &closing.document;
    let (Some(van), Some(id)) = (period::van(document), document.id().van()) else {
        return Ok(None);
    };
    let own = if period::is_further(document) { period::number(document) } else { 0 };
    let number = own + 1;
    let next = period::record_id(van, number);
    let balance = Arc::new(store.balance(tenant, document).await?);
    let closing = Arc::new(document.clone());
    let missing = Arc::new(AtomicUsize::new(usize::MAX));
    for _ in 0..CHANGES {
        let (before, balance, left) = (closing.clone(), balance.clone(), missing.clone());
        let wrote = write(store, tenant, next, now, move |next| {
            let opened = period::open(next, &before, van, number);
            if !opened.is_empty() {
                // The balance goes into changes of its own.
                left.store(usize::MAX, Ordering::Relaxed);
                return opened;
            }
            let carried = carry(next, &before, &balance, now);
            left.store(carried.missing, Ordering::Relaxed);
            carried.entries
        });
        match wrote.await? {
            Wrote::Something => {}
            Wrote::Nothing => break,
            Wrote::Refused => return Ok(None),
        }
    }
    let missing = missing.load(Ordering::Relaxed);
    if missing > 0 {
        tracing::warn!(van = %van, record = %id, missing, "a van has more lines of stock than its \
            next record takes; count some of them to zero");
        return Ok(None);
    }
    let before = closing.clone();
    let handed = write(store, tenant, next, now, move |next| period::hand_over(next, &before));
    if handed.await? == Wrote::Refused {
        return Ok(None);
    }
    write(store, tenant, id, now, move |closing| period::close(closing, next)).await?;
    write(store, tenant, van, now, move |first| period::point(first, van, number)).await?;
    Ok(Some(next))
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrote {
    Something,
    Nothing,
    /// It would not fit.
    Refused,
}

/// Writes as the server; says the result.
async fn write(
    store: &Store,
    tenant: TenantId,
    record: VanId,
    now: i64,
    work: impl FnOnce(&Document) -> Vec<Entry> + Clone + Send + 'static,
) -> Result<Wrote, StoreError> {
    let (caller, expect) = (Principal::system(), Expect::Any);
    let request = EditRequest { tenant, caller, doc: record.into(), expect, now, note: None };
    let wrote = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&wrote);
    let edited = store.writer().edit(request, move |document| {
        let entries = work(document);
        says.store(!entries.is_empty(), Ordering::Relaxed);
        Ok::<_, Infallible>(entries)
    });
    if let Err(error) = edited.await? {
        tracing::warn!(%record, %error, "the next record of a van could not be written");
        return Ok(Wrote::Refused);
    }
    Ok(if wrote.load(Ordering::Relaxed) { Wrote::Something } else { Wrote::Nothing })
}
