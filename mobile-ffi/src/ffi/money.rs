//! Money as the face passes it: an amount and its currency, never one without the other.

use sync_core::schema;

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Money {
    /// In minor units of the currency, of which [`minor_units`] tells the decimals: 15000 TWD is
    /// 150.00.
    pub amount: i64,
    /// ISO 4217 code. As input in capital or small letters; as output in capitals, and `XXX` where
    /// nobody named a currency.
    pub currency: String,
}

/// How many decimals the minor unit of a currency is (ISO 4217): 2 for USD, 0 for JPY; absent for a
/// code that is no currency. `code` is taken in capital or small letters.
#[uniffi::export]
pub fn minor_units(code: String) -> Option<u8> {
    schema::minor_units(&code)
}
