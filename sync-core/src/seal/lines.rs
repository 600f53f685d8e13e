//! The lines of what a customer signs, as they stand in the canonical text.

use serde::{Serialize, Serializer};

use crate::id::{FactId, JobId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ShownJob {
    pub id: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ShownWork {
    pub id: FactId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub value: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ShownLine {
    pub id: FactId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub quantity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub unit_price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub tax_rate: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_millipercent: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub tax: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The tax by `tax_rate` that versions without a tax mode show.
    #[serde(skip)]
    pub contained_tax: Option<i64>,
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ShownTotal {
    pub currency: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub tax: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub without_tax: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor_units: Option<u8>,
}

/// One line of a list.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Line<'s> {
    Work(&'s ShownWork),
    Priced(&'s ShownLine),
    Total(&'s ShownTotal),
}

impl Line<'_> {
    /// What makes it the same line: its fact, or the currency of a total.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Work(work) => work.id.to_string(),
            Self::Priced(line) => line.id.to_string(),
            Self::Total(total) => total.currency.clone(),
        }
    }

    /// As it stands in the rendering.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
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
