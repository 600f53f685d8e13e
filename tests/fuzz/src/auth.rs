//! The server's one `verify` of tokens, and the cryptography under it, as they are shipped.

#[path = "../../../server/src/auth/provider.rs"]
mod provider;
#[path = "../../../server/src/auth/token.rs"]
pub mod token;
