//! The word lists of the core as types: a closed list as a plain enum, an open one with `Other`.
//!
//! A generator of bindings needs the variants spelled out, so each enum is compared with its list when
//! this is compiled: a word that one has and the other has not does not build.

use sync_core::job::{State, Step};
use sync_core::schema::{Section, lists, section};

/// A word list that may grow, as an enum. A word that this version does not know is kept in `Other`.
macro_rules! open_list {
    (
        $(#[doc = $doc:literal])*
        $name:ident = $list:expr;
        $($(#[doc = $means:literal])* $variant:ident = $word:literal,)*
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
        pub enum $name {
            $($(#[doc = $means])* $variant,)*
            /// A word that this version does not know: of a newer version, or of the office's own.
            Other {
                /// The word as it is stored.
                word: String,
            },
        }

        const _: () = assert!(same(&[$($word),*], $list), "the enum is not as its list");

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Other { word: word.to_owned() },
                }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => $word.to_owned(),)*
                    $name::Other { word } => word,
                }
            }
        }
    };
}

pub(super) use open_list;

/// A closed word list as an enum: no other word is ever stored.
macro_rules! closed_list {
    (
        $(#[doc = $doc:literal])*
        $name:ident = $list:expr;
        $($(#[doc = $means:literal])* $variant:ident = $word:literal,)*
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
        pub enum $name {
            $($(#[doc = $means])* $variant,)*
        }

        const _: () = assert!(same(&[$($word),*], $list), "the enum is not as its list");

        impl $name {
            /// The word as it is stored.
            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

/// An enum of the core again, with the same variants; the match fails to build where one is missing.
macro_rules! mirror {
    (
        $(#[doc = $doc:literal])*
        $name:ident of $core:ident;
        $($(#[doc = $means:literal])* $variant:ident,)*
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
        pub enum $name {
            $($(#[doc = $means])* $variant,)*
        }

        impl From<$core> for $name {
            fn from(it: $core) -> Self {
                match it {
                    $($core::$variant => Self::$variant,)*
                }
            }
        }
    };
}

mirror! {
    /// Where a job stands. The phone computes it from what it holds, so there is no other.
    RescueState of State;
    /// Taken in, nobody asked yet.
    Received,
    /// A technician or provider was asked and has not answered.
    Offered,
    /// Given to a technician or provider.
    Assigned,
    /// They take it.
    Accepted,
    /// They set off.
    EnRoute,
    /// They arrived.
    OnScene,
    /// They work.
    Working,
    /// The vehicle is being towed.
    InTow,
    /// The vehicle is where it was to go.
    AtDestination,
    /// The work is done.
    Completed,
    /// Nobody was there, as the office confirmed.
    Goa,
    /// It could not be done, as the office confirmed.
    Unsuccessful,
    /// Called off.
    Cancelled,
    /// Done, evidence complete, and the dealership system has it.
    Closed,
}

closed_list! {
    /// The result of a checklist step.
    CheckResult = lists::RESULTS;
    /// Checked, and as it should be.
    Pass = "pass",
    /// Checked, and not as it should be.
    Fail = "fail",
    /// Does not apply to this job.
    NotApplicable = "not_applicable",
}

impl CheckResult {
    /// The result of this word; absent for what is none.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let all = [Self::Pass, Self::Fail, Self::NotApplicable];
        all.into_iter().find(|result| result.as_str() == word)
    }
}

closed_list! {
    /// What was found or done, told in words.
    FindingKind = lists::FINDINGS;
    /// What is wrong.
    Diagnosis = "diagnosis",
    /// Why.
    Cause = "cause",
    /// What was done about it.
    Correction = "correction",
    /// What was measured.
    Measurement = "measurement",
}

open_list! {
    /// How urgent a job is.
    Priority = lists::PRIORITIES;
    /// Can wait.
    Low = "low",
    /// As usual.
    Normal = "normal",
    /// Before others.
    High = "high",
    /// Before all others.
    Urgent = "urgent",
}

open_list! {
    /// What is wrong with the vehicle.
    Problem = lists::PROBLEMS;
    /// A flat tyre.
    FlatTyre = "flat_tyre",
    /// An empty or broken battery.
    Battery = "battery",
    /// It does not start.
    NoStart = "no_start",
    /// The key is inside.
    Lockout = "lockout",
    /// No fuel, or the wrong one.
    Fuel = "fuel",
    /// An accident.
    Accident = "accident",
    /// It is to be towed.
    Tow = "tow",
    /// The engine overheats.
    Overheating = "overheating",
    /// The brakes.
    Brakes = "brakes",
    /// The electrical system.
    Electrical = "electrical",
    /// It is stuck.
    Stuck = "stuck",
    /// None of these: the word `other` of the list.
    SomethingElse = "other",
}

open_list! {
    /// The reason beside a step.
    StepReason = lists::REASONS;
    /// The customer refused to sign.
    CustomerRefused = "customer_refused",
    /// The customer was not there to sign.
    CustomerAbsent = "customer_absent",
    /// The customer was unable to sign.
    UnableToSign = "unable_to_sign",
    /// The device was broken.
    DeviceBroken = "device_broken",
    /// It was signed on paper.
    SignedOnPaper = "signed_on_paper",
    /// There was no device.
    NoDevice = "no_device",
    /// Nobody answered the phone.
    NoAnswer = "no_answer",
    /// The address was wrong.
    WrongAddress = "wrong_address",
    /// It is too far.
    TooFar = "too_far",
    /// Outside of the technician's shift.
    OutOfShift = "out_of_shift",
    /// The vehicle is not safe to work on.
    VehicleUnsafe = "vehicle_unsafe",
    /// A part is missing.
    NoPart = "no_part",
    /// The customer called it off.
    CustomerCancelled = "customer_cancelled",
    /// The job is there twice.
    Duplicate = "duplicate",
    /// Another provider did it.
    OtherProvider = "other_provider",
    /// None of these: the word `other` of the list.
    SomethingElse = "other",
}

open_list! {
    /// A step of the checklist.
    ChecklistStep = lists::CHECKLIST_STEPS;
    /// A high-visibility vest is worn.
    HiVis = "hi_vis",
    /// The hazard lights are on.
    HazardLights = "hazard_lights",
    /// The area is safe.
    AreaSafe = "area_safe",
    /// The tools are cleared away.
    ToolsCleared = "tools_cleared",
    /// The handbrake is on.
    Handbrake = "handbrake",
    /// The wheels are chocked.
    WheelChocks = "wheel_chocks",
    /// The jack is at its point.
    JackPoint = "jack_point",
    /// The torque of the wheel was checked.
    TorqueChecked = "torque_checked",
    /// Cones are set.
    Cones = "cones",
    /// The engine is off.
    EngineOff = "engine_off",
}

open_list! {
    /// What a photo or file shows.
    PhotoStage = lists::PHOTO_STAGES;
    /// Before the work.
    Before = "before",
    /// After the work.
    After = "after",
    /// Damage.
    Damage = "damage",
    /// The vehicle where it was delivered.
    DropOff = "drop_off",
    /// A document.
    Document = "document",
    /// None of these: the word `other` of the list.
    SomethingElse = "other",
}

open_list! {
    /// The role in which somebody signs.
    SignerRole = lists::ROLES;
    /// The customer.
    Customer = "customer",
    /// Who receives the vehicle.
    Receiver = "receiver",
    /// The owner.
    Owner = "owner",
    /// The driver.
    Driver = "driver",
    /// A guardian.
    Guardian = "guardian",
}

open_list! {
    /// The unit of a quantity.
    QuantityUnit = lists::UNITS;
    /// Pieces.
    Piece = "piece",
    /// Litres.
    Litre = "litre",
    /// Metres.
    Metre = "metre",
    /// Sets.
    Set = "set",
}

/// A step a technician takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RescueStep {
    /// Takes the job.
    Accepted,
    /// Does not take it; needs a reason.
    Declined,
    /// Set off.
    EnRoute,
    /// Arrived.
    OnScene,
    /// Knows what is wrong.
    Diagnosed,
    /// Began to work.
    Working,
    /// The vehicle is on its way.
    InTow,
    /// The vehicle is where it was to go.
    AtDestination,
    /// The work is done.
    Completed,
    /// Nobody was there.
    Goa,
    /// Could not help; needs a reason.
    Unsuccessful,
}

impl From<RescueStep> for Step {
    fn from(step: RescueStep) -> Self {
        match step {
            RescueStep::Accepted => Self::Accepted,
            RescueStep::Declined => Self::Declined,
            RescueStep::EnRoute => Self::EnRoute,
            RescueStep::OnScene => Self::OnScene,
            RescueStep::Diagnosed => Self::Diagnosed,
            RescueStep::Working => Self::Working,
            RescueStep::InTow => Self::InTow,
            RescueStep::AtDestination => Self::AtDestination,
            RescueStep::Completed => Self::Completed,
            RescueStep::Goa => Self::Goa,
            RescueStep::Unsuccessful => Self::Unsuccessful,
        }
    }
}

/// A part of a job that holds facts a technician records, and may take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum JobSection {
    /// Steps of the rescue.
    Status,
    /// What was found and done: findings, odometer, VIN.
    Work,
    /// Parts used.
    Parts,
    /// Results of the checklist.
    Checklist,
    /// Photos and files.
    Attachments,
    /// Remarks.
    Notes,
    /// Seals.
    Signatures,
}

impl From<JobSection> for Section {
    fn from(named: JobSection) -> Self {
        match named {
            JobSection::Status => section::STATUS,
            JobSection::Work => section::WORK,
            JobSection::Parts => section::PARTS,
            JobSection::Checklist => section::CHECKLIST,
            JobSection::Attachments => section::ATTACHMENTS,
            JobSection::Notes => section::NOTES,
            JobSection::Signatures => section::SIGNATURES,
        }
    }
}

/// Whether two lists hold the same words in the same order.
pub(super) const fn same(these: &[&str], those: &[&str]) -> bool {
    if these.len() != those.len() {
        return false;
    }
    let mut at = 0;
    while at < these.len() {
        if !equal(these[at], those[at]) {
            return false;
        }
        at += 1;
    }
    true
}

const fn equal(this: &str, that: &str) -> bool {
    let (this, that) = (this.as_bytes(), that.as_bytes());
    if this.len() != that.len() {
        return false;
    }
    let mut at = 0;
    while at < this.len() {
        if this[at] != that[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A list of words, such as `reasons`, `problems` or `photo_stages`, to offer in a menu.
#[derive(Debug, Clone, uniffi::Record)]
pub struct WordList {
    /// Name of the list.
    pub name: String,
    /// The words, in the order in which to offer them.
    pub words: Vec<String>,
}

/// Every word list this version knows.
#[uniffi::export]
pub fn word_lists() -> Vec<WordList> {
    let list = |(name, words): (&str, &[&str])| WordList {
        name: name.to_owned(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    lists::all().into_iter().map(list).collect()
}
