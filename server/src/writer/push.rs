//! A phone's push in a group: each change judged, what is allowed put into the log.

use std::sync::Arc;

use sync_core::admission::{Attested, Verdict, Verified, admit, adopt};
use sync_core::change::Run;
use sync_core::document::Author;
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::policy::Caller;
use sync_core::sync::Submitted;

use super::group::{Group, find, guard, server_device};
use super::request::{PushRequest, RunVerdicts};
use crate::store::StoreError;
use crate::store::log::{doc_key, encode, passes_limit};

impl Group<'_> {
    /// Admits a push; what it refuses is kept with its reason.
    pub fn push(&mut self, push: PushRequest) -> Result<RunVerdicts, StoreError> {
        let PushRequest { tenant, caller, device, devices, runs, evidence, now } = push;
        let mut verdicts = Vec::with_capacity(runs.len());
        let mut first_pos = None;
        for submitted in runs {
            let changes = submitted.run().changes.len();
            let genuine = |attested: &Attested| {
                let (run, author) = (&attested.run, &attested.author);
                self.meta.is_genuine(tenant, run, author, &attested.receipt)
            };
            let verified = match submitted {
                Submitted::Signed(verified) => Some(verified),
                Submitted::HandedIn(verified) => {
                    verdicts.push(self.adopt(tenant, &caller, verified, now)?);
                    continue;
                }
                Submitted::Stranded(attested) => {
                    verdicts.push(match Verified::relayed(attested, genuine) {
                        Some(verified) => self.adopt_stranded(tenant, &caller, verified, now)?,
                        None => vec![not_genuine(); changes],
                    });
                    continue;
                }
                Submitted::Relayed(attested) => Verified::relayed(attested, genuine),
            };
            let Some(verified) = verified else {
                verdicts.push(vec![not_genuine(); changes]);
                continue;
            };
            let (run_verdicts, pos) = self.admit(tenant, &caller, &devices, verified, now)?;
            verdicts.push(run_verdicts);
            first_pos = first_pos.or(pos);
        }
        if let (Some(pos), Some(evidence)) = (first_pos, evidence) {
            self.tables.pushes.push([
                tenant.as_bytes().into(),
                pos.into(),
                device.as_bytes().into(),
                caller.user.as_bytes().into(),
                now.into(),
                evidence.message.into(),
                evidence.signature.to_vec().into(),
            ]);
        }
        Ok(verdicts)
    }

    fn admit(
        &mut self,
        tenant: TenantId,
        caller: &Caller,
        devices: &[DeviceId],
        verified: Verified,
        now: i64,
    ) -> Result<(Vec<Verdict>, Option<i64>), StoreError> {
        let (run, author) = (verified.run(), verified.author());
        let (doc, actor, sent) = (run.doc, run.actor(), run.changes.len());
        let payload = encode(run);
        let lease = self.leases.get(&(tenant, actor)).copied();
        // A technician who got another phone brings what the one before wrote.
        let owner = lease.map(|device| match author.device {
            Some(own) if devices.contains(&device) => own,
            _ => device,
        });
        let held = find(&mut self.docs, tenant, doc)?;
        let known = held.document.seq_of(&actor) >= run.last_seq();
        let values = held.document.values() + run.values();
        if !known && passes_limit(held.bytes + payload.len(), values) {
            return Ok((vec![full(); sent], None));
        }
        let document = Arc::make_mut(&mut held.document);
        let admission = guard(|| admit(document, verified, caller, owner, &held.refused))?;
        let mut admitted_at = None;
        if let Some(admitted) = admission.admitted {
            let whole = admitted.count() == sent;
            let payload = if whole { payload } else { encode(&admitted.run(document)) };
            if lease.is_none() {
                self.lease(tenant, actor, author.device.unwrap_or_else(server_device));
            }
            admitted_at = Some(self.append(tenant, doc, &admitted, payload, now)?);
        }
        for refused in admission.refused {
            let run = Run { doc, changes: vec![refused.change], last_hash: refused.hash };
            self.keep(tenant, &run, author, &refused.code, &refused.sentence, now)?;
            let held = find(&mut self.docs, tenant, doc)?;
            held.refused.insert(refused.hash.0, (refused.code, refused.sentence));
        }
        Ok((admission.verdicts, admitted_at))
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
            encode(run).into(),
        ]);
        Ok(())
    }

    /// Takes in what does not fit here any more and was admitted once. The phone that brings it
    /// lets go of it then, so what cannot be taken is kept.
    fn adopt_stranded(
        &mut self,
        tenant: TenantId,
        caller: &Caller,
        verified: Verified,
        now: i64,
    ) -> Result<Vec<Verdict>, StoreError> {
        let (run, author) = (verified.run().clone(), verified.author());
        let verdicts = self.adopt(tenant, caller, verified, now)?;
        let refused = verdicts.iter().find_map(|verdict| match verdict {
            Verdict::Refused { code, sentence } => Some((code, sentence)),
            _ => None,
        });
        if let Some((code, sentence)) = refused {
            self.keep(tenant, &run, author, code, sentence, now)?;
        }
        Ok(verdicts)
    }

    /// Takes in what a phone handed in that may not speak any more, as [`adopt`] says.
    fn adopt(
        &mut self,
        tenant: TenantId,
        caller: &Caller,
        verified: Verified,
        now: i64,
    ) -> Result<Vec<Verdict>, StoreError> {
        let run = verified.run();
        let (doc, sent, actor) = (run.doc, run.changes.len(), self.actor);
        let held = find(&mut self.docs, tenant, doc)?;
        if passes_limit(held.bytes + encode(run).len(), held.document.values() + run.values()) {
            return Ok(vec![full(); sent]);
        }
        let document = Arc::make_mut(&mut held.document);
        let admission = guard(|| adopt(document, actor, verified, caller))?;
        if let Some(admitted) = admission.admitted {
            let payload = encode(&admitted.run(document));
            self.lease_own(tenant);
            self.append(tenant, doc, &admitted, payload, now)?;
        }
        Ok(admission.verdicts)
    }
}

fn full() -> Verdict {
    Verdict::refused("document_full", "The record of this job is full; call the office.")
}

fn not_genuine() -> Verdict {
    Verdict::refused("receipt_not_genuine", "This server never gave the receipt of this work.")
}
