//! Raw DEFLATE (RFC 1951) with a hard bound on what it may become.

use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::WireError;

/// Compressors that wait to be used again. One takes 260 KiB, and to make it costs more than to
/// compress most frames.
static SPARE: Mutex<Vec<Compress>> = Mutex::new(Vec::new());
/// How many of them are kept.
const SPARES: usize = 4;

/// Compresses; the result may be longer than the input.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut state = spare.unwrap_or_else(|| Compress::new(Compression::new(6), false));
    let out = deflate_with(&mut state, bytes);
    state.reset();
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    if spare.len() < SPARES {
        spare.push(state);
    }
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

/// Decompresses to at most `limit` bytes; more is an error, however little came in.
pub fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4).min(limit).max(64));
    let mut state = Decompress::new(false);
    loop {
        let taken = usize::try_from(state.total_in()).unwrap_or(bytes.len());
        let input = bytes.get(taken..).unwrap_or_default();
        let before = (state.total_in(), state.total_out());
        let status = state
            .decompress_vec(input, &mut out, FlushDecompress::Finish)
            .map_err(|_| WireError::Malformed("compressed body"))?;
        if out.len() > limit {
            return Err(WireError::TooLarge("compressed body"));
        }
        if status == Status::StreamEnd {
            let whole = usize::try_from(state.total_in()) == Ok(bytes.len());
            return if whole { Ok(out) } else { Err(WireError::Trailing) };
        }
        if before == (state.total_in(), state.total_out()) && out.len() < out.capacity() {
            return Err(WireError::Truncated);
        }
        if out.len() == out.capacity() {
            if out.len() >= limit {
                return Err(WireError::TooLarge("compressed body"));
            }
            out.reserve(out.len().min(limit - out.len()).max(1));
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
        ) {
            let fresh = || Compress::new(Compression::new(6), false);
            let mut used = fresh();
            deflate_with(&mut used, &before);
            used.reset();
            prop_assert_eq!(deflate_with(&mut used, &bytes), deflate_with(&mut fresh(), &bytes));
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
