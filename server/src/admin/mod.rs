//! What is done to a database without a server: the first tenant, people, branches, parts, codes.
//!
//! The command line, the demo and the tests call these; each is one transaction with its audit row.

mod access;
mod people;
mod things;

use serde_json::json;
use sqlx::AnyConnection;
use store::rows::audit::Note;
use store::rows::tenants::{self, Tenant};
use store::writer::{EditRequest, Expect};
use store::{Store, StoreError};
use sync_core::change::Entry;
use sync_core::check::Region;
use sync_core::document::Document;
use sync_core::id::TenantId;
use sync_core::job::TaxMode;
use sync_core::policy;
use sync_core::schema::DocId;

pub use access::{create_link, create_token, list_tokens, revoke_token};
pub use people::{
    Contact, NewUser, allow_storage, create_code, create_person, create_user, find_user,
    revoke_device, set_password,
};
pub use things::{NewVan, add_van, create_branch, create_van, put_part};

use crate::api::check;
use crate::auth::keys;
use crate::clock::random;
use crate::http::Problem;
use crate::import::{Import, Kind, Report, Who};

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

/// What REST would refuse, the command line refuses with the same words.
impl From<Problem> for AdminError {
    fn from(problem: Problem) -> Self {
        Self::Asked(problem.sentence())
    }
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
    let name = check::text("name", name, 100)?;
    if !tenants::is_slug(slug) {
        let rule = "a tenant's short name is 2 to 40 lower case letters, digits and dashes";
        return Err(AdminError::Asked(rule.to_owned()));
    }
    let tenant = Tenant { id: TenantId::new(now, random()), slug: slug.to_owned(), name };
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

/// The currency and the tax mode of new jobs, as a person wrote them.
///
/// # Errors
/// For what is no currency and no mode.
pub fn checked_billing(
    currency: Option<&str>,
    mode: &str,
) -> Result<(Option<String>, TaxMode), AdminError> {
    let currency = currency.map(|code| check::currency("currency", code)).transpose()?;
    let none = || AdminError::Asked("a tax mode is inclusive or exclusive".to_owned());
    Ok((currency, TaxMode::parse(mode).ok_or_else(none)?))
}

/// Sets how new jobs of a tenant are billed.
///
/// # Errors
/// When the database cannot do it.
pub async fn set_billing(
    store: &Store,
    now: i64,
    tenant: TenantId,
    (currency, mode): (Option<String>, TaxMode),
) -> Result<(), AdminError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                tenants::set_billing(tx, tenant, currency.as_deref(), mode).await?;
                note(tx, tenant, "billing.update", tenant, now).await
            })
        })
        .await
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
pub(crate) async fn edit(
    store: &Store,
    (now, note): (i64, Option<Note>),
    tenant: TenantId,
    doc: DocId,
    work: impl FnOnce(&Document) -> Vec<Entry> + Clone + Send + 'static,
) -> Result<(), AdminError> {
    let caller = policy::Principal::system();
    let request = EditRequest { tenant, caller, doc, expect: Expect::Any, now, note };
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
    Ok(by_cli(tenant, action, object).write(tx, now).await?)
}

/// An import by whoever has the database.
///
/// # Errors
/// When the database cannot do it.
pub async fn importer(
    store: Store,
    now: i64,
    tenant: TenantId,
    kind: Kind,
    region: Region,
) -> Result<Import, AdminError> {
    let note = by_cli(tenant, "import.run", kind.as_str());
    let who = Who { tenant, policy: policy::Principal::system(), is_token: false, note };
    Ok(Import::new(store, kind, who, region, now).await?)
}

/// Imports a file.
///
/// # Errors
/// When no row of it can be read, or the database cannot do it.
pub async fn import(
    import: &Import,
    bytes: Vec<u8>,
    encoding: Option<String>,
) -> Result<Report, AdminError> {
    Ok(import.run(bytes.into(), encoding).await?)
}

/// What the audit list says of something done from the command line.
fn by_cli(tenant: TenantId, action: &'static str, object: impl ToString) -> Note {
    let (object, detail) = (object.to_string(), json!({"by": "command line"}));
    let request_id = String::new();
    let (user, device, token, key) = (None, None, None, None);
    Note { tenant, user, device, token, action, object, detail, request_id, key }
}
