//! The table's own types: sections, kinds of facts, keys, and who may write them.

use std::borrow::Cow;

use super::form::{Form, Need, Sample};
use super::{DocKind, Key, Section, job, key, lists, section, technician, van};
use crate::codes::{self, Code};
use crate::limits;
use crate::value::{Record, Value};

/// A section of a kind of document.
#[derive(Debug)]
pub struct SectionSpec {
    /// Its name; the dictionary has its number.
    pub section: Section,
    /// What it holds, in one sentence.
    pub means: &'static str,
    /// Fields or facts.
    pub holds: Holds,
    /// Who may write it; for facts, those of a kind that does not say otherwise.
    pub writers: Writers,
}

/// What a section holds.
#[derive(Debug)]
pub enum Holds {
    /// Fields, which are set. Every one may be cleared.
    Fields(&'static [KeySpec]),
    /// Facts, which are added.
    Facts {
        /// The key whose word says of which kind a fact is; none where there is one kind only.
        by: Option<Key>,
        /// The kinds this version knows. Facts of other kinds are a newer version's.
        kinds: &'static [KindSpec],
    },
}

/// A kind of fact.
#[derive(Debug)]
pub struct KindSpec {
    /// The word under the key that tells kinds apart; empty where there is one kind only.
    pub word: &'static str,
    /// What such a fact says, in one sentence.
    pub means: &'static str,
    /// Its keys, besides [`COMMON`] and the one that tells kinds apart.
    pub keys: &'static [KeySpec],
    /// Of these keys at least one must be there; empty where nothing is asked.
    pub either: &'static [Key],
    /// The number under the second is greater than that under the first.
    pub ordered: Option<(Key, Key)>,
    /// Who may write it, where that is not the section's rule.
    pub writers: Option<Writers>,
    /// An example.
    pub example: &'static [(Key, Sample)],
}

/// A key of a fact, or a field.
#[derive(Debug)]
pub struct KeySpec {
    /// Its name; the dictionary says what it means.
    pub key: Key,
    /// What its value must be.
    pub form: Form,
    /// Whether it must be there.
    pub need: Need,
}

/// Who may write something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writers {
    /// A technician, from a phone.
    pub technician: May,
    /// A dispatcher.
    pub dispatcher: May,
    /// A manager or an administrator.
    pub manager: May,
    /// The server itself.
    pub system: May,
}

/// What must hold for someone to write something; the policy looks at the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Nothing more.
    Write,
    /// The job is or was theirs.
    OnTheirJob,
    /// The job is new.
    OpenAJob,
    /// The job is or was theirs, and so is the assignment the step belongs to.
    TakeTheirStep,
    /// The step is whole: it names its assignment and its reason where it must.
    WriteAStep,
    /// The van is or was theirs.
    OnTheirVan,
    /// The document is about them.
    AboutThemself,
    /// Only who drives the van and whether it is in use.
    SetWhoDrives,
    /// Not in this role; the code says who may.
    Never(Code),
}

impl May {
    /// It in words, for the documentation.
    pub fn sentence(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Write => "yes",
            Self::OnTheirJob => "on a job that is or was theirs",
            Self::OpenAJob => "to open a new job",
            Self::TakeTheirStep => "under an assignment that is or was theirs",
            Self::WriteAStep => "yes",
            Self::OnTheirVan => "on a van that is or was theirs",
            Self::AboutThemself => "about themself",
            Self::SetWhoDrives => "`technician` and `active`",
            Self::Never(codes::KIND_UNKNOWN) => "waits for a newer server (`kind_unknown`)",
            Self::Never(code) => return Cow::Owned(format!("no (`{}`)", code.word)),
        })
    }
}

