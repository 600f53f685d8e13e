//! Facts of how a rescue goes: the steps of the technician, and what the office ends or takes back.

use super::writers::{OFFICE_STEP, STEP, WALK_UP};
use crate::schema::form::Form;
use crate::schema::form::Sample::{Id, Int, Text};
use crate::schema::table::{COUNT, KeySpec, KindSpec, keys};
use crate::schema::{key, lists};

/// Keys of a technician's step.
const STEP_KEYS: &[KeySpec] = keys! {
        EPOCH: COUNT, Required;
        REASON: Form::Usual(lists::REASONS), Optional;
        ODOMETER: COUNT, Optional;
        DESTINATION: Form::Text, Optional;
        RECIPIENT: Form::Text, Optional;
        ATTEMPTS: COUNT, Optional;
        NAME: Form::Text, Optional;
};
/// Keys of a step that says why.
const STEP_KEYS_WITH_REASON: &[KeySpec] = keys! {
        EPOCH: COUNT, Required;
        REASON: Form::Usual(lists::REASONS), Required;
        ODOMETER: COUNT, Optional;
        DESTINATION: Form::Text, Optional;
        RECIPIENT: Form::Text, Optional;
        ATTEMPTS: COUNT, Optional;
        NAME: Form::Text, Optional;
};

pub(super) const STATUS: &[KindSpec] = &[
    KindSpec {
        word: "walk_up",
        means: "A technician found a customer at the roadside and opened the job.",
        keys: keys! {
            EPOCH: Form::Int(0, 0), Optional;
            CALLER: Form::Text, Optional;
            PHONE: Form::Text, Optional;
            PLATE: Form::Text, Optional;
            VEHICLE: Form::Text, Optional;
            PROBLEM: Form::Usual(lists::PROBLEMS), Optional;
            ADDRESS: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(WALK_UP),
        example: &[
            (key::EPOCH, Int(0)),
            (key::PLATE, Text("ABC-1234")),
            (key::PROBLEM, Text("flat_tyre")),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "accepted",
        means: "The technician takes the job.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "declined",
        means: "The technician does not take the job, and says why.",
        keys: STEP_KEYS_WITH_REASON,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[
            (key::EPOCH, Int(1)),
            (key::REASON, Text("too_far")),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "en_route",
        means: "The technician set off.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "on_scene",
        means: "The technician arrived.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "diagnosed",
        means: "The technician knows what is wrong.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "working",
        means: "The technician began to work.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "in_tow",
        means: "The vehicle is loaded and on its way.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[
            (key::EPOCH, Int(1)),
            (key::DESTINATION, Text("Workshop Neihu")),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "at_destination",
        means: "The vehicle is where it was to go.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[
            (key::EPOCH, Int(1)),
            (key::RECIPIENT, Text("Lin Mei-hua")),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "completed",
        means: "The work is done; a reason says why nobody signed.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[
            (key::EPOCH, Int(1)),
            (key::ODOMETER, Int(84_210)),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "goa",
        means: "The technician found nobody and asks the office to decide.",
        keys: STEP_KEYS,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[
            (key::EPOCH, Int(1)),
            (key::ATTEMPTS, Int(3)),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "unsuccessful",
        means: "The technician could not help, and says why; the office decides.",
        keys: STEP_KEYS_WITH_REASON,
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[
            (key::EPOCH, Int(1)),
            (key::REASON, Text("no_part")),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "cancelled",
        means: "The office or the customer called the job off.",
        keys: keys! {
            REASON: Form::Usual(lists::REASONS), Required;
            EPOCH: COUNT, Optional;
            STAGE: Form::Usual(lists::STATES), Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(OFFICE_STEP),
        example: &[
            (key::REASON, Text("customer_cancelled")),
            (key::STAGE, Text("en_route")),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "reopened",
        means: "The office takes a step back: the fact it names, or every cancellation it had seen. One that names another reopening lets stand again what that took back.",
        keys: keys! {
            VOIDS: Form::Id, Optional;
            EPOCH: COUNT, Optional;
            REASON: Form::Usual(lists::TAKE_BACK_REASONS), Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(OFFICE_STEP),
        example: &[(key::VOIDS, Id), (key::AT, Int(1_790_000_000_000))],
    },
];
