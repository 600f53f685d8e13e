//! The errors of the face: one variant for each thing the app would do differently.

use sync_core::check::CheckError;

use crate::{EngineError, NetError};

/// Why a verb did not do what it was asked. Nothing that was saved is lost by any of them.
///
/// `code` is stable; `sentence` is plain English to be shown where there is no translation.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum PhoneError {
    /// Show the sentence beside the input named by `field`.
    #[error("{sentence}")]
    Invalid {
        /// Stable code.
        code: String,
        /// The input concerned; empty for the whole.
        field: String,
        /// Plain sentence.
        sentence: String,
    },
    /// Show the sentence; this person may not do this here.
    #[error("{sentence}")]
    Denied {
        /// Stable code.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
    /// It is not on this phone (any more): go back to the list.
    #[error("{sentence}")]
    NotFound {
        /// Plain sentence.
        sentence: String,
    },
    /// Show the enrolment screen.
    #[error("{sentence}")]
    NotEnrolled {
        /// Stable code.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
    /// Try again when there is coverage; for a sign-in page (`captive_portal`) open a browser.
    #[error("{sentence}")]
    Offline {
        /// Stable code.
        code: String,
        /// Plain sentence.
        sentence: String,
        /// Seconds the server asked to wait, if it did.
        retry_after_s: Option<u64>,
    },
    /// The server said no: show the sentence.
    #[error("{sentence}")]
    ServerRefused {
        /// Stable code.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
    /// Ask to free space; nothing was saved.
    #[error("{sentence}")]
    DiskFull {
        /// Plain sentence.
        sentence: String,
    },
    /// Close the other engine first.
    #[error("{sentence}")]
    StoreInUse {
        /// Plain sentence.
        sentence: String,
    },
    /// Ask to update the app.
    #[error("{sentence}")]
    StoreNewer {
        /// Plain sentence.
        sentence: String,
    },
    /// Ask for help: the file is damaged or cannot be read.
    #[error("{sentence}")]
    Broken {
        /// Stable code.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
}

impl From<EngineError> for PhoneError {
    fn from(error: EngineError) -> Self {
        let code = error.code().to_owned();
        let sentence = error.to_string();
        match error {
            EngineError::Invalid { field, .. } => {
                Self::Invalid { code, field: field.to_owned(), sentence }
            }
            EngineError::Denied { .. } => Self::Denied { code, sentence },
            EngineError::NotFound(_) => Self::NotFound { sentence },
            EngineError::NotEnrolled | EngineError::KeyMissing | EngineError::OtherUser => {
                Self::NotEnrolled { code, sentence }
            }
            EngineError::Net(net) => match net {
                NetError::Busy { retry_after_s } | NetError::Gateway { retry_after_s, .. } => {
                    Self::Offline { code, sentence, retry_after_s }
                }
                NetError::Unreachable(_)
                | NetError::Cut(_)
                | NetError::Portal
                | NetError::Redirected { .. }
                | NetError::NotPassedOn { .. }
                | NetError::TooLarge { .. }
                | NetError::Stopped
                | NetError::Certificate(_)
                | NetError::CertificateTime(_)
                | NetError::Garbled(_) => Self::Offline { code, sentence, retry_after_s: None },
                NetError::Login { .. } | NetError::Refused { .. } => {
                    Self::ServerRefused { code, sentence }
                }
                NetError::BadAddress(_) | NetError::Cleartext(_) => {
                    Self::Invalid { code, field: "server_url".to_owned(), sentence }
                }
            },
            EngineError::DiskFull => Self::DiskFull { sentence },
            EngineError::StoreInUse => Self::StoreInUse { sentence },
            EngineError::StoreNewer { .. } => Self::StoreNewer { sentence },
            EngineError::StoreDamaged(_) | EngineError::Store(_) | EngineError::Internal(_) => {
                Self::Broken { code, sentence }
            }
        }
    }
}

impl From<CheckError> for PhoneError {
    fn from(error: CheckError) -> Self {
        let CheckError { code, sentence, field } = error;
        Self::Invalid { code: code.to_owned(), field, sentence }
    }
}

/// A failure inside a foreign implementation.
impl From<uniffi::UnexpectedUniFFICallbackError> for PhoneError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Broken { code: "callback_failed".to_owned(), sentence: error.reason }
    }
}