/// What the table says of a fact.
#[derive(Debug, Clone, Copy)]
pub enum FactKind {
    /// It is of this kind.
    Known(&'static KindSpec),
    /// It is of a kind only a newer version knows.
    Newer,
    /// It does not say of which kind it is.
    Untold,
}

macro_rules! keys {
    ($($key:ident: $form:expr, $need:ident;)*) => {
        &[$($crate::schema::KeySpec {
            key: $crate::schema::key::$key,
            form: $form,
            need: $crate::schema::Need::$need,
        }),*]
    };
}
pub(super) use keys;

/// Any whole number.
pub(super) const ANY: Form = Form::Int(i64::MIN, i64::MAX);
/// A whole number that is not below zero.
pub(super) const COUNT: Form = Form::Int(0, i64::MAX);
/// Milliseconds since a phone's boot.
const SINCE_BOOT: Form = Form::Int(0, limits::SINCE_BOOT_MS);
/// Thousandths of a unit, up to a million units.
pub(super) const QUANTITY: Form = Form::Int(1, 1_000_000_000);
/// Hundredths of a percent, up to 100 %.
pub(super) const TAX_RATE: Form = Form::Int(0, 10_000);
/// The greatest tax rate, thousandths of a percent: 100 %.
pub const TAX_MOST: i64 = 100_000;
/// Thousandths of a percent, up to 100 %.
pub(super) const TAX_MILLIPERCENT: Form = Form::Int(0, TAX_MOST);
/// The greatest price or amount of one line, minor units of its currency. A million units of it are
/// still far from 2^63, so what passes here has an amount.
pub const PRICE_MOST: i64 = 100_000_000_000;
/// A price or amount that is not below zero.
pub(super) const PRICE: Form = Form::Int(0, PRICE_MOST);
/// A price or amount; below zero it is a discount.
pub(super) const DISCOUNT: Form = Form::Int(-PRICE_MOST, PRICE_MOST);

/// Keys that any fact may have.
pub const COMMON: &[KeySpec] = keys! {
    AT: Form::Time, Optional;
    UP: SINCE_BOOT, Optional;
    SRV: Form::Time, Optional;
    SRV_UP: SINCE_BOOT, Optional;
    LAT: Form::Int(-900_000_000, 900_000_000), Optional;
    LON: Form::Int(-1_800_000_000, 1_800_000_000), Optional;
    ACCURACY: COUNT, Optional;
    NOTE: Form::Text, Optional;
    CORRECTS: Form::Id, Optional;
};

/// A fact that takes back another of its section; it says nothing else. A status fact is none: it
/// is a step, whatever it voids.
pub static TAKES_BACK: KindSpec = KindSpec {
    word: "",
    means: "Takes back the fact it names; one that names another such fact lets stand again what that took back.",
    keys: keys! {
        VOIDS: Form::Id, Required;
        REASON: Form::Usual(lists::TAKE_BACK_REASONS), Optional;
    },
    either: &[],
    ordered: None,
    writers: None,
    example: &[(key::VOIDS, Sample::Id), (key::NOTE, Sample::Text("Fitted to another car"))],
};

/// The sections of a kind of document, in the order of its genesis.
pub fn sections(kind: DocKind) -> &'static [SectionSpec] {
    match kind {
        DocKind::Job => job::SECTIONS,
        DocKind::Van => van::SECTIONS,
        DocKind::Technician => technician::SECTIONS,
        DocKind::Other(_) => &[],
    }
}

/// The section of this name; absent for one only a newer version knows.
pub fn find_section(kind: DocKind, section: &Section) -> Option<&'static SectionSpec> {
    sections(kind).iter().find(|spec| spec.section == *section)
}

/// The kind of a fact of this section.
pub fn find_kind(spec: &'static SectionSpec, record: &Record) -> FactKind {
    let Holds::Facts { by, kinds } = &spec.holds else { return FactKind::Untold };
    let Some(by) = by else { return kinds.first().map_or(FactKind::Newer, FactKind::Known) };
    let Some(word) = record.get(by).and_then(Value::as_text) else { return FactKind::Untold };
    kinds.iter().find(|kind| kind.word == word).map_or(FactKind::Newer, FactKind::Known)
}

impl SectionSpec {
    /// Whether it holds fields.
    pub fn holds_fields(&self) -> bool {
        matches!(self.holds, Holds::Fields(_))
    }

