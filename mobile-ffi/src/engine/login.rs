//! The way to the server for one sync: identity, transport, and an access token while it is good.

use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use sync_core::id::DeviceId;

use super::{Engine, HeldToken};
use crate::error::EngineError;
use crate::net::{self, NetError, Transport};
use crate::platform;

/// A token is not used in the last part of its life, milliseconds.
const TOKEN_MARGIN_MS: i64 = 30_000;

/// What a sync needs to begin.
pub(super) struct Way {
    pub device: DeviceId,
    pub key: SigningKey,
    pub transport: Arc<dyn Transport>,
}

impl Engine {
    /// Identity, key and transport of this phone.
    pub(super) fn way(&self) -> Result<Way, EngineError> {
        let mut state = self.state();
        let identity = state.identity.clone().ok_or(EngineError::NotEnrolled)?;
        let key = state.secret.as_ref().and_then(|secret| secret.key()).cloned();
        let key = key.ok_or(EngineError::NotEnrolled)?;
        let transport = match &state.transport {
            Some(transport) => Arc::clone(transport),
            None => {
                let made = self.0.options.connector.connect(&identity.server_url)?;
                state.transport = Some(Arc::clone(&made));
                made
            }
        };
        Ok(Way { device: identity.device, key, transport })
    }

    /// One frame and its answer; logs in when there is no good token, and once more when the
    /// server no longer takes the one there is. A phone that was revoked sends the frame once: the
    /// server has kept it for the office, and no other token would change its mind.
    pub(super) fn exchange(&self, way: &Way, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        let (token, fresh) = self.token(way)?;
        let mut answer = way.transport.sync(&token, frame);
        let stale = |code: &str| !fresh && code != net::REVOKED;
        if matches!(&answer, Err(NetError::Login { code, .. }) if stale(code)) {
            self.state().token = None;
            let (token, _) = self.token(way)?;
            answer = way.transport.sync(&token, frame);
        }
        if matches!(answer, Err(NetError::Login { .. })) {
            self.state().token = None;
        }
        answer
    }

    /// Waits up to `timeout` for the server to say that there is something new, then it is time
    /// to sync; whether it did. Absent at once on a way on which the server cannot speak first,
    /// such as [`crate::HttpConnector`]'s. The phone can be used and synced meanwhile. A login
    /// that ends meanwhile is renewed; that the phone was revoked is news too: the next sync sends
    /// what it has to the office.
    pub fn wait_for_news(&self, timeout: Duration) -> Result<Option<bool>, EngineError> {
        let way = self.way()?;
        loop {
            let (token, fresh) = self.token(&way)?;
            match way.transport.news(&token, timeout) {
                Err(NetError::Login { code, .. }) if code == net::REVOKED => {
                    self.state().token = None;
                    return Ok(Some(true));
                }
                Err(NetError::Login { .. }) if !fresh => self.state().token = None,
                heard => return Ok(heard?),
            }
        }
    }

    /// A good token, and whether it was fetched just now.
    pub(super) fn token(&self, way: &Way) -> Result<(String, bool), NetError> {
        let clock = self.clock();
        let internal = |what: &str| NetError::Garbled(what.to_owned());
        let (audience, now_ms) = {
            let state = self.state();
            if let Some(held) = state.token.as_ref().filter(|it| clock.up_ms() < it.until_up_ms) {
                return Ok((held.token.clone(), false));
            }
            let identity = state.identity.as_ref().ok_or_else(|| internal("no enrolment"))?;
            let now = state.server_now(clock).unwrap_or_else(|| clock.wall_ms());
            (identity.audience.clone(), now)
        };
        let jti = || platform::bytes(self.random()).map_err(|error| internal(&error.to_string()));
        let jtis = [jti()?, jti()?];
        let asked = clock.up_ms();
        let now_s = now_ms.div_euclid(1000);
        let transport = way.transport.as_ref();
        let token = net::token(transport, &way.key, way.device, &audience, now_s, jtis)?;
        let lives = token.expires_in.saturating_mul(1000).saturating_sub(TOKEN_MARGIN_MS);
        let until_up_ms = asked.saturating_add(lives);
        let token = token.access_token;
        self.state().token = Some(HeldToken { token: token.clone(), until_up_ms });
        Ok((token, true))
    }
}
