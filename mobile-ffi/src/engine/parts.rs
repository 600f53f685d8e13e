//! Parts taken for a job: a fact on the job and, with the same id, a movement out of the van.

use sync_core::document::{Document, Owner};
use sync_core::id::{FactId, JobId, UserId, VanId};
use sync_core::job::currency_of_lines;
use sync_core::schema::{self, DocKind, Key, key, section};
use sync_core::value::{Record, Value};

use super::facts::one;
use super::input;
use super::save::Work;
use super::{Engine, State};
use crate::error::EngineError;
use crate::store::docs;

/// One part taken for a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartUsed {
    /// Number in the catalogue.
    pub part_no: String,
    /// What it is, in words.
    pub description: Option<String>,
    /// Thousandths of a unit; more than zero.
    pub quantity: i64,
    /// Piece, litre and the like.
    pub unit: Option<String>,
    /// Minor units of the currency for one unit.
    pub unit_price: Option<i64>,
    /// ISO 4217 code, in capital or small letters; needed with a price.
    pub currency: Option<String>,
    /// Tax in hundredths of a percent, 0 to 10,000; or else `tax_millipercent`.
    pub tax_rate: Option<i64>,
    /// Tax in thousandths of a percent, 0 to 100,000: 8.875 % is 8875.
    pub tax_millipercent: Option<i64>,
    /// Serial number.
    pub serial: Option<String>,
    /// Bin in the van.
    pub bin: Option<String>,
    /// Not from the technician's van, so no stock moves.
    pub not_from_van: bool,
}

impl Engine {
    /// Records a part used, and with the same id its movement out of the technician's van.
    ///
    /// A price is in the currency of the job, or of the parts before where none is recorded, until the
    /// office has allowed others.
    pub fn use_part(&self, job: JobId, part: PartUsed) -> Result<FactId, EngineError> {
        let mut record = part_record(&part)?;
        self.record(|state, maker| {
            in_its_currency(state.document(job.into())?, &record)?;
            let van = match part.not_from_van {
                true => None,
                false => state.van_of(maker.user)?,
            };
            let Some(van) = van else { return one(state, maker, job, section::PARTS, record) };
            // What the part is and costs stands in the job.
            let moved = [key::PART_NO, key::QUANTITY, key::BIN];
            let moved = moved.into_iter().filter_map(|key| Some((key.clone(), record.get(&key)?)));
            let mut movement: Record = moved.map(|(key, value)| (key, value.clone())).collect();
            movement.insert(key::KIND, "use".into());
            movement.insert(key::JOB, job.as_bytes().to_vec().into());
            record.insert(key::VAN, van.as_bytes().to_vec().into());
            let (id, part) = maker.fact(state, section::PARTS, record)?;
            let replica = state.cache.get(state.store.read(), van.into())?;
            if replica.document().is_nearly_full(Owner::Technician(maker.user)) {
                // A long time without the office: the job alone says what was taken from the van,
                // and that is counted where no movement says so.
                return Ok((id, vec![Work { doc: job.into(), entries: vec![part] }]));
            }
            let movement = maker.fact_with(state, id, section::MOVEMENTS, movement);
            let works = vec![
                Work { doc: job.into(), entries: vec![part] },
                Work { doc: van.into(), entries: vec![movement] },
            ];
            Ok((id, works))
        })
    }
}

impl State {
    /// The van the technician drives, if it is on this phone.
    pub(super) fn van_of(&mut self, user: UserId) -> Result<Option<VanId>, EngineError> {
        for (doc, _) in docs::of_kind(self.store.read(), DocKind::Van)? {
            let replica = self.cache.get(self.store.read(), doc)?;
            let driver = replica.document().field(&section::DETAILS, &key::TECHNICIAN);
            if driver.and_then(Value::as_bytes) == Some(user.as_bytes()) {
                return Ok(doc.van());
            }
        }
        Ok(None)
    }
}

/// Whether a price is in the currency that the job is billed in.
fn in_its_currency(document: &Document, record: &Record) -> Result<(), EngineError> {
    let named = record.get(&key::CURRENCY).and_then(Value::as_text).and_then(schema::currency);
    let Some((named, one)) = named.zip(currency_of_lines(document)) else { return Ok(()) };
    if named == one || !record.contains_key(&key::UNIT_PRICE) {
        return Ok(());
    }
    let sentence = format!(
        "This job is billed in {one}, not in {named}. Record the part without a price and say it in a \
         note, or ask the office to change the currency of the job."
    );
    Err(EngineError::invalid("other_currency", "currency", sentence))
}

fn part_record(part: &PartUsed) -> Result<Record, EngineError> {
    let mut record = Record::new();
    input::needed(&mut record, key::PART_NO, &part.part_no, "part_no")?;
    if part.quantity <= 0 {
        let sentence = "A quantity is more than zero.";
        return Err(EngineError::invalid("quantity_not_positive", "quantity", sentence));
    }
    record.insert(key::QUANTITY, part.quantity.into());
    let texts: [(Key, &Option<String>, &'static str); 4] = [
        (key::DESCRIPTION, &part.description, "description"),
        (key::UNIT, &part.unit, "unit"),
        (key::SERIAL, &part.serial, "serial"),
        (key::BIN, &part.bin, "bin"),
    ];
    for (key, text, field) in texts {
        input::text(&mut record, key, text.clone(), field)?;
    }
    input::currency(&mut record, part.currency.clone())?;
    input::count(&mut record, key::UNIT_PRICE, part.unit_price, "unit_price")?;
    input::tax(&mut record, part.tax_millipercent, part.tax_rate)?;
    if part.unit_price.is_some() && !record.contains_key(&key::CURRENCY) {
        let sentence = "A price needs its currency.";
        return Err(EngineError::invalid("currency_missing", "currency", sentence));
    }
    Ok(record)
}
