//! People and their phones, from the command line.

use sync_core::enrol;
use sync_core::id::{BranchId, DeviceId, TenantId, UserId};

use super::{AdminError, edit, note};
use crate::accounts::users::{self, User};
use crate::accounts::{code as codes, devices};
use crate::auth::{Role, password};
use crate::clock::random;
use crate::desk::technicians::first_fields;
use crate::store::Store;

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
    let secret = enrol::CodeSecret::of(&code);
    store
        .write(move |tx| {
            Box::pin(async move {
                let end = now + life_ms;
                codes::insert_code(tx, tenant, technician, technician, secret, now, end).await?;
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
