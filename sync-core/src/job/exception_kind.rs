//! The kinds of exceptions: what each is about and which choices a person has.

use serde::{Deserialize, Serialize};

/// What an exception is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExceptionKind {
    /// The office cancelled while someone worked without coverage.
    CancelledWithFieldWork,
    /// Someone the job had been taken from completed it, and the next one had set off, or they knew
    /// that it was no longer theirs.
    SupersededCompleted,
    /// The technician found nobody.
    GoaClaimed,
    /// The technician could not help.
    UnsuccessfulClaimed,
    /// Two desks gave the job to different hands without seeing each other.
    ConcurrentAssignment,
    /// Two people set one field without seeing each other.
    FieldConflict,
    /// A phone's clock was more than five minutes off, or a time it claims cannot be.
    ClockSkew,
    /// Completed without something the checklist asks for.
    ChecklistIncomplete,
    /// Completed without a signature or a reason why there is none, or nobody signed and what is to be
    /// paid was changed afterwards.
    SignatureMissing,
    /// What the customer signed was changed afterwards.
    ChangedSinceSigned,
    /// A part or charge is in another currency than the job, and is not billed until a person allows it.
    OtherCurrency,
    /// Another job may be the same rescue, and both would be billed and paid.
    PossibleDuplicate,
}

impl ExceptionKind {
    /// The word in the API and in decision facts.
    pub fn as_str(self) -> &'static str {
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
            Self::OtherCurrency => "other_currency",
            Self::PossibleDuplicate => "possible_duplicate",
        }
    }

    /// The exception of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|about| about.as_str() == word)
    }

    /// Every kind of exception.
    pub const ALL: [Self; 12] = [
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
        Self::OtherCurrency,
        Self::PossibleDuplicate,
    ];

    /// The choices a person has, by their words. A field conflict is decided by setting the field.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Self::CancelledWithFieldWork => &["accept_completed", "pay_fee", "void"],
            Self::SupersededCompleted => &["bill_this", "bill_other"],
            Self::GoaClaimed | Self::UnsuccessfulClaimed => &["confirm", "reject"],
            Self::PossibleDuplicate => &["same_rescue", "different"],
            Self::FieldConflict => &[],
            Self::OtherCurrency => &["allow", "leave_out"],
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
            Self::ChecklistIncomplete
            | Self::SignatureMissing
            | Self::ChangedSinceSigned
            | Self::OtherCurrency => true,
            Self::CancelledWithFieldWork
            | Self::SupersededCompleted
            | Self::GoaClaimed
            | Self::UnsuccessfulClaimed
            | Self::ConcurrentAssignment
            | Self::FieldConflict
            | Self::ClockSkew
            | Self::PossibleDuplicate => false,
        }
    }
}
