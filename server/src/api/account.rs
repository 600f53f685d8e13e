//! A person is one thing: the account, and for a technician the document that their phone has. Both are
//! written in one transaction, by REST and by the command line.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::AnyConnection;
use store::Store;
use store::rows::audit::Note;
use store::rows::branches;
use store::rows::room::RowKind;
use store::rows::users::{self, User};
use store::writer::{EditRequest, Expect, WriteFuture};
use sync_core::change::Entry;
use sync_core::check::Region;
use sync_core::document::Document;
use sync_core::id::{TenantId, UserId};
use sync_core::policy;

use super::jobs::fields::{Set, entries};
use super::{check, technicians};
use crate::auth::{Reach, Role};
use crate::http::{Code, Problem};

/// On whose account something is written, and what the audit list says of it.
pub struct Writes<'a> {
    /// Where.
    pub store: &'a Store,
    /// Whose tenant.
    pub tenant: TenantId,
    /// Who does it.
    pub caller: policy::Principal,
    /// Which branches they reach.
    pub reach: Reach,
    /// The server's wall clock, Unix milliseconds.
    pub now: i64,
    /// For the audit list.
    pub note: Note,
}

/// What is to stand of a person.
pub struct Wanted {
    /// The account.
    pub account: User,
    /// The new password as it is stored, if there is one.
    pub hash: Option<String>,
    /// Besides what it copies of the account: fields of a technician's document.
    pub sets: Vec<Set>,
    /// Where a technician dials numbers without `+` whose branch does not say; absent to leave it as it is.
    pub region: Option<Region>,
}

/// A person, and the region of their branch.
type Account = (User, Option<Region>);

/// What a technician's document copies: the account, and where they dial. It is read in the write that puts
/// it there, by the work on rows, and stays as it is until that ends: no older account ever overwrites what
/// came after it.
#[derive(Debug, Clone, Default)]
pub struct Copied(Arc<Mutex<Option<Account>>>);

impl Copied {
    /// Reads it and gives the account; nobody for a person who is no technician.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn read(
        &self,
        tx: &mut AnyConnection,
        tenant: TenantId,
        id: UserId,
        fallback: Option<Region>,
    ) -> Result<Option<User>, sqlx::Error> {
        let user = users::hold(tx, tenant, id).await?;
        let user = user.filter(|user| user.role == Role::Technician);
        let branch = match user.as_ref().and_then(|user| user.branch) {
            Some(branch) => branches::hold(tx, tenant, branch).await?,
            None => None,
        };
        let region = branch.as_ref().and_then(check::region_of).or(fallback);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            user.clone().map(|user| (user, region));
        Ok(user)
    }

    /// What differs from it in a document.
    pub fn entries(&self, document: &Document) -> Vec<Entry> {
        let copied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*copied {
            Some((user, region)) => technicians::copy_entries(document, user, *region),
            None => Vec::new(),
        }
    }
}

/// Brings a technician's document in line with their account, if it is there and lags.
///
/// # Errors
/// What the policy says, and the store's.
pub async fn follow(
    store: &Store,
    tenant: TenantId,
    id: UserId,
    fallback: Region,
    now: i64,
) -> Result<(), Problem> {
    let copied = Copied::default();
    let read = copied.clone();
    let rows = of_rows(move |tx| {
        Box::pin(async move {
            read.read(tx, tenant, id, Some(fallback)).await?;
            Ok(())
        })
    });
    let (caller, doc, expect) = (policy::Principal::system(), id.into(), Expect::Existing);
    let request = EditRequest { tenant, caller, doc, expect, now, note: None };
    let lags = move |document: &Document| Ok(copied.entries(document));
    store.writer().write_and_edit(rows, request, lags).await.map(drop)
}

