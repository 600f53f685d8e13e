//! What is done to a database without a server: the first tenant, people, branches, parts, codes.
//!
//! The command line, the demo and the tests call these; each is one transaction with its audit row.

use serde_json::json;
use sqlx::AnyConnection;
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::enrol;
use sync_core::id::{BranchId, DeviceId, TenantId, UserId, VanId};
use sync_core::policy;
use sync_core::schema::{DocId, key, section};
use sync_core::value::Value;

use crate::accounts::audit::Note;
use crate::accounts::branches::{self, Branch};
use crate::accounts::parts::{self, Part};
use crate::accounts::tenants::{self, Tenant};
use crate::accounts::users::{self, User};
use crate::accounts::{devices, enrol as codes};
use crate::auth::{Role, keys, password};
use crate::clock::random;
use crate::desk::jobs::fields::entries;
use crate::desk::technicians::first_fields;
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

/// The person with this login.
///
/// # Errors
/// When there is none.
pub async fn find_user(store: &Store, tenant: TenantId, login: &str) -> Result<User, AdminError> {
    let mut connection = store.readers().acquire().await?;
    let found = users::by_login(&mut connection, tenant, &login.to_lowercase()).await?;
    found
        .map(|(user, _)| user)
        .ok_or_else(|| AdminError::Asked(format!("there is no user {login:?}")))
}

/// A person to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Name at login.
    pub login: String,
    /// Name.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where they belong.
    pub branch: Option<BranchId>,
    /// BCP 47 tag.
    pub language: String,
}

/// Adds a person; a password is for staff, phones need none.
///
/// # Errors
/// When the login is taken or the password too short.
pub async fn create_user(
    store: &Store,
    now: i64,
    tenant: TenantId,
    new: NewUser,
    password: Option<&str>,
    memory_kib: u32,
) -> Result<UserId, AdminError> {
    let login = new.login.trim().to_lowercase();
    if login.is_empty() || login.len() > 100 || new.name.trim().is_empty() {
        return Err(AdminError::Asked("a person needs a login and a name".to_owned()));
    }
    let hash = match password {
        Some(password) if !password::LENGTH.contains(&password.len()) => {
            return Err(AdminError::Asked("a password has 10 to 256 bytes".to_owned()));
        }
        Some(password) => Some(
            password::hash(memory_kib, password).map_err(|e| AdminError::Asked(e.to_string()))?,
        ),
        None => None,
    };
    let user = User {
        id: UserId::new(now, random()),
        login,
        name: new.name.trim().to_owned(),
        role: new.role,
        branch: new.branch,
        language: new.language,
        active: true,
        deactivated_at: None,
        has_password: hash.is_some(),
        version: 1,
        created_at: now,
    };
    let (id, role, first) = (user.id, user.role, user.clone());
    store
        .write::<(), AdminError, _>(move |tx| {
            Box::pin(async move {
                users::insert(tx, tenant, &user, hash).await?;
                note(tx, tenant, "user.create", id, now).await
            })
        })
        .await?;
    if role == Role::Technician {
        edit(store, now, tenant, id.into(), move |document| first_fields(document, &first)).await?;
    }
    Ok(id)
}

/// Adds a van.
///
/// # Errors
/// When the database cannot do it.
pub async fn create_van(
    store: &Store,
    now: i64,
    tenant: TenantId,
    name: &str,
    branch: Option<BranchId>,
    technician: Option<UserId>,
) -> Result<VanId, AdminError> {
    let id = VanId::new(now, random());
    let raw = |bytes: &[u8; 16]| Value::Bytes(bytes.to_vec());
    let sets = vec![
        (section::DETAILS, key::NAME, name.into()),
        (section::DETAILS, key::BRANCH, branch.map_or(Value::Null, |b| raw(b.as_bytes()))),
        (section::DETAILS, key::TECHNICIAN, technician.map_or(Value::Null, |t| raw(t.as_bytes()))),
    ];
    edit(store, now, tenant, id.into(), move |document| entries(document, sets)).await?;
    store
        .write::<(), AdminError, _>(move |tx| {
            Box::pin(async move { note(tx, tenant, "van.create", id, now).await })
        })
        .await?;
    Ok(id)
}

/// Sets somebody's password and closes their sessions.
///
/// # Errors
/// When it is too short.
pub async fn set_password(
    store: &Store,
    now: i64,
    tenant: TenantId,
    user: UserId,
    password: &str,
    memory_kib: u32,
) -> Result<(), AdminError> {
    if !password::LENGTH.contains(&password.len()) {
        return Err(AdminError::Asked("a password has 10 to 256 bytes".to_owned()));
    }
    let hash =
        password::hash(memory_kib, password).map_err(|e| AdminError::Asked(e.to_string()))?;
    store
        .write(move |tx| {
            Box::pin(async move {
                users::set_password(tx, tenant, user, hash).await?;
                note(tx, tenant, "user.password", user, now).await
            })
        })
        .await
}

/// Adds a branch.
///
/// # Errors
/// When the database cannot do it.
pub async fn create_branch(
    store: &Store,
    tenant: TenantId,
    branch: Branch,
) -> Result<(), AdminError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                branches::insert(tx, tenant, &branch).await?;
                note(tx, tenant, "branch.create", branch.id, branch.created_at).await
            })
        })
        .await
}

/// Adds a part, or writes over the one with its number.
///
/// # Errors
/// When the database cannot do it.
pub async fn put_part(store: &Store, tenant: TenantId, part: Part) -> Result<(), AdminError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                parts::put(tx, tenant, &part).await?;
                let now = part.created_at;
                note(tx, tenant, "part.put", part.part_no, now).await
            })
        })
        .await
}

/// Makes a one-time code by which a technician's phone can be enrolled.
///
/// # Errors
/// When the database cannot do it.
pub async fn create_code(
    store: &Store,
    now: i64,
    tenant: TenantId,
    technician: UserId,
    life_ms: i64,
) -> Result<String, AdminError> {
    let code = enrol::code(random());
    let hash = codes::hash(&code);
    store
        .write(move |tx| {
            Box::pin(async move {
                let end = now + life_ms;
                codes::insert_code(tx, tenant, technician, technician, hash, now, end).await?;
                note(tx, tenant, "device.code", technician, now).await
            })
        })
        .await?;
    Ok(code)
}

/// Revokes a phone.
///
/// # Errors
/// When there is none with this id that is not revoked.
pub async fn revoke_device(
    store: &Store,
    now: i64,
    tenant: TenantId,
    device: DeviceId,
) -> Result<(), AdminError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                if !devices::revoke(tx, tenant, device, None, now).await? {
                    let text = format!("there is no device {device} that could be revoked");
                    return Err(AdminError::Asked(text));
                }
                note(tx, tenant, "device.revoke", device, now).await
            })
        })
        .await
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
    let request = EditRequest { tenant, caller, doc, expect: Expect::Any, now };
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
