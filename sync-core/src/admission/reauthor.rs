//! Work re-authored by the server, in its author's name, because its numbers cannot be used.
//!
//! What follows work that a restored server has lost, and whose numbers mean other work by now, is
//! brought back by whoever holds it, with the receipt the server once gave. A revoked phone hands its work in and speaks no more. Until someone accepts it, the server may
//! have been restored, or another copy of the phone may have written under the same numbers. So
//! the facts are taken, under their ids, and the numbers are not: nothing can count twice, and
//! nothing can stand where a phone holds other work.

use std::collections::BTreeMap;

use super::allow::Allowed;
use super::{Admission, Admitted, Verdict, Verified};
use crate::document::{Document, Refusal};
use crate::id::ActorId;
use crate::policy::Principal;

/// Writes what a run says under `actor`, one change for each of its own. What is here already is
/// passed over, so a repeat changes nothing, and no change waits for another.
///
/// What carries the server's receipt was judged when that was given; the policy is asked for the
/// rest. Nothing is kept of a refusal: whoever calls this keeps the work as it came. Work that is
/// refused while what it follows is not here is [`Verdict::Missing`], as it may be allowed later.
pub fn reauthor(
    document: &mut Document,
    actor: ActorId,
    verified: Verified,
    principal: &Principal,
) -> Admission {
    let (run, author, relayed, sealers) = verified.into_parts();
    let mut admission = Admission { verdicts: Vec::new(), admitted: None, refused: Vec::new() };
    let (chain, missing) = match document.chain(&run) {
        Ok(chain) => (chain, None),
        Err(Refusal::Missing(missing)) => (Vec::new(), Some(missing)),
        // The numbers mean other work here than where it was written.
        Err(_) => (Vec::new(), None),
    };
    let hashes: BTreeMap<u64, _> =
        run.changes.iter().zip(&chain).map(|(change, built)| (change.seq, built.hash())).collect();
    for change in run.changes {
        let hash = hashes.get(&change.seq);
        let held = hash.is_some_and(|hash| document.holds(&change, hash) == Some(true));
        if held || document.says(&change, author) {
            admission.verdicts.push(Verdict::Durable);
            continue;
        }
        let allowed = if relayed {
            Allowed::by_receipt(document, change, author)
        } else {
            Allowed::by_policy(document, principal, change, author, &sealers)
        };
        let written = allowed
            .map_err(|not| Verdict::from(not.why))
            .and_then(|allowed| allowed.join_reauthored(document, actor).map_err(Verdict::from));
        admission.verdicts.push(match (written, &missing) {
            (Ok((last_seq, last_hash)), _) => {
                let first_seq = admission.admitted.map_or(last_seq, |before| before.first_seq);
                let admitted = Admitted { actor, first_seq, last_seq, last_hash, author };
                admission.admitted = Some(admitted);
                Verdict::Durable
            }
            // What was admitted once waits for nothing: what it followed may be gone for good.
            (Err(_), Some(missing)) if !relayed => Verdict::Missing(missing.clone()),
            (Err(verdict), _) => verdict,
        });
    }
    admission
}
