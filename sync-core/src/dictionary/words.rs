//! The dictionaries of the compact encoding: sections, keys and words by number. What they mean
//! together is in the table of [`crate::schema`].
//!
//! A number, once released, keeps its name and coding for ever: append at the end only. A name
//! that is not here travels spelled out, so an older version still reads what a newer one adds.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Key, Section};

/// How an integer under a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Plain,
    /// As the difference from the change's own time.
    Time,
    /// As the difference from the last value under the same key in the same run.
    Delta,
    /// As it is; texts under this key are usually in the word dictionary.
    Word,
}

/// A key of the dictionary.
pub(super) struct Known {
    pub name: &'static str,
    pub coding: Coding,
    /// What a value under it says, in one sentence.
    pub means: &'static str,
}

macro_rules! keys {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $coding:ident;)*) => {
        /// The keys by name.
        pub mod key {
            use super::Key;
            $($(#[doc = $doc])* pub const $name: Key = Key::numbered(super::number($text));)*
        }

        pub(super) const KEYS: &[Known] = &[$(Known {
            name: $text,
            coding: Coding::$coding,
            means: concat!($($doc),*),
        }),*];
    };
}

macro_rules! sections {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// The sections by name.
        pub mod section {
            use super::Section;
            $($(#[doc = $doc])* pub const $name: Section = Section::known($text);)*
        }

        /// Sections with a number of their own, in the order of their numbers from 1; append only.
        pub const NUMBERED_SECTIONS: &[Section] = &[$(section::$name),*];
    };
}

sections! {
    /// Job, fields: who called, where, which vehicle, what is wrong.
    INTAKE = "intake";
    /// Job, fields: what the customer was promised and the price agreed.
    PROMISE = "promise";
    /// Job, facts by the office: each offer or assignment, with its number.
    ASSIGNMENT = "assignment";
    /// Job, facts: every step of the rescue, and its cancellation.
    STATUS = "status";
    /// Job, facts: what was observed and done (odometer, VIN read, cause, correction).
    WORK = "work";
    /// Job, facts: parts used.
    PARTS = "parts";
    /// Job, facts by the office: amounts to be paid besides parts.
    CHARGES = "charges";
    /// Job, facts: result of each checklist step.
    CHECKLIST = "checklist";
    /// Job, facts: photos and files by content hash.
    ATTACHMENTS = "attachments";
    /// Any kind, facts: remarks.
    NOTES = "notes";
    /// Job, facts: seals (customer signatures).
    SIGNATURES = "signatures";
    /// Job, facts by the office: what was decided about an exception.
    DECISIONS = "decisions";
    /// Job, facts by the server: what the dealership system answered.
    SETTLEMENT = "settlement";
    /// Job, facts: survey answers and complaints.
    FEEDBACK = "feedback";
    /// Van and technician, fields: name, branch, plate and the like.
    DETAILS = "details";
    /// Van, facts: each change of stock.
    MOVEMENTS = "movements";
    /// Van, facts: stock counted by hand.
    COUNTS = "counts";
    /// Technician, facts: skills and certificates with their expiry.
    CERTIFICATES = "certificates";
    /// Technician, facts: shifts, absences.
    SHIFTS = "shifts";
}

keys! {
    /// When it happened by the phone's wall clock, Unix milliseconds.
    AT = "at", Time;
    /// Milliseconds since the phone's boot when it happened.
    UP = "up", Delta;
    /// Last server time the phone knew, Unix milliseconds.
    SRV = "srv", Delta;
    /// Milliseconds since boot when `srv` was learnt; absent after a reboot.
    SRV_UP = "srv_up", Delta;
    /// Which kind of fact within its section.
    KIND = "kind", Word;
    /// Number of the assignment a status fact belongs to.
    EPOCH = "epoch", Plain;
    /// Latitude, 1e-7 degrees north.
    LAT = "lat", Delta;
    /// Longitude, 1e-7 degrees east.
    LON = "lon", Delta;
    /// Radius of 68 % confidence of the position, decimetres.
    ACCURACY = "accuracy", Plain;
    /// Coded reason.
    REASON = "reason", Word;
    /// Free text beside a fact.
    NOTE = "note", Plain;
    /// The text of a note.
    TEXT = "text", Plain;
    /// User id of a technician (16 bytes).
    TECHNICIAN = "technician", Plain;
    /// Id of a van (16 bytes).
    VAN = "van", Plain;
    /// Id of a branch (16 bytes).
    BRANCH = "branch", Plain;
    /// Name of an outsourced company.
    PROVIDER = "provider", Plain;
    /// When an offer or certificate ends, Unix milliseconds.
    EXPIRES = "expires", Time;
    /// Part number as the catalogue has it.
    PART_NO = "part_no", Plain;
    /// What a part or charge is, in words.
    DESCRIPTION = "description", Plain;
    /// Thousandths of a unit.
    QUANTITY = "quantity", Plain;
    /// Price of one unit, minor units of the currency.
    UNIT_PRICE = "unit_price", Plain;
    /// Amount, minor units of the currency.
    AMOUNT = "amount", Plain;
    /// ISO 4217 code.
    CURRENCY = "currency", Word;
    /// Tax, hundredths of a percent.
    TAX_RATE = "tax_rate", Plain;
    /// Id of the fact this one takes back (16 bytes).
    VOIDS = "voids", Plain;
    /// Id of the fact this one replaces (16 bytes).
    CORRECTS = "corrects", Plain;
    /// Checklist step.
    STEP = "step", Word;
    /// Checklist result.
    RESULT = "result", Word;
    /// Content hash of an attachment (32 bytes).
    SHA256 = "sha256", Plain;
    /// Media type of an attachment.
    MEDIA_TYPE = "media_type", Word;
    /// Size of an attachment, bytes.
    SIZE = "size", Plain;
    /// Capture stage of a photo, or stage at which a job was cancelled.
    STAGE = "stage", Word;
    /// What was observed or measured.
    VALUE = "value", Plain;
    /// Odometer reading, kilometres.
    ODOMETER = "odometer", Plain;
    /// Vehicle identification number (ISO 3779).
    VIN = "vin", Plain;
    /// Licence plate.
    PLATE = "plate", Plain;
    /// Name of the caller.
    CALLER = "caller", Plain;
    /// Phone number, E.164.
    PHONE = "phone", Plain;
    /// What is wrong with the vehicle.
    PROBLEM = "problem", Word;
    /// Where, in words.
    ADDRESS = "address", Plain;
    /// Make, model, colour in words.
    VEHICLE = "vehicle", Plain;
    /// BCP 47 language tag.
    LANGUAGE = "language", Word;
    /// How urgent.
    PRIORITY = "priority", Word;
    /// Human number of a job within its tenant.
    NUMBER = "number", Plain;
    /// Promised or estimated arrival, Unix milliseconds.
    ETA = "eta", Time;
    /// Latest promised arrival, Unix milliseconds.
    ETA_BY = "eta_by", Time;
    /// Where a job came from.
    SOURCE = "source", Word;
    /// Remarks of the office.
    REMARKS = "remarks", Plain;
    /// What was decided.
    CHOICE = "choice", Word;
    /// Which exception a decision is about.
    ABOUT = "about", Word;
    /// What something refers to: an id or an outside number.
    REF = "ref", Plain;
    /// Name of a person or thing; beside a step that the office entered, who told it.
    NAME = "name", Plain;
    /// Role of the signer.
    ROLE = "role", Word;
    /// The sentence that was signed.
    STATEMENT = "statement", Plain;
    /// The canonical rendering that was shown (RFC 8785 JSON, UTF-8).
    SHOWN = "shown", Plain;
    /// SHA-256 of what was shown (32 bytes).
    DIGEST = "digest", Plain;
    /// Document heads when it was shown, 32 bytes each, sorted.
    HEADS = "heads", Plain;
    /// Pen strokes, encoded as the seal module says.
    STROKES = "strokes", Plain;
    /// Device id (16 bytes).
    DEVICE = "device", Plain;
    /// Ed25519 signature (64 bytes).
    SIGNATURE = "signature", Plain;
    /// Survey score.
    SCORE = "score", Plain;
    /// Bin in a van.
    BIN = "bin", Plain;
    /// Skill or certificate.
    SKILL = "skill", Word;
    /// Start, Unix milliseconds.
    STARTS = "starts", Time;
    /// End, Unix milliseconds.
    ENDS = "ends", Time;
    /// Whether something is in use.
    ACTIVE = "active", Plain;
    /// Where the vehicle is towed, in words.
    DESTINATION = "destination", Plain;
    /// Email address.
    EMAIL = "email", Plain;
    /// Short title.
    TITLE = "title", Plain;
    /// Where something came from.
    FROM = "from", Plain;
    /// Where something went to.
    TO = "to", Plain;
    /// Id of a job (16 bytes).
    JOB = "job", Plain;
    /// Version of a template or form.
    VERSION = "version", Plain;
    /// Unit of a quantity.
    UNIT = "unit", Word;
    /// Serial number.
    SERIAL = "serial", Plain;
    /// Who received the vehicle.
    RECIPIENT = "recipient", Plain;
    /// Milliseconds.
    DURATION = "duration", Plain;
    /// Metres.
    DISTANCE = "distance", Plain;
    /// How often something was tried.
    ATTEMPTS = "attempts", Plain;
    /// Colour.
    COLOR = "color", Plain;
    /// Make of a vehicle.
    MAKE = "make", Plain;
    /// Model of a vehicle.
    MODEL = "model", Plain;
    /// Model year.
    YEAR = "year", Plain;
    /// Checklist steps a job asks for, separated by spaces, instead of the usual ones.
    CHECKLIST = "checklist", Plain;
    /// Ed25519 public key (32 bytes).
    PUBLIC_KEY = "public_key", Plain;
    /// Name of a signing key.
    KID = "kid", Plain;
    /// Id of a tenant (16 bytes).
    TENANT = "tenant", Plain;
    /// Skills a job asks for, one a line.
    SKILLS = "skills", Plain;
    /// Equipment a van carries or a job asks for, one a line.
    EQUIPMENT = "equipment", Plain;
    /// Id of the job this one follows up (16 bytes).
    FOLLOWS = "follows", Plain;
    /// Id of the job that follows this one up (16 bytes).
    FOLLOW_UP = "follow_up", Plain;
    /// Tax, thousandths of a percent: 8.875 % is 8875. It stands before `tax_rate`.
    TAX_MILLIPERCENT = "tax_millipercent", Plain;
    /// Whether prices contain their tax.
    TAX_MODE = "tax_mode", Word;
}

/// Words that stand for themselves in one byte or two instead of spelled out.
static WORDS: &[&str] = &[
    "offer",
    "assign",
    "recall",
    "accepted",
    "declined",
    "en_route",
    "on_scene",
    "working",
    "in_tow",
    "at_destination",
    "completed",
    "goa",
    "unsuccessful",
    "walk_up",
    "cancelled",
    "reopened",
    "pass",
    "fail",
    "not_applicable",
    "yes",
    "no",
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
    "image/jpeg",
    "image/png",
    "image/heic",
    "application/pdf",
    "before",
    "after",
    "damage",
    "drop_off",
    "document",
    "TWD",
    "CNY",
    "USD",
    "EUR",
    "JPY",
    "HKD",
    "GBP",
    "zh-Hant",
    "zh-Hans",
    "en",
    "customer",
    "receiver",
    "owner",
    "driver",
    "guardian",
    "low",
    "normal",
    "high",
    "urgent",
    "phone",
    "web",
    "dms",
    "api",
    "diagnosis",
    "cause",
    "correction",
    "odometer",
    "vin_read",
    "measurement",
    "load",
    "unload",
    "transfer",
    "count",
    "use",
    "return_to_stock",
    "cancelled_with_field_work",
    "superseded_completed",
    "goa_claimed",
    "unsuccessful_claimed",
    "clock_skew",
    "oversold",
    "review",
    "checklist_incomplete",
    "concurrent_assignment",
    "signature_missing",
    "accept_completed",
    "pay_fee",
    "void",
    "bill_this",
    "bill_other",
    "confirm",
    "reject",
    "resume",
    "customer_refused",
    "customer_absent",
    "unable_to_sign",
    "device_broken",
    "no_answer",
    "wrong_address",
    "too_far",
    "out_of_shift",
    "vehicle_unsafe",
    "no_part",
    "customer_cancelled",
    "duplicate",
    "other_provider",
    "hi_vis",
    "cones",
    "wheel_chocks",
    "hazard_lights",
    "area_safe",
    "engine_off",
    "handbrake",
    "jack_point",
    "torque_checked",
    "tools_cleared",
    "step0",
    "step1",
    "step2",
    "step3",
    "step4",
    "step5",
    "step6",
    "step7",
    "step8",
    "step9",
    "diagnosed",
    "piece",
    "litre",
    "metre",
    "set",
    "field_conflict",
    "changed_since_signed",
    "seal",
    "countersigned",
    "inclusive",
    "exclusive",
    "other_currency",
    "allow",
    "leave_out",
];

/// Every key with its number and coding, for the documentation.
pub fn keys() -> impl Iterator<Item = (usize, &'static str, Coding)> {
    KEYS.iter().enumerate().map(|(code, key)| (code, key.name, key.coding))
}

/// The word dictionary.
pub mod word {
    /// Every word in the order of the numbers, for the documentation.
    pub fn all() -> &'static [&'static str] {
        super::WORDS
    }

    /// Number of a word, from 0.
    pub fn code(word: &str) -> Option<u64> {
        super::tables().words.get(word).map(|c| *c as u64)
    }

    /// The word with this number.
    pub fn name(code: u64) -> Option<&'static str> {
        super::WORDS.get(usize::try_from(code).ok()?).copied()
    }
}

