//! A server process answers a phone: token, session, admission, commit, page, as over HTTP.

mod after;

use sync_core::admission::{Verdict, push_message};
use sync_core::change::{Entry, Run};
use sync_core::id::{ActorId, FactId, TenantId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, key, section};
use sync_core::sync::{Pull, ServerEffect, ServerEvent, Session, Submitted, decode_request};
use sync_core::value::Value;

use server::auth::access::Holder;
use store::StoreError;
use store::writer::{Evidence, PushRequest};

use super::keys::PublicKey;
use super::ledger::Ledger;
use super::newer::{is_newer, is_too_old};
use super::plan::Kind;
use super::site::NotIn;
use super::world::{Answer, Arriving, Event, World};

/// An exchange between its commit and its page.
pub(super) struct Reading {
    at: Arriving,
    holder: Holder,
    session: Session<PublicKey>,
    pull: Pull,
    /// The process that works on it; another one knows nothing of it.
    process: ActorId,
}

impl World {
    pub(super) fn arrive(&mut self, at: Arriving) {
        let Some(process) = self.site.places[at.node].node.as_ref().map(|node| node.actor()) else {
            return self.answer(at, Answer::Nobody);
        };
        let holder = match self.site.believe(at.node, self.now, &at.token) {
            Ok(holder) => holder,
            Err(NotIn::Revoked(device)) => {
                if decode_request(&at.frame).is_ok_and(|request| !request.runs.is_empty()) {
                    self.counts.met("revoked phone submitted");
                    self.submissions.push((device, at.frame.clone()));
                    self.submissions.truncate(50);
                }
                return self.answer(at, Answer::Revoked);
            }
            Err(_) => return self.answer(at, Answer::LogIn),
        };
        let key = self.site.devices[&holder.device].key.clone();
        let epoch = self.site.places[at.node].node.as_ref().map_or(0, |node| node.epoch());
        let mut session = Session::new(holder.user, holder.device, key, epoch);
        let wall = self.site.wall(at.node, self.now);
        let effect = session.handle(wall, ServerEvent::Frame(&at.frame));
        self.go_on(at, holder, session, effect, process);
    }

    pub(super) fn read(&mut self, reading: Reading) {
        let Reading { at, holder, mut session, pull, process } = reading;
        let node = self.site.places[at.node].node.as_ref();
        let Some(node) = node.filter(|node| node.actor() == process) else {
            // The process died with the connection.
            return self.counts.met("reply lost after commit");
        };
        let wall = self.now + self.site.places[at.node].clock;
        let mut must_hold = Vec::new();
        let event = match node.pull(holder.tenant, &pull, self.budget) {
            Ok(pulled) => {
                if pulled.more {
                    self.counts.met("page of the answer cut");
                }
                self.counts.add("document released", pulled.released.len() as u64);
                let whole = pull.inventory.is_none() || !pulled.more;
                if whole && pulled.cursor >= pull.cursor {
                    must_hold = self.must_hold(&at, &holder, pulled.cursor);
                }
                ServerEvent::Pulled(pulled)
            }
            Err(error) => self.unavailable(&error),
        };
        match session.handle(wall, event) {
            ServerEffect::Send(bytes) => self.answer(at, Answer::Frame { bytes, must_hold }),
            effect => self.go_on(at, holder, session, effect, process),
        }
    }

    fn go_on(
        &mut self,
        mut at: Arriving,
        holder: Holder,
        mut session: Session<PublicKey>,
        effect: ServerEffect,
        process: ActorId,
    ) {
        match effect {
            ServerEffect::Send(bytes) => {
                self.answer(at, Answer::Frame { bytes, must_hold: Vec::new() });
            }
            ServerEffect::Admit(runs) => {
                let signature = session.signature();
                let event = match self.admit(&mut at, &holder, runs, signature) {
                    Ok(verdicts) => ServerEvent::Admitted(verdicts),
                    Err(error) => self.unavailable(&error),
                };
                let wall = self.site.wall(at.node, self.now);
                let effect = session.handle(wall, event);
                self.go_on(at, holder, session, effect, process);
            }
            ServerEffect::Pull(pull) => {
                let slow = !self.is_healing() && at.luck.one_in(4);
                let late = if slow { at.luck.below(3000) as i64 } else { 0 };
                let reading = Reading { at, holder, session, pull, process };
                match late {
                    0 => self.read(reading),
                    late => self.after(late, Event::Read(Box::new(reading))),
                }
            }
        }
    }

