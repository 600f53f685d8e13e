//! Who made a change, as the server attests it beside the change and outside its hash.

use crate::id::{DeviceId, UserId};

/// The person, and the phone if there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Author {
    /// The person; absent for genesis and for work nobody has attested yet.
    pub user: Option<UserId>,
    /// The enrolled phone; absent for work of the office.
    pub device: Option<DeviceId>,
}

impl Author {
    /// A person at a desk.
    pub fn desk(user: UserId) -> Self {
        Self { user: Some(user), device: None }
    }

    /// A technician on an enrolled phone.
    pub fn phone(user: UserId, device: DeviceId) -> Self {
        Self { user: Some(user), device: Some(device) }
    }
}
