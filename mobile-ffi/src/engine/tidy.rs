//! What a phone drops at the end of a sync: documents released long ago, and old refusals.

use sync_core::limits;
use sync_core::sync::Retention;

use super::State;
use crate::error::EngineError;
use crate::store::{docs, meta, refused};

impl State {
    /// Drops what need not be kept any longer: documents released 35 days ago, refusals of 400
    /// days ago. Only for the end of a sync after which both hold the same: a restored server must
    /// not make the phone drop what it has not yet brought back.
    ///
    /// Those days count only as far as the server's clock and the phone's own both say that they
    /// passed ([`Retention`]), from the first call after the release or refusal on. Nothing is dropped
    /// early because one clock is years ahead, whichever it is; it may be dropped later.
    pub(super) fn tidy(&mut self) -> Result<(), EngineError> {
        let Some(heard) = &self.anchor else { return Ok(()) };
        let db = self.store.read();
        let stored: Option<Retention> = meta::get(db)?;
        let kept = Retention::until(stored.as_ref(), heard);
        let released_before = kept.ms.saturating_sub(limits::RELEASED_KEPT_MS);
        let late = stored.is_some_and(|stored| kept.is_due_after(&stored));
        if !late && !refused::any_due(db, kept.ms)? && !docs::any_due(db, released_before)? {
            return Ok(());
        }
        let dropped = self.store.write(|tx| {
            meta::put(tx, &kept)?;
            refused::count_from(tx, kept.ms)?;
            docs::count_from(tx, kept.ms)?;
            refused::expire(tx, kept.ms)?;
            docs::drop_released(tx, released_before)
        })?;
        dropped.iter().for_each(|doc| self.cache.forget(doc));
        Ok(())
    }
}
