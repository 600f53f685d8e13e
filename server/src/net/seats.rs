//! How many connections each address holds, so that one alone cannot take every place.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections of every address that has any.
#[derive(Debug, Clone)]
pub(super) struct Seats {
    /// Most of one address; absent for no limit.
    most: Option<usize>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    address: IpAddr,
}

impl Seats {
    /// At most so many of one address.
    pub fn new(most: Option<usize>) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A place for a connection of this address, unless it has as many as it may.
    pub fn take(&self, address: IpAddr) -> Option<Seat> {
        let address = holder(address);
        let mut taken = self.taken();
        let held = taken.get(&address).copied().unwrap_or(0);
        if self.most.is_some_and(|most| held >= most) {
            return None;
        }
        taken.insert(address, held + 1);
        drop(taken);
        Some(Seat { seats: self.clone(), address })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        match taken.get_mut(&self.address) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(taken.remove(&self.address)),
        }
    }
}

/// Who holds an address: of IPv6 everybody has a whole network of 64 bits to choose from.
pub(super) fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_its_share_and_others_theirs_and_what_is_given_back_is_used_again() {
        let seats = Seats::new(Some(2));
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let held = [seats.take(one).unwrap(), seats.take(one).unwrap()];
        assert!(seats.take(one).is_none());
        assert!(seats.take(other).is_some());
        drop(held);
        assert!(seats.taken().is_empty(), "nothing is kept of who left");
        assert!(seats.take(one).is_some());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_without_a_limit_nobody_is_counted_out() {
        let seats = Seats::new(Some(1));
        let _held = seats.take("2001:db8:1:2::1".parse().unwrap()).unwrap();
        assert!(seats.take("2001:db8:1:2:ffff::9".parse().unwrap()).is_none());
        assert!(seats.take("2001:db8:1:3::1".parse().unwrap()).is_some());
        let free = Seats::new(None);
        let address = "192.0.2.1".parse().unwrap();
        assert!(
            (0..100).map(|_| free.take(address)).collect::<Vec<_>>().iter().all(Option::is_some)
        );
    }
}
