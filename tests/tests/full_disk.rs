//! Disks that fill up or break under a phone and under a server: never an acknowledgement of what
//! is not there, a clear error, and work goes on without a restart once the disk is well.
//!
//! `TOWLINE_FULL` says at how many of the first thousand calls; 1000 is all of them.

#![allow(clippy::unwrap_used)]

use tests::disk::full::{Failures, Points, phone, play_if_asked, server};
use tests::disk::shim::Failure;
use tests::kills::Child;

/// Write calls among which the failing ones are.
const WRITES: u64 = 1000;
/// Syncs among which the failing ones are.
const SYNCS: u64 = 100;

fn points(among: u64, failure: Failure) -> Points {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let wanted = number("TOWLINE_FULL").unwrap_or(16);
    Points::of(wanted, among, failure, number("TOWLINE_SEED").unwrap_or(1))
}

/// A point at which nothing fails tests nothing: most of them have to meet their failure.
fn tell(failures: &Failures) {
    println!("{failures:?}");
    let points: u64 = failures.met.values().sum();
    let nothing = failures.met.get("nothing").copied().unwrap_or(0);
    assert!(nothing * 2 < points, "{nothing} of {points} points met no failure");
    assert!(failures.looked_for > 0, "nothing acknowledged was looked for");
}

fn child() -> Child {
    let arguments = ["the_phone_as_a_process", "--exact", "--nocapture"].map(str::to_owned);
    Child { arguments: arguments.to_vec() }
}

#[test]
fn a_phone_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    tell(&phone(&child(), &points(WRITES, Failure::Full)).unwrap());
}

#[test]
fn a_phone_whose_disk_does_not_sync_calls_nothing_saved() {
    tell(&phone(&child(), &points(SYNCS, Failure::Syncs(1))).unwrap());
}

#[test]
fn a_server_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    tell(&server(&points(WRITES, Failure::Full)).unwrap());
}

#[test]
fn a_server_whose_disk_does_not_sync_acknowledges_nothing() {
    tell(&server(&points(SYNCS, Failure::Syncs(1))).unwrap());
}

/// Not a test of its own: the process whose disk fails.
#[test]
fn the_phone_as_a_process() {
    play_if_asked();
}
