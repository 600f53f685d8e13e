//! The codes of a server's answers as a type.

use sync_core::codes;

use super::words::{open_list, same};

/// The words of [`codes::ALL`], for the comparison.
const WORDS: [&str; codes::ALL.len()] = {
    let mut words = [""; codes::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = codes::ALL[at].word;
        at += 1;
    }
    words
};

open_list! {
    /// Why the office's server took some work, or a whole request, not or not yet.
    ServerCode = &WORDS;
    /// It is committed and on the server's disk.
    Durable = "durable",
    /// It follows a refused change; write the same entries as a new change.
    Reauthor = "reauthor",
    /// Something else is recorded under the same number; write the same entries under a fresh actor.
    ActorFork = "actor_fork",
    /// It follows changes that are not here yet; send an inventory.
    MissingDependencies = "missing_dependencies",
    /// The server was restored, or this is the first contact; compare inventories first.
    ResyncFirst = "resync_first",
    /// This version does not know this section; it may be too old.
    SectionUnknown = "section_unknown",
    /// This version does not know this step; it may be too old.
    KindUnknown = "kind_unknown",
    /// Too many people wrote this at once; it is taken when one of them has seen the others.
    ManyHeads = "many_heads",
    /// The phone's budget of the hour, the walk-up jobs its technician may open, or the tenant's
    /// storage is used up; as a fault, nothing of the request was read. The phone tries again by
    /// itself.
    Quota = "quota",
    /// The database refuses to keep it; the phone keeps it until that is mended.
    Unstorable = "unstorable",
    /// A fact or field is not as the catalogue of facts says; the sentence names the key.
    Shape = "shape",
    /// A status fact says which step it is.
    KindMissing = "kind_missing",
    /// A step names the number of the assignment it belongs to.
    EpochMissing = "epoch_missing",
    /// Declining, ending without success and cancelling need a reason.
    ReasonMissing = "reason_missing",
    /// Only the office writes here; add a note for the office instead.
    OfficeOnly = "office_only",
    /// Only a service manager or an administrator writes here.
    ManagerOnly = "manager_only",
    /// Only the server writes here, with what it is told by others.
    ServerOnly = "server_only",
    /// Only a technician on site records this, on their phone.
    OnSiteOnly = "on_site_only",
    /// This job is not and was not assigned to you.
    JobNotYours = "job_not_yours",
    /// The step belongs to an assignment that was never yours.
    EpochNotYours = "epoch_not_yours",
    /// A walk-up opens a new job; this job exists already.
    WalkUpNotNew = "walk_up_not_new",
    /// This van is not and was not assigned to you.
    VanNotYours = "van_not_yours",
    /// This is another technician's record.
    NotYourself = "not_yourself",
    /// It takes back a fact that is not in this section.
    FactUnknown = "fact_unknown",
    /// Only who recorded a fact, or the office, takes it back.
    FactNotYours = "fact_not_yours",
    /// This section holds fields, not facts.
    FieldsOnly = "fields_only",
    /// This section holds facts, which are added and never changed.
    FactsOnly = "facts_only",
    /// Only the fixed schema changes add sections.
    Reserved = "reserved",
    /// A fact with this id is already recorded and says something else.
    FactExists = "fact_exists",
    /// It replaces a value that is not in the document.
    UnknownReplacedValue = "unknown_replaced_value",
    /// The changes do not match the hash they were sent with.
    HashMismatch = "hash_mismatch",
    /// A limit of documents would be passed; the sentence names it.
    Limit = "limit",
    /// The author's share of the document is used up; the sentence says whose, and what to do.
    DocumentFull = "document_full",
    /// As many technicians as a document has shares for had it already; give it to one of them, or go
    /// on in a follow-up job or a new record of the van.
    ManyPeople = "many_people",
    /// This phone's writer id belongs to another phone; write it again under a fresh one.
    ActorNotYours = "actor_not_yours",
    /// The seal cannot be read: the text that was shown, the heads or the pen's strokes; have the
    /// customer sign again.
    SealMalformed = "seal_malformed",
    /// The seal's digest, name or role is not that of the text that was shown; have the customer sign
    /// again.
    SealDigestMismatch = "seal_digest_mismatch",
    /// The phone's key did not sign this seal; have the customer sign again.
    SealBadSignature = "seal_bad_signature",
    /// The seal names a phone that is not its author's; have the customer sign again on this phone.
    SealNotYours = "seal_not_yours",
    /// One technician may add 16 seals to a job, and they are there; tell the office.
    ManySeals = "many_seals",
    /// This was recorded after the phone was revoked; ask the office if it has to be done again.
    RecordedAfterRevocation = "recorded_after_revocation",
    /// The office looked at this work of a revoked phone and did not take it; ask the office if it has
    /// to be done again.
    Discarded = "discarded",
    /// This server never gave the receipt of this work.
    ReceiptNotGenuine = "receipt_not_genuine",
    /// The message cannot be read; the sentence says where.
    FrameMalformed = "frame_malformed",
    /// The changes are not signed.
    SignatureMissing = "signature_missing",
    /// The signature does not match this phone.
    BadSignature = "bad_signature",
    /// The server is busy; nothing was lost, the phone tries again.
    Unavailable = "unavailable",
}

impl ServerCode {
    /// The code of this word, today's or one of an older version that stands in the phone's file.
    pub(super) fn find(word: &str) -> Self {
        codes::find(word).map_or(word, |code| code.word).into()
    }
}
