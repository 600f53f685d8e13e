//! Every limit of the wire and of a document, in one place, with the reason for its size.
//!
//! A limit is a promise to both sides: a phone checks it before it saves, the server before it
//! admits, and neither allocates more than these numbers allow for bytes it has not yet trusted.

/// Encoded size of one change alone in a run, bytes ([`crate::change::Change::fits`]): whoever writes
/// one checks it, and whoever admits one. A signature with dense strokes is about 16 KiB.
pub const CHANGE_BYTES: usize = 64 * 1024;
/// What a reader takes of one change, bytes. Among others in a run the differences to what goes
/// before, and the numbers of more actors, can make a change that fits a little longer.
pub const CHANGE_BYTES_READ: usize = 2 * CHANGE_BYTES;
/// Entries (facts and fields) in one change.
pub const CHANGE_ENTRIES: usize = 512;
/// Size of one text or bytes value, bytes.
pub const VALUE_BYTES: usize = 32 * 1024;
/// Keys in one fact record.
pub const RECORD_KEYS: usize = 64;
/// Length of a section or key name, bytes.
pub const NAME_BYTES: usize = 64;
/// Values a field entry may replace; more concurrent values than this is an attack.
pub const FIELD_REPLACES: usize = 32;
/// Dependencies of one change.
pub const CHANGE_DEPS: usize = 64;
/// Heads of a document on the server; work that would add one more waits until someone's change has
/// followed them. The next change follows them all, with room for what a phone adds by itself, so
/// this is below [`CHANGE_DEPS`].
pub const DOCUMENT_HEADS: usize = 48;
/// Changes in one run.
pub const RUN_CHANGES: usize = 4096;
/// Runs in one page.
pub const PAGE_RUNS: usize = 4096;
/// Changes in one page, and so verdicts in one answer.
pub const PAGE_CHANGES: usize = 16_384;
/// Changes, entries, keys and references in one page together ([`crate::change::Change::values`]).
/// A value can be one byte long and takes a hundred times as much in memory; an honest page of
/// [`PAGE_BYTES`] has a tenth of this.
pub const PAGE_VALUES: usize = 131_072;
/// Encoded page size at which a sender starts a new page, bytes (before compression).
pub const PAGE_BYTES: usize = 256 * 1024;
/// Largest frame a receiver takes, bytes, compressed or not: a page and one whole document.
pub const FRAME_BYTES: usize = 2 * 1024 * 1024;
/// Weight of all changes of one document, bytes ([`crate::change::Change::weight`]), so that it and
/// a page fit into a frame. It is the sum of the shares below.
pub const DOCUMENT_BYTES: usize = 1536 * 1024;
/// The same values in all changes of one document, the sum of the shares below. That is six bytes a
/// value in a document of [`DOCUMENT_BYTES`]: honest ones have more.
pub const DOCUMENT_VALUES: usize = 262_144;
/// What one change weighs beyond its own encoding, bytes: the run it may have to itself, with its
/// author and receipt.
pub const CHANGE_OVERHEAD: usize = 112;
/// What all technicians may use of a document together; each has an equal part of it, reserved
/// whatever the others do ([`crate::document::people`]).
pub const TECHNICIANS_SHARE: Share = Share { bytes: 960 * 1024, values: 163_840, actors: 600 };
/// What the desks may use of a document together: more than 2,000 acts.
pub const OFFICE_SHARE: Share = Share { bytes: 448 * 1024, values: 76_464, actors: 320 };
/// The part of [`OFFICE_SHARE`] kept for assigning, ending and deciding, and for who drives a van.
pub const ESSENTIAL: Share = Share { bytes: 64 * 1024, values: 8192, actors: 0 };
/// The part of one technician's share of a job kept for steps, checklist, parts, seals and voids:
/// a seal with dense strokes, some 60 records, and [`KEPT_FOR_STEPS`].
pub const KEPT_FOR_RECORDS: Share = Share { bytes: 32 * 1024, values: 4096, actors: 0 };
/// The part of [`KEPT_FOR_RECORDS`] kept for steps and voids alone: some 25 of them.
pub const KEPT_FOR_STEPS: Share = Share { bytes: 4096, values: 512, actors: 0 };
/// Values of a fact, bytes, above which it has no part of what is kept: its text is long.
pub const SHORT_BYTES: usize = 1024;
/// What the server may use of a document on its own account: countersignatures, opening balances.
pub const SERVER_SHARE: Share = Share { bytes: 128 * 1024, values: 21_840, actors: 79 };
/// What the desks may use of one record of a van, which goes on in a next one. The server has more
/// there in exchange.
pub const VAN_OFFICE_SHARE: Share = Share { bytes: 192 * 1024, values: 40_464, actors: 320 };
/// What the server may use of one record of a van: the balance it begins with, and what comes late.
pub const VAN_SERVER_SHARE: Share = Share { bytes: 384 * 1024, values: 57_840, actors: 79 };
/// What a phone leaves of its technician's share, so that what it saved can be written again under
/// fresh numbers: the dependencies of the first change, and the actors.
pub const REWRITING: Share = Share { bytes: 4096, values: 256, actors: 8 };
/// Technicians who can be given one job, ever.
pub const JOB_TECHNICIANS: usize = 12;
/// Parts of one job, the first ones, that stock goes by and the store has rows of. An honest job has a
/// dozen; the job itself shows all of them.
pub const PARTS_IN_STOCK: usize = 200;
/// Seals that one technician may add to a job. With [`JOB_TECHNICIANS`] the countersignatures of all of
/// them fit into the server's share.
pub const SEALS_OF_ONE: usize = 16;
/// Drivers one van can have in one period.
pub const VAN_DRIVERS: usize = 6;
/// Heads of one technician in a document that are always allowed: phones of one person that have
/// not heard of each other. Further ones take what is not kept for the document's other people.
pub const HEADS_OF_ONE: usize = 4;
/// Actors of the office and the server in a document before they share one of the epoch.
pub const OFFICE_OWN_ACTORS: usize = 64;
/// Values in one answer: it holds a page, or one document that is larger than a page.
pub const ANSWER_VALUES: usize = DOCUMENT_VALUES;
/// Runs in one answer: more than a document of [`DOCUMENT_BYTES`] can have, since none weighs less
/// than [`CHANGE_OVERHEAD`].
pub const ANSWER_RUNS: usize = 16_384;
/// Actors that may write to one document; each costs every replica a table entry for ever.
pub const DOCUMENT_ACTORS: usize = 1000;
/// Sections of a document, those of newer versions among them.
pub const DOCUMENT_SECTIONS: usize = 128;
/// Greatest operation counter of a document: far above any honest one, far below automerge's u32 edge.
pub const MAX_OP: u64 = 1 << 28;
/// Documents named in one inventory (repair after a restore).
pub const INVENTORY_DOCS: usize = 20_000;
/// Earliest and latest time a change may carry, Unix milliseconds (years 2000 and 2200).
pub const TIME_RANGE: std::ops::Range<i64> = 946_684_800_000..7_258_118_400_000;
/// Earliest and latest time a fact or field may name, Unix milliseconds: from the epoch, where a clock
/// without power begins, to the last time of a change.
pub const NAMED_TIMES: std::ops::RangeInclusive<i64> = 0..=TIME_RANGE.end - 1;
/// Longest time since a phone's boot that a fact may name, milliseconds: a hundred years.
pub const SINCE_BOOT_MS: i64 = 36_525 * 24 * 3600 * 1000;
/// How long before the latest act of the office or the server that it had seen a phone may say that
/// something happened, milliseconds: a day. Every job of a desk begins with such an act.
pub const CLAIM_EARLY_MS: i64 = 24 * 3600 * 1000;
/// How long after the first act of the office or the server that had seen it a phone may say that
/// something happened, milliseconds: [`CLOCK_SKEW_FLAG_MS`], and what a crystal drifts in five weeks.
pub const CLAIM_LATE_MS: i64 = 2 * CLOCK_SKEW_FLAG_MS;
/// Difference between a phone's wall clock and the server's that is flagged, milliseconds.
pub const CLOCK_SKEW_FLAG_MS: i64 = 5 * 60 * 1000;
/// How long a phone keeps a document that left its scope, milliseconds: 35 days by the server's clock
/// and by the phone's own, so that it can bring back what a server restored from an old backup has
/// lost.
pub const RELEASED_KEPT_MS: i64 = 35 * 24 * 3600 * 1000;

