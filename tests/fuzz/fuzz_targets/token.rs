//! Law: an access token is believed only with every claim there, right, and signed by the server.
#![no_main]

use fuzz::auth::token::ACCESS_TYP;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::tokens::law(bytes, ACCESS_TYP));
