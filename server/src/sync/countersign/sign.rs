//! The signing itself: for every seal of a job that has none, checked with the phone's key.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use ed25519_dalek::{Signer as _, VerifyingKey};
use store::StoreError;
use store::rows::devices;
use store::writer::{EditRequest, Expect};
use sync_core::document::Fact;
use sync_core::id::{DeviceId, FactId, JobId, TenantId, UserId};
use sync_core::seal::{Countersignature, Seal, awaiting, countersigned, countersigned_of_each};
use sync_core::{limits, policy};

use super::SigningContext;
use crate::clock::random;

/// Countersignatures in one change: each is some hundred bytes.
const TOGETHER: usize = 64;
/// False seals that are remembered.
const REMEMBERED: usize = 4096;

/// Gives the countersignature for the seals of a job that lack it.
///
/// # Errors
/// When the database does not answer. A seal that is not what it should be stays without the
/// countersignature, visibly, whether it is a forgery or a defect.
pub(super) async fn give(
    context: &SigningContext,
    tenant: TenantId,
    job: JobId,
    refused: &Refused,
) -> Result<(), StoreError> {
    let Some(standing) = context.store.document(tenant, job.into()).await? else { return Ok(()) };
    let document = standing.document;
    let mut given = countersigned_of_each(&document);
    let mut owners = BTreeMap::new();
    let mut signatures = Vec::new();
    for (fact, seal) in awaiting(&document) {
        // Of each author as many as may ever be added: nobody uses up the room for the seals of others.
        let given = given.entry(fact.author).or_default();
        if *given >= limits::SEALS_OF_ONE || refused.contains(tenant, fact.id) {
            continue;
        }
        let owner = match owners.entry(seal.device) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(owner(context, tenant, seal.device).await?),
        };
        match sign(context, tenant, fact, &seal, owner.as_ref()).await? {
            Ok(signature) => {
                *given += 1;
                signatures.push(signature);
            }
            Err(Reason::NoKeyHere) => {
                refuse(job, fact.id, "there is no key that signs");
            }
            Err(Reason::False(reason)) => {
                refuse(job, fact.id, &reason);
                refused.remember(tenant, fact.id);
            }
        }
    }
    for signatures in signatures.chunks(TOGETHER) {
        let (signatures, now) = (signatures.to_vec(), context.clock.now());
        let caller = policy::Principal::system();
        let request = EditRequest {
            tenant,
            caller,
            doc: job.into(),
            expect: Expect::Existing,
            now,
            note: None,
        };
        let seal = signatures.first().map_or(FactId::new(0, [0; 10]), |signature| signature.seal);
        let edited = context.store.writer().edit(request, move |document| {
            let given = countersigned(document);
            let missing =
                signatures.iter().filter(|signature| !given.contains_key(&signature.seal));
            let entries = missing.map(|signature| signature.entry(FactId::new(now, random())));
            Ok::<_, Infallible>(entries.collect())
        });
        if let Err(error) = edited.await? {
            refuse(job, seal, &error.to_string());
        }
    }
    Ok(())
}

fn refuse(job: JobId, seal: FactId, reason: &str) {
    tracing::warn!(%job, %seal, reason, "a seal was not countersigned");
}

/// Why a seal is not countersigned.
enum Reason {
    /// The server has no key at the moment.
    NoKeyHere,
    /// The seal does not hold.
    False(String),
}

/// Seals that do not hold, so that nobody asks the database about them again. A restart asks once more.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<HashSet<(TenantId, FactId)>>);

impl Refused {
    fn contains(&self, tenant: TenantId, seal: FactId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&(tenant, seal))
    }

    fn remember(&self, tenant: TenantId, seal: FactId) {
        let mut seals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seals.len() >= REMEMBERED {
            seals.clear();
        }
        seals.insert((tenant, seal));
    }
}

/// The countersignature for one seal, or why there is none.
async fn sign(
    context: &SigningContext,
    tenant: TenantId,
    fact: &Fact,
    seal: &Seal,
    owner: Option<&Owner>,
) -> Result<Result<Countersignature, Reason>, StoreError> {
    let no = |reason: &str| Ok(Err(Reason::False(reason.to_owned())));
    let Some(owner) = owner else { return no("its device has no key here") };
    if fact.author != Some(owner.user) {
        return no("its device is not its author's");
    }
    if let Err(error) = seal.check().and_then(|()| seal.verify(&owner.key)) {
        return no(&error.to_string());
    }
    let Some(own) = context.keys.current() else { return Ok(Err(Reason::NoKeyHere)) };
    let received_at = received_at(context, tenant, seal.job, fact).await?;
    let key = &owner.key;
    let signed = Countersignature::of(seal, tenant, key, received_at, &own.kid, |message| {
        own.signing.sign(message).to_bytes()
    });
    Ok(signed.map_err(|error| Reason::False(error.to_string())))
}

/// Whose a device is, and its key.
struct Owner {
    user: UserId,
    key: VerifyingKey,
}

async fn owner(
    context: &SigningContext,
    tenant: TenantId,
    device: DeviceId,
) -> Result<Option<Owner>, StoreError> {
    let mut connection = context.store.readers().acquire().await?;
    let Some(device) = devices::get(&mut connection, tenant, device).await? else {
        return Ok(None);
    };
    let key = device.public_key.as_slice().try_into().ok();
    let key = key.and_then(|key| VerifyingKey::from_bytes(key).ok());
    Ok(key.map(|key| Owner { user: device.user, key }))
}

/// When the change with this fact came in, however late the countersignature is given.
async fn received_at(
    context: &SigningContext,
    tenant: TenantId,
    job: JobId,
    fact: &Fact,
) -> Result<i64, StoreError> {
    let at = context.store.received_at(tenant, job.into(), fact.change).await?;
    at.ok_or_else(|| StoreError::Corrupt("a seal without its run".to_owned()))
}
