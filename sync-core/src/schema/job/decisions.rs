//! Facts of what the office decided about exceptions.

use crate::schema::form::Form;
use crate::schema::form::Sample::{Id, Text};
use crate::schema::key;
use crate::schema::table::{COUNT, KindSpec, keys};

pub(super) const DECISIONS: &[KindSpec] = &[
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
