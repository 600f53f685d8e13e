//! Facts of who is given a job: offers, assignments, recalls.

use crate::schema::form::Form;
use crate::schema::form::Sample::{Id, Int};
use crate::schema::key;
use crate::schema::table::{COUNT, KeySpec, KindSpec, keys};

/// Keys of every kind.
const KEYS: &[KeySpec] = keys! {
        EPOCH: COUNT, Required;
        TECHNICIAN: Form::Id, Optional;
        PROVIDER: Form::Text, Optional;
        EXPIRES: Form::Time, Optional;
        ETA: Form::Time, Optional;
};

pub(super) const ASSIGNMENT: &[KindSpec] = &[
    KindSpec {
        word: "offer",
        means: "The job is offered; the offer ends at `expires`.",
        keys: KEYS,
        either: &[key::TECHNICIAN, key::PROVIDER],
        ordered: None,
        writers: None,
        example: &[
            (key::EPOCH, Int(1)),
            (key::TECHNICIAN, Id),
            (key::EXPIRES, Int(1_790_000_120_000)),
        ],
    },
    KindSpec {
        word: "assign",
        means: "The job is assigned.",
        keys: KEYS,
        either: &[key::TECHNICIAN, key::PROVIDER],
        ordered: None,
        writers: None,
        example: &[(key::EPOCH, Int(1)), (key::TECHNICIAN, Id), (key::ETA, Int(1_790_001_800_000))],
    },
    KindSpec {
        word: "recall",
        means: "The job is taken back from whoever had it.",
        keys: KEYS,
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::EPOCH, Int(2)), (key::TECHNICIAN, Id)],
    },
];
