//! File descriptors: every connection is one, and systems hand out few unless asked for more.

use super::accept::TURNING_AWAY;

/// Descriptors the server needs besides its connections: databases, logs, the listener, and
/// those who are being turned away.
const OTHERS: u64 = 128 + TURNING_AWAY as u64;

/// Raises the soft limit of open files as far as connections need it, and says when it is too low.
pub fn make_room(connections: usize) {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let open = raise(needed);
    if open < needed {
        tracing::warn!(
            open_files = open,
            max_connections = connections,
            "the system allows fewer open files than there may be connections: raise the limit \
             (ulimit -n, LimitNOFILE=) or lower max_connections"
        );
    }
}

/// Raises the soft limit to `needed` if the hard one allows; what it is then.
#[cfg(unix)]
pub fn raise(needed: u64) -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let now = limit.current.unwrap_or(u64::MAX);
    if now >= needed {
        return now;
    }
    let wanted = needed.min(most);
    limit.current = Some(wanted);
    if setrlimit(Resource::Nofile, limit).is_ok() { wanted } else { now }
}

/// Other systems have no such limit to ask for.
#[cfg(not(unix))]
pub fn raise(_needed: u64) -> u64 {
    u64::MAX
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_never_lowered_and_raised_no_further_than_needed() {
        let before = raise(0);
        assert!(raise(16) == before);
        assert!(raise(before.saturating_add(1)) >= before);
    }
}
