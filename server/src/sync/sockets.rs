//! The open WebSockets of this node: they end when the server does, and each looks again whether
//! its phone may still sync when someone may do less than before.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use store::StoreError;
use store::rows::devices::still_syncing;
use sync_core::id::{DeviceId, TenantId, UserId};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, Shared};

/// How often the rows of all phones with a socket are looked at: what another process did is
/// heard at once over PostgreSQL, and by this in any case.
const LOOK: Duration = Duration::from_secs(20);

/// Most sockets of one phone: it uses one, and those it lost are noticed after a minute.
pub const OF_A_PHONE: usize = 4;

/// The open WebSockets.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    pub(super) closing: CancellationToken,
    pub(super) open: TaskTracker,
    phones: Arc<Mutex<Phones>>,
}

#[derive(Debug, Default)]
struct Phones {
    next: u64,
    open: HashMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    tenant: TenantId,
    user: UserId,
    device: DeviceId,
    look: Arc<Notify>,
    /// Cancelled when a newer socket of its phone takes the place.
    displaced: CancellationToken,
}

/// One socket, known here until it is dropped.
#[derive(Debug)]
pub(super) struct Seen {
    phones: Arc<Mutex<Phones>>,
    number: u64,
    look: Arc<Notify>,
    displaced: CancellationToken,
}

impl Sockets {
    /// Tells every socket to close.
    pub fn close(&self) {
        self.closing.cancel();
        self.open.close();
    }

    /// Waits until every socket is closed.
    pub async fn closed(&self) {
        self.open.wait().await;
    }

    /// Has the sockets of a person look again whether their phones may still sync.
    pub fn look(&self, tenant: TenantId, user: UserId) {
        self.look_where(|open| open.tenant == tenant && open.user == user);
    }

    /// Takes in a socket. If its phone has as many as it may, the oldest has to go.
    pub(super) fn add(&self, tenant: TenantId, user: UserId, device: DeviceId) -> Seen {
        let mut phones = locked(&self.phones);
        let (number, look) = (phones.next, Arc::new(Notify::new()));
        phones.next += 1;
        let staying = phones.open.iter().filter(|(_, open)| {
            open.tenant == tenant && open.device == device && !open.displaced.is_cancelled()
        });
        let mut staying: Vec<_> = staying.map(|(number, open)| (*number, open)).collect();
        staying.sort_unstable_by_key(|(number, _)| *number);
        let too_many = (staying.len() + 1).saturating_sub(OF_A_PHONE);
        staying.iter().take(too_many).for_each(|(_, oldest)| oldest.displaced.cancel());
        let displaced = CancellationToken::new();
        let open =
            Open { tenant, user, device, look: Arc::clone(&look), displaced: displaced.clone() };
        phones.open.insert(number, open);
        drop(phones);
        Seen { phones: Arc::clone(&self.phones), number, look, displaced }
    }

    fn look_where(&self, which: impl Fn(&Open) -> bool) {
        let phones = locked(&self.phones);
        phones.open.values().filter(|open| which(open)).for_each(|open| open.look.notify_one());
    }

    fn devices(&self) -> BTreeMap<TenantId, Vec<DeviceId>> {
        let mut devices: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for open in locked(&self.phones).open.values() {
            devices.entry(open.tenant).or_default().push(open.device);
        }
        devices
    }
}

impl Seen {
    /// Waits until there is a reason to look again.
    pub async fn asked(&self) {
        self.look.notified().await;
    }
}

impl Seen {
    /// Cancelled when a newer socket of the phone took the place of this one.
    pub fn displaced(&self) -> &CancellationToken {
        &self.displaced
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        locked(&self.phones).open.remove(&self.number);
    }
}

/// Passes on whose rights changed, until the server is gone.
pub async fn keep_looking(shared: Weak<Shared>) {
    let Some(app) = shared.upgrade().map(App::from) else { return };
    let (sockets, streams) = (app.sockets.clone(), app.streams.clone());
    let mut changes = app.writer().access_changes();
    drop(app);
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Ok((tenant, user)) => {
                    sockets.look(tenant, user);
                    streams.look(Some((tenant, user)));
                }
                Err(RecvError::Lagged(_)) => {
                    sockets.look_where(|_| true);
                    streams.look(None);
                }
                Err(RecvError::Closed) => break,
            },
            _ = ticks.tick() => {
                let Some(app) = shared.upgrade().map(App::from) else { break };
                if let Err(error) = look_at_all(&app).await {
                    tracing::warn!(%error, "the phones with a socket were not looked at");
                }
            }
        }
    }
}

/// Looks at the rows of every phone with a socket here: those that may not sync any more are told.
///
/// # Errors
/// If the database does not answer.
pub async fn look_at_all(app: &App) -> Result<(), StoreError> {
    for (tenant, devices) in app.sockets.devices() {
        let mut connection = app.store.readers().acquire().await?;
        let backend = app.store.backend();
        let still = still_syncing(&mut connection, backend, tenant, &devices).await?;
        drop(connection);
        app.sockets.look_where(|open| open.tenant == tenant && !still.contains(&open.device));
    }
    Ok(())
}

fn locked(phones: &Mutex<Phones>) -> MutexGuard<'_, Phones> {
    phones.lock().unwrap_or_else(PoisonError::into_inner)
}
