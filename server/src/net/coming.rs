//! Bodies under way, by who sends them: a newer one takes the room of the oldest that never ends.
//!
//! A phone whose connection broke in a tunnel begins its page again while the server still waits for
//! the rest of the first. So the newest goes on, not the oldest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::class::Pool;

/// Bodies of one phone: the one that comes, and the one before it.
pub const OF_A_PHONE: usize = 2;
/// Bodies of one person at a desk.
pub const OF_A_PERSON: usize = 16;

/// Who sends a body: the id of a phone or person, and to which pool.
pub type Sender = ([u8; 16], Pool);

/// The bodies that are under way.
#[derive(Debug, Default)]
pub struct Coming(Arc<Mutex<Bodies>>);

#[derive(Debug, Default)]
struct Bodies {
    next: u64,
    of: HashMap<Sender, VecDeque<(u64, CancellationToken)>>,
}

/// One body under way, until it is dropped.
#[derive(Debug)]
pub struct Arrival {
    bodies: Arc<Mutex<Bodies>>,
    sender: Sender,
    number: u64,
    displaced: CancellationToken,
}

impl Coming {
    /// A body of this sender begins. If that makes more than `most`, its oldest has to go.
    pub fn begin(&self, sender: Sender, most: usize) -> Arrival {
        let displaced = CancellationToken::new();
        let mut bodies = locked(&self.0);
        let number = bodies.next;
        bodies.next += 1;
        let of_sender = bodies.of.entry(sender).or_default();
        of_sender.push_back((number, displaced.clone()));
        while of_sender.len() > most {
            if let Some((_, oldest)) = of_sender.pop_front() {
                oldest.cancel();
            }
        }
        drop(bodies);
        Arrival { bodies: Arc::clone(&self.0), sender, number, displaced }
    }
}

impl Arrival {
    /// What comes of `body`, unless newer ones take its room first.
    pub async fn unless_displaced<F: Future>(&self, body: F) -> Option<F::Output> {
        self.displaced.run_until_cancelled(body).await
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut bodies = locked(&self.bodies);
        let Some(of_sender) = bodies.of.get_mut(&self.sender) else { return };
        of_sender.retain(|(number, _)| *number != self.number);
        if of_sender.is_empty() {
            bodies.of.remove(&self.sender);
        }
    }
}

fn locked(bodies: &Mutex<Bodies>) -> MutexGuard<'_, Bodies> {
    bodies.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_body_of_a_phone_displaces_its_first_and_no_other_phones() {
        let coming = Coming::default();
        let (one, other) = (([1; 16], Pool::Phones), ([2; 16], Pool::Phones));
        let other = coming.begin(other, 2);
        let all: Vec<_> = (0..3).map(|_| coming.begin(one, 2)).collect();
        let displaced: Vec<_> = all.iter().map(|it| it.displaced.is_cancelled()).collect();
        assert_eq!(displaced, [true, false, false]);
        assert!(!other.displaced.is_cancelled());
        drop((all, other));
        assert!(locked(&coming.0).of.is_empty(), "nothing is kept of what came");
    }

    #[test]
    fn a_body_that_came_makes_room_for_the_next() {
        let coming = Coming::default();
        let sender = ([1; 16], Pool::Desk);
        let first = coming.begin(sender, 1);
        drop(first);
        let second = coming.begin(sender, 1);
        assert!(!second.displaced.is_cancelled());
    }
}
