//! Parts used for a job and charges for it, with corrections and voids applied.

use serde::{Deserialize, Serialize};

use super::access::{int, text};
use super::billing::Terms;
use super::family::{Family, families};
use super::tax::rate_of;
use super::times::corrected;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId, VanId};
use crate::schema::{key, section};
use crate::time::Corrected;
use crate::value::Value;

/// One part used; its id is also the id of the movement in the van it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PartUse {
    /// Id of the first fact about it; corrections keep it.
    pub id: FactId,
    /// The fact that says what stands now.
    pub fact: FactId,
    /// Part number of the catalogue.
    pub part_no: Option<String>,
    /// What it is, in words.
    pub description: Option<String>,
    /// Thousandths of a unit.
    pub quantity: i64,
    /// Piece, litre and the like.
    pub unit: Option<String>,
    /// Minor units for one unit.
    pub unit_price: Option<i64>,
    /// ISO 4217 code.
    pub currency: String,
    /// Minor units; absent where it does not fit.
    pub amount: Option<i64>,
    /// Hundredths of a percent, where it was recorded so.
    pub tax_rate: Option<i64>,
    /// Tax rate, thousandths of a percent.
    #[serde(default)]
    pub tax_millipercent: Option<i64>,
    /// Tax, minor units: contained in the amount or to be added to it, as the job's `tax_mode` says.
    #[serde(default)]
    pub tax: Option<i64>,
    /// Serial number.
    pub serial: Option<String>,
    /// The van it came from.
    pub van: Option<VanId>,
    /// The bin in that van.
    pub bin: Option<String>,
    /// Who recorded it.
    pub by: Option<UserId>,
    /// The same, if it was on a phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technician: Option<UserId>,
    /// When it was used.
    pub time: Corrected,
    /// It was taken back by another fact.
    pub voided: bool,
    /// It counts in the totals: not voided, not a superseded technician's, in the job's currency or
    /// one that a person allowed, and it says what was used and how much.
    pub billed: bool,
    /// Two people corrected it without having seen each other.
    pub contested: bool,
}

impl PartUse {
    fn of(family: &Family<'_>, terms: &Terms<'_>) -> Self {
        let fact = family.current;
        let quantity = int(fact, &key::QUANTITY).unwrap_or(1000);
        let unit_price = int(fact, &key::UNIT_PRICE);
        let van = fact.record.get(&key::VAN).and_then(Value::as_bytes);
        // An amount that was written stands; else it follows from quantity and price.
        let computed = || terms.amount(quantity, unit_price.unwrap_or(0));
        let amount = int(fact, &key::AMOUNT).or_else(computed);
        let voided = family.voided_by.is_some();
        Self {
            id: family.root,
            fact: fact.id,
            part_no: owned(fact, &key::PART_NO),
            description: owned(fact, &key::DESCRIPTION),
            quantity,
            unit: owned(fact, &key::UNIT),
            unit_price,
            currency: terms.currency_of(fact),
            amount,
            tax_rate: int(fact, &key::TAX_RATE),
            tax_millipercent: rate_of(fact),
            tax: terms.tax(fact, amount),
            serial: owned(fact, &key::SERIAL),
            van: van.and_then(|bytes| VanId::from_slice(bytes).ok()),
            bin: owned(fact, &key::BIN),
            by: fact.author,
            technician: fact.author.filter(|_| fact.device.is_some()),
            time: corrected(fact),
            voided,
            billed: !voided && is_a_part(fact),
            contested: family.contested,
        }
    }
}

/// Whether a fact means a part: it says which, and a quantity above zero. Old logs hold others.
pub(crate) fn is_a_part(fact: &Fact) -> bool {
    let mut names = [key::PART_NO, key::DESCRIPTION].into_iter();
    let named = names.any(|key| text(fact, &key).is_some_and(|text| !text.trim().is_empty()));
    named && int(fact, &key::QUANTITY).is_none_or(|quantity| quantity > 0)
}

/// One amount to be paid besides parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Charge {
    /// Id of the first fact about it; corrections keep it.
    pub id: FactId,
    /// The fact that says what stands now.
    pub fact: FactId,
    /// Labour, tow, fee and the like.
    pub kind: Option<String>,
    /// What it is, in words.
    pub description: Option<String>,
    /// Thousandths of a unit, as it was recorded.
    #[serde(default)]
    pub quantity: Option<i64>,
    /// Minor units for one unit, as it was recorded.
    #[serde(default)]
    pub unit_price: Option<i64>,
    /// Minor units; absent where it does not fit.
    pub amount: Option<i64>,
    /// ISO 4217 code.
    pub currency: String,
    /// Hundredths of a percent, where it was recorded so.
    pub tax_rate: Option<i64>,
    /// Tax rate, thousandths of a percent.
    #[serde(default)]
    pub tax_millipercent: Option<i64>,
    /// Tax, minor units: contained in the amount or to be added to it, as the job's `tax_mode` says.
    #[serde(default)]
    pub tax: Option<i64>,
    /// Who recorded it.
    pub by: Option<UserId>,
    /// It was taken back by another fact.
    pub voided: bool,
    /// It counts in the totals: not voided, and in the job's currency or one that a person allowed.
    pub billed: bool,
}

impl Charge {
    fn of(family: &Family<'_>, terms: &Terms<'_>) -> Self {
        let fact = family.current;
        let (quantity, unit_price) = (int(fact, &key::QUANTITY), int(fact, &key::UNIT_PRICE));
        let computed = || terms.amount(quantity.unwrap_or(1000), unit_price.unwrap_or(0));
        let amount = int(fact, &key::AMOUNT).or_else(computed);
        let voided = family.voided_by.is_some();
        Self {
            id: family.root,
            fact: fact.id,
            quantity,
            unit_price,
            kind: owned(fact, &key::KIND),
            description: owned(fact, &key::DESCRIPTION),
            amount,
            currency: terms.currency_of(fact),
            tax_rate: int(fact, &key::TAX_RATE),
            tax_millipercent: rate_of(fact),
            tax: terms.tax(fact, amount),
            by: fact.author,
            voided,
            billed: !voided,
        }
    }
}

/// The parts a job's document says were used, oldest first, voided ones among them. Whether they are
/// billed only [`super::Job`] says: that depends on whose work the job is.
pub fn parts(document: &Document) -> Vec<PartUse> {
    let terms = Terms::of(document);
    let of = |family| PartUse::of(&family, &terms);
    families(document, &section::PARTS).into_iter().map(of).collect()
}

/// The charges, oldest first, voided ones among them.
pub(super) fn charges(document: &Document) -> Vec<Charge> {
    let terms = Terms::of(document);
    let of = |family| Charge::of(&family, &terms);
    families(document, &section::CHARGES).into_iter().map(of).collect()
}

pub(super) fn owned(fact: &Fact, key: &crate::schema::Key) -> Option<String> {
    text(fact, key).map(str::to_owned)
}