    fn answer(&mut self, at: Arriving, answer: Answer) {
        if !at.copy {
            self.send_back(at.phone, at.exchange, answer, at.luck);
        }
    }

    /// Has runs admitted as the server's exchange does, and looks at every verdict.
    fn admit(
        &mut self,
        at: &mut Arriving,
        holder: &Holder,
        runs: Vec<Submitted>,
        signature: Option<[u8; 64]>,
    ) -> Result<Vec<Vec<Verdict>>, StoreError> {
        let tenant = self.number(holder.tenant);
        let sent: Vec<Run> = runs.iter().map(|run| run.run().clone()).collect();
        let relayed = runs.iter().filter(|run| matches!(run, Submitted::Relayed(_))).count();
        self.counts.add("work brought back with a receipt", relayed as u64);
        let is_orphaned = |run: &Submitted| matches!(run, Submitted::Orphaned(_));
        let orphaned: Vec<bool> = runs.iter().map(is_orphaned).collect();
        let times = orphaned.iter().filter(|orphaned| **orphaned).count();
        self.counts.add("work orphaned by a restore", times as u64);
        let message = push_message(
            holder.device,
            runs.iter().filter(|run| matches!(run, Submitted::Signed(_))).map(Submitted::run),
        );
        if signature.is_some() {
            let signing = self.site.devices[&holder.device].key.is_signing();
            self.counts.met(if signing { "push signed" } else { "push hashed" });
        }
        let evidence = signature.map(|signature| Evidence { message, signature });
        let now = self.site.wall(at.node, self.now);
        let caller = Principal { user: holder.user, role: Role::Technician };
        let devices = self.site.devices_of(tenant, holder.user);
        let request = |runs| PushRequest {
            tenant: holder.tenant,
            caller,
            device: holder.device,
            devices: devices.clone(),
            runs,
            evidence: evidence.clone(),
            now,
        };
        let place = &mut self.site.places[at.node];
        let old = place.old;
        let Some(node) = place.node.as_mut() else {
            return Err(StoreError::GroupFailed);
        };
        let all = if !old && sent.iter().any(is_newer) {
            let pushed = self.push_to_newer(at.node, request(runs));
            pushed.inspect_err(|_| cut_off(&mut self.ledger, tenant, &sent))?
        } else if std::mem::take(&mut at.twice) {
            self.counts.met("group of two pushes");
            let both = node.push_all(vec![request(runs.clone()), request(runs)]);
            let mut both = both.inspect_err(|_| cut_off(&mut self.ledger, tenant, &sent))?;
            let (second, first) = (both.pop().unwrap_or_default(), both.pop().unwrap_or_default());
            for ((run, orphaned), verdicts) in sent.iter().zip(&orphaned).zip(&first) {
                self.look_at(tenant, holder, run, *orphaned, verdicts);
            }
            second
        } else {
            let pushed = node.push(request(runs));
            pushed.inspect_err(|_| cut_off(&mut self.ledger, tenant, &sent))?
        };
        for ((run, orphaned), verdicts) in sent.iter().zip(orphaned).zip(&all) {
            if old && verdicts.iter().any(is_too_old) {
                self.counts.met(Kind::Upgrade.as_str());
                self.counts.met("fact of a newer version left waiting");
            }
            self.look_at(tenant, holder, run, orphaned, verdicts);
        }
        self.tell();
        for (run, verdicts) in sent.iter().zip(&all) {
            for seal in sealed(run, verdicts) {
                self.countersign(at.node, tenant, run.doc, seal);
            }
        }
        Ok(all)
    }

