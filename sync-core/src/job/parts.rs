//! Parts used for a job and charges for it, with corrections and voids applied.

use serde::{Deserialize, Serialize};

use super::access::{int, text};
use super::amounts::{NO_CURRENCY, amount_of};
use super::family::{Family, families};
use super::times::corrected;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId, VanId};
use crate::schema::{key, section};
use crate::time::Corrected;
use crate::value::Value;

/// One part used; its id is also the id of the movement in the van it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Hundredths of a percent, as it was recorded.
    pub tax_rate: Option<i64>,
    /// Serial number.
    pub serial: Option<String>,
    /// The van it came from.
    pub van: Option<VanId>,
    /// The bin in that van.
    pub bin: Option<String>,
    /// Who recorded it.
    pub by: Option<UserId>,
    /// When it was used.
    pub time: Corrected,
    /// It was taken back by another fact.
    pub voided: bool,
    /// It counts in the totals: not voided, and not a superseded technician's.
    pub billed: bool,
    /// Two people corrected it without having seen each other.
    pub contested: bool,
}

impl PartUse {
    pub(crate) fn of(family: &Family<'_>, currency: &str) -> Self {
        let fact = family.current;
        let quantity = int(fact, &key::QUANTITY).unwrap_or(1000);
        let unit_price = int(fact, &key::UNIT_PRICE);
        let van = fact.record.get(&key::VAN).and_then(Value::as_bytes);
        // An amount that was written stands; else it follows from quantity and price.
        let computed = amount_of(quantity, unit_price.unwrap_or(0));
        let voided = family.voided_by.is_some();
        Self {
            id: family.root,
            fact: fact.id,
            part_no: owned(fact, &key::PART_NO),
            description: owned(fact, &key::DESCRIPTION),
            quantity,
            unit: owned(fact, &key::UNIT),
            unit_price,
            currency: text(fact, &key::CURRENCY).unwrap_or(currency).to_owned(),
            amount: int(fact, &key::AMOUNT).or(computed),
            tax_rate: int(fact, &key::TAX_RATE),
            serial: owned(fact, &key::SERIAL),
            van: van.and_then(|bytes| VanId::from_slice(bytes).ok()),
            bin: owned(fact, &key::BIN),
            by: fact.author,
            time: corrected(fact),
            voided,
            billed: !voided,
            contested: family.contested,
        }
    }
}

/// One amount to be paid besides parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Id of the first fact about it.
    pub id: FactId,
    /// Labour, tow, fee and the like.
    pub kind: Option<String>,
    /// What it is, in words.
    pub description: Option<String>,
    /// Minor units; absent where it does not fit.
    pub amount: Option<i64>,
    /// ISO 4217 code.
    pub currency: String,
    /// Hundredths of a percent, as it was recorded.
    pub tax_rate: Option<i64>,
    /// Who recorded it.
    pub by: Option<UserId>,
    /// It was taken back by another fact.
    pub voided: bool,
}

impl Charge {
    fn of(family: &Family<'_>, currency: &str) -> Self {
        let fact = family.current;
        let quantity = int(fact, &key::QUANTITY).unwrap_or(1000);
        let computed = amount_of(quantity, int(fact, &key::UNIT_PRICE).unwrap_or(0));
        Self {
            id: family.root,
            kind: owned(fact, &key::KIND),
            description: owned(fact, &key::DESCRIPTION),
            amount: int(fact, &key::AMOUNT).or(computed),
            currency: text(fact, &key::CURRENCY).unwrap_or(currency).to_owned(),
            tax_rate: int(fact, &key::TAX_RATE),
            by: fact.author,
            voided: family.voided_by.is_some(),
        }
    }
}

/// The currency of lines that name none: the one promised.
fn currency(document: &Document) -> &str {
    let promised = document.field(&section::PROMISE, &key::CURRENCY);
    promised.and_then(Value::as_text).unwrap_or(NO_CURRENCY)
}

/// The parts used, oldest first, voided ones among them.
pub(crate) fn parts(document: &Document) -> Vec<PartUse> {
    let of = |family| PartUse::of(&family, currency(document));
    families(document, &section::PARTS).into_iter().map(of).collect()
}

/// The charges, oldest first, voided ones among them.
pub(super) fn charges(document: &Document) -> Vec<Charge> {
    let of = |family| Charge::of(&family, currency(document));
    families(document, &section::CHARGES).into_iter().map(of).collect()
}

pub(super) fn owned(fact: &Fact, key: &crate::schema::Key) -> Option<String> {
    text(fact, key).map(str::to_owned)
}
