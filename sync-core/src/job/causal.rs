//! What a change had seen: the question every crossing of phone and office comes down to.
//!
//! The graph of changes answers it without clocks, and the same on every replica. However many
//! questions a fold has, it asks them together: one walk over the changes answers up to [`WIDTH`].

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::change::ChangeRef;
use crate::cost;
use crate::document::{Document, Fact, followed};
use crate::id::ActorId;

/// Facts in the order of their document, the first first: what had seen another comes after it,
/// whatever the clocks say. Every fold that picks the last of something picks it in this order.
pub(crate) fn in_order<'d>(facts: impl Iterator<Item = &'d Fact>) -> Vec<&'d Fact> {
    let mut facts: Vec<_> = facts.collect();
    facts.sort_by_cached_key(|fact| fact.rank());
    facts
}

/// Every change that one change follows, with itself.
#[derive(Debug, Clone)]
pub(crate) struct Past(HashMap<ActorId, u64>);

impl Past {
    /// The past of a change. One walk over the document's changes.
    pub fn of(document: &Document, change: ChangeRef) -> Self {
        Self::of_all(document, &[change])
    }

    /// The past of several changes together.
    pub fn of_all(document: &Document, changes: &[ChangeRef]) -> Self {
        let mut seen: HashMap<ActorId, u64> = HashMap::new();
        for change in changes {
            let seq = seen.entry(change.actor).or_default();
            *seq = change.seq.max(*seq);
        }
        // Each change stands after those it follows, so backwards none is reached too late.
        for (earlier, _) in document.changes().iter().rev() {
            cost::step();
            if seen.get(&earlier.actor).is_some_and(|seq| earlier.seq <= *seq) {
                for dep in &earlier.after {
                    let seq = seen.entry(dep.actor).or_default();
                    *seq = dep.seq.max(*seq);
                }
            }
        }
        Self(seen)
    }

    /// Whether the change had been seen.
    pub fn contains(&self, change: &ChangeRef) -> bool {
        cost::step();
        self.0.get(&change.actor).is_some_and(|seq| change.seq <= *seq)
    }
}

/// Questions that one walk answers.
pub(crate) const WIDTH: usize = 256;
const WORD: usize = u64::BITS as usize;

/// One bit for each question of a walk.
type Bits = [u64; WIDTH / WORD];

/// The changes of a document with those each follows, read when the first question comes.
pub(crate) struct Order<'d> {
    document: &'d Document,
    links: OnceCell<Links>,
}

/// For each change where those stand that it follows.
struct Links {
    /// Where in `deps` each change's begin; one more than there are changes.
    starts: Vec<usize>,
    deps: Vec<usize>,
}

impl<'d> Order<'d> {
    pub fn of(document: &'d Document) -> Self {
        Self { document, links: OnceCell::new() }
    }

