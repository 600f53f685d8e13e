//! The server's statement of a whole document at its export: with it a bundle cannot be cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{SealError, message};
use crate::document::Document;
use crate::id::{DeviceId, JobId, TenantId, UserId};

/// What a server says of a job's document at the time of an export, signed with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The dealership group.
    pub tenant: TenantId,
    /// When it was exported, Unix milliseconds of the server.
    pub at: i64,
    /// The document's heads, 32 bytes each, ascending, end to end; base64.
    pub heads: String,
    /// SHA-256 over who made each change; base64.
    pub authors: String,
    /// Name of the server's key.
    pub kid: String,
    /// Ed25519 over all of it and the job; base64.
    pub signature: String,
}

/// Whether a bundle holds everything that the server had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Completeness {
    /// The document is the one that the server had when it was exported.
    Proven {
        /// When that was, Unix milliseconds.
        at: i64,
        /// Name of the server key that says so.
        kid: String,
    },
    /// The bundle agrees with its statement, and the key of the statement is not a trusted one.
    KeyUnknown {
        /// Name of that key.
        kid: String,
    },
    /// The bundle has no statement: it was made by an old version, or the statement was removed.
    NotStated,
}

impl Statement {
    /// States a document as it is. `sign` signs with the server's Ed25519 key named `kid`.
    ///
    /// # Errors
    /// When the document is not a job's.
    pub fn of(
        document: &Document,
        tenant: TenantId,
        at: i64,
        kid: &str,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Result<Self, SealError> {
        let job = document.id().job().ok_or(SealError::Malformed("job"))?;
        let (heads, authors) = (heads(document), authors(document));
        let signature = sign(&message::statement(tenant, job, &heads, &authors, at));
        Ok(Self {
            tenant,
            at,
            heads: STANDARD.encode(heads),
            authors: STANDARD.encode(authors),
            kid: kid.to_owned(),
            signature: STANDARD.encode(signature),
        })
    }

    /// Compares the document of a bundle with the statement, and the statement with `trusted` keys.
    pub(crate) fn check(
        &self,
        document: &Document,
        job: JobId,
        trusted: &[(String, VerifyingKey)],
    ) -> Result<Completeness, SealError> {
        let malformed = SealError::Malformed("statement");
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| malformed.clone());
        let (stated, authors_stated) = (bytes(&self.heads)?, bytes(&self.authors)?);
        let signature: [u8; 64] =
            bytes(&self.signature)?.try_into().map_err(|_| malformed.clone())?;
        let text = message::statement(self.tenant, job, &stated, &authors_stated, self.at);
        let mut keys = trusted.iter().filter(|(kid, _)| *kid == self.kid).peekable();
        let known = keys.peek().is_some();
        let signature = Signature::from_bytes(&signature);
        if known && !keys.any(|(_, key)| key.verify_strict(&text, &signature).is_ok()) {
            return Err(SealError::BadStatement);
        }
        if stated != heads(document) || authors_stated != authors(document) {
            return Err(SealError::Incomplete);
        }
        let kid = self.kid.clone();
        Ok(if known {
            Completeness::Proven { at: self.at, kid }
        } else {
            Completeness::KeyUnknown { kid }
        })
    }
}

fn heads(document: &Document) -> Vec<u8> {
    let mut heads = document.heads();
    heads.sort();
    heads.iter().flat_map(|head| head.0).collect()
}

/// SHA-256 over actor, number, user and device of every change, ordered by actor and number; zeros
/// where there is no user or device.
fn authors(document: &Document) -> [u8; 32] {
    let mut changes: Vec<_> = document.changes().iter().collect();
    changes.sort_by_key(|(change, _)| (change.actor, change.seq));
    let mut all = Sha256::new();
    for (change, author) in changes {
        all.update(change.actor.as_bytes());
        all.update(change.seq.to_be_bytes());
        all.update(author.user.as_ref().map_or(&[0; 16], UserId::as_bytes));
        all.update(author.device.as_ref().map_or(&[0; 16], DeviceId::as_bytes));
    }
    all.finalize().into()
}
