//! Rows of the catalogue.

use std::collections::BTreeSet;

use store::rows::parts::{self, Part};
use sync_core::schema::minor_units;

use super::apply::{Plan, Record};
use super::fields::Fields;
use super::report::RowStatus;
use super::run::{Import, Planned};
use crate::api::check;
use crate::api::parts::checked;
use crate::http::Problem;

/// Reads one row and says what it comes to.
pub async fn plan(
    import: &Import,
    seen: &mut BTreeSet<String>,
    mut fields: Fields<'_>,
) -> Result<Planned, Problem> {
    let Some(number) = fields.code("part_no") else {
        return Ok(Planned::without_key(fields, "part_no"));
    };
    let Some(number) = fields.passed("part_no", check::text("part_no", &number, 60)) else {
        return Ok(Planned::refused(Some(number), fields));
    };
    if !seen.insert(number.clone()) {
        return Ok(Planned::twice(number, fields, "part_no"));
    }
    let mut connection = import.store.readers().acquire().await?;
    let standing = parts::get(&mut connection, import.who.tenant, &number).await?;
    drop(connection);
    let currency = fields.text("currency");
    let currency = currency.or_else(|| standing.as_ref().map(|part| part.currency.clone()));
    let currency =
        currency.and_then(|it| fields.passed("currency", check::currency("currency", &it)));
    let decimals = currency.as_deref().and_then(minor_units).map_or(2, u32::from);
    let price = fields.with("price", |cell| cell.amount(decimals));
    let minor = fields.with("price_minor", |cell| cell.whole());
    if price.is_some() && minor.is_some() && price != minor {
        fields.refuse(
            Some("price"),
            "price",
            "price and price_minor differ. Leave one of them out.",
        );
    }
    // A price means nothing without its currency, and one currency's price nothing in another.
    let moved = standing.as_ref().is_some_and(|part| currency.as_ref() != Some(&part.currency));
    let price = price.or(minor);
    let (description, unit) = (fields.text("description"), fields.text("unit"));
    let (tax, active) =
        (fields.with("tax", |it| it.percent()), fields.with("active", |it| it.flag()));
    let old = standing.clone().filter(|_| !moved);
    let price = price.or_else(|| old.as_ref().map(|part| part.unit_price));
    let old = standing.as_ref();
    let description = description.or_else(|| old.map(|part| part.description.clone()));
    if fields.is_fine() {
        for (missing, key) in [
            (description.is_none(), "description"),
            (price.is_none(), "price"),
            (currency.is_none(), "currency"),
        ] {
            if missing {
                fields.refuse(Some(key), "missing", format!("A part needs a {key}."));
            }
        }
    }
    let (Some(description), Some(unit_price), Some(currency)) = (description, price, currency)
    else {
        return Ok(Planned::refused(Some(number), fields));
    };
    let part = Part {
        part_no: number.clone(),
        description,
        unit: unit
            .or_else(|| old.map(|part| part.unit.clone()))
            .unwrap_or_else(|| "piece".to_owned()),
        unit_price,
        currency,
        tax_millipercent: tax.or_else(|| old.map(|part| part.tax_millipercent)).unwrap_or(0),
        active: active.or_else(|| old.map(|part| part.active)).unwrap_or(true),
        version: old.map_or(1, |part| part.version),
        created_at: old.map_or(import.now, |part| part.created_at),
    };
    let part = fields.passed("part_no", checked(part));
    let Some(part) = part.filter(|_| fields.is_fine()) else {
        return Ok(Planned::refused(Some(number), fields));
    };
    let status = match &standing {
        None => RowStatus::Created,
        Some(standing) if *standing == part => return Ok(Planned::unchanged(number)),
        Some(_) => RowStatus::Updated,
    };
    let version = standing.map_or(0, |part| part.version);
    let record = Record::Part(part, version, import.who.note("part.put", &number));
    Ok(Planned::write(number, status, Plan { record: Some(record), document: None }))
}
