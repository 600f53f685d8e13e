//! Facts of what was seen and done on the site: findings, checklist, photos.

use crate::schema::form::Form;
use crate::schema::form::Sample::{Bytes, Int, Text};
use crate::schema::table::{COUNT, KindSpec, keys};
use crate::schema::{key, lists};

pub(super) const WORK: &[KindSpec] = &[
    KindSpec {
        word: "diagnosis",
        means: "What is wrong.",
        keys: keys! {
            TEXT: Form::Text, Optional;
            VALUE: Form::Reading, Optional;
        },
        either: &[key::TEXT, key::VALUE, key::NOTE],
        ordered: None,
        writers: None,
        example: &[(key::TEXT, Text("Left front tyre torn")), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "cause",
        means: "Why it happened.",
        keys: keys! {
            TEXT: Form::Text, Optional;
            VALUE: Form::Reading, Optional;
        },
        either: &[key::TEXT, key::VALUE, key::NOTE],
        ordered: None,
        writers: None,
        example: &[(key::TEXT, Text("A nail")), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "correction",
        means: "What was done about it.",
        keys: keys! {
            TEXT: Form::Text, Optional;
            VALUE: Form::Reading, Optional;
        },
        either: &[key::TEXT, key::VALUE, key::NOTE],
        ordered: None,
        writers: None,
        example: &[(key::TEXT, Text("Spare wheel fitted")), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "measurement",
        means: "What was measured.",
        keys: keys! {
            TEXT: Form::Text, Optional;
            VALUE: Form::Reading, Optional;
        },
        either: &[key::TEXT, key::VALUE, key::NOTE],
        ordered: None,
        writers: None,
        example: &[(key::TEXT, Text("Torque 103 Nm")), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "odometer",
        means: "The odometer reading.",
        keys: keys! {
            ODOMETER: COUNT, Optional;
            VALUE: COUNT, Optional;
        },
        either: &[key::ODOMETER, key::VALUE],
        ordered: None,
        writers: None,
        example: &[(key::ODOMETER, Int(84_210)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "vin_read",
        means: "The vehicle identification number as it was read on the vehicle.",
        keys: keys! {
            VIN: Form::Text, Optional;
            VALUE: Form::Text, Optional;
        },
        either: &[key::VIN, key::VALUE],
        ordered: None,
        writers: None,
        example: &[(key::VIN, Text("1HGCM82633A004352")), (key::AT, Int(1_790_000_000_000))],
    },
];

pub(super) const CHECKLIST: &[KindSpec] = &[KindSpec {
    word: "",
    means: "The result of one step. Of several for a step the last stands.",
    keys: keys! {
        STEP: Form::Usual(lists::CHECKLIST_STEPS), Required;
        RESULT: Form::Word(lists::RESULTS), Required;
    },
    either: &[],
    ordered: None,
    writers: None,
    example: &[
        (key::STEP, Text("wheel_chocks")),
        (key::RESULT, Text("pass")),
        (key::AT, Int(1_790_000_000_000)),
    ],
}];

pub(super) const ATTACHMENTS: &[KindSpec] = &[KindSpec {
    word: "",
    means: "A photo or file; its bytes travel apart.",
    keys: keys! {
        SHA256: Form::Bytes(32), Required;
        SIZE: COUNT, Required;
        STAGE: Form::Usual(lists::PHOTO_STAGES), Required;
        MEDIA_TYPE: Form::Usual(lists::MEDIA_TYPES), Optional;
    },
    either: &[],
    ordered: None,
    writers: None,
    example: &[
        (key::SHA256, Bytes(32)),
        (key::SIZE, Int(1_800_000)),
        (key::STAGE, Text("before")),
        (key::MEDIA_TYPE, Text("image/jpeg")),
        (key::AT, Int(1_790_000_000_000)),
    ],
}];