    /// Whether a fact of it that names another in `voids` is nothing but the other's end.
    pub fn takes_back(&self, record: &Record) -> bool {
        self.section != section::STATUS && record.contains_key(&key::VOIDS)
    }
}

/// The names of sections, for the genesis.
pub(super) const fn names<const N: usize>(sections: &[SectionSpec]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = sections[at].section.fixed();
        at += 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{AssignmentKind, ExceptionKind, State, Step, TaxMode, usual_steps};
    use crate::schema::{NUMBERED_SECTIONS, lists};

    fn words(section: &Section) -> Vec<&'static str> {
        let spec = find_section(DocKind::Job, section);
        match spec.map(|spec| &spec.holds) {
            Some(Holds::Facts { kinds, .. }) => kinds.iter().map(|kind| kind.word).collect(),
            Some(Holds::Fields(_)) | None => Vec::new(),
        }
    }

    #[test]
    fn no_list_elsewhere_names_what_the_table_lacks_nor_lacks_what_it_names() {
        let all = || DocKind::ALL.into_iter().flat_map(sections);
        for section in NUMBERED_SECTIONS {
            assert!(all().any(|spec| spec.section == *section), "{section} is in no document");
        }
        assert!(all().all(|spec| NUMBERED_SECTIONS.contains(&spec.section)));
        let steps = Step::ALL.map(Step::as_str);
        assert_eq!(words(&section::STATUS), steps);
        assert_eq!(lists::STEPS, steps);
        assert_eq!(lists::STATES, State::ALL.map(State::as_str));
        let given = [AssignmentKind::Offer, AssignmentKind::Assign, AssignmentKind::Recall];
        assert_eq!(words(&section::ASSIGNMENT), given.map(AssignmentKind::as_str));
        let giving = [AssignmentKind::Offer, AssignmentKind::Assign];
        assert_eq!(lists::GIVING, giving.map(AssignmentKind::as_str));
        assert_eq!(words(&section::DECISIONS), ExceptionKind::ALL.map(ExceptionKind::as_str));
        assert_eq!(lists::TAX_MODES, TaxMode::ALL.map(TaxMode::as_str));
        let work = words(&section::WORK);
        assert!(lists::FINDINGS.iter().all(|kind| work.contains(kind)), "{work:?}");
        for step in usual_steps(Some("flat_tyre")) {
            assert!(lists::CHECKLIST_STEPS.contains(&step), "{step}");
        }
    }

    #[test]
    fn a_step_needs_a_reason_and_a_decision_has_choices_as_the_folds_have_it() {
        let key_of = |section: &Section, word: &str, key: &Key| {
            let record = Record::from([(key::KIND, word.into()), (key::ABOUT, word.into())]);
            let spec = find_section(DocKind::Job, section)?;
            let FactKind::Known(kind) = find_kind(spec, &record) else { return None };
            kind.keys.iter().find(|spec| spec.key == *key)
        };
        for step in Step::ALL {
            let reason = key_of(&section::STATUS, step.as_str(), &key::REASON);
            let needed = reason.is_some_and(|spec| spec.need == Need::Required);
            assert_eq!(needed, step.needs_reason(), "{step:?}");
        }
        for about in ExceptionKind::ALL {
            let choice = key_of(&section::DECISIONS, about.as_str(), &key::CHOICE);
            assert_eq!(choice.map(|spec| spec.form), Some(Form::Word(about.choices())));
        }
    }

    #[test]
    fn a_kind_names_each_key_once_and_no_kind_is_there_twice() {
        for spec in DocKind::ALL.into_iter().flat_map(sections) {
            let kinds: &[KindSpec] = match &spec.holds {
                Holds::Facts { kinds, .. } => kinds,
                Holds::Fields(_) => &[],
            };
            for (index, kind) in kinds.iter().enumerate() {
                let first = kinds.iter().position(|other| other.word == kind.word);
                assert_eq!(first, Some(index), "{}", kind.word);
                for (index, key) in kind.keys.iter().enumerate() {
                    let first = kind.keys.iter().position(|other| other.key == key.key);
                    assert_eq!(first, Some(index), "{}", key.key);
                }
            }
        }
    }
}