/// Number of a key that is in the dictionary; anything else does not compile.
const fn number(name: &str) -> u16 {
    let mut at = 0;
    while at < KEYS.len() {
        if same(KEYS[at].name.as_bytes(), name.as_bytes()) {
            return at as u16;
        }
        at += 1;
    }
    panic!("not in the dictionary")
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Number of the key of this name, if it has one.
pub(super) fn find_key(name: &str) -> Option<u16> {
    tables().keys.get(name).and_then(|number| u16::try_from(*number).ok())
}

struct Tables {
    keys: HashMap<&'static str, usize>,
    words: HashMap<&'static str, usize>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Tables {
        keys: KEYS.iter().enumerate().map(|(code, key)| (key.name, code)).collect(),
        words: WORDS.iter().enumerate().map(|(code, word)| (*word, code)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_names_one_thing() {
        assert_eq!(tables().keys.len(), KEYS.len());
        assert_eq!(tables().words.len(), WORDS.len());
        for (code, known) in KEYS.iter().enumerate() {
            let name = known.name;
            let key = Key::from_code(code as u64);
            assert_eq!(key.as_ref().and_then(Key::code), Some(code as u64));
            assert_eq!(key.as_ref().map(Key::as_str), Some(name));
            assert_eq!(key, Key::parse(name), "{name} is not a plain name");
        }
    }
}
