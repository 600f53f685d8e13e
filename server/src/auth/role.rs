//! What a person is in their tenant, as it stands in the table of users.

use serde::{Deserialize, Serialize};
use sync_core::policy;
use utoipa::ToSchema;

/// What a person is in their tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works on rescues, with a phone.
    Technician,
    /// Takes calls, assigns, decides exceptions.
    Dispatcher,
    /// Leads the service: all a dispatcher may, and stock and prices.
    Manager,
    /// Runs the tenant: all a manager may, and branches, users and devices.
    Administrator,
}

impl Role {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Technician => "technician",
            Self::Dispatcher => "dispatcher",
            Self::Manager => "manager",
            Self::Administrator => "administrator",
        }
    }

    /// The role with this word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "technician" => Some(Self::Technician),
            "dispatcher" => Some(Self::Dispatcher),
            "manager" => Some(Self::Manager),
            "administrator" => Some(Self::Administrator),
            _ => None,
        }
    }

    /// Whether this role includes what `other` may do at a desk.
    pub fn at_least(self, other: Self) -> bool {
        self.rank() >= other.rank()
    }

    /// The role as the policy of documents has it.
    pub fn policy(self) -> policy::Role {
        match self {
            Self::Technician => policy::Role::Technician,
            Self::Dispatcher => policy::Role::Dispatcher,
            Self::Manager => policy::Role::Manager,
            Self::Administrator => policy::Role::Administrator,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Technician => 0,
            Self::Dispatcher => 1,
            Self::Manager => 2,
            Self::Administrator => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_read_back_from_its_word() {
        for role in [Role::Technician, Role::Dispatcher, Role::Manager, Role::Administrator] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("system"), None);
        assert!(Role::Manager.at_least(Role::Dispatcher));
        assert!(!Role::Technician.at_least(Role::Dispatcher));
    }
}
