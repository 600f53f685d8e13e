//! What befalls phones, servers and databases, and what must still be there afterwards. Which faults
//! there are, and when each comes, is decided in `../plan.rs`.

use sync_core::id::DeviceId;

use super::super::phone::Handset;
use super::super::site::Device;
use super::{Arriving, Event, World};
use crate::random::Random;

impl World {
    /// A server process ends. Gives whether there was one.
    pub(in crate::fleet) fn stop(&mut self, index: usize) -> bool {
        let Some(node) = self.site.places[index].node.take() else { return false };
        let done = node.done();
        self.counts.add("document evicted from the cache", done.evicted);
        self.counts.add("document loaded from a snapshot", done.from_snapshot);
        self.counts.add("document brought forward from another node", done.brought_forward);
        self.weigh(node);
        true
    }

    pub(super) fn crash_phone(&mut self, phone: usize, salt: u64) {
        let torn = self.phones[phone].crash(salt);
        if torn {
            self.counts.met("torn write cut off");
        }
        self.about_to_lose();
    }

    /// An image of days ago is put back: the phone forgets, and does not know it.
    pub(super) fn put_back(&mut self, phone: usize, salt: u64) -> bool {
        let Some(at) = self.images.iter().position(|(of, _)| *of == phone) else { return false };
        let (_, image) = self.images.remove(at);
        self.about_to_lose();
        let (tenant, user) = (self.phones[phone].tenant, self.phones[phone].user);
        self.phones[phone] = Handset::from_image(tenant, user, &image, Random::new(salt));
        if salt.is_multiple_of(4) {
            self.counts.met("copy recognised by its missing secret");
            let recognised = self.phones[phone].recognise(self.now);
            assert!(recognised.is_ok());
            self.after(3_600_000, Event::Enrol(phone));
        }
        self.forget_what_is_gone();
        true
    }

    /// An image runs beside the phone it was taken of.
    pub(super) fn clone_phone(&mut self, salt: u64) -> bool {
        if self.images.is_empty() || self.phones.len() > usize::from(self.plan.phones) + 3 {
            return false;
        }
        let at = (salt % self.images.len() as u64) as usize;
        let (of, image) = self.images.remove(at);
        let (tenant, user) = (self.phones[of].tenant, self.phones[of].user);
        self.phones.push(Handset::from_image(tenant, user, &image, Random::new(salt)));
        true
    }

    pub(super) fn wipe(&mut self, phone: usize, salt: u64) {
        self.about_to_lose();
        let mut rng = Random::new(salt);
        let (tenant, user) = (self.phones[phone].tenant, self.phones[phone].user);
        let device = DeviceId::new(self.now, rng.bytes());
        let page = 2 + rng.below(40) as usize;
        let fresh = Handset::new(tenant, user, device, page, rng, self.now);
        let known = Device { tenant, user, key: fresh.public_key(), revoked: false };
        self.site.devices.insert(device, known);
        self.phones[phone] = fresh;
        self.images.retain(|(of, _)| *of != phone);
        self.forget_what_is_gone();
    }

    /// The office enrols a phone again for the same technician.
    pub(in crate::fleet) fn enrol(&mut self, phone: usize) {
        let old = self.phones[phone].device();
        let revoked = self.site.devices.get(&old).is_none_or(|device| device.revoked);
        if !revoked && !self.phones[phone].locked_out {
            return;
        }
        let device = DeviceId::new(self.now, self.rng.bytes());
        let it = &mut self.phones[phone];
        it.store.journal().disk_mut().limit(None);
        if it.enrol(self.now, device).is_err() {
            let salt = self.rng.next();
            self.phones[phone].crash(salt);
            return self.after(60_000, Event::Enrol(phone));
        }
        let (tenant, user, key) = (it.tenant, it.user, it.public_key());
        self.site.devices.insert(device, Device { tenant, user, key, revoked: false });
        self.counts.met("phone enrolled again");
    }

    /// Gives whether the phone could sync until now.
    pub(super) fn revoke(&mut self, phone: usize, rng: &mut Random) -> bool {
        let device = self.phones[phone].device();
        self.after(rng.below(100_000_000) as i64, Event::Enrol(phone));
        let device = self.site.devices.get_mut(&device);
        device.is_some_and(|device| !std::mem::replace(&mut device.revoked, true))
    }

    /// The database loses power and comes back; what was promised must be there.
    pub(in crate::fleet) fn power(&mut self, salt: u64) {
        let mut rng = Random::new(salt);
        if self.site.database.is_broken() {
            self.counts.met("commit unknown after a failed sync");
        }
        self.site.database.crash(|| rng.next());
        self.check_promises();
    }

    pub(super) fn restore_server(&mut self, salt: u64) -> bool {
        let Some((backup, promised, taken)) = self.backup.take() else { return false };
        if self.now - taken > 3 * 86_400_000 {
            return false;
        }
        self.about_to_lose();
        let mut rng = Random::new(salt);
        let database = store::in_memory::Database::restore(&backup, rng.next() | 1);
        self.site.database = database;
        for index in 0..self.site.places.len() {
            self.stop(index);
        }
        self.site.start_all(self.now);
        let before = std::mem::replace(&mut self.ledger.promised, promised);
        let now = &self.ledger.promised.changes;
        let lost = before
            .changes
            .into_iter()
            .filter(|(name, seq)| now.get(name).is_none_or(|kept| kept < seq));
        let lost: Vec<_> = lost.map(|(name, _)| name).collect();
        self.counts.add("server restored after losing work", u64::from(!lost.is_empty()));
        self.forged.retain(|_, never| *never);
        self.forget_what_is_gone();
        self.claim(lost, &mut rng);
        true
    }

    pub(super) fn replay(&mut self, rng: &mut Random) -> bool {
        if self.overheard.is_empty() {
            return false;
        }
        let at = rng.below(self.overheard.len() as u64) as usize;
        let (phone, frame) = self.overheard.swap_remove(at);
        let Some(node) = self.site.any_up(rng.next()) else { return false };
        let Some((token, _)) = self.phones[phone].token.clone() else { return false };
        let luck = rng.fork("replay");
        let arriving =
            Arriving { phone, exchange: 0, node, token, frame, copy: true, twice: false, luck };
        self.after(1, Event::Arrive(arriving));
        true
    }
}
