//! Everything is mended and has coverage: how long until nothing waits?

use sync_core::sync::Outcome;

use super::World;

/// Everything has to be settled so long after healing.
const HEALS: i64 = 60_000;

impl World {
    /// Everything that is broken is mended, and everybody has coverage. Gives how long it took
    /// until nothing waited.
    pub(super) fn heal(&mut self) -> i64 {
        self.now += 1000;
        self.events.clear();
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
            self.phones[phone].crash(phone as u64);
            let it = &mut self.phones[phone];
            (it.cut, it.clock, it.old) = (0, 0, false);
            self.enrol(phone);
        }
        self.accept_handed_in();
        self.countersign_left_over();
        self.healing = true;
        let began = self.now;
        for phone in 0..self.phones.len() {
            self.wake(phone);
        }
        let mut settled_at = None;
        while let Some(((at, number), event)) = self.events.pop_first() {
            if at > began + HEALS || self.failure.is_some() {
                break;
            }
            self.now = at;
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
                    self.fail("every queue empties within 60 s of healing", wedged);
                }
                HEALS
            }
        }
    }

    /// Whether nothing is on its way and every phone is content.
    fn is_settled(&self) -> bool {
        self.phones.iter().all(|phone| {
            let content = phone.ended == Some(Outcome::UpToDate);
            phone.pending.is_none() && content && !phone.store.tables().any_unsettled()
        })
    }

    fn explain(&self) -> String {
        let mut said = String::new();
        for (index, phone) in self.phones.iter().enumerate() {
            let (rows, _) = phone.store.tables().unsettled(usize::MAX);
            let content = phone.ended == Some(Outcome::UpToDate);
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
                    row.standing
                ));
            }
            said.push_str("; ");
        }
        said
    }
}
