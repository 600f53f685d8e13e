//! How many connections each address holds, so that one alone cannot take all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections of every address that has any.
#[derive(Debug, Clone)]
pub(super) struct AddressLimits {
    /// Most of one address; absent for no limit.
    most: Option<usize>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection's permit, free again when it is dropped.
#[derive(Debug)]
pub struct AddressPermit {
    limits: AddressLimits,
    address: IpAddr,
}

impl AddressLimits {
    /// At most so many of one address.
    pub fn new(most: Option<usize>) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A permit for a connection of this address, unless it has as many as it may.
    pub fn take(&self, address: IpAddr) -> Option<AddressPermit> {
        let address = holder(address);
        let mut taken = self.taken();
        let held = taken.get(&address).copied().unwrap_or(0);
        if self.most.is_some_and(|most| held >= most) {
            return None;
        }
        taken.insert(address, held + 1);
        drop(taken);
        Some(AddressPermit { limits: self.clone(), address })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut taken = self.limits.taken();
        match taken.get_mut(&self.address) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(taken.remove(&self.address)),
        }
    }
}

/// Who holds an address: of IPv6 everybody has a whole network of 64 bits to choose from.
pub(super) fn holder(address: IpAddr) -> IpAddr {
    Source::of(address).address
}

/// Where someone comes from, as far as an address tells one person from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// What one customer of a network is given: an address of IPv4, 64 bits of one of IPv6.
    pub address: IpAddr,
    /// What one organisation is given: 24 bits of IPv4, 48 bits of IPv6.
    pub network: IpAddr,
}

impl Source {
    /// The source of an address. IPv4 written as IPv6 is IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                let address = IpAddr::from([a, b, c, d, 0, 0, 0, 0]);
                Self { address, network: IpAddr::from([a, b, c, 0, 0, 0, 0, 0]) }
            }
            IpAddr::V4(four) => {
                let [a, b, c, _] = four.octets();
                Self { address: IpAddr::V4(four), network: IpAddr::from([a, b, c, 0]) }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_its_share_and_others_theirs_and_what_is_given_back_is_used_again() {
        let limits = AddressLimits::new(Some(2));
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let held = [limits.take(one).unwrap(), limits.take(one).unwrap()];
        assert!(limits.take(one).is_none());
        assert!(limits.take(other).is_some());
        drop(held);
        assert!(limits.taken().is_empty(), "nothing is kept of who left");
        assert!(limits.take(one).is_some());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_without_a_limit_nobody_is_counted_out() {
        let limits = AddressLimits::new(Some(1));
        let _held = limits.take("2001:db8:1:2::1".parse().unwrap()).unwrap();
        assert!(limits.take("2001:db8:1:2:ffff::9".parse().unwrap()).is_none());
        assert!(limits.take("2001:db8:1:3::1".parse().unwrap()).is_some());
        let free = AddressLimits::new(None);
        let address = "192.0.2.1".parse().unwrap();
        assert!(
            (0..100).map(|_| free.take(address)).collect::<Vec<_>>().iter().all(Option::is_some)
        );
    }
}
