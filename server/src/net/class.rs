//! The classes of routes: who may take a route, and what its requests may cost. `router.rs` gives
//! each route one; the gate, the limits and the OpenAPI document all read it.

use std::time::Duration;

use axum::extract::Request;
use axum::http::Method;
use store::Reader;
use sync_core::limits;

use super::bodies::BodyPool;
use crate::auth::Role;
use crate::config::NetConfig;
use crate::http::body::JSON_BYTES;
use crate::import;

/// Largest body of a client who is not authenticated, bytes.
const PUBLIC_BYTES: usize = 16 * 1024;

/// Who may take a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without authentication.
    Public,
    /// Everybody who is authenticated: staff and phones.
    Authenticated,
    /// Staff of this role or a higher one.
    Staff(Role),
    /// Phones.
    Phone,
    /// Phones, and revoked ones too: they may still submit what they hold.
    RevokedPhone,
}

/// Which concurrency limit a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    /// None: it must be answered even when nothing else is.
    None,
    /// That of those nobody knows yet, of which each source has a share.
    Public,
    /// That of the desk, of which each person has a share.
    Desk,
    /// None of them: a stream is no request at work, and has limits of its own.
    Streams,
    /// That of phones' sync requests.
    Phones,
    /// That of whatever else phones ask for: positions, the opening of sockets.
    PhoneRequests,
}

/// What holds for every route of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Who may take it.
    pub access: Access,
    /// Which concurrency limit it counts against.
    pub pool: Pool,
    /// With whose connections its lists read.
    pub reader: Reader,
    /// Largest body, bytes.
    pub body_bytes: usize,
    /// Whether its answer is signed, so that the keys must be fresh.
    pub signs: bool,
    /// Whether an `Idempotency-Key` makes a write happen once.
    pub idempotent: bool,
}

impl Class {
    /// Health, counters and the document: no limit may keep them from being answered.
    pub const PROBE: Self = Self { pool: Pool::None, ..Self::PUBLIC };
    /// Without authentication.
    pub const PUBLIC: Self = Self {
        access: Access::Public,
        pool: Pool::Public,
        reader: Reader::Brief,
        body_bytes: PUBLIC_BYTES,
        signs: false,
        idempotent: false,
    };
    /// Without authentication, answered with something signed.
    pub const TOKEN: Self = Self { signs: true, ..Self::PUBLIC };
    /// For everybody who is authenticated.
    pub const AUTHENTICATED: Self = Self {
        access: Access::Authenticated,
        pool: Pool::Desk,
        reader: Reader::Desk,
        body_bytes: JSON_BYTES,
        idempotent: true,
        ..Self::PUBLIC
    };
    /// The same for what reads a few rows of one's own.
    pub const OWN: Self = Self { reader: Reader::Brief, ..Self::AUTHENTICATED };
    /// For dispatchers, managers and administrators.
    pub const DESK: Self = Self { access: Access::Staff(Role::Dispatcher), ..Self::AUTHENTICATED };
    /// A stream of events for the desk, open for as long as both sides like.
    pub const STREAM: Self = Self { pool: Pool::Streams, idempotent: false, ..Self::DESK };
    /// For managers and administrators.
    pub const MANAGER: Self = Self { access: Access::Staff(Role::Manager), ..Self::AUTHENTICATED };
    /// For administrators.
    pub const ADMINISTRATOR: Self =
        Self { access: Access::Staff(Role::Administrator), ..Self::AUTHENTICATED };
    /// A file that is imported. The same file twice changes nothing, so no key is needed.
    pub const IMPORT: Self = Self { body_bytes: import::BYTES, idempotent: false, ..Self::MANAGER };
    /// For phones, besides sync.
    pub const PHONE: Self = Self {
        access: Access::Phone,
        pool: Pool::PhoneRequests,
        reader: Reader::Phones,
        ..Self::AUTHENTICATED
    };
    /// A sync request of a phone: the frames repeat safely by themselves.
    pub const SYNC: Self = Self {
        access: Access::RevokedPhone,
        pool: Pool::Phones,
        reader: Reader::Phones,
        body_bytes: limits::FRAME_BYTES,
        signs: false,
        idempotent: false,
    };
    /// A WebSocket of a phone; its frames have limits of their own.
    pub const SOCKET: Self = Self { pool: Pool::PhoneRequests, ..Self::SYNC };

    /// The class of the route that a request matched.
    pub fn of(request: &Request) -> Self {
        // Every route has one; a request without it gets the strictest.
        request.extensions().get::<Self>().copied().unwrap_or(Self::ADMINISTRATOR)
    }

    /// With whose connections a request reads: a write with some that no list can take.
    pub fn reader(&self, method: &Method) -> Reader {
        match self.reader {
            Reader::Desk if !method.is_safe() => Reader::Writes,
            reader => reader,
        }
    }

    /// Whose share of the memory for bodies it takes.
    pub fn body_pool(&self) -> BodyPool {
        match self.pool {
            Pool::Phones | Pool::PhoneRequests => BodyPool::Phone,
            Pool::Public | Pool::Desk | Pool::Streams | Pool::None => BodyPool::Desk,
        }
    }

    /// Time in which the whole body must have come.
    pub fn body_timeout(&self, net: &NetConfig) -> Duration {
        match self.pool {
            // A frame of a phone may need minutes over a poor link.
            Pool::Phones | Pool::PhoneRequests => net.sync_body_timeout,
            Pool::Public | Pool::Desk | Pool::Streams | Pool::None => net.body_timeout,
        }
    }
}
