//! What is done to a database without a server: the first tenant, people, branches, parts, codes.
//!
//! The command line, the demo and the tests call these; each is one transaction with its audit row.

mod people;
mod things;

use serde_json::json;
use sqlx::AnyConnection;
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::TenantId;
use sync_core::policy;
use sync_core::schema::DocId;

pub use people::{NewUser, create_code, create_user, find_user, revoke_device, set_password};
pub use things::{create_branch, create_van, put_part};

use crate::accounts::audit::Note;
use crate::accounts::tenants::{self, Tenant};
use crate::auth::keys;
use crate::clock::random;
use crate::store::{Store, StoreError};
use crate::writer::{EditRequest, Expect};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The database cannot do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was asked for is not possible.
    #[error("{0}")]
    Asked(String),
}

impl From<sqlx::Error> for AdminError {
    fn from(error: sqlx::Error) -> Self {
        if error.as_database_error().is_some_and(|inner| inner.is_unique_violation()) {
            return Self::Asked("that already exists".to_owned());
        }
        Self::Store(error.into())
    }
}

/// Adds a tenant.
///
/// # Errors
/// When the short name is taken or no short name.
pub async fn create_tenant(
    store: &Store,
    now: i64,
    slug: &str,
    name: &str,
) -> Result<TenantId, AdminError> {
    if !tenants::is_slug(slug) {
        let rule = "a tenant's short name is 2 to 40 lower case letters, digits and dashes";
        return Err(AdminError::Asked(rule.to_owned()));
    }
    let tenant =
        Tenant { id: TenantId::new(now, random()), slug: slug.to_owned(), name: name.to_owned() };
    let id = tenant.id;
    store
        .write(move |tx| {
            Box::pin(async move {
                tenants::create(tx, &tenant, now).await?;
                note(tx, id, "tenant.create", id, now).await
            })
        })
        .await?;
    Ok(id)
}

/// The tenant with this short name.
///
/// # Errors
/// When there is none.
pub async fn find_tenant(store: &Store, slug: &str) -> Result<Tenant, AdminError> {
    let mut connection = store.readers().acquire().await?;
    let found = tenants::by_slug(&mut connection, slug).await?;
    found.ok_or_else(|| AdminError::Asked(format!("there is no tenant {slug:?}")))
}

/// Makes a fresh signing key and retires the present one.
///
/// # Errors
/// When the database cannot do it.
pub async fn rotate_key(store: &Store, now: i64) -> Result<String, AdminError> {
    store.write(move |tx| Box::pin(async move { Ok(keys::rotate(tx, now).await?) })).await
}

/// Writes to a document as the server itself.
async fn edit(
    store: &Store,
    now: i64,
    tenant: TenantId,
    doc: DocId,
    work: impl FnOnce(&Document) -> Vec<Entry> + Send + 'static,
) -> Result<(), AdminError> {
    let caller = policy::Caller::system();
    let request = EditRequest { tenant, caller, doc, expect: Expect::Any, now, note: None };
    let edited = store.writer().edit(request, |document| Ok::<_, String>(work(document))).await?;
    edited.map(drop).map_err(|error| AdminError::Asked(error.to_string()))
}

async fn note(
    tx: &mut AnyConnection,
    tenant: TenantId,
    action: &'static str,
    object: impl ToString,
    now: i64,
) -> Result<(), AdminError> {
    let (object, detail) = (object.to_string(), json!({"by": "command line"}));
    let request_id = String::new();
    let note = Note { tenant, user: None, device: None, action, object, detail, request_id };
    Ok(note.write(tx, now).await?)
}
