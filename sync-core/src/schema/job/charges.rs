//! Facts of what is to be paid: parts, and amounts besides them.

use crate::schema::form::Form;
use crate::schema::form::Sample::{Id, Int, Text};
use crate::schema::table::{DISCOUNT, KindSpec, PRICE, QUANTITY, TAX_MILLIPERCENT, TAX_RATE, keys};
use crate::schema::{key, lists};

pub(super) const PARTS: &[KindSpec] = &[KindSpec {
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

pub(super) const CHARGES: &[KindSpec] = &[KindSpec {
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
