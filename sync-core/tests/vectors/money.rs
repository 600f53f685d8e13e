//! Money: tax of single lines, and the sheet of a job that adds tax to its prices.

use serde_json::{Value as Json, json};
use sync_core::document::Document;
use sync_core::job::{Job, TaxMode, tax_entry};
use sync_core::policy::Role;
use sync_core::schema::{Key, key, section};
use sync_core::seal::{Shown, Signer};
use sync_core::value::Value;

use super::json::run;
use super::story::{Hand, runs, technician};

/// Amounts and rates around every edge of the rounding.
const LINES: [(i64, i64); 9] = [
    (100_000, 8_875),
    (105_000, 5_000),
    (10, 5_000),
    (-10, 5_000),
    (9, 5_000),
    (1, 100_000),
    (-1, 100_000),
    (99_999_999_999, 12_345),
    (0, 1),
];

/// Tax of lines, and a sheet of the third version.
pub fn money() -> Json {
    let of_mode = |mode: TaxMode| {
        LINES.map(|(amount, rate)| {
            let tax = mode.tax(amount, rate);
            json!({"amount": amount, "tax_millipercent": rate, "mode": mode.as_str(), "tax": tax})
        })
    };
    let signer = Signer {
        name: "Ann Lee".into(),
        role: "owner".into(),
        language: "en".into(),
        statement: "I agree to the work and the amount.".into(),
    };
    let document = job();
    let runs: Vec<Json> = runs(&document).iter().map(|(it, _)| run(it)).collect();
    json!({
        "description": "Tax of single lines, and what is shown of a job that adds tax to its prices: runs, signer, canonical text.",
        "tax": TaxMode::ALL.map(of_mode).concat(),
        "runs": runs,
        "signer": signer.clone(),
        "canonical": Shown::of(&Job::of(&document), signer).canonical(),
    })
}

/// A job in New York: prices without tax, a discount, and a part that is priced in another currency.
fn job() -> Document {
    let mut desk = Hand::new(6, Role::Dispatcher);
    let mut phone = Hand::new(4, Role::Technician);
    let assign = [
        (key::KIND, "assign".into()),
        (key::EPOCH, 1.into()),
        (key::TECHNICIAN, Value::Bytes(technician().as_bytes().to_vec())),
    ];
    let assign = desk.fact(0, section::ASSIGNMENT, &assign);
    let promise =
        |desk: &Hand, key: Key, text: &str| desk.document.set(section::PROMISE, key, text.into());
    let (currency, mode) =
        (promise(&desk, key::CURRENCY, "USD"), promise(&desk, key::TAX_MODE, "exclusive"));
    desk.write(0, vec![currency, mode, assign]);
    let charge = |amount: i64, what: &str, rate: i64| {
        [
            (key::DESCRIPTION, what.into()),
            (key::AMOUNT, amount.into()),
            (key::CURRENCY, "USD".into()),
            tax_entry(rate),
        ]
    };
    let tow = desk.fact(1, section::CHARGES, &charge(12_345, "Tow, 8 mi", 8_875));
    let discount = desk.fact(1, section::CHARGES, &charge(-1_000, "Member", 8_875));
    desk.write(1, vec![tow, discount]);
    phone.hear(&desk);
    let part = |currency: &str, price: i64| {
        [
            (key::PART_NO, "OIL".into()),
            (key::QUANTITY, 1_500.into()),
            (key::UNIT_PRICE, price.into()),
            (key::CURRENCY, currency.into()),
            tax_entry(4_000),
        ]
    };
    let oil = phone.fact(2, section::PARTS, &part("USD", 1_333));
    let other = phone.fact(2, section::PARTS, &part("CAD", 1_000));
    phone.write(2, vec![oil, other]);
    phone.document
}
