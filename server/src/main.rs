//! The `towline` program: one binary that serves, administers, verifies and explains itself.

#[macro_use]
mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain!("towline: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run()) {
        Ok(code) => code,
        Err(error) => {
            complain!("towline: {error}");
            ExitCode::FAILURE
        }
    }
}
