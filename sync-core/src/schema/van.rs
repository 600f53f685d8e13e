//! The table of a van: its sections in the order of the genesis, and its kinds of facts.

use super::form::Form;
use super::form::Sample::{Id, Int, Text};
use super::table::{
    ANY, COUNT, Holds, KindSpec, May, QUANTITY, SectionSpec, TAX_RATE, Writers, keys,
};
use super::{key, lists, notes, section};
use crate::codes;

/// The sections; as those of a job.
pub(super) const SECTIONS: &[SectionSpec] = &[
    SectionSpec {
        section: section::DETAILS,
        means: "Name, plate, branch, driver, equipment.",
        holds: Holds::Fields(keys! {
            NAME: Form::Text, Optional;
            PLATE: Form::Text, Optional;
            BRANCH: Form::Id, Optional;
            TECHNICIAN: Form::Id, Optional;
            EQUIPMENT: Form::Text, Optional;
            ACTIVE: Form::Bool, Optional;
            VAN: Form::Id, Optional;
            VERSION: COUNT, Optional;
            FOLLOWS: Form::Id, Optional;
            FOLLOW_UP: Form::Id, Optional;
        }),
        writers: DETAILS,
    },
    SectionSpec {
        section: section::MOVEMENTS,
        means: "Each change of stock.",
        holds: Holds::Facts { by: Some(key::KIND), kinds: MOVEMENTS },
        writers: STOCK,
    },
    SectionSpec {
        section: section::COUNTS,
        means: "Stock counted by hand.",
        holds: Holds::Facts { by: None, kinds: COUNTS },
        writers: STOCK,
    },
    SectionSpec {
        section: section::NOTES,
        means: "Remarks.",
        holds: Holds::Facts { by: None, kinds: notes::NOTES },
        writers: NOTES,
    },
];

pub(super) static GENESIS: &[&str] = &super::table::names::<{ SECTIONS.len() }>(SECTIONS);

const DETAILS: Writers = Writers {
    technician: May::Never(codes::OFFICE_ONLY),
    dispatcher: May::SetWhoDrives,
    manager: May::Write,
    system: May::Write,
};
const STOCK: Writers = Writers {
    technician: May::OnTheirVan,
    dispatcher: May::Never(codes::MANAGER_ONLY),
    manager: May::Write,
    system: May::Write,
};
const OPENS: Writers = Writers {
    technician: May::Never(codes::SERVER_ONLY),
    dispatcher: May::Never(codes::SERVER_ONLY),
    manager: May::Never(codes::SERVER_ONLY),
    system: May::Write,
};
const NOTES: Writers = Writers { dispatcher: May::Write, ..STOCK };

const MOVEMENTS: &[KindSpec] = &[
    KindSpec {
        word: "opening",
        means: "The balance with which a record of the van begins, of one part in one bin.",
        keys: keys! {
            PART_NO: Form::Text, Required;
            QUANTITY: ANY, Required;
            BIN: Form::Text, Optional;
        },
        either: &[],
        ordered: None,
        writers: Some(OPENS),
        example: &[
            (key::PART_NO, Text("90915-YZZD4")),
            (key::QUANTITY, Int(4_000)),
            (key::BIN, Text("A1")),
        ],
    },
    KindSpec {
        word: "load",
        means: "Into the van.",
        keys: keys! {
            PART_NO: Form::Text, Required;
            QUANTITY: QUANTITY, Required;
            BIN: Form::Text, Optional;
            UNIT: Form::Usual(lists::UNITS), Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[
            (key::PART_NO, Text("90915-YZZD4")),
            (key::QUANTITY, Int(4_000)),
            (key::BIN, Text("A1")),
        ],
    },
    KindSpec {
        word: "unload",
        means: "Out of the van, back to the branch.",
        keys: keys! {
            PART_NO: Form::Text, Required;
            QUANTITY: QUANTITY, Required;
            BIN: Form::Text, Optional;
            UNIT: Form::Usual(lists::UNITS), Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[
            (key::PART_NO, Text("90915-YZZD4")),
            (key::QUANTITY, Int(4_000)),
            (key::BIN, Text("A1")),
        ],
    },
    KindSpec {
        word: "return_to_stock",
        means: "Back into the van.",
        keys: keys! {
            PART_NO: Form::Text, Required;
            QUANTITY: QUANTITY, Required;
            BIN: Form::Text, Optional;
            UNIT: Form::Usual(lists::UNITS), Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[
            (key::PART_NO, Text("90915-YZZD4")),
            (key::QUANTITY, Int(4_000)),
            (key::BIN, Text("A1")),
        ],
    },
    KindSpec {
        word: "transfer",
        means: "From one bin to another.",
        keys: keys! {
            PART_NO: Form::Text, Required;
            QUANTITY: QUANTITY, Required;
            FROM: Form::Text, Optional;
            TO: Form::Text, Optional;
        },
        either: &[key::FROM, key::TO],
        ordered: None,
        writers: None,
        example: &[
            (key::PART_NO, Text("90915-YZZD4")),
            (key::QUANTITY, Int(2_000)),
            (key::FROM, Text("A1")),
            (key::TO, Text("B2")),
        ],
    },
    KindSpec {
        word: "use",
        means: "Out of the van, for a job. It has the id of the part in the job, and counts once with it.",
        keys: keys! {
            PART_NO: Form::Text, Required;
            QUANTITY: QUANTITY, Required;
            BIN: Form::Text, Optional;
            UNIT: Form::Usual(lists::UNITS), Optional;
            JOB: Form::Id, Optional;
            DESCRIPTION: Form::Text, Optional;
            SERIAL: Form::Text, Optional;
            UNIT_PRICE: COUNT, Optional;
            AMOUNT: COUNT, Optional;
            CURRENCY: Form::Currency, Optional;
            TAX_RATE: TAX_RATE, Optional;
        },
        either: &[],
        ordered: None,
        writers: None,
        example: &[
            (key::PART_NO, Text("90915-YZZD4")),
            (key::QUANTITY, Int(1_000)),
            (key::JOB, Id),
            (key::AT, Int(1_790_000_000_000)),
        ],
    },
];

const COUNTS: &[KindSpec] = &[KindSpec {
    word: "",
    means: "What was counted of a part in a bin; it sets the stock.",
    keys: keys! {
        PART_NO: Form::Text, Required;
        QUANTITY: Form::Int(0, 1_000_000_000), Required;
        BIN: Form::Text, Optional;
    },
    either: &[],
    ordered: None,
    writers: None,
    example: &[
        (key::PART_NO, Text("90915-YZZD4")),
        (key::QUANTITY, Int(3_000)),
        (key::BIN, Text("A1")),
        (key::AT, Int(1_790_000_000_000)),
    ],
}];
