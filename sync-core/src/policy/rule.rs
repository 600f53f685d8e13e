//! The match over role, section and entry: which rule an entry falls under.

use super::room::{Act, Room};
use super::{Role, SECTION_UNKNOWN};

/// What must hold for an entry to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing more.
    Allowed,
    /// The job is or was the technician's.
    OnTheirJob,
    /// As `OnTheirJob`; a known step of a technician under an epoch of theirs.
    TheirStep,
    /// A known step other than a walk-up.
    OfficeStep,
    /// As `OnTheirJob`, and not the server's word for a seal.
    TheirSeal,
    /// The van is or was the technician's.
    OnTheirVan,
    /// As `OnTheirVan`, or a part used for a job.
    TheirMovement,
    /// The document is about the technician.
    AboutThemself,
    /// Only who drives the van and whether it is in use.
    WhoDrives,
    /// Not in this role.
    Never(&'static str, &'static str),
}

const OFFICE_ONLY: Rule =
    Rule::Never("office_only", "Only the office writes here; add a note for the office instead.");
const MANAGER_ONLY: Rule =
    Rule::Never("manager_only", "Only a service manager or an administrator writes here.");
const SERVER_ONLY: Rule =
    Rule::Never("server_only", "Only the server writes here, with what it is told by others.");
const SEEN_ON_SITE: Rule =
    Rule::Never("on_site_only", "Only somebody who was on site records this, on their phone.");

/// The whole policy. Which rule applies depends on nothing but these three.
pub(super) fn rule(role: Role, room: Room, act: Act) -> Rule {
    use Role::{Administrator, Dispatcher, Manager, System, Technician};
    match (act, room.holds_fields(), room) {
        (Act::AddSection, _, _) => {
            return Rule::Never("reserved", "Only the fixed schema changes add sections.");
        }
        (_, _, Room::Unknown) => {
            return Rule::Never(
                SECTION_UNKNOWN,
                "This version does not know this section; it may be too old.",
            );
        }
        (Act::AddFact, true, _) => {
            return Rule::Never("fields_only", "This section holds fields, not facts.");
        }
        (Act::SetField, false, _) => {
            return Rule::Never(
                "facts_only",
                "This section holds facts, which are added and never changed.",
            );
        }
        (Act::AddFact, false, _) | (Act::SetField, true, _) => {}
    }
    match (room, role) {
        (Room::JobIntake | Room::JobPromise, Technician) => OFFICE_ONLY,
        (Room::JobIntake | Room::JobPromise, Dispatcher | Manager | Administrator | System) => {
            Rule::Allowed
        }
        (Room::JobAssignment | Room::JobCharges | Room::JobDecisions, Technician) => OFFICE_ONLY,
        (
            Room::JobAssignment | Room::JobCharges | Room::JobDecisions,
            Dispatcher | Manager | Administrator | System,
        ) => Rule::Allowed,
        (Room::JobStatus, Technician) => Rule::TheirStep,
        (Room::JobStatus, Dispatcher | Manager | Administrator | System) => Rule::OfficeStep,
        (
            Room::JobWork
            | Room::JobParts
            | Room::JobAttachments
            | Room::JobNotes
            | Room::JobFeedback,
            Technician,
        ) => Rule::OnTheirJob,
        (
            Room::JobWork
            | Room::JobParts
            | Room::JobAttachments
            | Room::JobNotes
            | Room::JobFeedback,
            Dispatcher | Manager | Administrator | System,
        ) => Rule::Allowed,
        (Room::JobChecklist, Technician) => Rule::OnTheirJob,
        (Room::JobSignatures, Technician) => Rule::TheirSeal,
        (Room::JobChecklist | Room::JobSignatures, Dispatcher | Manager | Administrator) => {
            SEEN_ON_SITE
        }
        (Room::JobChecklist, System) => SEEN_ON_SITE,
        (Room::JobSignatures, System) => Rule::Allowed,
        (Room::JobSettlement, Technician | Dispatcher | Manager | Administrator) => SERVER_ONLY,
        (Room::JobSettlement, System) => Rule::Allowed,
        (Room::VanDetails, Technician) => OFFICE_ONLY,
        (Room::VanDetails, Dispatcher) => Rule::WhoDrives,
        (Room::VanDetails, Manager | Administrator | System) => Rule::Allowed,
        (Room::VanMovements, Technician) => Rule::TheirMovement,
        (Room::VanCounts | Room::VanNotes, Technician) => Rule::OnTheirVan,
        (Room::VanMovements | Room::VanCounts, Dispatcher) => MANAGER_ONLY,
        (Room::VanMovements | Room::VanCounts, Manager | Administrator | System) => Rule::Allowed,
        (Room::VanNotes, Dispatcher | Manager | Administrator | System) => Rule::Allowed,
        (Room::TechnicianDetails | Room::TechnicianCertificates, Technician) => OFFICE_ONLY,
        (Room::TechnicianDetails | Room::TechnicianCertificates, Dispatcher) => MANAGER_ONLY,
        (
            Room::TechnicianDetails | Room::TechnicianCertificates,
            Manager | Administrator | System,
        ) => Rule::Allowed,
        (Room::TechnicianShifts | Room::TechnicianNotes, Technician) => Rule::AboutThemself,
        (
            Room::TechnicianShifts | Room::TechnicianNotes,
            Dispatcher | Manager | Administrator | System,
        ) => Rule::Allowed,
        // Answered above for every role.
        (Room::Unknown, Technician | Dispatcher | Manager | Administrator | System) => OFFICE_ONLY,
    }
}