    /// The document.
    pub fn document(&self) -> &'d Document {
        self.document
    }

    /// Nothing is seen yet.
    pub fn seen(&'d self) -> Seen<'d> {
        let count = self.document.changes().len();
        Seen { order: self, by: vec![None; count], steps: Vec::new() }
    }

    /// For every change the bits of those that had seen it, itself among them.
    pub fn seen_by(&self, changes: impl Iterator<Item = (ChangeRef, usize)>) -> Marks<'_> {
        let mut marks = self.marked(changes);
        let links = self.links();
        for place in (0..marks.bits.len()).rev() {
            cost::step();
            let bits = marks.bits[place];
            if bits != [0; WIDTH / WORD] {
                links.of(place).iter().for_each(|dep| merge(&mut marks.bits[*dep], &bits));
            }
        }
        marks
    }

    /// For every change the bits of those it follows, itself among them.
    fn followers(&self, changes: impl Iterator<Item = (ChangeRef, usize)>) -> Marks<'_> {
        let mut marks = self.marked(changes);
        let links = self.links();
        for place in 0..marks.bits.len() {
            cost::step();
            let mut bits = marks.bits[place];
            links.of(place).iter().for_each(|dep| merge(&mut bits, &marks.bits[*dep]));
            marks.bits[place] = bits;
        }
        marks
    }

    /// For every change, by its place, the greatest of these numbers whose change it follows or is.
    pub fn greatest_seen(
        &self,
        numbered: impl Iterator<Item = (ChangeRef, i64)>,
    ) -> Vec<Option<i64>> {
        let mut greatest = vec![None; self.document.changes().len()];
        for (change, number) in numbered {
            if let Some(own) = self.document.place_of(&change).and_then(|at| greatest.get_mut(at)) {
                *own = Some(number).max(*own);
            }
        }
        let links = self.links();
        for place in 0..greatest.len() {
            cost::step();
            let followed = links.of(place).iter().map(|dep| greatest[*dep]).max().flatten();
            greatest[place] = followed.max(greatest[place]);
        }
        greatest
    }

    /// The changes of these facts that had seen none of the others'.
    pub fn first_of(&self, facts: &[&Fact]) -> Vec<ChangeRef> {
        // What had seen another stands after it, so each must find no greater number than its own.
        let facts = in_order(facts.iter().copied());
        let numbered = || facts.iter().rev().zip(0..).map(|(fact, number)| (fact.change, number));
        let greatest = self.greatest_seen(numbered());
        let is_first = |change: &ChangeRef, number: i64| {
            let place = self.document.place_of(change);
            place.and_then(|place| *greatest.get(place)?) == Some(number)
        };
        let first = numbered().filter(|(change, number)| is_first(change, *number));
        first.map(|(change, _)| change).collect()
    }

    /// For every change, by its place, the least of these numbers whose change had seen it or is it.
    pub fn least_to_see(
        &self,
        numbered: impl Iterator<Item = (ChangeRef, i64)>,
    ) -> Vec<Option<i64>> {
        let mut least: Vec<Option<i64>> = vec![None; self.document.changes().len()];
        for (change, number) in numbered {
            if let Some(own) = self.document.place_of(&change).and_then(|at| least.get_mut(at)) {
                *own = Some(own.map_or(number, |least| least.min(number)));
            }
        }
        let links = self.links();
        for place in (0..least.len()).rev() {
            cost::step();
            if let Some(number) = least[place] {
                for dep in links.of(place) {
                    least[*dep] = Some(least[*dep].map_or(number, |least| least.min(number)));
                }
            }
        }
        least
    }

    /// For every change, by its place, whether one of these neither saw it nor was seen by it.
    pub fn crossed(&self, by: &[ChangeRef]) -> Vec<bool> {
        let mut crossed = vec![false; self.document.changes().len()];
        for some in by.chunks(WIDTH) {
            let numbered = || some.iter().copied().zip(0..);
            let (before, after) = (self.seen_by(numbered()), self.followers(numbered()));
            let mut all = Bits::default();
            (0..some.len()).for_each(|bit| set(&mut all, bit));
            for (place, crossed) in crossed.iter_mut().enumerate() {
                let mut either = before.bits[place];
                merge(&mut either, &after.bits[place]);
                *crossed |= either != all;
            }
        }
        crossed
    }

    fn marked(&self, changes: impl Iterator<Item = (ChangeRef, usize)>) -> Marks<'_> {
        let mut bits = vec![Bits::default(); self.document.changes().len()];
        for (change, bit) in changes {
            if let Some(bits) = self.document.place_of(&change).and_then(|at| bits.get_mut(at)) {
                set(bits, bit);
            }
        }
        Marks { document: self.document, bits }
    }

    fn links(&self) -> &Links {
        self.links.get_or_init(|| {
            let changes = self.document.changes();
            let mut links = Links { starts: vec![0], deps: Vec::with_capacity(changes.len()) };
            links.starts.reserve(changes.len());
            for (change, _) in changes {
                links.deps.extend(followed(change).filter_map(|dep| self.document.place_of(&dep)));
                links.starts.push(links.deps.len());
            }
            links
        })
    }
}

impl Links {
    fn of(&self, place: usize) -> &[usize] {
        let bounds = self.starts.get(place).zip(self.starts.get(place + 1));
        bounds.and_then(|(from, to)| self.deps.get(*from..*to)).unwrap_or_default()
    }
}

/// Bits for every change.
pub(crate) struct Marks<'d> {
    document: &'d Document,
    bits: Vec<Bits>,
}

impl Marks<'_> {
    /// Whether the change has this bit.
    pub fn has(&self, change: &ChangeRef, bit: usize) -> bool {
        cost::step();
        let bits = self.document.place_of(change).and_then(|place| self.bits.get(place));
        bits.is_some_and(|bits| bits[bit / WORD] >> (bit % WORD) & 1 == 1)
    }
}

