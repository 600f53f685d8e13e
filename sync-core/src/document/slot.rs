//! One field: every value it was given, and those that stand.
//!
//! Most fields are set once or twice and are read as a list. One that was set often has an index,
//! so that setting and reading it take as long as ever.

use std::collections::{BTreeMap, BTreeSet};

use super::FieldValue;
use crate::change::OpId;
use crate::cost;
use crate::id::UserId;
use crate::value::Value;

/// Values that are looked at one by one; with more there is an [`Index`].
const FEW: usize = 16;

/// The values of one field.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
    /// In the order in which they came here.
    values: Vec<FieldValue>,
    index: Option<Box<Index>>,
}

/// Where the values of a field are.
#[derive(Debug, Clone, Default)]
struct Index {
    places: BTreeMap<OpId, usize>,
    standing: BTreeSet<OpId>,
    /// By the time at which they were set.
    said: BTreeSet<(i64, Option<UserId>, Value)>,
}

impl Slot {
    /// Gives the field a value, and takes these back.
    pub fn set(&mut self, value: FieldValue, replaces: &[OpId]) {
        for op in replaces {
            if let Some(place) = self.place(op) {
                self.values[place].superseded = true;
            }
            if let Some(index) = &mut self.index {
                index.standing.remove(op);
            }
        }
        self.values.push(value);
        match &mut self.index {
            Some(index) => index.add(self.values.len() - 1, self.values.last()),
            None if self.values.len() > FEW => {
                let mut index = Index::default();
                let values = self.values.iter().enumerate();
                values.for_each(|(place, value)| index.add(place, Some(value)));
                self.index = Some(Box::new(index));
            }
            None => {}
        }
    }

    /// Every value, in the order in which they came here.
    pub fn history(&self) -> &[FieldValue] {
        &self.values
    }

    /// Whether the field was ever given the value of this operation.
    pub fn knows(&self, op: &OpId) -> bool {
        self.place(op).is_some()
    }

    /// Whether this person gave it this value at this time.
    pub fn says(&self, (time, author, value): (i64, Option<UserId>, &Value)) -> bool {
        match &self.index {
            Some(index) => index.said.contains(&(time, author, value.clone())),
            None => self
                .values
                .iter()
                .any(|it| it.time == time && it.author == author && it.value == *value),
        }
    }

    /// Of the values that stand the one with the greatest operation.
    pub fn winner(&self) -> Option<&FieldValue> {
        match &self.index {
            Some(index) => index.standing.last().and_then(|op| self.value(op)),
            None => self.few().max_by_key(|value| value.op),
        }
    }

    /// The values that stand, by operation.
    pub fn standing(&self) -> Vec<&FieldValue> {
        match &self.index {
            Some(index) => index.standing.iter().filter_map(|op| self.value(op)).collect(),
            None => {
                let mut standing: Vec<_> = self.few().collect();
                standing.sort_by_key(|value| value.op);
                standing
            }
        }
    }

    /// Whether more than one value stands.
    pub fn is_contested(&self) -> bool {
        match &self.index {
            Some(index) => index.standing.len() > 1,
            None => self.few().nth(1).is_some(),
        }
    }

    fn few(&self) -> impl Iterator<Item = &FieldValue> {
        let values = self.values.iter().inspect(|_| cost::step());
        values.filter(|value| !value.superseded)
    }

    fn value(&self, op: &OpId) -> Option<&FieldValue> {
        self.values.get(self.place(op)?)
    }

    fn place(&self, op: &OpId) -> Option<usize> {
        cost::step();
        match &self.index {
            Some(index) => index.places.get(op).copied(),
            None => self.values.iter().position(|value| value.op == *op),
        }
    }
}

impl Index {
    fn add(&mut self, place: usize, value: Option<&FieldValue>) {
        let Some(value) = value else { return };
        self.places.insert(value.op, place);
        self.said.insert((value.time, value.author, value.value.clone()));
        if !value.superseded {
            self.standing.insert(value.op);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::ActorId;

    fn op(counter: u64) -> OpId {
        OpId { counter, actor: ActorId::new(1, [1; 10]) }
    }

    proptest! {
        #[test]
        fn a_field_set_often_reads_as_one_set_seldom(
            sets in proptest::collection::vec((0..200u64, proptest::collection::vec(0..40usize, 0..4)), 1..40),
        ) {
            let mut slot = Slot::default();
            let mut plain: Vec<FieldValue> = Vec::new();
            for (counter, replaces) in sets {
                if slot.knows(&op(counter)) {
                    continue;
                }
                let replaces: Vec<OpId> =
                    replaces.into_iter().filter_map(|at| Some(plain.get(at)?.op)).collect();
                plain.iter_mut().filter(|it| replaces.contains(&it.op)).for_each(|it| it.superseded = true);
                let value = FieldValue {
                    op: op(counter),
                    seq: 1,
                    value: (counter as i64).into(),
                    author: None,
                    time: 1,
                    superseded: false,
                };
                plain.push(value.clone());
                slot.set(value, &replaces);
                let mut standing: Vec<_> = plain.iter().filter(|it| !it.superseded).collect();
                standing.sort_by_key(|it| it.op);
                prop_assert_eq!(slot.winner(), standing.last().copied());
                prop_assert_eq!(slot.is_contested(), standing.len() > 1);
                prop_assert_eq!(slot.standing(), standing);
                prop_assert_eq!(slot.history(), &plain[..]);
                prop_assert!(slot.says((1, None, &(counter as i64).into())));
                prop_assert!(!slot.says((2, None, &(counter as i64).into())));
            }
        }
    }
}
