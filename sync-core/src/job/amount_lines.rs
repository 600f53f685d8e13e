//! The parts and charges that change what is to be paid, and whose they are.

use super::access::{id_of, int};
use super::family::{Roots, is_by};
use super::span::{Span, Spans};
use crate::document::{Document, Fact};
use crate::schema::{key, section};

/// The lines that change what is to be paid, without those of technicians whose job it is not. A
/// correction is of whoever recorded the first fact it corrects.
pub(super) fn amount_lines<'d>(
    document: &'d Document,
    spans: &Spans<'_>,
    performer: &Span<'_>,
) -> Vec<&'d Fact> {
    let others = spans.others(performer.assignment.technician);
    let is_anothers = |fact: &Fact| is_by(fact, &others);
    let mut lines = Vec::new();
    for section in [section::PARTS, section::CHARGES] {
        let mut roots = Roots::new(document, &section);
        for line in document.facts(&section).filter(|line| changes_amount(line)) {
            let named = id_of(line, &key::CORRECTS).or_else(|| id_of(line, &key::VOIDS));
            let root = named.and_then(|named| document.fact(&section, &roots.of(named)));
            if !is_anothers(line) && !root.is_some_and(is_anothers) {
                lines.push(line);
            }
        }
    }
    lines
}

/// Whether a line has a price, or corrects or voids another.
pub(super) fn changes_amount(line: &Fact) -> bool {
    let prices = [key::AMOUNT, key::UNIT_PRICE];
    prices.iter().any(|key| int(line, key).is_some_and(|price| price != 0))
        || [key::CORRECTS, key::VOIDS].iter().any(|key| line.record.contains_key(key))
}
