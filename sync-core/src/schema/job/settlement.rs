//! Facts of what comes after a job: the dealership system, surveys, complaints.

use super::writers::OFFICE;
use crate::schema::form::Form;
use crate::schema::form::Sample::{Id, Int, Text};
use crate::schema::key;
use crate::schema::table::{KindSpec, keys};

pub(super) const SETTLEMENT: &[KindSpec] = &[
    KindSpec {
        word: "accepted",
        means: "The dealership system took the job over.",
        keys: keys! {
            REF: Form::Text, Optional;
            TEXT: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::REF, Text("RO-20260915-7"))],
    },
    KindSpec {
        word: "rejected",
        means: "The dealership system refused the job, and says why.",
        keys: keys! {
            REF: Form::Text, Optional;
            TEXT: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::REF, Text("RO-20260915-7"))],
    },
    KindSpec {
        word: "released",
        means: "The job is over and decided, and leaves the phones.",
        keys: &[],
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "alike",
        means: "The server found another job that may be the same rescue.",
        keys: keys! {
            JOB: Form::Id, Required;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::JOB, Id), (key::AT, Int(1_790_000_000_000))],
    },
];

pub(super) const FEEDBACK: &[KindSpec] = &[
    KindSpec {
        word: "survey",
        means: "An answer to the survey.",
        keys: keys! {
            SCORE: Form::Int(0, 100), Required;
            TEXT: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(OFFICE),
        example: &[(key::SCORE, Int(9)), (key::TEXT, Text("Quick and friendly"))],
    },
    KindSpec {
        word: "complaint",
        means: "A complaint.",
        keys: keys! {
            TEXT: Form::Text, Optional;
            SCORE: Form::Int(0, 100), Optional;
        },
        either: &[key::TEXT, key::NOTE],
        ordered: None,
        writers: None,
        example: &[(key::TEXT, Text("Waited two hours"))],
    },
];
