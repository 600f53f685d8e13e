//! Tokens of integrations: how one looks, and the check of one that a request brings.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use store::StoreError;
use store::rows::tokens::{self, Token};
use sync_core::id::{TenantId, UserId};
use tokio::time::timeout;

use super::attempt;
use super::scope::Scope;
use crate::app::App;
use crate::clock::random;
use crate::http::{Code, Problem};

/// What tokens begin with, so that people and scanners for leaked secrets recognise them.
pub const PREFIX: &str = "twl_";
/// Bytes after the prefix: the id, the secret, and a checksum that tells a token from a typing error.
const BYTES: usize = 16 + 32 + CHECK;
const CHECK: usize = 6;
/// How long a request waits for the note that its token was used.
const NOTE_WAIT: Duration = Duration::from_millis(250);

/// A token with its secret, to be shown once.
pub struct Fresh {
    /// The token itself.
    pub text: String,
    /// What is kept of it.
    pub hash: Vec<u8>,
}

/// Makes the secret of a token with this id.
pub fn fresh(id: UserId) -> Fresh {
    let mut bytes = [&id.as_bytes()[..], &random::<32>()].concat();
    bytes.extend(checksum(&bytes));
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    Fresh { hash: hash(&text), text }
}

/// The token a request brought, its tenant and its scopes.
///
/// # Errors
/// `bad_token`, with the reason `revoked` where it was; `token_expired`; `too_many_attempts` for who
/// sends many that never were tokens.
pub async fn check(
    app: &App,
    text: &str,
    address: Option<IpAddr>,
) -> Result<(TenantId, Token, Vec<Scope>), Problem> {
    let found = match is_whole(text) {
        true => tokens::by_hash(&mut *app.read().await?, hash(text)).await?,
        false => None,
    };
    let Some((tenant, token)) = found else {
        return Err(attempt::wrong_secret(app, address, Problem::new(Code::BadToken)).await?);
    };
    let now = app.now();
    // Who brings an old token is no guesser, and learns what to do.
    if token.revoked_at.is_some() {
        let detail = "This API token was revoked. Ask an administrator for another one.";
        return Err(Problem::new(Code::BadToken).reason("revoked").detail(detail));
    }
    if token.expires_at.is_some_and(|at| at <= now) {
        let detail = "This API token has expired. Ask an administrator for another one.";
        return Err(Problem::new(Code::TokenExpired).detail(detail));
    }
    if token.is_to_be_noted(now) {
        note(app, tenant, token.id, now).await;
    }
    let scopes = Scope::list(&token.scopes);
    Ok((tenant, token, scopes))
}

/// Notes the use of a token. What is asked does not fail for it, and does not wait long for it.
async fn note(app: &App, tenant: TenantId, id: UserId, now: i64) {
    let written = app.store.write::<(), StoreError, _>(move |tx| {
        Box::pin(async move { Ok(tokens::used(tx, tenant, id, now).await?) })
    });
    if let Ok(Err(error)) = timeout(NOTE_WAIT, written).await {
        tracing::warn!(%error, token = %id, "the use of a token was not noted");
    }
}

/// Whether a text is a token as we make them, whoever made it.
fn is_whole(text: &str) -> bool {
    let bytes = text.strip_prefix(PREFIX).and_then(|rest| URL_SAFE_NO_PAD.decode(rest).ok());
    bytes.is_some_and(|bytes| {
        bytes.len() == BYTES && checksum(&bytes[..BYTES - CHECK]) == bytes[BYTES - CHECK..]
    })
}

fn checksum(bytes: &[u8]) -> [u8; CHECK] {
    let digest = Sha256::new().chain_update(PREFIX).chain_update(bytes).finalize();
    let mut check = [0; CHECK];
    check.copy_from_slice(&digest[..CHECK]);
    check
}

fn hash(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_and_a_typing_error_is_not_one() {
        let fresh = fresh(UserId::new(1_800_000_000_000, [7; 10]));
        assert!(is_whole(&fresh.text) && fresh.text.len() == 76, "{}", fresh.text);
        for (at, _) in fresh.text.char_indices() {
            let mut other = fresh.text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(!is_whole(&String::from_utf8_lossy(&other)), "{at}");
        }
        for no in ["", "twl_", "tws_abc", &fresh.text[..75], &format!("{}A", fresh.text)] {
            assert!(!is_whole(no), "{no}");
        }
    }
}
