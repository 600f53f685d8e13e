//! What the customer saw when they signed, as one canonical text (RFC 8785) with a digest.

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::id::{FactId, JobId};
use crate::job::Job;

/// Who signs, and what they are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    version: u8,
    job: ShownJob,
    work: Vec<ShownWork>,
    parts: Vec<ShownLine>,
    charges: Vec<ShownLine>,
    totals: Vec<ShownTotal>,
    signer: Signer,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ShownJob {
    id: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ShownWork {
    id: FactId,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    value: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ShownLine {
    id: FactId,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    quantity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    unit_price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    amount: Option<i64>,
    currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ShownTotal {
    currency: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    amount: Option<i64>,
}

impl Shown {
    /// What a signer is to see of a job as it stands.
    pub fn of(job: &Job, signer: Signer) -> Self {
        let parts = job.parts.iter().filter(|part| part.billed).map(|part| ShownLine {
            id: part.id,
            part_no: part.part_no.clone(),
            description: part.description.clone(),
            quantity: Some(part.quantity),
            unit_price: part.unit_price,
            amount: part.amount,
            currency: part.currency.clone(),
        });
        let charges = job.charges.iter().filter(|charge| !charge.voided).map(|charge| ShownLine {
            id: charge.id,
            part_no: charge.kind.clone(),
            description: charge.description.clone(),
            quantity: None,
            unit_price: None,
            amount: charge.amount,
            currency: charge.currency.clone(),
        });
        let work = job.work.iter().map(|finding| ShownWork {
            id: finding.id,
            kind: finding.kind.clone(),
            text: finding.text.clone(),
            value: finding.value,
        });
        let totals = job
            .totals
            .iter()
            .map(|total| ShownTotal { currency: total.currency.clone(), amount: total.total });
        let intake = &job.intake;
        Self {
            version: 1,
            job: ShownJob {
                id: job.id,
                number: intake.number.clone(),
                plate: job.observed.plate.clone().or_else(|| intake.plate.clone()),
                vin: job.observed.vin.clone().or_else(|| intake.vin.clone()),
                problem: intake.problem.clone(),
            },
            work: work.collect(),
            parts: parts.collect(),
            charges: charges.collect(),
            totals: totals.collect(),
            signer,
        }
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

/// SHA-256 of a canonical text.
pub fn digest(canonical: &str) -> [u8; 32] {
    Sha256::digest(canonical.as_bytes()).into()
}

/// JSON numbers are exact only up to 2^53 (RFC 8785 takes them as doubles).
const EXACT: i64 = (1 << 53) - 1;

fn exact<S: Serializer>(number: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) if (-EXACT..=EXACT).contains(number) => serializer.serialize_i64(*number),
        Some(number) => serializer.collect_str(number),
        None => serializer.serialize_none(),
    }
}
