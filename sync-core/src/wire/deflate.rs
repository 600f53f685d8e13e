//! Raw DEFLATE (RFC 1951) with a hard bound on what it may become.

use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::WireError;

/// Compressors that wait to be used again. One takes 260 KiB, and to make it costs more than to
/// compress most frames.
static DEFLATERS: Spare<Compress> = Spare::none();
/// The same, that take a quarter of the time.
static QUICK: Spare<Compress> = Spare::none();
/// The same of decompressors, each with the room in which it works.
static INFLATERS: Spare<(Decompress, Vec<u8>)> = Spare::none();
/// A room that grew beyond this is not kept, bytes.
const ROOM: usize = 256 * 1024;

/// Compresses; the result may be longer than the input.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    deflate_at(6, &DEFLATERS, bytes)
}

/// Compresses in a quarter of the time: up to a kilobyte to the same length within a hundredth,
/// since a code table of its own does not pay for so little; above that to a longer result.
pub fn deflate_quickly(bytes: &[u8]) -> Vec<u8> {
    deflate_at(1, &QUICK, bytes)
}

/// Decompresses to at most `limit` bytes; more is an error, however little came in.
pub fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
    let fresh = || (Decompress::new(false), Vec::new());
    let (mut state, mut room) = INFLATERS.take().unwrap_or_else(fresh);
    let out = inflate_with(&mut state, &mut room, bytes, limit).map(|()| room.as_slice().to_vec());
    if room.capacity() > ROOM {
        room = Vec::new();
    }
    room.clear();
    state.reset(false);
    INFLATERS.give((state, room));
    out
}

fn deflate_at(level: u32, spare: &Spare<Compress>, bytes: &[u8]) -> Vec<u8> {
    let mut state = spare.take().unwrap_or_else(|| Compress::new(Compression::new(level), false));
    let out = deflate_with(&mut state, bytes);
    state.reset();
    spare.give(state);
    out
}

fn deflate_with(state: &mut Compress, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        let taken = usize::try_from(state.total_in()).unwrap_or(bytes.len());
        let input = bytes.get(taken..).unwrap_or_default();
        match state.compress_vec(input, &mut out, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => return out,
            Ok(_) => out.reserve(out.capacity().max(64)),
            // Deflating from memory into memory has no way to fail; keep the plain bytes readable.
            Err(_) => return out,
        }
    }
}

fn inflate_with(
    state: &mut Decompress,
    out: &mut Vec<u8>,
    bytes: &[u8],
    limit: usize,
) -> Result<(), WireError> {
    out.reserve(bytes.len().saturating_mul(4).min(limit).max(64));
    loop {
        let taken = usize::try_from(state.total_in()).unwrap_or(bytes.len());
        let input = bytes.get(taken..).unwrap_or_default();
        let before = (state.total_in(), state.total_out());
        let status = state
            .decompress_vec(input, out, FlushDecompress::Finish)
            .map_err(|_| WireError::Malformed("compressed body"))?;
        if out.len() > limit {
            return Err(WireError::TooLarge("compressed body"));
        }
        if status == Status::StreamEnd {
            let whole = usize::try_from(state.total_in()) == Ok(bytes.len());
            return if whole { Ok(()) } else { Err(WireError::Trailing) };
        }
        if before == (state.total_in(), state.total_out()) && out.len() < out.capacity() {
            return Err(WireError::Truncated);
        }
        if out.len() == out.capacity() {
            if out.len() >= limit {
                return Err(WireError::TooLarge("compressed body"));
            }
            // What is large has all the room there may be at once, and is not moved again and again.
            let more = if out.len() < ROOM { out.len() } else { limit };
            out.reserve_exact(more.min(limit - out.len()).max(1));
        }
    }
}

/// A few things that are dear to make, for whoever needs one next.
struct Spare<T>(Mutex<Vec<T>>);

impl<T> Spare<T> {
    /// How many are kept.
    const KEPT: usize = 4;

    const fn none() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give(&self, used: T) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::KEPT {
            kept.push(used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_deflated_inflates(bytes in proptest::collection::vec(0u8..9, 0..5000)) {
            prop_assert_eq!(inflate(&deflate_quickly(&bytes), bytes.len()), Ok(bytes.clone()));
            prop_assert_eq!(inflate(&deflate(&bytes), bytes.len()), Ok(bytes));
        }
    }

    proptest! {
        /// What is compressed is hashed and signed elsewhere: it must not depend on what was
        /// compressed before.
        #[test]
        fn a_compressor_used_again_is_as_good_as_new(
            before in proptest::collection::vec(0u8..9, 0..70_000),
            bytes in proptest::collection::vec(0u8..9, 0..5000),
            level in prop_oneof![Just(1), Just(6)],
        ) {
            let fresh = || Compress::new(Compression::new(level), false);
            let mut used = fresh();
            deflate_with(&mut used, &before);
            used.reset();
            prop_assert_eq!(deflate_with(&mut used, &bytes), deflate_with(&mut fresh(), &bytes));
        }
    }

    proptest! {
        /// Nor must what is read depend on what was read before, however that ended.
        #[test]
        fn what_is_inflated_does_not_depend_on_what_was_inflated_before(
            before in proptest::collection::vec(any::<u8>(), 0..300),
            bytes in proptest::collection::vec(0u8..9, 0..5000),
            cut in 0_usize..300,
        ) {
            let (body, fresh) = (deflate(&bytes), || (Decompress::new(false), Vec::new()));
            let (mut used, mut new) = (fresh(), fresh());
            let whole = deflate(&before);
            let half = &whole[..cut.min(whole.len())];
            for (first, limit) in [(&before[..], 100), (half, 1000), (&whole[..], 1000)] {
                inflate_with(&mut used.0, &mut used.1, first, limit).unwrap_or_default();
                used.0.reset(false);
                used.1.clear();
            }
            let again = inflate_with(&mut used.0, &mut used.1, &body, 5000);
            prop_assert_eq!(again, inflate_with(&mut new.0, &mut new.1, &body, 5000));
            prop_assert_eq!(used.1, bytes);
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = deflate(&vec![0; 3_000_000]);
        assert!(bomb.len() < 4000);
        assert_eq!(inflate(&bomb, 1_000_000), Err(WireError::TooLarge("compressed body")));
    }

    #[test]
    fn half_a_body_is_truncated_and_a_longer_one_trails() {
        let mut body = deflate(b"left front tyre torn on the sidewall, spare fitted");
        assert_eq!(inflate(&body[..body.len() / 2], 1000), Err(WireError::Truncated));
        body.push(0);
        assert_eq!(inflate(&body, 1000), Err(WireError::Trailing));
    }
}
