//! Ways in, from the command line: API tokens, and links by which people set their password.

use store::Store;
use store::rows::tokens::{self, Token};
use sync_core::id::{TenantId, UserId};

use super::{AdminError, by_cli};
use crate::api::links::{self, Lives};
use crate::api::tokens::{NewToken, add, checked, end};
use crate::auth::api_token;
use crate::clock::random;
use crate::config::Config;
use crate::http::Problem;

/// Makes an API token and gives its text, which is nowhere kept.
///
/// # Errors
/// When a value breaks a rule, or there are too many.
pub async fn create_token(
    store: &Store,
    now: i64,
    tenant: TenantId,
    new: &NewToken,
) -> Result<(UserId, String), AdminError> {
    let token = checked(new, UserId::new(now, random()), None, now)?;
    let (id, fresh) = (token.id, api_token::fresh(token.id));
    let (hash, note) = (fresh.hash, by_cli(tenant, "token.create", id));
    store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move { add(tx, tenant, token, hash, note, now).await })
        })
        .await?;
    Ok((id, fresh.text))
}

/// API tokens of a tenant, at most `most`.
///
/// # Errors
/// When the database cannot do it.
pub async fn list_tokens(
    store: &Store,
    tenant: TenantId,
    most: i64,
) -> Result<Vec<Token>, AdminError> {
    let mut connection = store.readers().acquire().await?;
    Ok(tokens::list(&mut connection, tenant, None, most).await?)
}

/// Revokes an API token.
///
/// # Errors
/// When there is none with this id.
pub async fn revoke_token(
    store: &Store,
    now: i64,
    tenant: TenantId,
    id: UserId,
) -> Result<(), AdminError> {
    let note = by_cli(tenant, "token.revoke", id);
    let revoked = store.write::<Token, Problem, _>(move |tx| {
        Box::pin(async move { end(tx, tenant, id, note, now).await })
    });
    Ok(revoked.await.map(drop)?)
}

/// Makes a one-time link by which someone sets their password: what to send, and until when it is good.
///
/// # Errors
/// When they need no password, or may not log in.
pub async fn create_link(
    store: &Store,
    config: &Config,
    tenant: TenantId,
    user: UserId,
) -> Result<(String, i64), AdminError> {
    let (now, lives, fresh) = (config.clock.now(), Lives::of(config), links::fresh());
    let (hash, note) = (fresh.hash, by_cli(tenant, "user.password_link", user));
    let link = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move { links::put(tx, tenant, user, None, hash, lives, note, now).await })
    });
    let expires_at = link.await?.expires_at;
    Ok((links::url(config, &fresh.text), expires_at))
}
