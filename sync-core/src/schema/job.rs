//! The table of a job: its sections in the order of the genesis, and its kinds of facts.

use super::form::Form;
use super::form::Sample::{Bytes, Id, Int, Text};
use super::table::{
    COUNT, DISCOUNT, Holds, KindSpec, May, PRICE, QUANTITY, SectionSpec, TAX_MILLIPERCENT,
    TAX_RATE, Writers, keys,
};
use super::{key, lists, section};
use crate::codes;

/// The sections, in an order that is part of every change hash: a further one comes with a newer
/// version of the schema (decision 11), never in between.
pub(super) const SECTIONS: &[SectionSpec] = &[
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
        holds: Holds::Facts { by: Some(key::KIND), kinds: ASSIGNMENT },
        writers: OFFICE,
    },
    SectionSpec {
        section: section::STATUS,
        means: "Every step of the rescue, and its cancellation.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: STATUS },
        writers: NOBODY_YET,
    },
    SectionSpec {
        section: section::WORK,
        means: "What was observed and done.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: WORK },
        writers: ANYBODY,
    },
    SectionSpec {
        section: section::PARTS,
        means: "Parts used.",
        holds: Holds::Facts { by: None, kinds: PARTS },
        writers: ANYBODY,
    },
    SectionSpec {
        section: section::CHARGES,
        means: "Amounts to be paid besides parts.",
        holds: Holds::Facts { by: None, kinds: CHARGES },
        writers: OFFICE,
    },
    SectionSpec {
        section: section::CHECKLIST,
        means: "The result of each checklist step.",
        holds: Holds::Facts { by: None, kinds: CHECKLIST },
        writers: ON_SITE,
    },
    SectionSpec {
        section: section::ATTACHMENTS,
        means: "Photos and files by the hash of their content.",
        holds: Holds::Facts { by: None, kinds: ATTACHMENTS },
        writers: ANYBODY,
    },
    SectionSpec {
        section: section::NOTES,
        means: "Remarks.",
        holds: Holds::Facts { by: None, kinds: NOTES },
        writers: ANYBODY,
    },
    SectionSpec {
        section: section::SIGNATURES,
        means: "Customer signatures, and what the server says of them.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: SIGNATURES },
        writers: SIGNS,
    },
    SectionSpec {
        section: section::DECISIONS,
        means: "What was decided about an exception.",
        holds: Holds::Facts { by: Some(key::ABOUT), kinds: DECISIONS },
        writers: OFFICE,
    },
    SectionSpec {
        section: section::SETTLEMENT,
        means: "What the dealership system answered, and what the server found.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: SETTLEMENT },
        writers: SERVER,
    },
    SectionSpec {
        section: section::FEEDBACK,
        means: "Survey answers and complaints.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: FEEDBACK },
        writers: ANYBODY,
    },
];

pub(super) static GENESIS: &[&str] = &super::table::names::<{ SECTIONS.len() }>(SECTIONS);

const fn everywhere(may: May) -> Writers {
    Writers { technician: may, dispatcher: may, manager: may, system: may }
}

const OFFICE: Writers =
    Writers { technician: May::Never(codes::OFFICE_ONLY), ..everywhere(May::Write) };
const ANYBODY: Writers = Writers { technician: May::OnTheirJob, ..everywhere(May::Write) };
const ON_SITE: Writers =
    Writers { technician: May::OnTheirJob, ..everywhere(May::Never(codes::ON_SITE_ONLY)) };
const SIGNS: Writers = Writers { system: May::Write, ..ON_SITE };
const COUNTERSIGNS: Writers =
    Writers { technician: May::Never(codes::SERVER_ONLY), system: May::Write, ..ON_SITE };
const SERVER: Writers =
    Writers { system: May::Write, ..everywhere(May::Never(codes::SERVER_ONLY)) };
const WALK_UP: Writers = Writers { technician: May::OpenAJob, ..ON_SITE };
const STEP: Writers = Writers { technician: May::TakeTheirStep, ..everywhere(May::WriteAStep) };
const OFFICE_STEP: Writers =
    Writers { technician: May::Never(codes::OFFICE_ONLY), ..everywhere(May::WriteAStep) };
/// Steps this version does not know wait for one that does.
const NOBODY_YET: Writers = everywhere(May::Never(codes::KIND_UNKNOWN));

