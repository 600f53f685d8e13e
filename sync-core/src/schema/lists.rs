//! The word lists of the table, for whoever lists or checks words: the API's document, the app's face.
//!
//! A list is closed where the table says so ([`super::Form::Word`]); elsewhere it holds the usual
//! words, and others pass.

/// Kinds of an assignment that give a job to someone.
pub const GIVING: &[&str] = &["offer", "assign"];

/// Steps of a rescue: the kinds of status facts.
pub const STEPS: &[&str] = &[
    "walk_up",
    "accepted",
    "declined",
    "en_route",
    "on_scene",
    "diagnosed",
    "working",
    "in_tow",
    "at_destination",
    "completed",
    "goa",
    "unsuccessful",
    "cancelled",
    "reopened",
];

/// Usual reasons beside a step.
pub const REASONS: &[&str] = &[
    "customer_refused",
    "customer_absent",
    "unable_to_sign",
    "device_broken",
    "signed_on_paper",
    "no_device",
    "no_answer",
    "wrong_address",
    "too_far",
    "out_of_shift",
    "vehicle_unsafe",
    "no_part",
    "customer_cancelled",
    "duplicate",
    "other_provider",
    "other",
];

/// Reasons beside a completion that say why nobody signed on a phone.
pub const UNSIGNED: &[&str] = &[
    "customer_refused",
    "customer_absent",
    "unable_to_sign",
    "device_broken",
    "signed_on_paper",
    "no_device",
];

/// Usual reasons for taking something back, and for letting it stand again.
pub const TAKE_BACK_REASONS: &[&str] = &[
    "mistake",
    "wrong_job",
    "wrong_part",
    "wrong_quantity",
    "wrong_time",
    "duplicate",
    "not_done",
    "plan_changed",
    "customer_disputes",
    "other",
];

/// Results of a checklist step. Closed.
pub const RESULTS: &[&str] = &["pass", "fail", "not_applicable"];

/// Kinds of work facts that are told in words: what was found and done. Closed.
pub const FINDINGS: &[&str] = &["diagnosis", "cause", "correction", "measurement"];

/// Usual steps of the checklist.
pub const CHECKLIST_STEPS: &[&str] = &[
    "hi_vis",
    "hazard_lights",
    "area_safe",
    "tools_cleared",
    "handbrake",
    "wheel_chocks",
    "jack_point",
    "torque_checked",
    "cones",
    "engine_off",
];

/// Usual capture stages of a photo or file.
pub const PHOTO_STAGES: &[&str] = &["before", "after", "damage", "drop_off", "document", "other"];

/// Usual media types of attachments.
pub const MEDIA_TYPES: &[&str] = &["image/jpeg", "image/png", "image/heic", "application/pdf"];

/// Usual problems.
pub const PROBLEMS: &[&str] = &[
    "flat_tyre",
    "battery",
    "no_start",
    "lockout",
    "fuel",
    "accident",
    "tow",
    "overheating",
    "brakes",
    "electrical",
    "stuck",
    "other",
];

/// How urgent a job is. Closed.
pub const PRIORITIES: &[&str] = &["low", "normal", "high", "urgent"];

/// Whether prices contain their tax. Closed.
pub const TAX_MODES: &[&str] = &["inclusive", "exclusive"];

/// Where jobs usually come from.
pub const SOURCES: &[&str] = &["phone", "web", "dms", "api", "follow_up"];

/// Roles in which people usually sign.
pub const ROLES: &[&str] = &["customer", "receiver", "owner", "driver", "guardian"];

/// Usual units of a quantity.
pub const UNITS: &[&str] = &["piece", "litre", "metre", "set"];

/// Usual kinds of charges.
pub const CHARGES: &[&str] = &["labour", "tow", "fee", "discount"];

/// States of a job, in the order of a rescue. No fact holds one but a cancellation.
pub const STATES: &[&str] = &[
    "received",
    "offered",
    "assigned",
    "accepted",
    "en_route",
    "on_scene",
    "working",
    "in_tow",
    "at_destination",
    "completed",
    "goa",
    "unsuccessful",
    "cancelled",
    "closed",
];

/// Every list by its name.
pub fn all() -> [(&'static str, &'static [&'static str]); 16] {
    [
        ("states", STATES),
        ("steps", STEPS),
        ("reasons", REASONS),
        ("unsigned_reasons", UNSIGNED),
        ("take_back_reasons", TAKE_BACK_REASONS),
        ("results", RESULTS),
        ("findings", FINDINGS),
        ("checklist_steps", CHECKLIST_STEPS),
        ("photo_stages", PHOTO_STAGES),
        ("media_types", MEDIA_TYPES),
        ("problems", PROBLEMS),
        ("priorities", PRIORITIES),
        ("sources", SOURCES),
        ("signer_roles", ROLES),
        ("units", UNITS),
        ("charges", CHARGES),
    ]
}
