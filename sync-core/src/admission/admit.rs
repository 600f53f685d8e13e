//! Phones' work into the server's document: one verdict a change, none waits for another.

use std::collections::{BTreeMap, BTreeSet};

use super::allow::{Allowed, NotAllowed};
use super::seals::Sealers;
use super::{Verdict, Verified};
use crate::change::{Change, ChangeRef, Entry, Run};
use crate::codes;
use crate::document::{Asked, Author, ChangeHash, Document, Refusal};
use crate::id::{ActorId, DeviceId, FactId};
use crate::job::Step;
use crate::limits;
use crate::policy::Principal;
use crate::schema::key;
use crate::value::Value;

/// Code of work whose writer id belongs to another phone: it has to be re-authored.
pub const ACTOR_NOT_YOURS: &str = codes::ACTOR_NOT_YOURS.word;

/// The result of admitting a run.
#[derive(Debug, Clone)]
pub struct Admission {
    /// One verdict for each change of the run, in order.
    pub verdicts: Vec<Verdict>,
    /// The changes that were new and are now in the document, to be written to the log.
    pub admitted: Option<Admitted>,
    /// The changes that were refused now, to be kept with their reason.
    pub refused: Vec<RefusedChange>,
}

impl Admission {
    /// Keeps a change that was refused, with its verdict.
    fn keep(&mut self, change: Change, hash: ChangeHash, verdict: &Verdict) {
        let Verdict::Refused { code, sentence } = verdict else { return };
        // A share that is used up stays so: the verdict need not be kept, and someone who goes on
        // sending takes no room elsewhere.
        if code != codes::DOCUMENT_FULL.word {
            let (code, sentence) = (code.clone(), sentence.clone());
            self.refused.push(RefusedChange { change, hash, code, sentence });
        }
    }
}

/// What follows a refused change in its run. Its phone writes it again without that one, so what would
/// be refused then too is refused at once: otherwise each of them takes a round of its own.
#[derive(Debug, Default)]
struct Followers {
    /// Facts of followers that may be taken when they come again: what names them waits with them.
    facts: BTreeSet<FactId>,
    /// One of them opens the job, and so decides what is allowed.
    opens: bool,
}

impl Followers {
    /// The verdict that a follower gets whatever becomes of those between, if there is one.
    ///
    /// Everything a person may do depends on the document, but for two things that their own work
    /// gives: the job they open, and the facts they take back. Room never comes back.
    fn refuse(
        &mut self,
        document: &Document,
        change: &Change,
        principal: &Principal,
        author: Author,
        relayed: bool,
        sealers: &Sealers,
    ) -> Option<Verdict> {
        let waits = self.opens || change.entries.iter().any(|entry| self.is_about_one(entry));
        let allowed = match (waits, relayed) {
            (true, _) => None,
            (false, true) => Some(Allowed::by_receipt(document, change.clone(), author)),
            (false, false) => {
                Some(Allowed::by_policy(document, principal, change.clone(), author, sealers))
            }
        };
        let asked = if relayed { Asked::WithReceipt } else { Asked::ByServer };
        let verdict = match allowed {
            Some(Err(not)) => Some(Verdict::from(not.why)),
            _ => document.has_room(change, author, asked).err().map(Verdict::from),
        };
        let refused = verdict.filter(|verdict| matches!(verdict, Verdict::Refused { .. }));
        if refused.is_none() {
            for entry in &change.entries {
                let Entry::Fact { id, record, .. } = entry else { continue };
                self.facts.insert(*id);
                let kind = record.get(&key::KIND).and_then(Value::as_text);
                self.opens |= kind == Some(Step::WalkUp.as_str());
            }
        }
        refused
    }

    /// Whether an entry names a fact of a follower that waits.
    fn is_about_one(&self, entry: &Entry) -> bool {
        let Entry::Fact { record, .. } = entry else { return false };
        let named = [key::VOIDS, key::CORRECTS].into_iter().filter_map(|key| record.get(&key));
        let mut named =
            named.filter_map(Value::as_bytes).filter_map(|id| FactId::from_slice(id).ok());
        named.any(|id| self.facts.contains(&id))
    }
}

/// Consecutive changes that joined a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// The actor of all of them.
    pub actor: ActorId,
    /// Number of the first.
    pub first_seq: u64,
    /// Number of the last.
    pub last_seq: u64,
    /// Hash of the last.
    pub last_hash: ChangeHash,
    /// Who made them.
    pub author: Author,
}

impl Admitted {
    /// How many changes there are.
    pub fn count(&self) -> usize {
        usize::try_from(self.last_seq - self.first_seq + 1).unwrap_or(usize::MAX)
    }

    /// The changes as a run of their own. `document` is the one they joined just now.
    pub fn run(&self, document: &Document) -> Run {
        let changes = document.changes();
        let joined = changes.get(changes.len().saturating_sub(self.count())..);
        Run {
            doc: document.id(),
            changes: joined.unwrap_or_default().iter().map(|(change, _)| change.clone()).collect(),
            last_hash: self.last_hash,
        }
    }
}