const ASSIGNMENT: &[KindSpec] = &[
    KindSpec {
        word: "offer",
        means: "The job is offered; the offer ends at `expires`.",
        keys: keys! {
            EPOCH: COUNT, Required;
            TECHNICIAN: Form::Id, Optional;
            PROVIDER: Form::Text, Optional;
            EXPIRES: Form::Time, Optional;
            ETA: Form::Time, Optional;
        },
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
        keys: keys! {
            EPOCH: COUNT, Required;
            TECHNICIAN: Form::Id, Optional;
            PROVIDER: Form::Text, Optional;
            EXPIRES: Form::Time, Optional;
            ETA: Form::Time, Optional;
        },
        either: &[key::TECHNICIAN, key::PROVIDER],
        ordered: None,
        writers: None,
        example: &[(key::EPOCH, Int(1)), (key::TECHNICIAN, Id), (key::ETA, Int(1_790_001_800_000))],
    },
    KindSpec {
        word: "recall",
        means: "The job is taken back from whoever had it.",
        keys: keys! {
            EPOCH: COUNT, Required;
            TECHNICIAN: Form::Id, Optional;
            PROVIDER: Form::Text, Optional;
            EXPIRES: Form::Time, Optional;
            ETA: Form::Time, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::EPOCH, Int(2)), (key::TECHNICIAN, Id)],
    },
];

