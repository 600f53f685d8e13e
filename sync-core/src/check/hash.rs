//! The hash that names a photo or file.

use super::CheckError;

/// The SHA-256 (FIPS 180-4) of some content from bytes that came from outside.
///
/// # Errors
/// `hash_length` where there are not exactly 32 bytes.
pub fn sha256(bytes: &[u8]) -> Result<[u8; 32], CheckError> {
    bytes.try_into().map_err(|_| {
        let sentence = format!("A SHA-256 has 32 bytes, not {}.", bytes.len());
        CheckError::new("sha256", "hash_length", sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_exactly_32_bytes() {
        assert_eq!(sha256(&[7; 32]), Ok([7; 32]));
        for length in [0, 31, 33] {
            let error = sha256(&vec![7; length]).map_err(|error| (error.code, error.field));
            assert_eq!(error, Err(("hash_length", "sha256".to_owned())), "{length}");
        }
    }
}
