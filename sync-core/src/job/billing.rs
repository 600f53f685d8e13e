//! How the lines of a job are billed: in which currency, with tax contained or added, by which rules.
//!
//! A job that records a tax mode, or has a rate that only the present rules can say, goes by them. All
//! others are of before and keep the rules they were signed by: tax contained, halves rounded up, a
//! total for each currency.

use super::access::text;
use super::amounts::{NO_CURRENCY, amount_of, tax_of};
use super::decision::{Cause, Decisions, Settled};
use super::tax::{TaxMode, divided, rate_of};
use super::{Charge, ExceptionKind, PartUse, access};
use crate::document::{Document, Fact};
use crate::schema::{self, key, section};
use crate::value::Value;

/// What a job says about how it is billed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'d> {
    /// Whether prices contain tax; absent on a job of before.
    pub mode: Option<TaxMode>,
    /// The job's one currency; absent where none is recorded, and on a job of before.
    pub currency: Option<&'static str>,
    /// The currency of lines that name none.
    unnamed: &'d str,
}

impl<'d> Terms<'d> {
    pub fn of(document: &'d Document) -> Self {
        let promised = |key| document.field(&section::PROMISE, &key).and_then(Value::as_text);
        let recorded = promised(key::TAX_MODE).and_then(TaxMode::parse);
        let lines = || [section::PARTS, section::CHARGES].into_iter();
        let mut facts = lines().flat_map(|section| document.facts(&section));
        let mode = recorded.or_else(|| {
            let fine = facts.any(|fact| fact.record.contains_key(&key::TAX_MILLIPERCENT));
            fine.then_some(TaxMode::Inclusive)
        });
        let named = promised(key::CURRENCY);
        let currency = named.and_then(schema::currency).filter(|_| mode.is_some());
        Self { mode, currency, unnamed: named.unwrap_or(NO_CURRENCY) }
    }

    /// The currency of a line.
    pub fn currency_of(&self, fact: &Fact) -> String {
        text(fact, &key::CURRENCY).unwrap_or(self.unnamed).to_owned()
    }

    /// Whether a line names another currency than the job's.
    pub fn is_foreign(&self, fact: &Fact) -> bool {
        let named = text(fact, &key::CURRENCY);
        self.currency.is_some() && named.is_some_and(|it| schema::currency(it) != self.currency)
    }

    /// Quantity (thousandths) times price.
    pub fn amount(&self, quantity: i64, unit_price: i64) -> Option<i64> {
        match self.mode {
            None => amount_of(quantity, unit_price),
            Some(_) => {
                let thousandths = i128::from(quantity) * i128::from(unit_price);
                i64::try_from(divided(thousandths, 1000)).ok()
            }
        }
    }

    /// The tax of a line.
    pub fn tax(&self, fact: &Fact, amount: Option<i64>) -> Option<i64> {
        let amount = amount?;
        match self.mode {
            None => tax_of(amount, access::int(fact, &key::TAX_RATE)?),
            Some(mode) => mode.tax(amount, rate_of(fact)?),
        }
    }
}

/// The lines in another currency than the job's, with what was decided about them.
pub(super) struct Foreign<'d> {
    pub cause: Cause<'d>,
    pub settled: Settled<'d>,
}

impl<'d> Foreign<'d> {
    /// Takes the lines in another currency out of what is billed, but for those a person allowed.
    pub fn part(
        document: &'d Document,
        terms: &Terms<'_>,
        decisions: &Decisions<'_>,
        parts: &mut [PartUse],
        charges: &mut [Charge],
    ) -> Self {
        if terms.currency.is_none() {
            return Self { cause: Cause::default(), settled: Settled::default() };
        }
        let parts = parts.iter_mut().map(|it| (section::PARTS, it.fact, &mut it.billed));
        let charges = charges.iter_mut().map(|it| (section::CHARGES, it.fact, &mut it.billed));
        let mut lines = Vec::new();
        for (section, id, billed) in parts.chain(charges) {
            let fact = document.fact(&section, &id).filter(|fact| terms.is_foreign(fact));
            if let Some(fact) = fact.filter(|_| *billed) {
                lines.push((fact, billed));
            }
        }
        let cause = Cause::of(lines.iter().map(|(fact, _)| *fact).collect());
        let settled = match lines.is_empty() {
            true => Settled::default(),
            false => decisions.about(ExceptionKind::OtherCurrency, &cause),
        };
        let open: std::collections::HashSet<_> =
            settled.uncovered.iter().map(|fact| fact.id).collect();
        for (fact, billed) in lines {
            *billed = settled.chose("allow") && !open.contains(&fact.id);
        }
        Self { cause, settled }
    }
}

/// The currency a new line must be in, for whoever records one: the job's, or where none is recorded
/// that of the lines there are. Absent where any will do, because the job has no line or a person has
/// allowed several.
pub fn currency_of_lines(document: &Document) -> Option<String> {
    let mut decisions = document.facts(&section::DECISIONS);
    let is_allowed = decisions.any(|fact| {
        text(fact, &key::ABOUT) == Some(ExceptionKind::OtherCurrency.as_str())
            && text(fact, &key::CHOICE) == Some("allow")
    });
    if is_allowed {
        return None;
    }
    let promised = document.field(&section::PROMISE, &key::CURRENCY).and_then(Value::as_text);
    if let Some(promised) = promised.and_then(schema::currency) {
        return Some(promised.to_owned());
    }
    let (parts, charges) = (super::parts(document), super::parts::charges(document));
    let parts = parts.iter().filter(|part| !part.voided).map(|part| &part.currency);
    let charges = charges.iter().filter(|charge| !charge.voided).map(|charge| &charge.currency);
    let mut named = parts.chain(charges).filter_map(|it| schema::currency(it));
    let first = named.next()?;
    // Lines of several currencies are there already: a person must have meant it.
    named.all(|it| it == first).then(|| first.to_owned())
}
