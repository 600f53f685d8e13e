//! A phone's push in a group: each change judged, what is allowed put into the log.

use sync_core::admission::{Attested, RefusedChange, Verdict, Verified, admit, reauthor};
use sync_core::change::Run;
use sync_core::codes;
use sync_core::document::Author;
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::job::opens_a_job;
use sync_core::policy::Principal;
use sync_core::schema::DocId;
use sync_core::sync::Submitted;

use super::group::{Group, entries_of, find, guard, server_device};
use super::request::{PushRequest, RunVerdicts};
use super::usage::REFUSALS_PER_DOCUMENT;
use crate::StoreError;
use crate::log::{doc_key, encode};

impl Group<'_> {
    /// Admits a push; what it refuses is kept with its reason.
    pub fn push(&mut self, push: &PushRequest) -> Result<RunVerdicts, StoreError> {
        let &PushRequest { tenant, caller, device, ref devices, ref runs, ref evidence, now } =
            push;
        if !self.has_storage(tenant) || !self.has_share(tenant, caller.user, now) {
            let later = runs.iter().map(|run| vec![quota(); run.run().changes.len()]);
            let later: RunVerdicts = later.collect();
            self.over_quota += later.iter().map(|of_run| of_run.len() as u64).sum::<u64>();
            return Ok(later);
        }
        let mut verdicts = Vec::with_capacity(runs.len());
        let mut first_pos = None;
        for submitted in runs {
            let changes = submitted.run().changes.len();
            let genuine = |attested: &Attested| {
                let (run, author) = (&attested.run, &attested.author);
                self.meta.is_genuine(tenant, run, author, &attested.receipt)
            };
            // The request stays whole: it may have to be worked out once more.
            let verified = match submitted.clone() {
                Submitted::Signed(verified) => Some(verified),
                Submitted::ByRevoked(verified) => {
                    verdicts.push(self.reauthor(tenant, &caller, verified, now)?);
                    continue;
                }
                Submitted::Orphaned(attested) => {
                    verdicts.push(match Verified::relayed(attested, genuine) {
                        Some(verified) => self.reauthor_orphaned(tenant, &caller, verified, now)?,
                        None => vec![not_genuine(); changes],
                    });
                    continue;
                }
                Submitted::Relayed(attested) => Verified::relayed(attested, genuine),
            };
            let verified = verified.map(|verified| verified.of_devices(devices));
            let Some(verified) = verified else {
                verdicts.push(vec![not_genuine(); changes]);
                continue;
            };
            let opens = self.opens(tenant, verified.run());
            if opens && !self.may_open(tenant, caller.user, now) {
                self.over_quota += changes as u64;
                verdicts.push(vec![quota(); changes]);
                continue;
            }
            let (run_verdicts, pos) = self.admit(tenant, &caller, devices, verified, now)?;
            verdicts.push(run_verdicts);
            if opens && pos.is_some() {
                self.opened(tenant, caller.user, now);
            }
            first_pos = first_pos.or(pos);
        }
        if let (Some(pos), Some(evidence)) = (first_pos, evidence) {
            self.stored(tenant, evidence.message.len());
            self.tables.pushes.push([
                tenant.as_bytes().into(),
                pos.into(),
                device.as_bytes().into(),
                caller.user.as_bytes().into(),
                now.into(),
                evidence.message.clone().into(),
                evidence.signature.to_vec().into(),
            ]);
        }
        Ok(verdicts)
    }

    /// Whether a run would open a job that is not here.
    fn opens(&self, tenant: TenantId, run: &Run) -> bool {
        let held = self.docs.get(&(tenant, run.doc));
        held.is_some_and(|held| held.pos == 0) && opens_a_job(run)
    }

    fn admit(
        &mut self,
        tenant: TenantId,
        caller: &Principal,
        devices: &[DeviceId],
        verified: Verified,
        now: i64,
    ) -> Result<(Vec<Verdict>, Option<i64>), StoreError> {
        let (run, author) = (verified.run(), verified.author());
        let (doc, actor, sent) = (run.doc, run.actor(), run.changes.len());
        let (payload, entries) = sized(run);
        let known_owner = self.actor_owners.get(&(tenant, actor)).copied();
        // A technician who got another phone brings what the one before wrote.
        let owner = known_owner.map(|device| match author.device {
            Some(own) if devices.contains(&device) => own,
            _ => device,
        });
        let held = find(&mut self.docs, tenant, doc)?;
        let (document, refused) = held.open()?;
        let admission = guard(|| admit(document, verified, caller, owner, refused))?;
        let mut admitted_at = None;
        if let Some(admitted) = admission.admitted {
            let whole = admitted.count() == sent;
            let stored = match whole {
                true => (payload, entries),
                false => sized(&admitted.run(document)),
            };
            if known_owner.is_none() {
                self.claim_actor(tenant, actor, author.device.unwrap_or_else(server_device));
            }
            admitted_at = Some(self.append(tenant, doc, &admitted, stored, now)?);
        }
        for refused in admission.refused {
            self.refuse(tenant, doc, refused, author, now)?;
        }
        Ok((admission.verdicts, admitted_at))
    }

    /// Keeps a refusal while its document, phone and tenant have room. Beyond that it is answered
    /// all the same and only counted: the phone keeps the change, and sent again it is judged
    /// again by the same rules.
    fn refuse(
        &mut self,
        tenant: TenantId,
        doc: DocId,
        refused: RefusedChange,
        author: Author,
        now: i64,
    ) -> Result<(), StoreError> {
        let room = self.may_keep(tenant, author.device);
        let held = find(&mut self.docs, tenant, doc)?;
        if !room || held.refused.len() >= REFUSALS_PER_DOCUMENT {
            self.refusals_not_kept += 1;
            return Ok(());
        }
        let verdict = (refused.code.clone(), refused.sentence.clone());
        held.refused.insert(refused.hash.0, verdict);
        let run = Run { doc, changes: vec![refused.change], last_hash: refused.hash };
        self.keep(tenant, &run, author, &refused.code, &refused.sentence, now)
    }

    /// Keeps what was refused, with its reason.
    fn keep(
        &mut self,
        tenant: TenantId,
        run: &Run,
        author: Author,
        code: &str,
        sentence: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        let pos = self.next(tenant)?;
        let payload = encode(run);
        self.kept(tenant, author.device, payload.len() + sentence.len());
        self.tables.quarantine.push([
            tenant.as_bytes().into(),
            run.last_hash.0.to_vec().into(),
            pos.into(),
            doc_key(&run.doc).into(),
            run.actor().as_bytes().into(),
            run.first_seq().cast_signed().into(),
            author.user.as_ref().map(UserId::as_bytes).into(),
            author.device.as_ref().map(DeviceId::as_bytes).into(),
            code.into(),
            sentence.into(),
            now.into(),
            payload.into(),
        ]);
        Ok(())
    }

    /// Takes in what does not fit here any more and was admitted once. The phone that brings it
    /// lets go of it then, so what cannot be taken is kept.
    fn reauthor_orphaned(
        &mut self,
        tenant: TenantId,
        caller: &Principal,
        verified: Verified,
        now: i64,
    ) -> Result<Vec<Verdict>, StoreError> {
        let (run, author) = (verified.run().clone(), verified.author());
        let verdicts = self.reauthor(tenant, caller, verified, now)?;
        let refused = verdicts.iter().find_map(|verdict| match verdict {
            Verdict::Refused { code, sentence } => Some((code, sentence)),
            _ => None,
        });
        let Some((code, sentence)) = refused else { return Ok(verdicts) };
        if !self.may_keep(tenant, author.device) {
            // The phone lets go of what is refused here, so it has to keep this until there is room.
            self.over_quota += verdicts.len() as u64;
            let later = |verdict| if is_refused(&verdict) { quota() } else { verdict };
            return Ok(verdicts.into_iter().map(later).collect());
        }
        self.keep(tenant, &run, author, code, sentence, now)?;
        Ok(verdicts)
    }

    /// Takes in the submission of a revoked phone, as [`reauthor`] says.
    fn reauthor(
        &mut self,
        tenant: TenantId,
        caller: &Principal,
        verified: Verified,
        now: i64,
    ) -> Result<Vec<Verdict>, StoreError> {
        let run = verified.run();
        let doc = run.doc;
        let held = find(&mut self.docs, tenant, doc)?;
        let actor = self.meta.office_actor(tenant, self.actor, held.document());
        let (document, _) = held.open()?;
        let admission = guard(|| reauthor(document, actor, verified, caller))?;
        if let Some(admitted) = admission.admitted {
            let stored = sized(&admitted.run(document));
            self.claim_own_actor(tenant, actor);
            self.append(tenant, doc, &admitted, stored, now)?;
        }
        Ok(admission.verdicts)
    }
}

/// A run as the log has it, with how many entries it has.
fn sized(run: &Run) -> (Vec<u8>, usize) {
    (encode(run), entries_of(run))
}

fn is_refused(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Refused { .. })
}

fn quota() -> Verdict {
    Verdict::Later { code: codes::QUOTA.word.to_owned() }
}

fn not_genuine() -> Verdict {
    Verdict::refused(codes::RECEIPT_NOT_GENUINE.word, codes::RECEIPT_NOT_GENUINE.sentence)
}
