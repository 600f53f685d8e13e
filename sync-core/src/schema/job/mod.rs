//! The table of a job: its sections in the order of the genesis; the kinds of facts by theme.

mod assignment;
mod charges;
mod decisions;
mod evidence;
mod settlement;
mod signatures;
mod status;
mod writers;

use super::form::Form;
use super::table::{Holds, PRICE, SectionSpec, keys};
use super::{key, lists, notes, section};
use writers::{ANYBODY, NOBODY_YET, OFFICE, ON_SITE, SERVER, SIGNS};

/// The sections, in an order that is part of every change hash: a further one comes with a newer
/// version of the schema (decision 11), never in between.
pub(in crate::schema) const SECTIONS: &[SectionSpec] = &[
    SectionSpec {
        section: section::INTAKE,
        means: "Who called, where, which vehicle, what is wrong.",
        holds: Holds::Fields(keys! {
            NUMBER: Form::Text, Optional;
            SOURCE: Form::Usual(lists::SOURCES), Optional;
            BRANCH: Form::Id, Optional;
            PRIORITY: Form::Word(lists::PRIORITIES), Optional;
            CALLER: Form::Text, Optional;
            PHONE: Form::Text, Optional;
            LANGUAGE: Form::Text, Optional;
            PLATE: Form::Text, Optional;
            VIN: Form::Text, Optional;
            VEHICLE: Form::Text, Optional;
            MAKE: Form::Text, Optional;
            MODEL: Form::Text, Optional;
            YEAR: Form::Int(1880, 2200), Optional;
            COLOR: Form::Text, Optional;
            PROBLEM: Form::Usual(lists::PROBLEMS), Optional;
            ADDRESS: Form::Text, Optional;
            LAT: Form::Int(-900_000_000, 900_000_000), Optional;
            LON: Form::Int(-1_800_000_000, 1_800_000_000), Optional;
            DESTINATION: Form::Text, Optional;
            REMARKS: Form::Text, Optional;
            CHECKLIST: Form::Text, Optional;
            SKILLS: Form::Text, Optional;
            EQUIPMENT: Form::Text, Optional;
            FOLLOWS: Form::Id, Optional;
            FOLLOW_UP: Form::Id, Optional;
        }),
        writers: OFFICE,
    },
    SectionSpec {
        section: section::PROMISE,
        means: "What the customer was promised, the price agreed, and how the job is billed.",
        holds: Holds::Fields(keys! {
            ETA: Form::Time, Optional;
            ETA_BY: Form::Time, Optional;
            AMOUNT: PRICE, Optional;
            CURRENCY: Form::Currency, Optional;
            TAX_MODE: Form::Word(lists::TAX_MODES), Optional;
        }),
        writers: OFFICE,
    },
    SectionSpec {
        section: section::ASSIGNMENT,
        means: "Each offer, assignment and recall, with its number.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: assignment::ASSIGNMENT },
        writers: OFFICE,
    },
    SectionSpec {
        section: section::STATUS,
        means: "Every step of the rescue, and its cancellation.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: status::STATUS },
        writers: NOBODY_YET,
    },
    SectionSpec {
        section: section::WORK,
        means: "What was observed and done.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: evidence::WORK },
        writers: ANYBODY,
    },
    SectionSpec {
        section: section::PARTS,
        means: "Parts used.",
        holds: Holds::Facts { by: None, kinds: charges::PARTS },
        writers: ANYBODY,
    },
    SectionSpec {
        section: section::CHARGES,
        means: "Amounts to be paid besides parts.",
        holds: Holds::Facts { by: None, kinds: charges::CHARGES },
        writers: OFFICE,
    },
    SectionSpec {
        section: section::CHECKLIST,
        means: "The result of each checklist step.",
        holds: Holds::Facts { by: None, kinds: evidence::CHECKLIST },
        writers: ON_SITE,
    },
    SectionSpec {
        section: section::ATTACHMENTS,
        means: "Photos and files by the hash of their content.",
        holds: Holds::Facts { by: None, kinds: evidence::ATTACHMENTS },
        writers: ANYBODY,
    },
    SectionSpec {
        section: section::NOTES,
        means: "Remarks.",
        holds: Holds::Facts { by: None, kinds: notes::NOTES },
        writers: ANYBODY,
    },
    SectionSpec {
        section: section::SIGNATURES,
        means: "Customer signatures, and what the server says of them.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: signatures::SIGNATURES },
        writers: SIGNS,
    },
    SectionSpec {
        section: section::DECISIONS,
        means: "What was decided about an exception.",
        holds: Holds::Facts { by: Some(key::ABOUT), kinds: decisions::DECISIONS },
        writers: OFFICE,
    },
    SectionSpec {
        section: section::SETTLEMENT,
        means: "What the dealership system answered, and what the server found.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: settlement::SETTLEMENT },
        writers: SERVER,
    },
    SectionSpec {
        section: section::FEEDBACK,
        means: "Survey answers and complaints.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: settlement::FEEDBACK },
        writers: ANYBODY,
    },
];

pub(in crate::schema) static GENESIS: &[&str] =
    &crate::schema::table::names::<{ SECTIONS.len() }>(SECTIONS);
