//! What can go wrong in the engine, with a stable code and a sentence for each.

use crate::net::NetError;

/// Why a verb of the engine did not do what it was asked. Nothing that was saved is ever lost by
/// one of these; [`EngineError::code`] is stable across versions and languages.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another engine, in this process or another, has the same file open.
    #[error("this store is already open in another engine; close that one first")]
    StoreInUse,
    /// A newer version of the app wrote the file.
    #[error(
        "this store was written by a newer app (schema {found}, known here up to {known}); update the app"
    )]
    StoreNewer {
        /// Schema version of the file.
        found: i64,
        /// Greatest schema version this build knows.
        known: i64,
    },
    /// The file is not what was written to it.
    #[error("this store is damaged: {0}")]
    StoreDamaged(String),
    /// There is no room to save.
    #[error("the phone's storage is full; nothing was saved, free some space and save again")]
    DiskFull,
    /// The file could not be read or written for another reason.
    #[error("the store could not be read or written: {0}")]
    Store(String),
    /// This phone was not enrolled yet, or its key did not come along with a restored copy.
    #[error("this phone is not enrolled; enter a code from the office")]
    NotEnrolled,
    /// The store was restored without the key of its enrolment.
    #[error(
        "this phone was restored from a copy without its key; enrol the same technician again, or export \
         the work on it. What is recorded now stays on this phone"
    )]
    KeyMissing,
    /// The store holds another person's work that has not reached the office.
    #[error(
        "this phone still holds unsent work of another technician; enrol that technician again to send it"
    )]
    OtherUser,
    /// No such thing on this phone.
    #[error("{0} is not on this phone")]
    NotFound(&'static str),
    /// The input is not acceptable; the app shows the sentence beside the field.
    #[error("{sentence}")]
    Invalid {
        /// Stable code.
        code: String,
        /// Plain sentence.
        sentence: String,
        /// The input concerned; empty if it is the whole.
        field: &'static str,
    },
    /// This person may not do this here.
    #[error("{sentence}")]
    Denied {
        /// Stable code.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
    /// The server was not reached, or did not answer as a Towline server does.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The platform gave no randomness, or a lock was left by a panic.
    #[error("the engine cannot go on: {0}")]
    Internal(String),
}

impl EngineError {
    /// The stable code, snake case.
    pub fn code(&self) -> &str {
        match self {
            Self::StoreInUse => "store_in_use",
            Self::StoreNewer { .. } => "store_newer",
            Self::StoreDamaged(_) => "store_damaged",
            Self::DiskFull => "disk_full",
            Self::Store(_) => "store_failed",
            Self::NotEnrolled => "not_enrolled",
            Self::KeyMissing => "key_missing",
            Self::OtherUser => "other_user",
            Self::NotFound(_) => "not_found",
            Self::Invalid { code, .. } | Self::Denied { code, .. } => code,
            Self::Net(net) => net.code(),
            Self::Internal(_) => "internal",
        }
    }

    pub(crate) fn invalid(
        code: impl Into<String>,
        field: &'static str,
        sentence: impl Into<String>,
    ) -> Self {
        Self::Invalid { code: code.into(), sentence: sentence.into(), field }
    }
}

impl From<rusqlite::Error> for EngineError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::StoreDamaged(error.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::StoreInUse,
            _ => Self::Store(error.to_string()),
        }
    }
}

impl From<std::io::Error> for EngineError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::DiskFull
            }
            _ => Self::Store(error.to_string()),
        }
    }
}
