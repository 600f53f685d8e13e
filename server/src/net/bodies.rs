//! How much memory the bodies of requests may take: all together, and of one address.
//!
//! Bodies come before their request takes a permit, however slow the link, so permits do not bound
//! them. A body is charged as its bytes arrive: announcing one costs the others nothing, only who
//! has sent something holds something. It is paid back when the request is answered. Messages of a
//! WebSocket are bodies too ([`super::body_budget`]).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::per_address::holder;

/// The bodies that are in memory now.
#[derive(Debug, Clone)]
pub struct Bodies {
    /// Most of all together, bytes.
    most: usize,
    held: Arc<Mutex<InUse>>,
}

#[derive(Debug, Default)]
struct InUse {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// Whose body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyPool {
    /// A phone's page; a fleet that comes back leaves the last quarter to the desk.
    Phone,
    /// Anything else.
    Desk,
}

/// What one body takes; given back when dropped.
#[derive(Debug)]
pub struct BodyReservation {
    bodies: Bodies,
    holder: IpAddr,
    body_pool: BodyPool,
    bytes: usize,
}

/// There is no room for more now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Bodies {
    /// Room for so many bytes, of which one address gets half at most.
    pub fn new(bytes: usize) -> Self {
        Self { most: bytes, held: Arc::default() }
    }

    /// Room for a body from this address, of which nothing has come yet.
    pub fn reserve(&self, address: IpAddr, body_pool: BodyPool) -> BodyReservation {
        BodyReservation { bodies: self.clone(), holder: holder(address), body_pool, bytes: 0 }
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, InUse> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodyReservation {
    /// Takes so many bytes more.
    ///
    /// # Errors
    /// [`Full`] if that is more than all, or this address, may have; then nothing is taken.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let most = self.bodies.most;
        let limit = match self.body_pool {
            BodyPool::Phone => most - most / 4,
            BodyPool::Desk => most,
        };
        let mut held = self.bodies.lock();
        let all = held.all.saturating_add(bytes);
        let own = held.by.get(&self.holder).copied().unwrap_or(0).saturating_add(bytes);
        if all > limit || own > most / 2 {
            return Err(Full);
        }
        held.all = all;
        held.by.insert(self.holder, own);
        self.bytes += bytes;
        Ok(())
    }

    /// Bytes it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives so much back.
    pub fn shrink(&mut self, bytes: usize) {
        self.give(bytes.min(self.bytes));
    }

    /// Gives everything back.
    pub fn clear(&mut self) {
        self.give(self.bytes);
    }

    fn give(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.bytes -= bytes;
        let mut held = self.bodies.lock();
        held.all = held.all.saturating_sub(bytes);
        match held.by.get_mut(&self.holder) {
            Some(own) if *own > bytes => *own -= bytes,
            _ => drop(held.by.remove(&self.holder)),
        }
    }
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn one_address_gets_half_however_many_bodies_it_sends() {
        let bodies = Bodies::new(100);
        let mut first = bodies.reserve(address(1), BodyPool::Desk);
        let mut second = bodies.reserve(address(1), BodyPool::Desk);
        first.grow(30).unwrap();
        assert_eq!(second.grow(21), Err(Full));
        second.grow(20).unwrap();
        bodies.reserve(address(2), BodyPool::Desk).grow(50).unwrap();
    }

    #[test]
    fn all_addresses_together_get_no_more_than_there_is_and_phones_leave_some_to_the_desk() {
        let bodies = Bodies::new(100);
        let mut rooms: Vec<_> =
            (0..4).map(|n| bodies.reserve(address(n), BodyPool::Phone)).collect();
        for room in &mut rooms[..3] {
            room.grow(25).unwrap();
        }
        assert_eq!(rooms[3].grow(1), Err(Full));
        let mut desk = bodies.reserve(address(9), BodyPool::Desk);
        desk.grow(25).unwrap();
        assert_eq!(desk.grow(1), Err(Full));
        assert_eq!(bodies.held(), 100);
    }

    #[test]
    fn what_is_answered_is_given_back_and_nothing_is_kept_of_who_left() {
        let bodies = Bodies::new(100);
        let mut one = bodies.reserve(address(1), BodyPool::Phone);
        let mut other = bodies.reserve(address(1), BodyPool::Phone);
        one.grow(20).unwrap();
        other.grow(20).unwrap();
        assert_eq!(other.grow(20), Err(Full), "a refusal takes nothing");
        drop(one);
        assert_eq!(bodies.held(), 20);
        other.grow(30).unwrap();
        drop(other);
        assert_eq!(bodies.held(), 0);
        assert!(bodies.lock().by.is_empty());
    }
}
