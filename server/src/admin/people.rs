//! People and their phones, from the command line.

use store::Store;
use store::rows::branches;
use store::rows::codes;
use store::rows::devices;
use store::rows::shares;
use store::rows::tenants::{self, Tenant};
use store::rows::users::{self, User};
use sync_core::check::Region;
use sync_core::enrol;
use sync_core::id::{BranchId, DeviceId, TenantId, UserId};
use sync_core::policy;

use super::{AdminError, by_cli, note};
use crate::api::account::{self, Wanted, Writes};
use crate::api::check::{self, region_of};
use crate::api::technicians::checked_fields;
use crate::api::users as users_api;
use crate::auth::installation::Installation;
use crate::auth::{Reach, Role, attempt, password};
use crate::clock::random;

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

/// Allows someone's phones to store so many bytes on top of the settings.
///
/// # Errors
/// When the store refuses.
pub async fn allow_storage(
    store: &Store,
    tenant: TenantId,
    user: UserId,
    extra: i64,
) -> Result<(), AdminError> {
    store
        .write(move |tx| Box::pin(async move { Ok(shares::allow(tx, tenant, user, extra).await?) }))
        .await
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

/// How a technician is reached, and for whom they work.
#[derive(Debug, Clone, Default)]
pub struct Contact {
    /// Their number.
    pub phone: Option<String>,
    /// The country in which numbers without `+` are dialled.
    pub region: Option<Region>,
    /// The outsourced company they work for.
    pub provider: Option<String>,
}

/// Adds a person; a password is for staff, phones need none.
///
/// # Errors
/// What REST refuses too, in the same words: a value that breaks a rule, a login that is taken, a
/// branch that is not there.
pub async fn create_user(
    store: &Store,
    now: i64,
    tenant: TenantId,
    new: NewUser,
    password: Option<&str>,
    memory_kib: u32,
) -> Result<UserId, AdminError> {
    create_person(store, now, tenant, new, Contact::default(), password, memory_kib).await
}

/// As [`create_user`], with how a technician is reached.
///
/// # Errors
/// As [`create_user`]; and a contact for someone who is no technician.
pub async fn create_person(
    store: &Store,
    now: i64,
    tenant: TenantId,
    new: NewUser,
    contact: Contact,
    password: Option<&str>,
    memory_kib: u32,
) -> Result<UserId, AdminError> {
    let Contact { phone, region: fallback, provider } = contact;
    let (phone, provider) = (phone.map(Some), provider.map(Some));
    if new.role != Role::Technician && (phone.is_some() || provider.is_some()) {
        let rule = "phone and provider are a technician's; leave them out";
        return Err(AdminError::Asked(rule.to_owned()));
    }
    let mut connection = store.readers().acquire().await?;
    let branch = match new.branch {
        Some(branch) => branches::get(&mut connection, tenant, branch).await?,
        None => None,
    };
    drop(connection);
    let region = branch.as_ref().and_then(region_of).or(fallback);
    let sets = checked_fields(region, phone, provider)?;
    let hash = match password {
        Some(password) => Some(hashed(password, memory_kib)?),
        None => None,
    };
    let NewUser { login, name, role, branch, language } = new;
    let language = Some(language);
    let wanted = users_api::NewUser { login, name, role, branch, language, password: None };
    let id = UserId::new(now, random());
    let account = users_api::checked(&wanted, id, hash.is_some(), now)?;
    let (caller, note) = (policy::Principal::system(), by_cli(tenant, "user.create", id));
    let writes = Writes { store, tenant, caller, reach: Reach::ALL, now, note };
    let wanted = Wanted { account, hash, sets, region: fallback };
    account::add(writes, wanted).await?;
    Ok(id)
}

fn hashed(password: &str, memory_kib: u32) -> Result<String, AdminError> {
    password::check_length(password)?;
    password::hash(memory_kib, password).map_err(|error| AdminError::Asked(error.to_string()))
}

/// Sets someone's password, closes their sessions, and forgets every failure to log in as them.
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
    let hash = hashed(password, memory_kib)?;
    let keys = Installation::of(store);
    store
        .write(move |tx| {
            Box::pin(async move {
                users::set_password(tx, tenant, user, hash).await?;
                let login = users::get(tx, tenant, user).await?.map(|user| user.login);
                let named = tenants::list(tx).await?.into_iter().filter(|it| it.id == tenant);
                for Tenant { slug, .. } in named {
                    let login = login.as_deref().unwrap_or_default();
                    attempt::clear(tx, &keys, &slug, login).await?;
                }
                note(tx, tenant, "user.password", user, now).await
            })
        })
        .await
}

/// Makes a one-time code by which a technician's phone can be enrolled.
///
/// # Errors
/// When they are no active technician.
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
                check::technician(tx, tenant, "login", technician).await?;
                codes::insert(tx, tenant, technician, technician, secret, now, end).await?;
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
