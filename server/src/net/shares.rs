//! A share of the permits for each person and each source: what one of them asks for queues behind
//! itself, in the order in which it came, and nobody else waits for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The shares of everybody who has something at work or waiting. `K` says whose a share is.
#[derive(Debug)]
pub struct Shares<K: Hash + Eq + Copy> {
    work: usize,
    waiting: usize,
    queues: Arc<Mutex<HashMap<K, Queue>>>,
}

#[derive(Debug)]
struct Queue {
    /// At work and waiting.
    here: usize,
    work: Arc<Semaphore>,
}

/// One request's permit in the share of its sender; given back when dropped.
#[derive(Debug)]
pub struct Share<K: Hash + Eq + Copy> {
    _work: Option<OwnedSemaphorePermit>,
    _here: Here<K>,
}

/// The share and its queue are full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded;

#[derive(Debug)]
struct Here<K: Hash + Eq + Copy> {
    queues: Arc<Mutex<HashMap<K, Queue>>>,
    key: K,
}

impl<K: Hash + Eq + Copy> Shares<K> {
    /// For each `K`, `work` requests at work and `waiting` behind them.
    pub fn new(work: usize, waiting: usize) -> Self {
        Self { work, waiting, queues: Arc::default() }
    }

    /// Waits for a permit, behind those of the same `key` that came before.
    ///
    /// # Errors
    /// [`Crowded`], at once, if too many wait already.
    pub async fn enter(&self, key: K) -> Result<Share<K>, Crowded> {
        let (work, here) = self.queue(key)?;
        // It is never closed, and who waits counts as here.
        let work = work.acquire_owned().await.ok();
        Ok(Share { _work: work, _here: here })
    }

    fn queue(&self, key: K) -> Result<(Arc<Semaphore>, Here<K>), Crowded> {
        let mut queues = locked(&self.queues);
        let fresh = || Queue { here: 0, work: Arc::new(Semaphore::new(self.work)) };
        let queue = queues.entry(key).or_insert_with(fresh);
        if queue.here >= self.work + self.waiting {
            return Err(Crowded);
        }
        queue.here += 1;
        let work = Arc::clone(&queue.work);
        drop(queues);
        Ok((work, Here { queues: Arc::clone(&self.queues), key }))
    }
}

impl<K: Hash + Eq + Copy> Drop for Here<K> {
    fn drop(&mut self) {
        let mut queues = locked(&self.queues);
        match queues.get_mut(&self.key) {
            Some(queue) if queue.here > 1 => queue.here -= 1,
            _ => drop(queues.remove(&self.key)),
        }
    }
}

fn locked<K>(queues: &Mutex<HashMap<K, Queue>>) -> MutexGuard<'_, HashMap<K, Queue>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
        match poll(pin!(future)) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn requests_of_one_person_wait_for_each_other_in_order_and_for_nobody_else() {
        let shares = Shares::new(2, 2);
        let mut working: Vec<_> = (0..2).map(|_| ready(shares.enter(1)).unwrap()).collect();
        let (mut third, mut fourth) = (pin!(shares.enter(1)), pin!(shares.enter(1)));
        assert!(poll(third.as_mut()).is_pending() && poll(fourth.as_mut()).is_pending());
        assert_eq!(ready(shares.enter(1)).unwrap().err(), Some(Crowded), "a fifth is told at once");
        assert!(ready(shares.enter(2)).unwrap().is_ok(), "another person has all of their share");
        drop(working.pop());
        assert!(poll(fourth.as_mut()).is_pending(), "the third came first");
        let third = poll(third.as_mut());
        assert!(third.is_ready());
        drop(third);
        assert!(poll(fourth.as_mut()).is_ready());
    }

    #[test]
    fn who_gives_up_waiting_leaves_room_and_nothing_is_kept_of_who_left() {
        let shares = Shares::new(1, 1);
        let working = ready(shares.enter(1)).unwrap().unwrap();
        {
            let mut waiting = pin!(shares.enter(1));
            assert!(poll(waiting.as_mut()).is_pending());
            assert_eq!(ready(shares.enter(1)).unwrap().err(), Some(Crowded));
        }
        assert!(ready(shares.enter(1)).is_none(), "it may wait again");
        drop(working);
        assert!(locked(&shares.queues).is_empty());
    }
}
