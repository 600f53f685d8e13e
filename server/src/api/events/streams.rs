//! The open streams of this node: how many there may be, and who of them has to look at its session again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::gauge::Gauge;
use sync_core::id::{TenantId, UserId};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::app::Shared;
use crate::http::{Code, Problem};
use crate::net::shed;
use crate::telemetry::metrics::Case;

/// Most streams of one person: a browser needs one, however many windows it has.
pub const OF_A_PERSON: usize = 8;
/// Most streams of one tenant.
pub const OF_A_TENANT: usize = 256;
/// Streams that read at a time; the others wait, so that lists find a connection.
const READS: usize = 2;

/// The open streams.
#[derive(Clone, Debug)]
pub struct Streams {
    closing: CancellationToken,
    reads: Arc<Semaphore>,
    all: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    streams: HashMap<u64, (TenantId, UserId, Arc<Notify>)>,
}

/// The permit of one stream, free again when it is dropped.
#[derive(Debug)]
pub struct StreamPermit {
    all: Arc<Mutex<Open>>,
    number: u64,
    look: Arc<Notify>,
    open: Gauge,
}

impl Default for Streams {
    fn default() -> Self {
        let reads = Arc::new(Semaphore::new(READS));
        Self { closing: CancellationToken::new(), reads, all: Arc::default() }
    }
}

impl Streams {
    /// Takes in a stream.
    ///
    /// # Errors
    /// `too_many_at_once` if the person has as many as they may, `overloaded` if the tenant or the server has.
    pub fn enter(
        &self,
        app: &Shared,
        tenant: TenantId,
        user: UserId,
    ) -> Result<StreamPermit, Problem> {
        let mut all = locked(&self.all);
        let of_tenant = all.streams.values().filter(|(of, _, _)| *of == tenant);
        let (mut tenants, mut persons) = (0, 0);
        for (_, whose, _) in of_tenant {
            tenants += 1;
            persons += usize::from(*whose == user);
        }
        if persons >= OF_A_PERSON {
            app.metrics.shed.get_or_create(&Case::of("person")).inc();
            let detail = format!("You have {OF_A_PERSON} streams open. Close one of them.");
            return Err(Problem::new(Code::Crowded).detail(detail).retry_after(30));
        }
        // Half of the connections are for everything else.
        let most = app.config.net.max_connections / 2;
        if tenants >= OF_A_TENANT || all.streams.len() >= most {
            return Err(shed::turned_away(app, "streams", 30));
        }
        let (number, look) = (all.next, Arc::new(Notify::new()));
        all.next += 1;
        all.streams.insert(number, (tenant, user, Arc::clone(&look)));
        drop(all);
        let open = app.metrics.streams.clone();
        open.inc();
        Ok(StreamPermit { all: Arc::clone(&self.all), number, look, open })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        locked(&self.all).streams.len()
    }

    /// Has the streams of a person look again whether their session is open; of everybody without one.
    pub fn look(&self, whose: Option<(TenantId, UserId)>) {
        for (tenant, user, look) in locked(&self.all).streams.values() {
            if whose.is_none_or(|whose| whose == (*tenant, *user)) {
                look.notify_one();
            }
        }
    }

    /// Tells every stream to end.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Cancelled when the server stops.
    pub(super) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// By whose permits streams read.
    pub(super) fn reads(&self) -> Arc<Semaphore> {
        Arc::clone(&self.reads)
    }
}

impl StreamPermit {
    /// Waits until there is a reason to look at the session again.
    pub(super) async fn asked(&self) {
        self.look.notified().await;
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        locked(&self.all).streams.remove(&self.number);
        self.open.dec();
    }
}

fn locked(all: &Mutex<Open>) -> MutexGuard<'_, Open> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}