    fn look_at(
        &mut self,
        tenant: u8,
        holder: &Holder,
        run: &Run,
        orphaned: bool,
        verdicts: &[Verdict],
    ) {
        for verdict in verdicts {
            match verdict {
                Verdict::Durable => {}
                Verdict::Refused { .. } => self.counts.met("change refused"),
                Verdict::Reauthor => self.counts.met("change re-authored"),
                Verdict::Fork => self.counts.met("fork answered"),
                Verdict::Missing(_) => self.counts.met("change missed what it follows"),
                Verdict::Later { .. } => self.counts.met("change answered later"),
            }
        }
        self.ledger.may_keep(tenant, run, Some(verdicts));
        if holder.device == self.hostile.1 {
            let refused = verdicts.iter().filter(|verdict| !verdict.is_durable()).count();
            self.counts.add("hostile change refused", refused as u64);
        }
        if orphaned {
            return self.ledger.reauthored(tenant, run, verdicts);
        }
        if let Some(wrong) = self.ledger.answered(tenant, run, verdicts) {
            self.fail("the verdict of a change never changes", wrong);
        }
    }

    /// Tells the phones of whoever is concerned by what was committed.
    pub(super) fn tell(&mut self) {
        let mut news = Vec::new();
        for place in &mut self.site.places {
            news.extend(place.node.as_mut().map(|node| node.take_news()).unwrap_or_default());
        }
        for committed in news {
            let tenant = self.number(committed.tenant);
            for user in committed.users.iter() {
                self.after(40, Event::Notification { tenant, user: *user });
            }
        }
    }

    fn unavailable(&mut self, error: &StoreError) -> ServerEvent<'static> {
        self.failed(error, 5000);
        ServerEvent::Unavailable { retry_after_ms: 5000 }
    }

    /// The database did not do what it was asked for; if it has to start again, it will be up after
    /// so many milliseconds.
    pub(super) fn failed(&mut self, error: &StoreError, up_after: i64) {
        if !error.is_retryable() {
            self.fail("the store reads back what it wrote", error.to_string());
        }
        if matches!(error, StoreError::Full) {
            self.counts.met(Kind::Full.as_str());
        }
        if self.site.database.is_broken() {
            self.counts.met(Kind::Fsync.as_str());
            self.after(up_after, Event::DatabaseUp);
        }
    }

    /// What a phone holds once it has stored a page that ends here, in its scope as it is now.
    fn must_hold(&self, at: &Arriving, holder: &Holder, cursor: u64) -> Vec<(DocId, ActorId, u64)> {
        let Some(node) = self.site.places[at.node].node.as_ref() else { return Vec::new() };
        let cursor = i64::try_from(cursor).unwrap_or(i64::MAX);
        let mut held = Vec::new();
        for row in node.scope(holder.tenant, holder.user).unwrap_or_default() {
            if !row.current || row.since > cursor {
                continue;
            }
            for line in node.lines(holder.tenant, row.doc).unwrap_or_default() {
                if line.pos <= cursor {
                    held.push((row.doc, line.actor, line.last_seq));
                }
            }
        }
        held
    }

    pub(super) fn number(&self, tenant: TenantId) -> u8 {
        u8::from(tenant == self.tenants[1])
    }
}

/// A push ended without an answer: it may be committed, and its refusals kept.
fn cut_off(ledger: &mut Ledger, tenant: u8, sent: &[Run]) {
    sent.iter().for_each(|run| ledger.may_keep(tenant, run, None));
}

fn sealed(run: &Run, verdicts: &[Verdict]) -> Vec<FactId> {
    let durable = run.changes.iter().zip(verdicts).filter(|(_, verdict)| verdict.is_durable());
    let entries = durable.flat_map(|(change, _)| &change.entries);
    let seal = |entry: &Entry| match entry {
        Entry::Fact { section: name, id, record } => {
            let kind = record.get(&key::KIND).and_then(Value::as_text);
            (*name == section::SIGNATURES && kind == Some("seal")).then_some(*id)
        }
        Entry::Field { .. } | Entry::Section { .. } => None,
    };
    entries.filter_map(seal).collect()
}

/// A time a change may carry.
pub(super) fn clamp(wall: i64) -> i64 {
    let range = sync_core::limits::TIME_RANGE;
    wall.clamp(range.start, range.end - 1)
}
