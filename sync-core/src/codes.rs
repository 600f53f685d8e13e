//! Every code a phone may hear from a server: verdicts, refusals and faults, each with its sentence.
//!
//! `docs/protocol.md` prints this list. A code, once released, keeps its meaning for ever; the
//! sentence may be said better, and [`SHAPE`], [`LIMIT`] and [`FRAME_MALFORMED`] say more exactly
//! what they mean when they come.

/// How a code reaches a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comes {
    /// As the verdict of a change that is no refusal.
    Verdict,
    /// With the verdict *later*: the phone keeps the work and tries again.
    Later,
    /// With the verdict *refused*: the phone keeps the work and shows it.
    Refused,
    /// As a fault: the whole request was not taken.
    Fault,
}

impl Comes {
    /// The word in the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Later => "later",
            Self::Refused => "refused",
            Self::Fault => "fault",
        }
    }
}

/// One code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The stable word, snake case.
    pub word: &'static str,
    /// How it comes.
    pub comes: Comes,
    /// One plain sentence.
    pub sentence: &'static str,
}

macro_rules! codes {
    ($($name:ident = $word:literal, $comes:ident, $sentence:literal;)*) => {
        $(
            #[doc = $sentence]
            pub const $name: Code =
                Code { word: $word, comes: Comes::$comes, sentence: $sentence };
        )*

        /// Every code, in the order of the documentation.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    DURABLE = "durable", Verdict, "It is committed and on the server's disk.";
    REAUTHOR = "reauthor", Verdict, "It follows a refused change; write the same entries as a new change.";
    ACTOR_FORK = "actor_fork", Verdict, "Something else is recorded under the same number; write the same entries under a fresh actor.";
    MISSING_DEPENDENCIES = "missing_dependencies", Verdict, "It follows changes that are not here yet; send an inventory.";

    RESYNC_FIRST = "resync_first", Later, "The server was restored, or this is the first contact; compare inventories first.";
    SECTION_UNKNOWN = "section_unknown", Later, "This version does not know this section; it may be too old.";
    KIND_UNKNOWN = "kind_unknown", Later, "This version does not know this step; it may be too old.";
    MANY_HEADS = "many_heads", Later, "Too many people wrote this at once; it is taken when one of them has seen the others.";

    QUOTA = "quota", Later, "The phone's budget of the hour, the walk-up jobs its technician may open, or the tenant's storage is used up; as a fault, nothing of the request was read. The phone tries again by itself.";
    UNSTORABLE = "unstorable", Later, "The database refuses to keep it; the phone keeps it until that is mended.";

    SHAPE = "shape", Refused, "A fact or field is not as the catalogue of facts says; the sentence names the key.";
    KIND_MISSING = "kind_missing", Refused, "A status fact says which step it is.";
    EPOCH_MISSING = "epoch_missing", Refused, "A step names the number of the assignment it belongs to.";
    REASON_MISSING = "reason_missing", Refused, "Declining, ending without success and cancelling need a reason.";
    OFFICE_ONLY = "office_only", Refused, "Only the office writes here; add a note for the office instead.";
    MANAGER_ONLY = "manager_only", Refused, "Only a service manager or an administrator writes here.";
    SERVER_ONLY = "server_only", Refused, "Only the server writes here, with what it is told by others.";
    ON_SITE_ONLY = "on_site_only", Refused, "Only a technician on site records this, on their phone.";
    JOB_NOT_YOURS = "job_not_yours", Refused, "This job is not and was not assigned to you.";
    EPOCH_NOT_YOURS = "epoch_not_yours", Refused, "The step belongs to an assignment that was never yours.";
    WALK_UP_NOT_NEW = "walk_up_not_new", Refused, "A walk-up opens a new job; this job exists already.";
    VAN_NOT_YOURS = "van_not_yours", Refused, "This van is not and was not assigned to you.";
    NOT_YOURSELF = "not_yourself", Refused, "This is another technician's record.";
    FACT_UNKNOWN = "fact_unknown", Refused, "It takes back a fact that is not in this section.";
    FACT_NOT_YOURS = "fact_not_yours", Refused, "Only who recorded a fact, or the office, takes it back.";
    FIELDS_ONLY = "fields_only", Refused, "This section holds fields, not facts.";
    FACTS_ONLY = "facts_only", Refused, "This section holds facts, which are added and never changed.";
    RESERVED = "reserved", Refused, "Only the fixed schema changes add sections.";
    FACT_EXISTS = "fact_exists", Refused, "A fact with this id is already recorded and says something else.";
    UNKNOWN_REPLACED_VALUE = "unknown_replaced_value", Refused, "It replaces a value that is not in the document.";
    HASH_MISMATCH = "hash_mismatch", Refused, "The changes do not match the hash they were sent with.";
    LIMIT = "limit", Refused, "A limit of documents would be passed; the sentence names it.";
    DOCUMENT_FULL = "document_full", Refused, "The author's share of the document is used up; the sentence says whose, and what to do.";
    MANY_PEOPLE = "many_people", Refused, "As many technicians as a document has shares for had it already; give it to one of them, or go on in a follow-up job or a new record of the van.";
    ACTOR_NOT_YOURS = "actor_not_yours", Refused, "This phone's writer id belongs to another phone; write it again under a fresh one.";
    SEAL_MALFORMED = "seal_malformed", Refused, "The seal cannot be read: the text that was shown, the heads or the pen's strokes; have the customer sign again.";
    SEAL_DIGEST_MISMATCH = "seal_digest_mismatch", Refused, "The seal's digest, name or role is not that of the text that was shown; have the customer sign again.";
    SEAL_BAD_SIGNATURE = "seal_bad_signature", Refused, "The phone's key did not sign this seal; have the customer sign again.";
    SEAL_NOT_YOURS = "seal_not_yours", Refused, "The seal names a phone that is not its author's; have the customer sign again on this phone.";
    MANY_SEALS = "many_seals", Refused, "One technician may add 16 seals to a job, and they are there; tell the office.";
    RECORDED_AFTER_REVOCATION = "recorded_after_revocation", Refused, "This was recorded after the phone was revoked; ask the office if it has to be done again.";
    DISCARDED = "discarded", Refused, "The office looked at this work of a revoked phone and did not take it; ask the office if it has to be done again.";
    RECEIPT_NOT_GENUINE = "receipt_not_genuine", Refused, "This server never gave the receipt of this work.";

    FRAME_MALFORMED = "frame_malformed", Fault, "The message cannot be read; the sentence says where.";
    SIGNATURE_MISSING = "signature_missing", Fault, "The changes are not signed.";
    BAD_SIGNATURE = "bad_signature", Fault, "The signature does not match this phone.";
    UNAVAILABLE = "unavailable", Fault, "The server is busy; nothing was lost, the phone tries again.";
}

/// Words of older versions, with the code that has taken their place. They stand in the files of
/// phones and servers, and are read for ever.
const FORMER: &[(&str, Code)] = &[("unknown_section", SECTION_UNKNOWN)];

/// The code of this word, today's or a former one; absent for one only a newer version knows.
pub fn find(word: &str) -> Option<Code> {
    let today = ALL.iter().find(|code| code.word == word);
    let former = || FORMER.iter().find(|(former, _)| *former == word).map(|(_, code)| code);
    today.or_else(former).copied()
}

/// The sentence for a person about work that waits because of this word: what it means for them, which
/// is not always what [`Code::sentence`] says to who reads the protocol.
pub fn why_it_waits(word: &str) -> &'static str {
    match find(word) {
        Some(QUOTA) => {
            "The office's server takes no more of this for now: too many jobs were opened at the \
             roadside today, or it has no room. Yours stays saved on this phone and is sent again by \
             itself; tell the office."
        }
        _ => "The office's server cannot take some of your work yet. It stays saved on this phone.",
    }
}

/// The part of `docs/protocol.md` that lists the codes, in Markdown.
pub fn table() -> String {
    let mut out = String::from("| code | comes as | sentence |\n|---|---|---|\n");
    for Code { word, comes, sentence } in ALL {
        out.push_str(&format!("| `{word}` | {} | {sentence} |\n", comes.as_str()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_one_plain_word_with_a_sentence() {
        for (index, code) in ALL.iter().enumerate() {
            assert!(code.word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code:?}");
            assert!(code.sentence.ends_with('.'), "{code:?}");
            assert_eq!(ALL.iter().position(|other| other.word == code.word), Some(index));
        }
    }

    #[test]
    fn a_word_of_an_older_version_is_still_understood() {
        assert_eq!(find("unknown_section"), Some(SECTION_UNKNOWN));
        assert_eq!(find("section_unknown"), Some(SECTION_UNKNOWN));
        assert_eq!(find("made_up_later"), None);
    }
}
