//! Money: what parts and charges come to, in integer minor units, per currency.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Charge, PartUse, TaxMode};
use crate::schema;

/// What a job comes to in one currency, minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Total {
    /// ISO 4217 code; `XXX` where none was given.
    pub currency: String,
    /// Amounts of the parts that are billed, with or without tax as the job's `tax_mode` says; absent
    /// when the sum does not fit 63 bits.
    pub parts: Option<i64>,
    /// Amounts of the charges that are billed, likewise.
    pub charges: Option<i64>,
    /// What is to be paid: both together, with tax.
    pub total: Option<i64>,
    /// Tax contained in the total, the sum of the lines' tax; absent when no line has a tax rate.
    #[serde(default)]
    pub tax: Option<i64>,
    /// The total without tax; absent when no line has a tax rate.
    #[serde(default)]
    pub without_tax: Option<i64>,
}

/// ISO 4217 for "no currency".
pub(crate) const NO_CURRENCY: &str = "XXX";

/// Quantity (thousandths) times price (minor units) of a job without a tax mode, rounded half up: 0.5
/// becomes 1 and -0.5 becomes 0. Absent when the result does not fit 63 bits.
pub fn amount_of(quantity: i64, unit_price: i64) -> Option<i64> {
    let thousandths = i128::from(quantity) * i128::from(unit_price);
    i64::try_from((thousandths + 500).div_euclid(1000)).ok()
}

/// Tax contained in an amount (minor units) of a job without a tax mode, at a rate in hundredths of a
/// percent, rounded half up. Absent when the rate is below zero.
pub fn tax_of(amount: i64, rate: i64) -> Option<i64> {
    let (with, rate) = (10_000 + i128::from(rate), i128::from(rate));
    (rate >= 0).then_some(())?;
    i64::try_from((2 * i128::from(amount) * rate + with).div_euclid(2 * with)).ok()
}

/// Totals of what is billed, by currency. What is no currency is none, in old logs too.
pub(super) fn totals(parts: &[PartUse], charges: &[Charge], mode: Option<TaxMode>) -> Vec<Total> {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for it in parts.iter().filter(|part| part.billed) {
        let rate = it.tax_millipercent.or(it.tax_rate);
        sums.entry(known(&it.currency)).or_default().add(0, it.amount, rate.map(|_| it.tax));
    }
    for it in charges.iter().filter(|charge| charge.billed) {
        let rate = it.tax_millipercent.or(it.tax_rate);
        sums.entry(known(&it.currency)).or_default().add(1, it.amount, rate.map(|_| it.tax));
    }
    let total = |(currency, sum): (&str, Sum)| {
        let [parts, charges] = sum.amounts;
        let both = parts.zip(charges).and_then(|(parts, charges)| parts.checked_add(charges));
        let tax = sum.tax.flatten();
        let (total, without_tax) = match (mode, sum.tax) {
            (Some(TaxMode::Exclusive), Some(tax)) => (
                both.zip(tax).and_then(|(both, tax)| both.checked_add(tax)),
                both.filter(|_| tax.is_some()),
            ),
            _ => (both, both.zip(tax).and_then(|(both, tax)| both.checked_sub(tax))),
        };
        Total { currency: currency.to_owned(), parts, charges, total, tax, without_tax }
    };
    sums.into_iter().map(total).collect()
}

fn known(currency: &str) -> &'static str {
    schema::currency(currency).unwrap_or(NO_CURRENCY)
}

/// Lines of one currency so far; what does not fit is absent.
struct Sum {
    /// Of the parts and of the charges.
    amounts: [Option<i64>; 2],
    /// Absent outside while no line has a rate.
    tax: Option<Option<i64>>,
}

impl Default for Sum {
    fn default() -> Self {
        Self { amounts: [Some(0); 2], tax: None }
    }
}

impl Sum {
    fn add(&mut self, column: usize, amount: Option<i64>, tax: Option<Option<i64>>) {
        let added = |sum: Option<i64>, more: Option<i64>| {
            sum.zip(more).and_then(|(sum, more)| sum.checked_add(more))
        };
        self.amounts[column] = added(self.amounts[column], amount);
        if let Some(tax) = tax {
            self.tax = Some(added(self.tax.unwrap_or(Some(0)), tax));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_up_and_quantities_are_exact_to_a_thousandth() {
        assert_eq!(amount_of(1_500, 333), Some(500));
        assert_eq!(amount_of(500, 1), Some(1));
        assert_eq!(amount_of(-500, 1), Some(0));
        assert_eq!(amount_of(499, 1), Some(0));
        assert_eq!(amount_of(3_000, 12_345), Some(37_035));
    }

    #[test]
    fn tax_is_contained_in_the_amount_and_halves_round_up() {
        assert_eq!(tax_of(105_000, 500), Some(5_000));
        assert_eq!(tax_of(10, 500), Some(0));
        assert_eq!(tax_of(11, 500), Some(1));
        assert_eq!(tax_of(-105_000, 500), Some(-5_000));
        assert_eq!(tax_of(3, 10_000), Some(2));
        assert!(tax_of(i64::MAX, i64::MAX).is_some_and(|tax| tax > 0));
        assert_eq!(tax_of(1, -1), None);
    }

    #[test]
    fn what_does_not_fit_is_absent_and_never_wraps() {
        assert_eq!(amount_of(i64::MAX, i64::MAX), None);
        assert_eq!(amount_of(1_000, i64::MAX), Some(i64::MAX));
    }
}