/// Adds a person. A repeat finds its first attempt, and changes nothing.
///
/// # Errors
/// `unknown_reference` for a branch, `forbidden` for one that the caller does not reach, `conflict` for a
/// login that is taken.
pub async fn add(writes: Writes<'_>, wanted: Wanted) -> Result<(), Problem> {
    let Writes { store, tenant, caller, reach, now, note } = writes;
    let Wanted { account, hash, sets, region } = wanted;
    let (added, copied) = (account.clone(), Copied::default());
    let read = copied.clone();
    let rows = of_rows(move |tx| {
        Box::pin(async move {
            reach.person(None, (added.role, added.branch))?;
            if let Some(branch) = added.branch {
                check::branch(tx, tenant, "branch", branch).await?;
            }
            if users::get(tx, tenant, added.id).await?.is_some() {
                read.read(tx, tenant, added.id, region).await?;
                return Ok(());
            }
            if users::by_login(tx, tenant, &added.login).await?.is_some() {
                let detail = format!("The login {} already exists. Choose another.", added.login);
                return Err(Problem::new(Code::Conflict).field("login").detail(detail));
            }
            check::room(tx, tenant, RowKind::Users).await?;
            users::insert(tx, tenant, &added, hash).await?;
            read.read(tx, tenant, added.id, region).await?;
            Ok(note.write(tx, now).await?)
        })
    });
    if account.role != Role::Technician {
        return store.write(rows).await;
    }
    let (doc, expect) = (account.id.into(), Expect::Any);
    let request = EditRequest { tenant, caller, doc, expect, now, note: None };
    let first = move |document: &Document| {
        let mut first = Vec::new();
        first.extend(document.is_empty().then(|| copied.entries(document)).into_iter().flatten());
        first.extend(document.is_empty().then(|| entries(document, sets)).into_iter().flatten());
        Ok(first)
    };
    store.writer().write_and_edit(rows, request, first).await.map(drop)
}

/// Changes a person who still stands as `seen`: their account, and their document at `record` if they
/// are a technician. Gives the account as it is now.
///
/// # Errors
/// `changed_meanwhile`, `unknown_reference` for a branch, `not_found` and `forbidden` for whom the caller
/// does not reach, and what the policy says.
pub async fn change(
    writes: Writes<'_>,
    seen: &User,
    record: i64,
    wanted: Wanted,
) -> Result<User, Problem> {
    let Writes { store, tenant, caller, reach, now, note } = writes;
    let Wanted { account, hash, sets, region } = wanted;
    let is_changed = account != *seen || hash.is_some();
    let of_document = (!is_changed).then(|| note.clone());
    let (seen, wanted, copied) = (seen.clone(), account.clone(), Copied::default());
    let read = copied.clone();
    let rows = of_rows(move |tx| {
        Box::pin(async move {
            let found = users::hold(tx, tenant, wanted.id).await?.ok_or_else(Problem::not_found)?;
            reach.person(Some((found.role, found.branch)), (wanted.role, wanted.branch))?;
            if found.version != seen.version {
                return Err(Problem::new(Code::Changed));
            }
            if let Some(branch) = wanted.branch.filter(|branch| seen.branch != Some(*branch)) {
                check::branch(tx, tenant, "branch", branch).await?;
            }
            if is_administrator(&found) && !is_administrator(&wanted) {
                another_remains(tx, tenant, wanted.id).await?;
            }
            if wanted != seen {
                users::update(tx, tenant, &wanted).await?;
            }
            if let Some(hash) = hash {
                users::set_password(tx, tenant, wanted.id, hash).await?;
            } else if !wanted.active {
                users::end_sessions(tx, tenant, wanted.id).await?;
            }
            if is_changed {
                note.write(tx, now).await?;
            }
            read.read(tx, tenant, wanted.id, region).await?;
            users::get(tx, tenant, wanted.id).await?.ok_or_else(Problem::not_found)
        })
    });
    if account.role != Role::Technician {
        return store.write(rows).await;
    }
    let expect = if record == 0 { Expect::Any } else { Expect::At(record) };
    let doc = account.id.into();
    let request = EditRequest { tenant, caller, doc, expect, now, note: of_document };
    let follow = move |document: &Document| {
        let mut changed = copied.entries(document);
        changed.extend(entries(document, sets));
        Ok(changed)
    };
    let (user, _) = store.writer().write_and_edit(rows, request, follow).await?;
    Ok(user)
}

fn is_administrator(user: &User) -> bool {
    user.active && user.role == Role::Administrator
}

/// Two administrators who take each other's rights away at once must not leave nobody: the one who comes
/// second has none any more.
async fn another_remains(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: UserId,
) -> Result<(), Problem> {
    if users::has_another_administrator(tx, tenant, id).await? {
        return Ok(());
    }
    let detail =
        "This is the last active administrator. Make another person an administrator first.";
    Err(Problem::new(Code::WrongState).detail(detail))
}

/// Work on rows, of whatever lifetime the transaction is.
pub fn of_rows<T, F>(work: F) -> F
where
    F: for<'t> FnOnce(&'t mut AnyConnection) -> WriteFuture<'t, T, Problem> + Clone,
{
    work
}
