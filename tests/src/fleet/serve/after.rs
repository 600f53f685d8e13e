//! What servers do with what came in: their countersignatures for seals, and what a revoked phone submitted.

use ed25519_dalek::Signer as _;
use store::writer::{EditRequest, Expect, PushRequest};
use sync_core::admission::Received;
use sync_core::id::FactId;
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, section};
use sync_core::seal::{Countersignature, Seal};
use sync_core::sync::{Sent, Submitted, decode_request};

use super::super::world::World;
use super::clamp;
use crate::random::Random;

impl World {
    /// The countersignature for a seal that came in, as `server::sync::countersign` gives it.
    pub(in crate::fleet) fn countersign(
        &mut self,
        node: usize,
        tenant: u8,
        doc: DocId,
        fact: FactId,
    ) {
        let wall = self.site.wall(node, self.now);
        let (kid, own) = self.site.signing();
        let id = self.tenants[usize::from(tenant)];
        let Some(process) = self.site.places[node].node.as_mut() else { return };
        let Ok(Some(standing)) = process.document(id, doc) else { return };
        let document = standing.document;
        let (Some(job), Some(found)) = (doc.job(), document.fact(&section::SIGNATURES, &fact))
        else {
            return;
        };
        if Countersignature::all_of(&document, fact).next().is_some() {
            return;
        }
        let Ok(seal) = Seal::of(job, found) else { return };
        let Some(device) = self.site.devices.get(&seal.device) else { return };
        let signed = Countersignature::of(&seal, id, &device.key.real, wall, &kid, |message| {
            own.sign(message).to_bytes()
        });
        let Ok(signed) = signed else { return };
        let entry = FactId::new(
            wall.max(0),
            Random::new(fact.unix_ms() as u64).fork(&fact.to_string()).bytes(),
        );
        let caller = Principal::system();
        let request = EditRequest {
            tenant: id,
            caller,
            doc,
            expect: Expect::Existing,
            now: clamp(wall),
            note: None,
        };
        if process
            .edit::<(), _>(request, |_| Ok(vec![signed.entry(entry)]))
            .is_ok_and(|it| it.is_ok())
        {
            self.counts.met("seal countersigned");
        }
        self.tell();
    }

    /// What a revoked phone submitted is accepted by someone at a desk.
    pub(in crate::fleet) fn accept_submissions(&mut self) {
        for (device, frame) in std::mem::take(&mut self.submissions) {
            let Some(known) = self.site.devices.get(&device).cloned() else { continue };
            let Ok(request) = decode_request(&frame) else { continue };
            let signed = request.runs.iter().filter_map(Sent::own).cloned().map(Received);
            let Some(signature) = request.signature else { continue };
            let verified =
                Received::verify(signed.collect(), &signature, &known.key, known.user, device);
            let Ok(verified) = verified else { continue };
            let push = PushRequest {
                tenant: self.tenants[usize::from(known.tenant)],
                caller: Principal { user: known.user, role: Role::Technician },
                device,
                devices: vec![device],
                runs: verified.into_iter().map(Submitted::ByRevoked).collect(),
                evidence: None,
                now: self.now,
            };
            let Some(node) = self.site.places[0].node.as_mut() else { continue };
            if node.push(push).is_ok() {
                self.counts.met("submission accepted");
            }
            self.tell();
        }
    }
}
