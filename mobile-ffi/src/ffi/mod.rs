//! The face for Kotlin, Swift and Python: records and enums in and out, few verbs, errors an app can
//! act on. It translates and decides nothing.
//!
//! A word of a closed list is a plain enum. A word of a list that may grow is an enum with `Other`,
//! which keeps a word that this version does not know. Money is an amount with its currency. What may
//! be left out has a default, so that no caller passes nulls.
//!
//! Every verb blocks and belongs on a background thread. Every verb can fail.

mod codes;
mod error;
mod inputs;
mod money;
mod phone;
mod records;
mod seal;
mod status;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

pub use codes::ServerCode;
pub use error::PhoneError;
pub use inputs::{
    Attached, CustomerSeen, Part, RefusedPoint, Spot, StepNote, TrackAdded, TrackPoint,
};
pub use money::{Money, minor_units};
pub use phone::RescuePhone;
pub use records::{
    CheckedStep, DoubtfulValue, EnrolledPhone, MissingEvidence, RefusedWork, RescueJob,
    RescueJobDetail, StockItem,
};
pub use seal::{CustomerSigner, PenPoint, PenStroke, SealSheet, SealedBy};
pub use status::{PhoneStatus, SyncOutcome, SyncResult, WaitingReason};
pub use words::{
    CheckResult, ChecklistStep, FindingKind, JobSection, PhotoStage, Priority, Problem,
    QuantityUnit, RescueState, RescueStep, SignerRole, StepReason, WordList, word_lists,
};

use crate::Event;

/// What changed; read it again from the phone.
#[derive(Debug, Clone, uniffi::Record)]
pub struct PhoneEvent {
    /// Ids of jobs that changed.
    pub jobs: Vec<String>,
    /// Whether the van or its stock changed.
    pub stock: bool,
    /// Whether the status may be another.
    pub status: bool,
}

/// Is told of changes, on whatever thread made them; should return soon.
#[uniffi::export(foreign)]
pub trait PhoneListener: Send + Sync {
    /// Something changed.
    fn changed(&self, event: PhoneEvent);
}

/// Keeps the phone's secret out of backups: Keychain, Keystore.
#[uniffi::export(foreign)]
pub trait SecretVault: Send + Sync {
    /// The secret, if there is one.
    fn load(&self) -> Result<Option<Vec<u8>>, PhoneError>;
    /// Keeps the secret in place of the last one.
    fn keep(&self, secret: Vec<u8>) -> Result<(), PhoneError>;
}

/// Keeps a listener listening until it is stopped or dropped.
#[derive(uniffi::Object)]
pub struct PhoneWatch(Mutex<Option<crate::Watch>>);

#[uniffi::export]
impl PhoneWatch {
    /// The listener hears nothing any more.
    pub fn stop(&self) -> Result<(), PhoneError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }
}

struct Foreign(Arc<dyn PhoneListener>);

impl crate::Listener for Foreign {
    fn changed(&self, event: Event) {
        let jobs = event.jobs.iter().map(ToString::to_string).collect();
        self.0.changed(PhoneEvent { jobs, stock: event.stock, status: event.status });
    }
}

struct ForeignVault(Arc<dyn SecretVault>);

impl crate::Vault for ForeignVault {
    fn load(&self) -> std::io::Result<Option<Vec<u8>>> {
        self.0.load().map_err(std::io::Error::other)
    }

    fn keep(&self, secret: &[u8]) -> std::io::Result<()> {
        self.0.keep(secret.to_vec()).map_err(std::io::Error::other)
    }
}
