//! What an entry touches: a section of a kind of document, and what is done to it.

use crate::change::Entry;
use crate::schema::DocKind;

/// A section of a kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    JobIntake,
    JobPromise,
    JobAssignment,
    JobStatus,
    JobWork,
    JobParts,
    JobCharges,
    JobChecklist,
    JobAttachments,
    JobNotes,
    JobSignatures,
    JobDecisions,
    JobSettlement,
    JobFeedback,
    VanDetails,
    VanMovements,
    VanCounts,
    VanNotes,
    TechnicianDetails,
    TechnicianCertificates,
    TechnicianShifts,
    TechnicianNotes,
    Unknown,
}

impl Room {
    pub fn of(kind: DocKind, entry: &Entry) -> Self {
        let name = match entry {
            Entry::Fact { section, .. } | Entry::Field { section, .. } => section,
            Entry::Section { name } => name,
        };
        match (kind, name.as_str()) {
            (DocKind::Job, "intake") => Self::JobIntake,
            (DocKind::Job, "promise") => Self::JobPromise,
            (DocKind::Job, "assignment") => Self::JobAssignment,
            (DocKind::Job, "status") => Self::JobStatus,
            (DocKind::Job, "work") => Self::JobWork,
            (DocKind::Job, "parts") => Self::JobParts,
            (DocKind::Job, "charges") => Self::JobCharges,
            (DocKind::Job, "checklist") => Self::JobChecklist,
            (DocKind::Job, "attachments") => Self::JobAttachments,
            (DocKind::Job, "notes") => Self::JobNotes,
            (DocKind::Job, "signatures") => Self::JobSignatures,
            (DocKind::Job, "decisions") => Self::JobDecisions,
            (DocKind::Job, "settlement") => Self::JobSettlement,
            (DocKind::Job, "feedback") => Self::JobFeedback,
            (DocKind::Van, "details") => Self::VanDetails,
            (DocKind::Van, "movements") => Self::VanMovements,
            (DocKind::Van, "counts") => Self::VanCounts,
            (DocKind::Van, "notes") => Self::VanNotes,
            (DocKind::Technician, "details") => Self::TechnicianDetails,
            (DocKind::Technician, "certificates") => Self::TechnicianCertificates,
            (DocKind::Technician, "shifts") => Self::TechnicianShifts,
            (DocKind::Technician, "notes") => Self::TechnicianNotes,
            _ => Self::Unknown,
        }
    }

    pub fn holds_fields(self) -> bool {
        matches!(
            self,
            Self::JobIntake | Self::JobPromise | Self::VanDetails | Self::TechnicianDetails
        )
    }
}

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    AddFact,
    SetField,
    AddSection,
}

impl Act {
    pub fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Fact { .. } => Self::AddFact,
            Entry::Field { .. } => Self::SetField,
            Entry::Section { .. } => Self::AddSection,
        }
    }
}
