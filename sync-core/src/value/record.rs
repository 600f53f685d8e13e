//! The flat contents of a fact: keys with their values, in the order of the keys' names.
//!
//! A fact never changes, and it stands in a change and in the document at once: cloning a record
//! shares it. One block of memory holds all its pairs.

use std::sync::Arc;

use super::Value;
use crate::dictionary::Key;

/// Keys with their values, each key once, sorted by name. Clones share their contents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Record(Arc<Vec<(Key, Value)>>);

/// The pairs of a record.
pub type Pairs<'r> = std::iter::Map<
    std::slice::Iter<'r, (Key, Value)>,
    fn(&'r (Key, Value)) -> (&'r Key, &'r Value),
>;

impl Record {
    /// A record that says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A record that will hold `count` pairs.
    pub fn with_capacity(count: usize) -> Self {
        Self(Arc::new(Vec::with_capacity(count)))
    }

    /// The value under a key.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        crate::cost::step();
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Whether there is a value under this key.
    pub fn contains_key(&self, key: &Key) -> bool {
        self.get(key).is_some()
    }

    /// Puts a value under a key; gives the one that was there.
    pub fn insert(&mut self, key: Key, value: Value) -> Option<Value> {
        let found = self.find(&key);
        let pairs = Arc::make_mut(&mut self.0);
        match found {
            Ok(at) => pairs.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                pairs.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes a key out; gives its value.
    pub fn remove(&mut self, key: &Key) -> Option<Value> {
        let at = self.find(key).ok()?;
        Some(Arc::make_mut(&mut self.0).remove(at).1)
    }

    /// The pair with the greatest key.
    pub fn last_key_value(&self) -> Option<(&Key, &Value)> {
        self.0.last().map(|(key, value)| (key, value))
    }

    /// Every pair, by key.
    pub fn iter(&self) -> Pairs<'_> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Every key, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Every value, in the order of the keys.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, key: &Key) -> Result<usize, usize> {
        // Built in order, mostly: the end first.
        match self.0.last() {
            Some((last, _)) if last < key => Err(self.0.len()),
            _ => self.0.binary_search_by(|(known, _)| known.cmp(key)),
        }
    }
}

impl<'r> IntoIterator for &'r Record {
    type Item = (&'r Key, &'r Value);
    type IntoIter = Pairs<'r>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Record {
    type Item = (Key, Value);
    type IntoIter = std::vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl Extend<(Key, Value)> for Record {
    fn extend<I: IntoIterator<Item = (Key, Value)>>(&mut self, pairs: I) {
        pairs.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
    }
}

impl FromIterator<(Key, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (Key, Value)>>(pairs: I) -> Self {
        let mut record = Self::new();
        record.extend(pairs);
        record
    }
}

impl<const N: usize> From<[(Key, Value); N]> for Record {
    fn from(pairs: [(Key, Value); N]) -> Self {
        pairs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_is_a_map_in_the_order_of_names(
            pairs in proptest::collection::vec(("[a-e]{1,2}", any::<i64>(), any::<bool>()), 0..20),
        ) {
            let (mut record, mut map) = (Record::new(), BTreeMap::new());
            for (name, value, put) in pairs {
                let key = Key::parse(&name).ok_or_else(|| TestCaseError::reject("a name"))?;
                let before = record.clone();
                let said = before.len();
                if put {
                    prop_assert_eq!(
                        record.insert(key.clone(), value.into()),
                        map.insert(key, Value::from(value))
                    );
                } else {
                    prop_assert_eq!(record.get(&key), map.get(&key));
                    prop_assert_eq!(record.remove(&key), map.remove(&key));
                }
                prop_assert_eq!(before.len(), said, "a clone keeps what it had");
            }
            prop_assert!(record.iter().eq(map.iter()));
            prop_assert_eq!(&map.into_iter().collect::<Record>(), &record);
        }
    }
}
