//! What each kind of step does when its moment comes.

use super::super::plan::{Kind, Step};
use super::{Event, World};
use crate::random::Random;

impl World {
    /// Does it, and counts what had an effect. Faults that wait for someone to run into them are
    /// counted where someone does.
    pub(super) fn step(&mut self, step: Step) {
        let Step { kind, who, salt, .. } = step;
        let mut rng = Random::new(salt);
        let phone = self.some_phone(who, salt);
        let node = usize::from(who) % self.site.places.len();
        let done = match kind {
            Kind::Call => self.call(who, &mut rng, false),
            Kind::Twin => self.call(who, &mut rng, true),
            Kind::Assign => self.assign(&mut rng),
            Kind::Clash => self.clash(&mut rng),
            Kind::Edit => self.edit(&mut rng),
            Kind::Cancel => self.cancel(&mut rng),
            Kind::Charge => self.charge(&mut rng),
            Kind::Settle => self.settle(&mut rng),
            Kind::Load => self.load(&mut rng),
            Kind::Move => self.change_van(&mut rng),
            Kind::Work | Kind::Status | Kind::Part | Kind::Void | Kind::Seal | Kind::WalkUp => {
                self.work(phone, kind, &mut rng)
            }
            Kind::Careless => self.careless(phone, &mut rng),
            Kind::Sync => {
                let it = &mut self.phones[phone];
                it.salt = salt;
                it.exchanges = 0;
                it.awake_until = self.now + 60_000 + rng.below(600_000) as i64;
                self.wake(phone);
                true
            }
            Kind::PhoneCrash => {
                self.crash_phone(phone, salt);
                true
            }
            Kind::PhoneFull => {
                let room = rng.below(2000) as usize;
                self.phones[phone].store.journal().disk_mut().limit(Some(room));
                self.after(rng.below(20_000_000) as i64, Event::PhoneRoom(phone));
                false
            }
            Kind::PhoneFsync => {
                self.phones[phone].store.journal().disk_mut().fail_syncs(1);
                false
            }
            Kind::Image => {
                let image = self.phones[phone].image();
                self.images.push((phone, image));
                true
            }
            Kind::Restore => self.put_back(phone, salt),
            Kind::Clone => self.clone_phone(salt),
            Kind::Wipe => {
                self.wipe(phone, salt);
                true
            }
            Kind::PhoneClock => {
                self.phones[phone].clock = jump(&mut rng);
                true
            }
            Kind::ServerClock => {
                self.site.places[node].clock = jump(&mut rng);
                self.after(rng.below(40_000_000) as i64, Event::ServerClock(node));
                self.site.places[node].node.is_some()
            }
            Kind::Partition => {
                self.phones[phone].cut = 1 + rng.below(3) as u8;
                self.after(rng.below(30_000_000) as i64, Event::Mend(phone));
                false
            }
            Kind::NodeCrash => {
                self.after(rng.below(5_000_000) as i64, Event::NodeUp(node));
                self.stop(node)
            }
            Kind::Power => {
                self.power(salt);
                true
            }
            Kind::Full => {
                let room = rng.below(4000) as usize;
                self.site.database.disk(|disk| disk.limit(Some(room)));
                self.after(rng.below(20_000_000) as i64, Event::Room);
                false
            }
            Kind::Fsync => {
                self.site.database.disk(|disk| disk.fail_syncs(1));
                false
            }
            Kind::Backup => {
                let copy = self.site.database.backup();
                self.backup = Some((copy, self.ledger.promised.clone(), self.now));
                true
            }
            Kind::RestoreServer => self.restore_server(salt),
            Kind::Upgrade => {
                self.site.places[node].old = true;
                self.phones[phone].old = true;
                self.after(rng.below(80_000_000) as i64, Event::Upgraded(node));
                false
            }
            Kind::Rotate => {
                self.site.rotate(self.now);
                true
            }
            Kind::Revoke => self.revoke(phone, &mut rng),
            Kind::Forge | Kind::Equivocate | Kind::Withhold | Kind::Overwrite | Kind::Inflate => {
                self.attack(kind, &mut rng)
            }
            Kind::Replay => self.replay(&mut rng),
        };
        self.counts.add(kind.as_str(), u64::from(done));
    }

    /// An honest phone chosen by a step; a clone of it in one of two cases.
    fn some_phone(&self, who: u8, salt: u64) -> usize {
        let base = usize::from(who) % usize::from(self.plan.phones.max(1));
        let device = self.phones[base].device();
        let twin = |index: &usize| *index != base && self.phones[*index].device() == device;
        let clone = (0..self.phones.len()).find(twin);
        clone.filter(|_| salt.is_multiple_of(2)).unwrap_or(base)
    }
}

/// A jump of a clock by up to ten years, either way.
fn jump(rng: &mut Random) -> i64 {
    const TEN_YEARS: i64 = 10 * 365 * 24 * 3600 * 1000;
    rng.between(-TEN_YEARS, TEN_YEARS)
}
