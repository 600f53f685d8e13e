//! Checked identifiers: each kind of id is its own type, and each is a UUIDv7 (RFC 9562).
//!
//! Ids are made from a time and randomness that the caller passes in; nothing here draws either.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why bytes or text are not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: expected a version 7 UUID such as 0190b1c0-0000-7000-8000-000000000001")]
pub struct BadId;

/// Builds a UUIDv7 from Unix milliseconds and ten random bytes.
pub fn uuid_v7(unix_ms: i64, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(unix_ms).unwrap_or(0), &random)
        .into_uuid()
}

/// Unix milliseconds held in a UUIDv7.
pub fn uuid_ms(bytes: &[u8; 16]) -> i64 {
    bytes[..6].iter().fold(0i64, |ms, b| (ms << 8) | i64::from(*b))
}

/// How ids are described to clients.
#[cfg(feature = "schema")]
mod schema {
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

    /// UUID version 7, in the form in which the server writes it.
    const PATTERN: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";
    const EXAMPLE: &str = "0190b1c0-0000-7000-8000-000000000001";

    pub fn id(description: &str) -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::String).pattern(Some(PATTERN));
        id.description(Some(description)).examples([EXAMPLE]).into()
    }
}

macro_rules! id {
    ($(#[doc = $doc_text:literal])* $name:ident) => {
        $(#[doc = $doc_text])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A new id from Unix milliseconds and ten random bytes.
            pub fn new(unix_ms: i64, random: [u8; 10]) -> Self {
                Self(*uuid_v7(unix_ms, random).as_bytes())
            }

            /// Checks that the bytes are a version 7 UUID.
            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, BadId> {
                let is_v7 = bytes[6] >> 4 == 7 && bytes[8] >> 6 == 0b10;
                if is_v7 { Ok(Self(bytes)) } else { Err(BadId) }
            }

            /// Checks a slice: sixteen bytes that are a version 7 UUID.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, BadId> {
                Self::from_bytes(bytes.try_into().map_err(|_| BadId)?)
            }

            /// The sixteen bytes in network order.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Unix milliseconds at which the id was made, as its maker's clock had it.
            pub fn unix_ms(&self) -> i64 {
                uuid_ms(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Uuid::from_bytes(self.0).hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                let uuid = Uuid::try_parse(text).map_err(|_| BadId)?;
                Self::from_bytes(*uuid.as_bytes())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                schema::id(concat!($($doc_text),*).trim())
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $name {}
    };
}

id!(
    /// A dealership group; nothing is shared between two of them.
    TenantId
);
id!(
    /// One store of a tenant.
    BranchId
);
id!(
    /// One rescue; also the id of its document.
    JobId
);
id!(
    /// A vehicle with stock; also the id of its document.
    VanId
);
id!(
    /// A person with an account: staff or technician. A technician's document has the same id.
    UserId
);
id!(
    /// One enrolled phone installation.
    DeviceId
);
id!(
    /// One immutable record inside a document.
    FactId
);
id!(
    /// One uninterrupted writer of changes: an installation of a device, or a run of the server.
    ActorId
);

impl ActorId {
    /// The fixed actor of genesis and schema changes; no device may use it.
    pub const GENESIS: Self = Self([0; 16]);

    /// The actor of a change as frames and logs have it: a writer's id, or the fixed one.
    ///
    /// # Errors
    /// The bytes are neither.
    pub fn of_change(bytes: &[u8]) -> Result<Self, BadId> {
        if bytes == Self::GENESIS.as_bytes() { Ok(Self::GENESIS) } else { Self::from_slice(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_and_bytes_and_keeps_its_time() {
        let id = FactId::new(1_700_000_000_123, [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(FactId::from_slice(id.as_bytes()), Ok(id));
        assert_eq!(id.unix_ms(), 1_700_000_000_123);
    }

    #[test]
    fn other_uuid_versions_are_not_ids() {
        assert_eq!("6b1f2a3c-0000-4000-8000-000000000000".parse::<JobId>(), Err(BadId));
        assert_eq!(JobId::from_bytes([0; 16]), Err(BadId));
        assert_eq!(JobId::from_slice(&[1, 2, 3]), Err(BadId));
        assert_eq!(ActorId::from_bytes([0; 16]), Err(BadId), "nobody writes as the genesis");
        assert_eq!(ActorId::of_change(&[0; 16]), Ok(ActorId::GENESIS));
        assert_eq!(ActorId::of_change(&[0; 15]), Err(BadId));
    }
}
