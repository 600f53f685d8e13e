//! Who waits for news of which tenant, in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sync_core::id::TenantId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Tells those who watch a tenant that its log has grown.
#[derive(Clone, Default)]
pub struct Hub {
    tenants: Arc<Mutex<HashMap<TenantId, watch::Sender<u64>>>>,
    closing: CancellationToken,
}

impl Hub {
    /// Something new was committed for a tenant. Many calls before a look are one piece of news.
    pub fn poke(&self, tenant: TenantId) {
        let mut tenants = self.tenants.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(sender) = tenants.get(&tenant) {
            if sender.is_closed() {
                tenants.remove(&tenant);
            } else {
                sender.send_modify(|count| *count += 1);
            }
        }
    }

    /// Watches a tenant.
    pub fn watch(&self, tenant: TenantId) -> watch::Receiver<u64> {
        let mut tenants = self.tenants.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        tenants.entry(tenant).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// Lets everybody who watches go, because the server stops.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Ends when the server stops.
    pub async fn closed(&self) {
        self.closing.cancelled().await;
    }
}
