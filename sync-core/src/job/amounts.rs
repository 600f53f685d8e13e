//! Money: what parts and charges come to, in integer minor units, per currency.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Charge, PartUse};

/// What a job comes to in one currency, minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// ISO 4217 code; `XXX` where none was given.
    pub currency: String,
    /// Parts that are billed; absent when the sum does not fit 63 bits.
    pub parts: Option<i64>,
    /// Charges that stand.
    pub charges: Option<i64>,
    /// Both together.
    pub total: Option<i64>,
}

/// ISO 4217 for "no currency".
pub(crate) const NO_CURRENCY: &str = "XXX";

/// Quantity (thousandths) times price (minor units), rounded half up: 0.5 becomes 1 and -0.5
/// becomes 0. Absent when the result does not fit 63 bits.
pub fn amount_of(quantity: i64, unit_price: i64) -> Option<i64> {
    let thousandths = i128::from(quantity) * i128::from(unit_price);
    i64::try_from((thousandths + 500).div_euclid(1000)).ok()
}

/// Totals of what stands and is billed, by currency.
pub(super) fn totals(parts: &[PartUse], charges: &[Charge]) -> Vec<Total> {
    let mut sums: BTreeMap<&str, [Option<i64>; 2]> = BTreeMap::new();
    let part_lines = parts.iter().filter(|part| part.billed).map(|p| (&p.currency, p.amount, 0));
    let charge_lines = charges.iter().filter(|c| !c.voided).map(|c| (&c.currency, c.amount, 1));
    for (currency, amount, column) in part_lines.chain(charge_lines) {
        let sum = sums.entry(currency).or_insert([Some(0); 2]);
        sum[column] = sum[column].zip(amount).and_then(|(sum, amount)| sum.checked_add(amount));
    }
    let total = |(currency, [parts, charges]): (&str, [Option<i64>; 2])| Total {
        currency: currency.to_owned(),
        parts,
        charges,
        total: parts.zip(charges).and_then(|(parts, charges)| parts.checked_add(charges)),
    };
    sums.into_iter().map(total).collect()
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
    fn what_does_not_fit_is_absent_and_never_wraps() {
        assert_eq!(amount_of(i64::MAX, i64::MAX), None);
        assert_eq!(amount_of(1_000, i64::MAX), Some(i64::MAX));
    }
}
