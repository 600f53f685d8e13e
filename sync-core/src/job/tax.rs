//! Tax of one line: rates in thousandths of a percent, contained in prices or added to them, rounded
//! once a line.

use serde::{Deserialize, Serialize};

use crate::document::Fact;
use crate::schema::{Key, TAX_MOST, key};
use crate::value::Value;

use super::access::int;

/// Whether prices contain their tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaxMode {
    /// They do: a customer pays the amount of a line.
    Inclusive,
    /// They do not: a customer pays the amount of a line and its tax.
    Exclusive,
}

impl TaxMode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Inclusive, Self::Exclusive];

    /// The word in documents, tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inclusive => "inclusive",
            Self::Exclusive => "exclusive",
        }
    }

    /// The mode of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }

    /// Tax of a line of `amount` minor units at a rate in thousandths of a percent, rounded half away
    /// from zero to a minor unit. Absent for a rate below zero, or when the result does not fit 63 bits.
    ///
    /// Tax is rounded once for each line, by the item, as the Streamlined Sales and Use Tax Agreement
    /// (section 324) lets a seller do; half away from zero is `roundTiesToAway` of IEEE 754-2019, the
    /// same for a discount as for what it is taken from.
    pub fn tax(self, amount: i64, millipercent: i64) -> Option<i64> {
        if millipercent < 0 {
            return None;
        }
        let (amount, rate) = (i128::from(amount), i128::from(millipercent));
        let whole = match self {
            Self::Inclusive => WHOLE + rate,
            Self::Exclusive => WHOLE,
        };
        i64::try_from(divided(amount * rate, whole)).ok()
    }
}

/// Thousandths of a percent in a whole.
const WHOLE: i128 = 100_000;

/// A quotient rounded half away from zero; `by` is above zero.
pub(super) fn divided(number: i128, by: i128) -> i128 {
    let magnitude = (2 * number.abs() + by) / (2 * by);
    magnitude * number.signum()
}

/// The key and value that say a rate in thousandths of a percent. Where it is whole hundredths they
/// are those that every version reads.
pub fn tax_entry(millipercent: i64) -> (Key, Value) {
    if millipercent % 10 == 0 {
        (key::TAX_RATE, Value::Int(millipercent / 10))
    } else {
        (key::TAX_MILLIPERCENT, Value::Int(millipercent))
    }
}

/// The rate of a line, thousandths of a percent, under whichever key it was recorded. Old logs hold
/// rates that are none.
pub(super) fn rate_of(fact: &Fact) -> Option<i64> {
    let old = || int(fact, &key::TAX_RATE).and_then(|rate| rate.checked_mul(10));
    let rate = int(fact, &key::TAX_MILLIPERCENT).or_else(old);
    rate.filter(|rate| (0..=TAX_MOST).contains(rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tax_of_8_875_percent_is_added_or_contained_and_halves_go_away_from_zero() {
        let (within, beside) = (TaxMode::Inclusive, TaxMode::Exclusive);
        assert_eq!(beside.tax(100_000, 8_875), Some(8_875));
        assert_eq!(within.tax(108_875, 8_875), Some(8_875));
        assert_eq!(within.tax(105_000, 5_000), Some(5_000));
        assert_eq!(beside.tax(10, 5_000), Some(1), "0.5");
        assert_eq!(beside.tax(-10, 5_000), Some(-1), "-0.5");
        assert_eq!(beside.tax(9, 5_000), Some(0), "0.45");
        assert_eq!((within.tax(1, -1), beside.tax(1, 0)), (None, Some(0)));
        assert_eq!(beside.tax(i64::MAX, i64::MAX), None);
    }

    #[test]
    fn a_rate_of_whole_hundredths_is_said_so_that_every_version_reads_it() {
        assert_eq!(tax_entry(5_000), (key::TAX_RATE, Value::Int(500)));
        assert_eq!(tax_entry(8_875), (key::TAX_MILLIPERCENT, Value::Int(8_875)));
    }

    proptest! {
        #[test]
        fn tax_is_the_nearest_minor_unit_and_a_discount_mirrors_it(
            amount in -1_000_000_000_000_i64..1_000_000_000_000,
            rate in 0..=TAX_MOST,
        ) {
            for mode in TaxMode::ALL {
                let tax = i128::from(mode.tax(amount, rate).expect("it fits"));
                let whole = if mode == TaxMode::Inclusive { WHOLE + i128::from(rate) } else { WHOLE };
                let off = i128::from(amount) * i128::from(rate) - tax * whole;
                prop_assert!(2 * off.abs() <= whole);
                prop_assert_eq!(mode.tax(-amount, rate).map(i128::from), Some(-tax));
            }
        }
    }
}
