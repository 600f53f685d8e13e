//! What the customer saw when they signed, as one canonical text (RFC 8785) with a digest.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::SealError;
use super::lines::{Line, ShownJob, ShownLine, ShownTotal, ShownWork};
use crate::limits;

/// Version of the rendering of a job that has a tax mode: whether prices contain tax, rates in
/// thousandths of a percent, and the minor units of the totals.
pub(crate) const VERSION: u8 = 3;
/// Version of the rendering of all other jobs: 2 added to the lines unit, tax and serial number, and
/// to the totals the tax they contain. It bounds what findings and descriptions take, so that nobody
/// can keep a customer from signing with long ones.
pub(crate) const WITHOUT_MODE: u8 = 2;

/// Characters of a text that are shown; a longer one ends with `…` and how many there are more.
const TEXT_CHARS: usize = 200;
/// Findings that are shown, the first first; more are counted.
pub(crate) const FINDINGS: usize = 16;
/// Parts and charges together that a customer can sign for. Each is shown whole, so more of them do
/// not fit into [`limits::VALUE_BYTES`].
pub const SHEET_LINES: usize = 60;

/// Who signs, and what they are told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Signer {
    /// Name as given.
    pub name: String,
    /// customer, receiver, owner, driver, guardian.
    pub role: String,
    /// Language of the screen, BCP 47.
    pub language: String,
    /// The sentence they sign, in that language.
    pub statement: String,
}

/// Everything on the screen that is signed.
///
/// The canonical text has the keys in order, no white space, and numbers only up to 2^53; larger
/// ones are text. A later version may add keys; what was signed keeps the text it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    pub(crate) version: u8,
    pub(crate) job: ShownJob,
    pub(crate) work: Vec<ShownWork>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) more_work: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tax_mode: Option<&'static str>,
    pub(crate) parts: Vec<ShownLine>,
    pub(crate) charges: Vec<ShownLine>,
    pub(crate) totals: Vec<ShownTotal>,
    pub(crate) signer: Signer,
    /// What version 1 shows in place of it, whole.
    #[serde(skip)]
    pub(crate) whole: Whole,
}

/// What later versions cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) work: Vec<ShownWork>,
    /// Descriptions of the parts and the charges.
    pub(crate) descriptions: [Vec<Option<String>>; 2],
}

impl Shown {
    /// The same job as an earlier version of the rendering shows it. Seals of that version are
    /// compared with this, for ever; a version that is newer than this program's is taken as its own.
    pub(crate) fn in_version(mut self, version: u64) -> Self {
        if version >= u64::from(VERSION) {
            for line in self.parts.iter_mut().chain(&mut self.charges) {
                line.tax_rate = None;
                for text in [&mut line.part_no, &mut line.unit, &mut line.serial] {
                    *text = text.as_deref().map(cut);
                }
            }
            return self;
        }
        self.version = WITHOUT_MODE;
        self.tax_mode = None;
        for line in self.parts.iter_mut().chain(&mut self.charges) {
            line.tax_millipercent = None;
            line.tax = line.contained_tax;
        }
        self.totals.iter_mut().for_each(|total| total.minor_units = None);
        if version >= u64::from(WITHOUT_MODE) {
            return self;
        }
        self.version = 1;
        self.work = std::mem::take(&mut self.whole.work);
        self.more_work = None;
        let descriptions = std::mem::take(&mut self.whole.descriptions).into_iter().flatten();
        let lines = self.parts.iter_mut().chain(&mut self.charges);
        lines.zip(descriptions).for_each(|(line, whole)| line.description = whole);
        for line in self.parts.iter_mut().chain(&mut self.charges) {
            (line.unit, line.tax_rate, line.tax, line.serial) = (None, None, None, None);
        }
        for charge in &mut self.charges {
            (charge.quantity, charge.unit_price) = (None, None);
        }
        for total in &mut self.totals {
            (total.tax, total.without_tax) = (None, None);
        }
        self
    }

    /// Its lists with their names.
    pub(super) fn lists(&self) -> [(&'static str, Vec<Line<'_>>); 4] {
        [
            ("charges", self.charges.iter().map(Line::Priced).collect()),
            ("parts", self.parts.iter().map(Line::Priced).collect()),
            ("totals", self.totals.iter().map(Line::Total).collect()),
            ("work", self.work.iter().map(Line::Work).collect()),
        ]
    }

    /// What is neither a list nor the signer.
    pub(super) fn without_lists(&self) -> serde_json::Value {
        let mut rest = serde_json::json!({ "version": self.version, "job": self.job });
        if let Some(keys) = rest.as_object_mut() {
            let more = self.more_work.map(|more| ("more_work".to_owned(), more.into()));
            let mode = self.tax_mode.map(|mode| ("tax_mode".to_owned(), mode.into()));
            keys.extend(more.into_iter().chain(mode));
        }
        rest
    }

    /// Whether a customer can sign for all of it. Ask before the customer does.
    ///
    /// # Errors
    /// [`SealError::TooManyLines`], and [`SealError::TooLarge`] for texts that are too long together.
    pub fn fits(&self) -> Result<(), SealError> {
        let lines = self.parts.len() + self.charges.len();
        if lines > SHEET_LINES {
            return Err(SealError::TooManyLines(lines));
        }
        let length = self.canonical().len();
        if length == 0 || length > limits::VALUE_BYTES {
            return Err(SealError::TooLarge("what is shown"));
        }
        Ok(())
    }

    /// Who signs.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The canonical text.
    pub fn canonical(&self) -> String {
        // Plain structs of text and integers have no way to fail; an empty text never verifies.
        serde_json_canonicalizer::to_string(self).unwrap_or_default()
    }
}

/// The beginning of a text, with how many characters there are more.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… +{}", &text[..at], text[at..].chars().count()),
    }
}

/// Whether a text is JSON in canonical form.
pub(super) fn is_canonical(text: &str) -> bool {
    let parsed = serde_json::from_str::<serde_json::Value>(text).ok();
    let canonical = parsed.and_then(|it| serde_json_canonicalizer::to_string(&it).ok());
    canonical.as_deref() == Some(text)
}

/// SHA-256 of a canonical text.
pub fn digest(canonical: &str) -> [u8; 32] {
    Sha256::digest(canonical.as_bytes()).into()
}
