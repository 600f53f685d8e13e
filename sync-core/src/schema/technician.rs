//! The table of a technician: its sections in the order of the genesis, and its kinds of facts.

use super::form::Form;
use super::form::Sample::{Int, Text};
use super::table::{Holds, KindSpec, May, SectionSpec, Writers, keys};
use super::{key, notes, section};
use crate::codes;

/// The sections; as those of a job.
pub(super) const SECTIONS: &[SectionSpec] = &[
    SectionSpec {
        section: section::DETAILS,
        means: "Name, phone, language, branch.",
        holds: Holds::Fields(keys! {
            NAME: Form::Text, Optional;
            PHONE: Form::Text, Optional;
            LANGUAGE: Form::Text, Optional;
            BRANCH: Form::Id, Optional;
            PROVIDER: Form::Text, Optional;
            ACTIVE: Form::Bool, Optional;
        }),
        writers: DETAILS,
    },
    SectionSpec {
        section: section::CERTIFICATES,
        means: "Skills and certificates with their expiry.",
        holds: Holds::Facts { by: None, kinds: CERTIFICATES },
        writers: DETAILS,
    },
    SectionSpec {
        section: section::SHIFTS,
        means: "Shifts and absences.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: SHIFTS },
        writers: OWN,
    },
    SectionSpec {
        section: section::NOTES,
        means: "Remarks.",
        holds: Holds::Facts { by: None, kinds: notes::NOTES },
        writers: OWN,
    },
];

pub(super) static GENESIS: &[&str] = &super::table::names::<{ SECTIONS.len() }>(SECTIONS);

const DETAILS: Writers = Writers {
    technician: May::Never(codes::OFFICE_ONLY),
    dispatcher: May::Never(codes::MANAGER_ONLY),
    manager: May::Write,
    system: May::Write,
};
const OWN: Writers = Writers {
    technician: May::AboutThemself,
    dispatcher: May::Write,
    manager: May::Write,
    system: May::Write,
};

const CERTIFICATES: &[KindSpec] = &[KindSpec {
    word: "",
    means: "A skill, and the paper for it.",
    keys: keys! {
        SKILL: Form::Text, Required;
        SERIAL: Form::Text, Optional;
        STARTS: Form::Time, Optional;
        EXPIRES: Form::Time, Optional;
        ENDS: Form::Time, Optional;
    },
    either: &[],
    ordered: None,
    writers: None,
    example: &[
        (key::SKILL, Text("high_voltage")),
        (key::SERIAL, Text("HV-7712")),
        (key::EXPIRES, Int(1_821_536_000_000)),
    ],
}];

const SHIFTS: &[KindSpec] = &[
    KindSpec {
        word: "shift",
        means: "Works from `starts` to `ends`.",
        keys: keys! {
            STARTS: Form::Time, Required;
            ENDS: Form::Time, Required;
        },
        either: &[],
        ordered: Some((key::STARTS, key::ENDS)),
        writers: None,
        example: &[(key::STARTS, Int(1_790_000_000_000)), (key::ENDS, Int(1_790_028_800_000))],
    },
    KindSpec {
        word: "absence",
        means: "Is away from `starts` to `ends`.",
        keys: keys! {
            STARTS: Form::Time, Required;
            ENDS: Form::Time, Required;
        },
        either: &[],
        ordered: Some((key::STARTS, key::ENDS)),
        writers: None,
        example: &[(key::STARTS, Int(1_790_000_000_000)), (key::ENDS, Int(1_790_028_800_000))],
    },
];
