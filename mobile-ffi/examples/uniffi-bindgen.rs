//! Generates the Kotlin, Swift and Python modules of the engine from its built library.
//!
//! `cargo build -p mobile-ffi`, then `cargo run -p mobile-ffi --example uniffi-bindgen -- generate
//! target/debug/libmobile_ffi.so --language python --out-dir target/bindings`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
