//! Who may do what: one answer for phone and server.

use crate::change::Entry;
use crate::document::Document;
use crate::id::UserId;

/// What a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Works on the road; only adds facts.
    Technician,
    /// Takes calls and assigns.
    Dispatcher,
    /// Service manager.
    Manager,
    /// Runs the installation.
    Administrator,
    /// The server's own follow-ups.
    System,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The person.
    pub user: UserId,
    /// In which role.
    pub role: Role,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Stable code.
    pub code: &'static str,
    /// One plain sentence.
    pub sentence: String,
}

/// Code of a refusal that only means this version is older than the sender.
pub const SECTION_UNKNOWN: &str = "section_unknown";

/// Whether the caller may make this entry in this document.
pub fn decide(_caller: &Caller, _document: &Document, _entry: &Entry) -> Result<(), Denied> {
    Ok(())
}
