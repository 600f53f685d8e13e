//! Enrolment: a one-time code makes this installation a device of one technician.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use rusqlite::Connection;
use sync_core::enrol::{CodeSecret, digits, normal_code, proof_message};
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::sync::Anchor;

use super::{Engine, Event, State, secret};
use crate::error::EngineError;
use crate::net::{self, EnrolmentRequest};
use crate::platform;
use crate::store::meta::{self, Identity};
use crate::store::{docs, runs};

/// What enrolment gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Six digits to compare with those at the office; the phone may sync once the office has
    /// typed them in.
    pub digits: String,
    /// This installation.
    pub device: DeviceId,
    /// The technician.
    pub user: UserId,
    /// The technician's name: whoever holds the phone should recognise it.
    pub user_name: String,
}

/// Whether this phone is enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolmentStatus {
    /// Never; nothing can be recorded yet.
    Never,
    /// The store came from a copy without its secret: work goes on being saved, but only a new
    /// enrolment of the same technician sends it.
    KeyMissing {
        /// The technician.
        user: UserId,
    },
    /// Enrolled; the server may still wait for the six digits.
    Enrolled {
        /// This installation.
        device: DeviceId,
        /// The technician.
        user: UserId,
        /// The dealership group.
        tenant: TenantId,
        /// Address of the server.
        server_url: String,
    },
}

impl Engine {
    /// Enrols this phone at a server with a code from the office. `name` is what the office will
    /// see the phone as. A phone that holds unsent work can be enrolled again only for the same
    /// technician (`other_user`); the work is then sent under the new enrolment. A restored copy that
    /// lacks its key is free for another technician once its work was exported
    /// ([`Engine::export_work`]).
    pub fn enrol(&self, server_url: &str, code: &str, name: &str) -> Result<Enrolled, EngineError> {
        let code = normal_code(code).ok_or_else(|| {
            let sentence = "A code has twelve letters and digits, such as 7K3M-9QXD-2HVA.";
            EngineError::invalid("code_malformed", "code", sentence)
        })?;
        let code = CodeSecret::of(&code);
        let transport = self.0.options.connector.connect(server_url)?;
        let key = SigningKey::from_bytes(&platform::bytes(self.random())?);
        let public_key = key.verifying_key().to_bytes();
        let nonce: [u8; 16] = platform::bytes(self.random())?;
        let proof = key.sign(&proof_message(&code, &public_key, &nonce)).to_bytes();
        let request = EnrolmentRequest {
            code_name: URL_SAFE_NO_PAD.encode(code.name()),
            public_key: URL_SAFE_NO_PAD.encode(public_key),
            nonce: URL_SAFE_NO_PAD.encode(nonce),
            proof: URL_SAFE_NO_PAD.encode(proof),
            name: name.trim().to_owned(),
            app_version: env!("CARGO_PKG_VERSION"),
        };
        let answer = net::enrol(transport.as_ref(), &request)?;
        let digits = digits(&code, &public_key, &nonce, &answer.server_nonce()?);
        let user_name = answer.user_name.clone();
        let identity = Identity {
            server_url: server_url.trim().to_owned(),
            device: answer.device,
            user: answer.user,
            tenant: answer.tenant,
            audience: answer.audience,
            public_key: Some(secret::public(&key)),
        };
        let enrolled = Enrolled { digits, device: identity.device, user: identity.user, user_name };
        self.adopt(identity, key, answer.server_time)?;
        self.0.watchers.tell(&Event { status: true, stock: true, jobs: Vec::new() });
        Ok(enrolled)
    }

    /// Whether this phone is enrolled, and as whom.
    pub fn enrolment(&self) -> EnrolmentStatus {
        let state = self.state();
        match &state.identity {
            None => EnrolmentStatus::Never,
            Some(it) if state.needs_enrolment() => EnrolmentStatus::KeyMissing { user: it.user },
            Some(it) => EnrolmentStatus::Enrolled {
                device: it.device,
                user: it.user,
                tenant: it.tenant,
                server_url: it.server_url.clone(),
            },
        }
    }

    fn adopt(
        &self,
        identity: Identity,
        key: SigningKey,
        server_ms: i64,
    ) -> Result<(), EngineError> {
        // A sync under way belongs to the device of before.
        let _turn = self.turn();
        let clock = self.clock();
        let anchor = Anchor {
            server_ms,
            up_ms: clock.up_ms(),
            wall_ms: clock.wall_ms(),
            boot: clock.boot(),
        };
        let other_user =
            |state: &State| state.identity.as_ref().is_some_and(|it| it.user != identity.user);
        let secret = {
            let state = self.state();
            let db = state.store.read();
            let handed_over = state.needs_enrolment() && is_exported(db)?;
            if other_user(&state) && !handed_over && runs::any_unsettled(db)? {
                return Err(EngineError::OtherUser);
            }
            state.secret.as_ref().map(|secret| secret.with_next(key))
        };
        let secret =
            secret.ok_or_else(|| EngineError::Internal("no installation secret".to_owned()))?;
        // Both keys until the enrolment is stored, which says which of them holds: power may be lost
        // at any moment. No lock is held, because the vault may be the app's own.
        secret.keep(self.0.vault.as_ref())?;
        let mut state = self.state();
        let another = other_user(&state);
        let handover = state.needs_enrolment();
        let stored = state.store.write(|tx| {
            let before: Option<meta::Position> = meta::get(tx)?;
            let epoch = if another { 0 } else { before.unwrap_or_default().epoch };
            if another {
                // Asked in the transaction that wipes: work may have been saved since.
                if runs::any_unsettled(tx)? && !(handover && is_exported(tx)?) {
                    return Err(EngineError::OtherUser);
                }
                docs::wipe(tx)?;
            }
            // Everything is compared again. The epoch stays: by it this phone notices that the
            // server was restored meanwhile, and brings back what only it still holds.
            meta::put(tx, &meta::Position { epoch, cursor: 0 })?;
            meta::put(tx, &anchor)?;
            meta::put(tx, &identity)
        });
        if let Err(error) = stored {
            let secret = secret.settled(state.identity.as_ref());
            drop(state);
            // Where this fails, the next opening drops the new key.
            let _ = secret.keep(self.0.vault.as_ref());
            return Err(error);
        }
        if another {
            state.cache = super::load::Cache::default();
            state.store.scrub();
        }
        let secret = secret.settled(Some(&identity));
        state.identity = Some(identity);
        state.secret = Some(secret.clone());
        state.anchor = Some(anchor);
        state.token = None;
        state.transport = None;
        state.rotate(&self.0.options)?;
        drop(state);
        // Where this fails, the next opening drops the old key.
        let _ = secret.keep(self.0.vault.as_ref());
        Ok(())
    }
}

/// Whether all work that waits is in the file that was exported last.
fn is_exported(db: &Connection) -> Result<bool, EngineError> {
    let exported: Option<meta::Exported> = meta::get(db)?;
    let last = runs::last_unsettled(db)?;
    Ok(exported.is_some_and(|exported| last.is_none_or(|last| last <= exported.0)))
}
