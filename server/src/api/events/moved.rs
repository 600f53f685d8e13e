//! The technicians whose points a stream has still to send, each once in a round.

use std::collections::BTreeSet;

use store::rows::positions::Technicians;
use sync_core::id::UserId;

/// Technicians remembered by name; if more moved, the next round is about everybody.
const REMEMBERED: usize = 1000;

/// Who moved since the round began, and who is left of it.
#[derive(Debug)]
pub(super) struct MovedTechnicians {
    waiting: BTreeSet<UserId>,
    anybody: bool,
    round: Round,
}

#[derive(Debug)]
enum Round {
    Done,
    /// All of them, those after the one that is named if there is one.
    All(Option<UserId>),
    These(Vec<UserId>),
}

impl MovedTechnicians {
    /// Anybody may have moved.
    pub fn anybody() -> Self {
        Self { waiting: BTreeSet::new(), anybody: true, round: Round::Done }
    }

    /// Someone moved; absent if anybody may have.
    pub fn add(&mut self, user: Option<UserId>) {
        match user {
            Some(_) if self.anybody => {}
            Some(user) if self.waiting.len() < REMEMBERED => {
                self.waiting.insert(user);
            }
            _ => {
                self.anybody = true;
                self.waiting.clear();
            }
        }
    }

    /// Whether anything is to be sent.
    pub fn is_any(&self) -> bool {
        self.anybody || !self.waiting.is_empty() || !matches!(self.round, Round::Done)
    }

    /// The next `most` of the round; begins one if the last is over.
    pub fn page(&mut self, most: usize) -> Technicians<'_> {
        if matches!(self.round, Round::Done) {
            self.round = match std::mem::take(&mut self.anybody) {
                true => Round::All(None),
                false => Round::These(std::mem::take(&mut self.waiting).into_iter().collect()),
            };
        }
        match &self.round {
            Round::All(Some(after)) => Technicians::After(*after),
            Round::These(users) => Technicians::These(&users[users.len().saturating_sub(most)..]),
            Round::All(None) | Round::Done => Technicians::All,
        }
    }

    /// The page was read: `last` is its last technician if there may be more after them. Whether the round
    /// is over.
    pub fn read(&mut self, most: usize, last: Option<UserId>) -> bool {
        self.round = match (std::mem::replace(&mut self.round, Round::Done), last) {
            (Round::These(mut users), _) if users.len() > most => {
                users.truncate(users.len() - most);
                Round::These(users)
            }
            (Round::All(_), Some(last)) => Round::All(Some(last)),
            _ => Round::Done,
        };
        matches!(self.round, Round::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: i64) -> UserId {
        UserId::new(n, [0; 10])
    }

    #[test]
    fn everybody_comes_page_by_page_and_who_moves_meanwhile_in_the_next_round() {
        let mut moved = MovedTechnicians::anybody();
        assert!(matches!(moved.page(2), Technicians::All));
        assert!(!moved.read(2, Some(user(2))));
        moved.add(Some(user(1)));
        assert!(matches!(moved.page(2), Technicians::After(it) if it == user(2)));
        assert!(moved.read(2, None) && moved.is_any());
        assert!(matches!(moved.page(2), Technicians::These([it]) if *it == user(1)));
        assert!(moved.read(2, None) && !moved.is_any());
    }

    #[test]
    fn each_who_moved_is_in_a_round_once() {
        let mut moved = MovedTechnicians::anybody();
        moved.page(9);
        moved.read(9, None);
        (0..3).chain(0..3).for_each(|n| moved.add(Some(user(n))));
        let mut sent = Vec::new();
        loop {
            if let Technicians::These(users) = moved.page(2) {
                sent.extend_from_slice(users);
            }
            if moved.read(2, None) {
                break;
            }
        }
        sent.sort();
        assert_eq!(sent, [user(0), user(1), user(2)]);
    }

    #[test]
    fn too_many_to_remember_are_everybody() {
        let mut moved = MovedTechnicians::anybody();
        moved.page(9);
        moved.read(9, None);
        (0..2000).for_each(|n| moved.add(Some(user(n))));
        assert!(moved.waiting.is_empty());
        assert!(matches!(moved.page(9), Technicians::All));
    }
}