/// A change that was refused, with what is needed to give the same verdict again.
#[derive(Debug, Clone)]
pub struct RefusedChange {
    /// The change as it was sent.
    pub change: Change,
    /// Its hash.
    pub hash: ChangeHash,
    /// Stable code.
    pub code: String,
    /// One plain sentence.
    pub sentence: String,
}

/// Verdicts given before, by the hash of the change.
pub type RefusedBefore = BTreeMap<[u8; 32], (String, String)>;

/// Takes a run into a document.
///
/// `principal` is the author with the role the server knows now; `actor_owner` is the device the run's
/// actor belongs to, absent while nobody has used it. Verdicts of [`RefusedBefore`] are repeated.
pub fn admit(
    document: &mut Document,
    verified: Verified,
    principal: &Principal,
    actor_owner: Option<DeviceId>,
    refused_before: &RefusedBefore,
) -> Admission {
    let (run, author, relayed, sealers) = verified.into_parts();
    let mut admission = Admission { verdicts: Vec::new(), admitted: None, refused: Vec::new() };
    let owns_actor = actor_owner.is_none_or(|device| Some(device) == author.device);
    let stranger = !relayed && (!owns_actor || run.actor() == ActorId::GENESIS);
    let chain = match document.chain(&run) {
        Ok(chain) => chain,
        Err(refusal) => {
            // A run that cannot be hashed has no change that could be judged alone.
            let verdict = match refusal {
                _ if stranger => not_yours(),
                Refusal::HashMismatch => mismatched(&run),
                other => other.into(),
            };
            admission.verdicts = vec![verdict; run.changes.len()];
            return admission;
        }
    };
    let mut blocked: Option<Verdict> = None;
    let mut followers = Followers::default();
    for (change, built) in run.changes.into_iter().zip(chain) {
        let hash = built.hash();
        // What carries a receipt was admitted once; it is on the list only if it was orphaned then.
        let before = refused_before.get(&hash.0).filter(|_| !relayed && !stranger);
        if let Some((code, sentence)) = before
            && document.holds(&change, &hash) != Some(true)
        {
            admission.verdicts.push(Verdict::refused(code.clone(), sentence.clone()));
            blocked.get_or_insert(Verdict::Reauthor);
            continue;
        }
        if let Some(verdict) = &blocked {
            let refused = (*verdict == Verdict::Reauthor)
                .then(|| followers.refuse(document, &change, principal, author, relayed, &sealers))
                .flatten();
            let verdict = refused.unwrap_or_else(|| verdict.clone());
            admission.keep(change, hash, &verdict);
            admission.verdicts.push(verdict);
            continue;
        }
        match document.holds(&change, &hash) {
            // Also of a stranger: someone else may have brought it back before its author came.
            Some(true) => {
                admission.verdicts.push(Verdict::Durable);
                continue;
            }
            Some(false) | None if stranger => {
                admission.verdicts.push(not_yours());
                blocked = Some(not_yours());
                continue;
            }
            Some(false) => {
                admission.verdicts.push(Verdict::Fork);
                blocked = Some(Verdict::Fork);
                continue;
            }
            None => {}
        }
        let (actor, seq) = (change.actor, change.seq);
        let allowed = if relayed {
            Allowed::by_receipt(document, change, author)
        } else {
            Allowed::by_policy(document, principal, change, author, &sealers)
        };
        match allowed.and_then(|allowed| allowed.join(document, built)) {
            Ok(()) => {
                let first_seq = admission.admitted.map_or(seq, |admitted| admitted.first_seq);
                admission.admitted =
                    Some(Admitted { actor, first_seq, last_seq: seq, last_hash: hash, author });
                admission.verdicts.push(Verdict::Durable);
            }
            Err(not) => {
                let NotAllowed { change, why } = *not;
                let verdict = Verdict::from(why);
                blocked = Some(match &verdict {
                    Verdict::Refused { .. } => Verdict::Reauthor,
                    other => other.clone(),
                });
                admission.keep(change, hash, &verdict);
                admission.verdicts.push(verdict);
            }
        }
    }
    admission
}

/// A run whose hash is another here. Where it follows other changes, these are not here as its phone
/// has them: on a restored server someone may have written something else under their numbers. The
/// phone has to look what is here before anything is said of its work. What follows nothing but
/// the genesis has no excuse.
fn mismatched(run: &Run) -> Verdict {
    let (actor, first) = (run.actor(), run.first_seq());
    let before = ChangeRef { actor, seq: first.saturating_sub(1) };
    let own = |it: &ChangeRef| it.actor == actor && it.seq >= first;
    let after = run.changes.iter().flat_map(|change| change.after.iter().copied());
    let after = after.chain((before.seq > 0).then_some(before));
    let mut follows: Vec<ChangeRef> =
        after.filter(|it| it.actor != ActorId::GENESIS && !own(it)).collect();
    follows.sort();
    follows.dedup();
    follows.truncate(limits::CHANGE_DEPS + 1);
    if follows.is_empty() { Refusal::HashMismatch.into() } else { Verdict::Missing(follows) }
}

fn not_yours() -> Verdict {
    Verdict::refused(ACTOR_NOT_YOURS, codes::ACTOR_NOT_YOURS.sentence)
}
