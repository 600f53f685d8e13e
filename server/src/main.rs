//! The `towline` program: one binary that serves, administers, verifies and explains itself.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("towline: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("towline: {error}");
            ExitCode::FAILURE
        }
    }
}
