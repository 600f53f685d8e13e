//! Watchers: told after a commit that something changed, until their handle is dropped.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sync_core::id::JobId;
use sync_core::schema::{DocId, DocKind};

use super::Engine;

/// What changed; read it again from the engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Jobs that changed, sorted.
    pub jobs: Vec<JobId>,
    /// Whether the van or its stock changed.
    pub stock: bool,
    /// Whether [`Engine::status`] may answer something else now.
    pub status: bool,
}

impl Event {
    pub(super) fn of_docs(docs: impl Iterator<Item = DocId>) -> Self {
        let mut event = Self { status: true, ..Self::default() };
        let mut jobs = BTreeSet::new();
        for doc in docs {
            jobs.extend(doc.job());
            event.stock |= doc.kind == DocKind::Van;
        }
        event.jobs = jobs.into_iter().collect();
        event
    }
}

/// Is told of changes. Called after the commit, on the thread that made it, with no lock held:
/// it may call the engine. A panic in it reaches neither the engine nor other listeners.
pub trait Listener: Send + Sync {
    /// Something changed.
    fn changed(&self, event: Event);
}

/// Keeps a listener listening; dropping it stops that.
#[must_use = "the listener hears nothing once this is dropped"]
pub struct Watch(#[expect(dead_code, reason = "held only so that it can be dropped")] Arc<Entry>);

struct Entry {
    listener: Arc<dyn Listener>,
}

/// Everybody who listens.
#[derive(Default)]
pub(super) struct Watchers(Mutex<Vec<Weak<Entry>>>);

impl Watchers {
    /// Tells everybody who still listens.
    pub fn tell(&self, event: &Event) {
        let listening: Vec<_> = {
            let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            entries.retain(|entry| entry.strong_count() > 0);
            entries.iter().filter_map(Weak::upgrade).collect()
        };
        for entry in listening {
            // What was saved is saved, whatever the app's own code does with the news.
            let told = AssertUnwindSafe(|| entry.listener.changed(event.clone()));
            let _ = std::panic::catch_unwind(told);
        }
    }
}

impl Engine {
    /// Tells `listener` of every change until the returned handle is dropped.
    pub fn watch(&self, listener: Arc<dyn Listener>) -> Watch {
        let entry = Arc::new(Entry { listener });
        let mut entries = self.0.watchers.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Arc::downgrade(&entry));
        Watch(entry)
    }
}
