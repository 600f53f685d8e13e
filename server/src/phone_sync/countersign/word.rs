//! The server's word itself: for every seal of a job that has none, checked with the phone's key.

use std::convert::Infallible;

use ed25519_dalek::{Signer as _, VerifyingKey};
use sqlx::Row as _;
use sync_core::document::{Document, Fact};
use sync_core::id::{DeviceId, FactId, JobId, TenantId};
use sync_core::policy;
use sync_core::schema::{key, section};
use sync_core::seal::{Countersignature, Seal};
use sync_core::value::Value;

use crate::accounts::devices;
use crate::accounts::sql::Raw as _;
use crate::app::Shared;
use crate::clock::random;
use crate::store::StoreError;
use crate::store::log::doc_key;
use crate::writer::{EditRequest, Expect};

/// Words in one change: each is some hundred bytes.
const TOGETHER: usize = 64;

/// Gives the server's word for the seals of a job that lack it.
///
/// # Errors
/// When the database does not answer. A seal that is not what it should be stays without the
/// server's word, visibly, whether it is a forgery or a defect.
pub(super) async fn give(app: &Shared, tenant: TenantId, job: JobId) -> Result<(), StoreError> {
    let Some(standing) = app.store.document(tenant, job.into()).await? else { return Ok(()) };
    let document = standing.document;
    let mut words = Vec::new();
    for fact in document.facts(&section::SIGNATURES) {
        if !is_seal(fact) || is_countersigned(&document, fact.id) {
            continue;
        }
        match word(app, tenant, job, fact).await? {
            Ok(word) => words.push(word),
            Err(reason) => refuse(job, fact.id, &reason),
        }
    }
    for words in words.chunks(TOGETHER) {
        let (words, now) = (words.to_vec(), app.now());
        let caller = policy::Caller::system();
        let request = EditRequest {
            tenant,
            caller,
            doc: job.into(),
            expect: Expect::Existing,
            now,
            note: None,
        };
        let seal = words.first().map_or(FactId::new(0, [0; 10]), |word| word.seal);
        let edited = app.writer().edit(request, move |document| {
            let missing = words.iter().filter(|word| !is_countersigned(document, word.seal));
            let entries = missing.map(|word| word.entry(FactId::new(now, random())));
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

/// The word for one seal, or why there is none.
async fn word(
    app: &Shared,
    tenant: TenantId,
    job: JobId,
    fact: &Fact,
) -> Result<Result<Countersignature, String>, StoreError> {
    let seal = match Seal::of(job, fact) {
        Ok(seal) => seal,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let Some(key) = device_key(app, tenant, seal.device).await? else {
        return Ok(Err("its device has no key here".to_owned()));
    };
    let Some(own) = app.keys.current() else {
        return Ok(Err("there is no key that signs".to_owned()));
    };
    let received_at = received_at(app, tenant, job, fact).await?;
    let signed = Countersignature::of(&seal, tenant, &key, received_at, &own.kid, |message| {
        own.signing.sign(message).to_bytes()
    });
    Ok(signed.map_err(|error| error.to_string()))
}

async fn device_key(
    app: &Shared,
    tenant: TenantId,
    device: DeviceId,
) -> Result<Option<VerifyingKey>, StoreError> {
    let mut connection = app.store.readers().acquire().await?;
    let device = devices::get(&mut connection, tenant, device).await?;
    let key = device.and_then(|device| device.public_key.as_slice().try_into().ok());
    Ok(key.and_then(|key| VerifyingKey::from_bytes(&key).ok()))
}

/// When the change with this fact came in, however late the server's word is given.
async fn received_at(
    app: &Shared,
    tenant: TenantId,
    job: JobId,
    fact: &Fact,
) -> Result<i64, StoreError> {
    let mut connection = app.store.readers().acquire().await?;
    let row = sqlx::query(
        "SELECT received_at FROM runs WHERE tenant = $1 AND doc = $2 AND actor = $3 \
         AND first_seq <= $4 AND last_seq >= $4 ORDER BY pos LIMIT 1",
    )
    .bind(tenant.raw())
    .bind(doc_key(&job.into()))
    .bind(fact.change.actor.raw())
    .bind(fact.change.seq.cast_signed())
    .fetch_optional(&mut *connection)
    .await?;
    let row = row.ok_or_else(|| StoreError::Corrupt("a seal without its run".to_owned()))?;
    Ok(row.try_get(0)?)
}

fn is_seal(fact: &Fact) -> bool {
    fact.record.get(&key::KIND).and_then(Value::as_text) == Some("seal")
}

fn is_countersigned(document: &Document, seal: FactId) -> bool {
    Countersignature::all_of(document, seal).next().is_some()
}
