//! Law: every row of a file is a call or a finding; calls are in order, on Earth, and plain.
#![no_main]

use std::path::Path;

use fuzz::bounds::bounded;
use fuzz::calls::{FINDINGS, read_from};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(import) = bounded(|| read_from(bytes, Path::new("fuzzed.csv"))) else { return };
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    assert!(import.calls.len() + import.rejected <= lines);
    assert!(import.findings.len() <= FINDINGS);
    assert!(import.calls.is_sorted_by_key(|call| (call.reported_ms, call.line)));
    for call in &import.calls {
        assert!(call.called_ms <= call.reported_ms && call.line >= 2);
        if let Some((lat, lon)) = call.place {
            assert!(lat.unsigned_abs() <= 900_000_000 && lon.unsigned_abs() <= 1_800_000_000);
        }
    }
    let without = import.calls.iter().filter(|call| call.place.is_none()).count();
    assert_eq!(import.without_place, without);
});
