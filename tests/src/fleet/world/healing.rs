//! Everything is mended and has coverage: how long until nothing waits? And a quiet month later?

use sync_core::limits;
use sync_core::sync::SyncOutcome;

use super::{Event, World};

/// Everything has to be settled so long after healing.
const HEALS: i64 = 60_000;
/// A phone whose own timer is due so soon is not told that there is coverage.
const SOON: i64 = 20_000;
/// Longer than an exchange waits for its answer, not long enough for many attempts.
const IN_VAIN: i64 = 30_500;

impl World {
    /// Everything that is broken is mended, and everybody has coverage. Gives how long it took
    /// until nothing waited.
    ///
    /// Every other phone starts again. The rest run on as they are, with what their machines
    /// remember, what is under way and their timers: a machine that is stuck stays stuck.
    pub(super) fn heal(&mut self) -> i64 {
        self.try_in_vain();
        self.now += 1000;
        self.site.database.disk(|disk| {
            disk.limit(None);
            disk.fail_syncs(0);
        });
        let salt = self.rng.next();
        self.power(salt);
        for place in &mut self.site.places {
            (place.clock, place.old) = (0, false);
        }
        self.site.start_all(self.now);
        for phone in 0..self.phones.len() {
            let disk = self.phones[phone].store.journal().disk_mut();
            disk.limit(None);
            disk.fail_syncs(0);
            if phone % 2 == 1 {
                self.phones[phone].crash(phone as u64);
            }
            let it = &mut self.phones[phone];
            (it.cut, it.clock, it.old, it.ended) = (0, 0, false, None);
            self.enrol(phone);
        }
        self.accept_submissions();
        self.countersign_left_over();
        self.healing = true;
        for phone in 0..self.phones.len() {
            if self.has_timer(phone, self.now + SOON) {
                self.counts.met("phone came back by its own timer");
            } else {
                // As an app does that is told of coverage, whatever the machine waits for.
                self.wake(phone);
            }
        }
        self.settle_down("every queue empties within 60 s of healing")
    }

    /// After 36 quiet days, what left a scope is dropped, and nothing else is another.
    pub(super) fn month_after(&mut self) {
        self.now += limits::RELEASED_KEPT_MS + 86_400_000;
        for phone in 0..self.phones.len() {
            self.phones[phone].ended = None;
            self.wake(phone);
        }
        self.settle_down("every queue empties within 60 s of a quiet month");
        let held = self.phones.iter().enumerate().find_map(|(index, phone)| {
            let (doc, _) = phone.store.tables().docs.iter().find(|(_, row)| !row.in_scope)?;
            Some(format!("phone {index} keeps {doc:?} for ever"))
        });
        if let Some(held) = held {
            self.fail("memory is bounded", held);
        }
    }

    /// Some phones try once more while nothing gets through, so that what brings them back is a
    /// timer their machine asked for.
    fn try_in_vain(&mut self) {
        let until = self.now + IN_VAIN;
        let mut tried = Vec::new();
        for phone in (0..self.phones.len()).step_by(4) {
            let it = &mut self.phones[phone];
            if it.pending.is_none() {
                (it.cut, it.awake_until) = (3, until + 10 * HEALS);
                self.wake(phone);
                tried.push(phone);
            }
        }
        while self.failure.is_none()
            && let Some(next) = self.events.first_entry()
            && next.key().0 <= until
        {
            let ((at, number), event) = next.remove_entry();
            self.now = self.now.max(at);
            self.happen(number, event);
        }
        self.now = until;
        let idle = |phone: &usize| self.phones[*phone].pending.is_none();
        let asleep = tried.into_iter().filter(idle).find(|it| !self.has_timer(*it, i64::MAX));
        if let Some(phone) = asleep {
            let said = format!("phone {phone} failed and will never try again");
            self.fail("every queue empties within 60 s of healing", said);
        }
    }

    /// Whether nothing of a phone is under way and a timer of it, that still counts, is due by then.
    fn has_timer(&self, phone: usize, by: i64) -> bool {
        let it = &self.phones[phone];
        let its = |event: &Event| match event {
            Event::Wake { phone: of, timer } => (*of, *timer) == (phone, it.timer),
            _ => false,
        };
        let mut due = self.events.range(..=(by, u64::MAX));
        it.pending.is_none() && due.any(|(_, event)| its(event))
    }

    /// Time goes on until everything should be settled. Gives how long it took.
    fn settle_down(&mut self, invariant: &'static str) -> i64 {
        let began = self.now;
        let mut settled_at = None;
        while let Some(((at, number), event)) = self.events.pop_first() {
            if at > began + HEALS || self.failure.is_some() {
                break;
            }
            self.now = self.now.max(at);
            self.happen(number, event);
            match (self.is_settled(), settled_at) {
                (true, None) => settled_at = Some(self.now),
                (false, Some(_)) => settled_at = None,
                _ => {}
            }
        }
        match settled_at {
            Some(at) => at - began,
            None => {
                if self.failure.is_none() {
                    let wedged = self.explain();
                    self.fail(invariant, wedged);
                }
                HEALS
            }
        }
    }

    /// Whether nothing is on its way and every phone is content.
    fn is_settled(&self) -> bool {
        self.phones.iter().all(|phone| {
            let content = phone.ended == Some(SyncOutcome::UpToDate);
            phone.pending.is_none() && content && !phone.store.tables().any_unsettled()
        })
    }

    fn explain(&self) -> String {
        let mut said = String::new();
        for (index, phone) in self.phones.iter().enumerate() {
            let (rows, _) = phone.store.tables().unsettled(usize::MAX, &Default::default());
            let content = phone.ended == Some(SyncOutcome::UpToDate);
            if rows.is_empty() && content && phone.pending.is_none() {
                continue;
            }
            said.push_str(&format!("phone {index} {:?} {} waiting", phone.ended, rows.len()));
            for row in rows.iter().take(3) {
                let run = &row.run;
                said.push_str(&format!(
                    " [{:?} {} {}..{} {:?}]",
                    run.doc,
                    run.actor(),
                    run.first_seq(),
                    run.last_seq(),
                    row.status
                ));
            }
            said.push_str("; ");
        }
        said
    }
}
