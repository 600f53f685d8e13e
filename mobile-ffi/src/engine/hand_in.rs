//! What a revoked phone has beyond the page of its sync: handed to the office page by page.
//!
//! The server answers a revoked phone nothing but that it is revoked, so its sync ends with its first
//! page. The server has kept that page for the office all the same, and keeps the others.

use sync_core::limits;
use sync_core::sync::{Request, Sent, encode_request, join};

use super::Engine;
use super::login::Way;
use crate::error::EngineError;
use crate::net::{NetError, REVOKED};
use crate::store::meta::{self, Position};
use crate::store::runs;

impl Engine {
    /// Sends the pages after the first, but for those up to the row `done`. Gives the last row that
    /// was handed in; whatever else comes in between, the next sync goes on from there.
    pub(super) fn hand_in(&self, way: &Way, done: u64) -> Result<u64, EngineError> {
        let (first, mut more) = self.page(0)?;
        let mut done = done.max(first.last);
        while more {
            let (page, rest) = self.page(done)?;
            if page.runs.is_empty() {
                break;
            }
            match self.exchange(way, &page.sealed(way, rest)) {
                Err(NetError::Login { code, .. }) if code == REVOKED => {}
                _ => break,
            }
            (done, more) = (page.last, rest);
        }
        Ok(done)
    }

    /// The page after a row, and whether there is another.
    fn page(&self, after: u64) -> Result<(Page, bool), EngineError> {
        let state = self.state();
        let position = meta::get(state.store.read())?.unwrap_or_default();
        let (held, more) = runs::unsettled(state.store.read(), after, limits::PAGE_BYTES)?;
        let last = held.last().map_or(after, |row| row.n);
        Ok((Page { position, runs: join(held), last }, more))
    }
}

struct Page {
    position: Position,
    runs: Vec<Sent>,
    /// The row it ends with.
    last: u64,
}

impl Page {
    fn sealed(&self, way: &Way, more: bool) -> Vec<u8> {
        encode_request(&Request {
            epoch: self.position.epoch,
            cursor: self.position.cursor,
            runs: self.runs.clone(),
            signature: Sent::sign(&self.runs, way.device, &way.key),
            inventory: None,
            more,
        })
    }
}
