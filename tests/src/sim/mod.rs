//! A server and phones in memory and virtual time: the real rules, no sockets, no clock.
//!
//! What runs here is `sync-core` itself: the same machines, admission, policy, scope and replica
//! that the server and the device engine drive. Only storage and transport are played.

mod phone;
mod server;

pub use phone::SimPhone;
pub use server::{Backup, SimServer};

use sync_core::id::{ActorId, DeviceId, FactId, UserId, VanId};

use crate::storm::Rng;

/// Ids of a simulated world, all from one generator.
impl Rng {
    /// A person.
    pub fn user(&mut self, at: i64) -> UserId {
        UserId::new(at, self.bytes())
    }

    /// A device.
    pub fn device(&mut self, at: i64) -> DeviceId {
        DeviceId::new(at, self.bytes())
    }

    /// A writer.
    pub fn actor(&mut self, at: i64) -> ActorId {
        ActorId::new(at, self.bytes())
    }

    /// A fact.
    pub fn fact(&mut self, at: i64) -> FactId {
        FactId::new(at, self.bytes())
    }

    /// A van.
    pub fn van(&mut self, at: i64) -> VanId {
        VanId::new(at, self.bytes())
    }

    /// A number below `end`, which is above 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
