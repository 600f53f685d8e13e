//! Facts of what a customer signed, and of what the server says of it.

use super::writers::COUNTERSIGNS;
use crate::schema::form::Form;
use crate::schema::form::Sample::{Bytes, Id, Int, Text};
use crate::schema::table::{KindSpec, keys};
use crate::schema::{key, lists};

pub(super) const SIGNATURES: &[KindSpec] = &[
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