fn set(bits: &mut Bits, bit: usize) {
    bits[bit / WORD] |= 1 << (bit % WORD);
}

fn merge(into: &mut Bits, bits: &Bits) {
    into.iter_mut().zip(bits).for_each(|(into, bits)| *into |= bits);
}

/// What several changes had seen, one after the other; no change is walked over twice.
pub(crate) struct Seen<'o> {
    order: &'o Order<'o>,
    /// For every change which of the changes was the first to see it.
    by: Vec<Option<usize>>,
    steps: Vec<usize>,
}

impl Seen<'_> {
    /// Adds what this change had seen, with itself, as seen by number `by` where nobody had before.
    pub fn add(&mut self, change: &ChangeRef, by: usize) {
        let links = self.order.links();
        self.steps.extend(self.order.document.place_of(change));
        while let Some(place) = self.steps.pop() {
            cost::step();
            if let Some(first @ None) = self.by.get_mut(place) {
                *first = Some(by);
                self.steps.extend(links.of(place));
            }
        }
    }

    /// Which change was the first to see this one.
    pub fn first(&self, change: &ChangeRef) -> Option<usize> {
        cost::step();
        *self.by.get(self.order.document.place_of(change)?)?
    }

    /// Whether any had seen it.
    pub fn contains(&self, change: &ChangeRef) -> bool {
        self.first(change).is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::change::{Change, Entry};
    use crate::document::Author;
    use crate::id::{FactId, JobId};
    use crate::schema::section;
    use crate::value::Record;

    /// A document in which each writer follows whichever changes it had heard of.
    fn written(steps: &[(u8, Vec<usize>)]) -> Document {
        let mut document = Document::new(JobId::new(0, [0; 10]).into());
        let mut written: Vec<ChangeRef> = Vec::new();
        for (number, (writer, heard)) in steps.iter().enumerate() {
            let actor = ActorId::new(1, [*writer; 10]);
            let seq = document.seq_of(&actor) + 1;
            let heard = heard.iter().filter_map(|at| written.get(*at).copied());
            let mut after: Vec<_> = heard.filter(|it| it.actor != actor).collect();
            after.sort();
            after.dedup();
            let id = FactId::new(1, [number as u8; 10]);
            let entry = Entry::Fact { section: section::NOTES, id, record: Record::new() };
            let change =
                Change { actor, seq, after, time: 1_700_000_000_000, entries: vec![entry] };
            let rebuilt = document.check(change).expect("it may join");
            document.apply(rebuilt, Author::default());
            written.push(ChangeRef { actor, seq });
        }
        document
    }

    proptest! {
        #[test]
        fn questions_asked_together_have_the_answers_they_have_alone(
            steps in vec((0..5u8, vec(0..60usize, 0..3)), 1..60),
            asked in vec(any::<prop::sample::Index>(), 1..300),
        ) {
            let document = written(&steps);
            let changes = document.changes().iter();
            let all: Vec<_> =
                changes.map(|(it, _)| ChangeRef { actor: it.actor, seq: it.seq }).collect();
            let asked: Vec<ChangeRef> = asked.iter().map(|at| *at.get(&all)).collect();
            let pasts: Vec<_> = asked.iter().map(|it| Past::of(&document, *it)).collect();
            let order = Order::of(&document);
            let few = &asked[..asked.len().min(WIDTH)];
            let marks = order.seen_by(few.iter().copied().zip(0..));
            let mut seen = order.seen();
            asked.iter().enumerate().for_each(|(by, it)| seen.add(it, by));
            let crossed = order.crossed(&asked);
            for (place, change) in all.iter().enumerate() {
                for (bit, past) in pasts.iter().enumerate().take(few.len()) {
                    prop_assert_eq!(marks.has(change, bit), past.contains(change));
                }
                let first = pasts.iter().position(|past| past.contains(change));
                prop_assert_eq!(seen.first(change), first);
                let own = Past::of(&document, *change);
                let is_crossed = asked
                    .iter()
                    .zip(&pasts)
                    .any(|(it, past)| !past.contains(change) && !own.contains(it));
                prop_assert_eq!(crossed[place], is_crossed);
            }
        }
    }
}