const STATUS: &[KindSpec] = &[
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
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "declined",
        means: "The technician does not take the job, and says why.",
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Required;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
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
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "on_scene",
        means: "The technician arrived.",
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "diagnosed",
        means: "The technician knows what is wrong.",
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "working",
        means: "The technician began to work.",
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(STEP),
        example: &[(key::EPOCH, Int(1)), (key::AT, Int(1_790_000_000_000))],
    },
    KindSpec {
        word: "in_tow",
        means: "The vehicle is loaded and on its way.",
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
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
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
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
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
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
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Optional;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
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
        keys: keys! {
            EPOCH: COUNT, Required;
            REASON: Form::Usual(lists::REASONS), Required;
            ODOMETER: COUNT, Optional;
            DESTINATION: Form::Text, Optional;
            RECIPIENT: Form::Text, Optional;
            ATTEMPTS: COUNT, Optional;
            NAME: Form::Text, Optional;
        },
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

const WORK: &[KindSpec] = &[
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

const PARTS: &[KindSpec] = &[KindSpec {
    word: "",
    means: "A part that was used. Without a quantity it is one unit, without a currency the price is in the one promised.",
    keys: keys! {
        PART_NO: Form::Text, Optional;
        DESCRIPTION: Form::Text, Optional;
        QUANTITY: QUANTITY, Optional;
        UNIT: Form::Usual(lists::UNITS), Optional;
        UNIT_PRICE: PRICE, Optional;
        AMOUNT: PRICE, Optional;
        CURRENCY: Form::Currency, Optional;
        TAX_RATE: TAX_RATE, Optional;
        TAX_MILLIPERCENT: TAX_MILLIPERCENT, Optional;
        SERIAL: Form::Text, Optional;
        VAN: Form::Id, Optional;
        BIN: Form::Text, Optional;
    },
    either: &[key::PART_NO, key::DESCRIPTION],
    ordered: None,
    writers: None,
    example: &[
        (key::PART_NO, Text("90915-YZZD4")),
        (key::QUANTITY, Int(1_000)),
        (key::UNIT_PRICE, Int(35_000)),
        (key::CURRENCY, Text("TWD")),
        (key::VAN, Id),
        (key::AT, Int(1_790_000_000_000)),
    ],
}];

const CHARGES: &[KindSpec] = &[KindSpec {
    word: "",
    means: "An amount to be paid besides parts; below zero for a discount.",
    keys: keys! {
        KIND: Form::Usual(lists::CHARGES), Optional;
        DESCRIPTION: Form::Text, Optional;
        AMOUNT: DISCOUNT, Optional;
        QUANTITY: QUANTITY, Optional;
        UNIT_PRICE: DISCOUNT, Optional;
        CURRENCY: Form::Currency, Optional;
        TAX_RATE: TAX_RATE, Optional;
        TAX_MILLIPERCENT: TAX_MILLIPERCENT, Optional;
    },
    either: &[key::AMOUNT, key::UNIT_PRICE],
    ordered: None,
    writers: None,
    example: &[
        (key::DESCRIPTION, Text("Tow, 12 km")),
        (key::AMOUNT, Int(120_000)),
        (key::CURRENCY, Text("TWD")),
    ],
}];

const CHECKLIST: &[KindSpec] = &[KindSpec {
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

const ATTACHMENTS: &[KindSpec] = &[KindSpec {
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

const SIGNATURES: &[KindSpec] = &[
    KindSpec {
        word: "seal",
        means: "What a customer signed, bound to what was shown; docs/seals.md says how.",
        keys: keys! {
            NAME: Form::Text, Required;
            ROLE: Form::Usual(lists::ROLES), Required;
            SHOWN: Form::Text, Required;
            DIGEST: Form::Bytes(32), Required;
            HEADS: Form::Blocks(32), Required;
            STROKES: Form::Blob, Required;
            DEVICE: Form::Id, Required;
            SIGNATURE: Form::Bytes(64), Required;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[
            (key::NAME, Text("Lin Mei-hua")),
            (key::ROLE, Text("customer")),
            (key::SHOWN, Text("{…}")),
            (key::DIGEST, Bytes(32)),
            (key::HEADS, Bytes(64)),
            (key::STROKES, Bytes(900)),
            (key::DEVICE, Id),
            (key::SIGNATURE, Bytes(64)),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
    KindSpec {
        word: "countersigned",
        means: "The server vouches for the key of the device that sealed.",
        keys: keys! {
            REF: Form::Id, Required;
            TENANT: Form::Id, Required;
            PUBLIC_KEY: Form::Bytes(32), Required;
            AT: Form::Time, Required;
            KID: Form::Text, Required;
            SIGNATURE: Form::Bytes(64), Required;
        },
        either: &[],
        ordered: None,
        writers: Some(COUNTERSIGNS),
        example: &[
            (key::REF, Id),
            (key::TENANT, Id),
            (key::PUBLIC_KEY, Bytes(32)),
            (key::KID, Text("2026-1")),
            (key::SIGNATURE, Bytes(64)),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
];

const DECISIONS: &[KindSpec] = &[
    KindSpec {
        word: "cancelled_with_field_work",
        means: "Work went on while the job was cancelled.",
        keys: keys! {
            CHOICE: Form::Word(&["accept_completed", "pay_fee", "void"]), Required;
            REF: Form::Id, Optional;
            AMOUNT: COUNT, Optional;
            CURRENCY: Form::Currency, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("accept_completed")), (key::REF, Id)],
    },
    KindSpec {
        word: "superseded_completed",
        means: "A job was completed by a technician it had been taken from.",
        keys: keys! {
            CHOICE: Form::Word(&["bill_this", "bill_other"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("bill_this")), (key::REF, Id)],
    },
    KindSpec {
        word: "goa_claimed",
        means: "The technician found nobody.",
        keys: keys! {
            CHOICE: Form::Word(&["confirm", "reject"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("confirm")), (key::REF, Id)],
    },
    KindSpec {
        word: "unsuccessful_claimed",
        means: "The technician could not help.",
        keys: keys! {
            CHOICE: Form::Word(&["confirm", "reject"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("confirm")), (key::REF, Id)],
    },
    KindSpec {
        word: "concurrent_assignment",
        means: "Two desks gave the job away.",
        keys: keys! {
            CHOICE: Form::Word(&["confirm"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("confirm")), (key::REF, Id)],
    },
    KindSpec {
        word: "field_conflict",
        means: "Two people set one field; setting it decides, so there is no such fact.",
        keys: keys! {
            CHOICE: Form::Word(&[]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[],
    },
    KindSpec {
        word: "clock_skew",
        means: "A clock of a phone was off.",
        keys: keys! {
            CHOICE: Form::Word(&["confirm"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("confirm")), (key::REF, Id)],
    },
    KindSpec {
        word: "checklist_incomplete",
        means: "Something the checklist asks for is missing.",
        keys: keys! {
            CHOICE: Form::Word(&["confirm"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("confirm")), (key::REF, Id)],
    },
    KindSpec {
        word: "signature_missing",
        means: "Nobody signed.",
        keys: keys! {
            CHOICE: Form::Word(&["confirm"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("confirm")), (key::REF, Id)],
    },
    KindSpec {
        word: "changed_since_signed",
        means: "What was signed was changed.",
        keys: keys! {
            CHOICE: Form::Word(&["confirm"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("confirm")), (key::REF, Id)],
    },
    KindSpec {
        word: "other_currency",
        means: "A line is in another currency than the job: billed beside it, or left out.",
        keys: keys! {
            CHOICE: Form::Word(&["allow", "leave_out"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("allow")), (key::REF, Id)],
    },
    KindSpec {
        word: "possible_duplicate",
        means: "Another job may be the same rescue.",
        keys: keys! {
            CHOICE: Form::Word(&["same_rescue", "different"]), Required;
            REF: Form::Id, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[(key::CHOICE, Text("different")), (key::REF, Id)],
    },
];

const SETTLEMENT: &[KindSpec] = &[
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

const FEEDBACK: &[KindSpec] = &[
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

/// Remarks, of any kind of document.
pub(super) const NOTES: &[KindSpec] = &[KindSpec {
    word: "",
    means: "A remark.",
    keys: keys! {
        TEXT: Form::Text, Optional;
    },
    either: &[key::TEXT, key::NOTE],
    ordered: None,
    writers: None,
    example: &[
        (key::TEXT, Text("Customer waits at the petrol station")),
        (key::AT, Int(1_790_000_000_000)),
    ],
}];
