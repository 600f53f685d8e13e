//! Log lines: one subscriber for the process, pretty or JSON, nothing personal in either.
//!
//! No line holds a name, phone number, plate, address or position; people and things appear by id.

use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// Starts logging for this process. A second call changes nothing.
pub fn init(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    // Where the log goes nowhere any more, telling so on the same way would end the thread.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let done = if config.log_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.try_init()
    };
    // In tests several servers share a process, and the first one's subscriber serves them all.
    drop(done);
}
