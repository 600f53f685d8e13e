//! Why a server closes a WebSocket, where it matters to the phone: codes of RFC 6455, 7.4.

/// The access token has ended: log in and connect again.
pub const LOG_IN_AGAIN: u16 = 4401;
/// The phone may not sync any more: send what it has once over HTTP, for the office to look at.
pub const REVOKED: u16 = 4403;
/// The server stops: connect again, to another node perhaps.
pub const GOING_AWAY: u16 = 1001;
/// What the phone sent cannot be taken.
pub const POLICY: u16 = 1008;
/// Too much is going on: connect again after a while.
pub const TRY_LATER: u16 = 1013;
