//! Law: an assertion is believed only with every claim there, right, and signed by the phone.
#![no_main]

use fuzz::auth::token::ASSERTION_TYP;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::tokens::law(bytes, ASSERTION_TYP));
