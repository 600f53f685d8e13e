//! How work becomes saved: policy asked, change written, committed and on disk, then announced.

use sync_core::admission::RecordError;
use sync_core::change::Entry;
use sync_core::document::Author;
use sync_core::id::{FactId, UserId};
use sync_core::limits;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, Section};
use sync_core::sync::LocalWriter;
use sync_core::time::Stamp;
use sync_core::value::Record;

use super::{Engine, Event, State, delta};
use crate::error::EngineError;
use crate::platform::Clock;
use crate::store::meta::{self, WalkUps};

/// Work on one document.
pub(super) struct Work {
    pub doc: DocId,
    pub entries: Vec<Entry>,
}

impl Engine {
    /// Lets `make` prepare work in front of the documents, saves it, and tells the watchers.
    ///
    /// All of it is one transaction, committed and on disk before this returns; on an error
    /// nothing of it was saved.
    pub(super) fn record<T>(
        &self,
        make: impl FnOnce(&mut State, &mut Maker<'_>) -> Result<(T, Vec<Work>), EngineError>,
    ) -> Result<T, EngineError> {
        let (result, event) = {
            let mut state = self.state();
            let user = state.identity.as_ref().ok_or(EngineError::NotEnrolled)?.user;
            let mut maker = Maker { engine: self, user, walk_ups: None };
            let (result, works) = make(&mut state, &mut maker)?;
            let event = Event::of_docs(works.iter().map(|work| work.doc));
            state.save(works, maker.walk_ups, self.clock())?;
            (result, event)
        };
        self.0.watchers.tell(&event);
        Ok(result)
    }
}

/// Makes facts: fresh ids and the times every fact of a phone carries.
pub(super) struct Maker<'a> {
    engine: &'a Engine,
    /// The technician.
    pub user: UserId,
    /// The walk-up jobs of the day, where another is made: saved with it.
    pub walk_ups: Option<WalkUps>,
}

impl Maker<'_> {
    /// A fresh fact with the times in its record.
    pub fn fact(
        &self,
        state: &mut State,
        section: Section,
        record: Record,
    ) -> Result<(FactId, Entry), EngineError> {
        let id = self.id(state)?;
        Ok((id, self.fact_with(state, id, section, record)))
    }

    /// A fact under an id that was drawn before.
    pub fn fact_with(
        &self,
        state: &State,
        id: FactId,
        section: Section,
        mut record: Record,
    ) -> Entry {
        self.stamp(state).write(&mut record);
        Entry::Fact { section, id, record }
    }

    /// Milliseconds and random bytes for an id of any kind.
    pub fn id_parts(&self, state: &mut State) -> Result<(i64, [u8; 10]), EngineError> {
        Ok(state.ids.next(self.engine.clock().wall_ms(), self.engine.random())?)
    }

    /// A fresh id of a fact.
    pub fn id(&self, state: &mut State) -> Result<FactId, EngineError> {
        let (ms, tail) = self.id_parts(state)?;
        Ok(FactId::new(ms, tail))
    }

    /// When it happens: the wall clock, the time since boot, and the last server time with the
    /// since-boot time when it was learnt, if that was in the same boot. A clock out of all range still
    /// saves.
    pub fn stamp(&self, state: &State) -> Stamp {
        let clock = self.engine.clock();
        let anchor = state.anchor.as_ref();
        Stamp {
            at: clock.wall_ms(),
            up: Some(clock.up_ms()),
            srv: anchor.map(|anchor| anchor.server_ms),
            srv_up: anchor.filter(|it| it.boot == clock.boot()).map(|anchor| anchor.up_ms),
        }
        .clamped()
    }
}

impl State {
    fn save(
        &mut self,
        works: Vec<Work>,
        walk_ups: Option<WalkUps>,
        clock: &dyn Clock,
    ) -> Result<(), EngineError> {
        let identity = self.identity.as_ref().ok_or(EngineError::NotEnrolled)?;
        let caller = Principal { user: identity.user, role: Role::Technician };
        let author = Author::phone(identity.user, identity.device);
        let now = clock.wall_ms();
        let mut next_n = self.next_n;
        let mut saved = Vec::with_capacity(works.len());
        for Work { doc, entries } in works {
            let mut replica = self.cache.take(self.store.read(), doc)?;
            let (actor, fresh_actor) = (self.actor, self.actor);
            let device = Some(identity.device);
            let mut writer = LocalWriter { next_n: &mut next_n, actor, fresh_actor, device };
            let delta = replica.record(&mut writer, change_time(now), &caller, author, entries);
            saved.push((replica, delta.map_err(refused)?));
        }
        self.store.save(|tx| {
            walk_ups.iter().try_for_each(|it| meta::put(tx, it))?;
            saved.iter().try_for_each(|(replica, delta)| delta::store(tx, replica, delta, now))
        })?;
        self.next_n = next_n;
        saved.into_iter().for_each(|(replica, _)| self.cache.put(replica));
        Ok(())
    }
}

/// A change may not carry a time out of range: a phone that woke up in 1970 still saves. The
/// facts keep what the clock said, where a fact may name it.
fn change_time(wall_ms: i64) -> i64 {
    wall_ms.clamp(limits::TIME_RANGE.start, limits::TIME_RANGE.end - 1)
}

fn refused(error: RecordError) -> EngineError {
    match error {
        RecordError::Denied(denied) => EngineError::Denied {
            code: denied.code.to_owned(),
            sentence: denied.sentence.to_owned(),
        },
        // The app shows the sentence beside the input, which has the name of the key.
        RecordError::Shape(it) => {
            EngineError::invalid(it.code(), it.key.known().unwrap_or_default(), it.to_string())
        }
        RecordError::Refusal(refusal) => {
            EngineError::invalid(refusal.code(), "", format!("This cannot be saved. {refusal}"))
        }
    }
}