/// Walk-up jobs that one technician may open in a day; further ones wait for the next. Each takes
/// rows, scope and shares of its own, and no desk asked for it.
pub const WALK_UPS_A_DAY: usize = 100;
/// What a day of walk-up jobs is, milliseconds.
pub const WALK_UP_DAY_MS: i64 = 24 * 3600 * 1000;
/// Jobs and vans that one technician may have before they open no walk-up job any more.
pub const OPEN_OF_ONE: usize = 500;
/// Documents a server may make a phone keep: [`OPEN_OF_ONE`], and 35 days ([`RELEASED_KEPT_MS`]) of
/// [`WALK_UPS_A_DAY`] that left its scope, with room to spare.
pub const PHONE_DOCUMENTS: u64 = 5_000;
/// Bytes of a phone's store above which it takes no more from the server. Five thousand ordinary jobs
/// take a tenth of it.
pub const PHONE_BYTES: u64 = 512 * 1024 * 1024;
/// Positions in one batch.
pub const POSITION_BATCH: usize = 1000;
/// Positions a phone keeps until they are sent. Of more it keeps every second one of the older half,
/// so that a long trail gets coarser and none is cut off.
pub const POSITIONS_QUEUED: usize = 10_000;
/// How old a position may become on a phone, milliseconds: seven days. Nobody looks for older ones.
pub const POSITION_AGE_MS: i64 = 7 * 24 * 3600 * 1000;

