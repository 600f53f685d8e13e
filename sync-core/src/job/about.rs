//! The kinds of exceptions: what each is about and which choices a person has.

use serde::{Deserialize, Serialize};

/// What an exception is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The office cancelled while somebody worked without coverage.
    CancelledWithFieldWork,
    /// Somebody the job had been taken from completed it, and the next one had set off.
    SupersededCompleted,
    /// The technician found nobody.
    GoaClaimed,
    /// The technician could not help.
    UnsuccessfulClaimed,
    /// Two desks gave the job to different hands without seeing each other.
    ConcurrentAssignment,
    /// Two people set one field without seeing each other.
    FieldConflict,
    /// A phone's clock was more than five minutes off.
    ClockSkew,
    /// Completed without something the checklist asks for.
    ChecklistIncomplete,
    /// Completed without a signature or a reason why there is none.
    SignatureMissing,
    /// What the customer signed was changed afterwards.
    ChangedSinceSigned,
}

impl About {
    /// The word in the API and in decision facts.
    pub fn word(self) -> &'static str {
        match self {
            Self::CancelledWithFieldWork => "cancelled_with_field_work",
            Self::SupersededCompleted => "superseded_completed",
            Self::GoaClaimed => "goa_claimed",
            Self::UnsuccessfulClaimed => "unsuccessful_claimed",
            Self::ConcurrentAssignment => "concurrent_assignment",
            Self::FieldConflict => "field_conflict",
            Self::ClockSkew => "clock_skew",
            Self::ChecklistIncomplete => "checklist_incomplete",
            Self::SignatureMissing => "signature_missing",
            Self::ChangedSinceSigned => "changed_since_signed",
        }
    }

    /// The exception of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|about| about.word() == word)
    }

    /// Every kind of exception.
    pub const ALL: [Self; 10] = [
        Self::CancelledWithFieldWork,
        Self::SupersededCompleted,
        Self::GoaClaimed,
        Self::UnsuccessfulClaimed,
        Self::ConcurrentAssignment,
        Self::FieldConflict,
        Self::ClockSkew,
        Self::ChecklistIncomplete,
        Self::SignatureMissing,
        Self::ChangedSinceSigned,
    ];

    /// The choices a person has, by their words. A field conflict is decided by setting the field.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Self::CancelledWithFieldWork => &["accept_completed", "pay_fee", "void"],
            Self::SupersededCompleted => &["bill_this", "bill_other"],
            Self::GoaClaimed | Self::UnsuccessfulClaimed => &["confirm", "reject"],
            Self::FieldConflict => &[],
            Self::ConcurrentAssignment
            | Self::ClockSkew
            | Self::ChecklistIncomplete
            | Self::SignatureMissing
            | Self::ChangedSinceSigned => &["confirm"],
        }
    }

    /// Whether it also goes away by itself, once what is missing arrives.
    pub fn is_correction_task(self) -> bool {
        match self {
            Self::ChecklistIncomplete | Self::SignatureMissing | Self::ChangedSinceSigned => true,
            Self::CancelledWithFieldWork
            | Self::SupersededCompleted
            | Self::GoaClaimed
            | Self::UnsuccessfulClaimed
            | Self::ConcurrentAssignment
            | Self::FieldConflict
            | Self::ClockSkew => false,
        }
    }
}
