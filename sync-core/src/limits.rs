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
/// Heads of a document on the server; work that would add one more waits until somebody's change has
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
/// Encoded size of all runs of one document, bytes; a change that would pass it is refused.
pub const DOCUMENT_BYTES: usize = 1024 * 1024;
/// The same values in all changes of one document; a change that would pass it is refused. That is
/// four bytes a value in a document of [`DOCUMENT_BYTES`]: honest ones have more.
pub const DOCUMENT_VALUES: usize = 262_144;
/// Values in one answer: it holds a page, or one document that is larger than a page.
pub const ANSWER_VALUES: usize = DOCUMENT_VALUES;
/// Runs in one answer: more than a document of [`DOCUMENT_BYTES`] can have, since none takes less
/// than 64 bytes.
pub const ANSWER_RUNS: usize = DOCUMENT_BYTES / 64;
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
/// Difference between a phone's wall clock and the server's that is flagged, milliseconds.
pub const CLOCK_SKEW_FLAG_MS: i64 = 5 * 60 * 1000;
/// How long a phone keeps a document that left its scope, milliseconds: 35 days by the server's clock
/// and by the phone's own, so that it can bring back what a server restored from an old backup has
/// lost.
pub const RELEASED_KEPT_MS: i64 = 35 * 24 * 3600 * 1000;