/// How much someone has used of a document, or may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Weight of the changes, bytes ([`crate::change::Change::weight`]).
    pub bytes: usize,
    /// Values of the changes ([`crate::change::Change::values`]).
    pub values: usize,
    /// Actors whose first change here is theirs.
    pub actors: usize,
}

const _: () = {
    let bytes = TECHNICIANS_SHARE.bytes + OFFICE_SHARE.bytes + SERVER_SHARE.bytes;
    assert!(bytes == DOCUMENT_BYTES);
    assert!(DOCUMENT_BYTES + PAGE_BYTES < FRAME_BYTES);
    let values = TECHNICIANS_SHARE.values + OFFICE_SHARE.values + SERVER_SHARE.values;
    assert!(values == DOCUMENT_VALUES);
    let actors = TECHNICIANS_SHARE.actors + OFFICE_SHARE.actors + SERVER_SHARE.actors;
    assert!(actors + 1 == DOCUMENT_ACTORS);
    assert!(
        VAN_OFFICE_SHARE.bytes + VAN_SERVER_SHARE.bytes == OFFICE_SHARE.bytes + SERVER_SHARE.bytes
    );
    let office = VAN_OFFICE_SHARE.values + VAN_SERVER_SHARE.values;
    assert!(office == OFFICE_SHARE.values + SERVER_SHARE.values);
    assert!(VAN_OFFICE_SHARE.bytes >= 2 * CHANGE_BYTES + ESSENTIAL.bytes);
    assert!(DOCUMENT_BYTES / CHANGE_OVERHEAD < ANSWER_RUNS);
    // Less than half is kept.
    assert!(2 * KEPT_FOR_RECORDS.bytes < TECHNICIANS_SHARE.bytes / JOB_TECHNICIANS);
    assert!(2 * KEPT_FOR_RECORDS.values < TECHNICIANS_SHARE.values / JOB_TECHNICIANS);
    assert!(KEPT_FOR_STEPS.bytes + 16 * 1024 < KEPT_FOR_RECORDS.bytes);
    assert!(2 * (SHORT_BYTES + CHANGE_OVERHEAD) < KEPT_FOR_STEPS.bytes);
    assert!(JOB_TECHNICIANS * HEADS_OF_ONE <= DOCUMENT_HEADS);
};
