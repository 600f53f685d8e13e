//! Real processes killed with -9 under load: a short run of what the example `kills` does at length.
//!
//! `TOWLINE_KILLS` says how many kills of each kind, `TOWLINE_SEED` from which seed.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use tests::kills::{Child, Length, Tally, phone, play_if_asked, server};

/// How many kills, and from which seed.
fn asked() -> (Length, u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    (Length::points(number("TOWLINE_KILLS").unwrap_or(20)), number("TOWLINE_SEED").unwrap_or(1))
}

fn tell(tally: &Tally) {
    println!("{tally:#?}");
    assert!(tally.kept.values().all(|times| *times > 0) && !tally.kept.is_empty());
}

#[test]
fn a_killed_server_on_sqlite_has_all_it_acknowledged() {
    let (length, seed) = asked();
    tell(&server::run(None, length, seed, &mut |_| {}).unwrap());
}

#[test]
fn a_killed_server_on_postgresql_has_all_it_acknowledged() {
    let postgres = std::env::var("TOWLINE_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
    if let Err(error) = server::reach(&postgres) {
        let demanded = std::env::var("TOWLINE_REQUIRE_POSTGRES").is_ok_and(|said| said == "1");
        assert!(!demanded, "PostgreSQL is required and not reachable: {error}");
        let said = "SKIPPED: a killed server on PostgreSQL, which is not reachable";
        writeln!(std::io::stderr(), "{said}: {error}").unwrap();
        return;
    }
    let (length, seed) = asked();
    tell(&server::run(Some(&postgres), length, seed, &mut |_| {}).unwrap());
}

#[test]
fn a_killed_phone_has_all_it_called_saved() {
    let (length, seed) = asked();
    let arguments = ["the_phone_as_a_process", "--exact", "--nocapture"].map(str::to_owned);
    let child = Child { arguments: arguments.to_vec() };
    tell(&phone::run(&child, length, seed, &mut |_| {}).unwrap());
}

/// Not a test of its own: the process that is killed.
#[test]
fn the_phone_as_a_process() {
    play_if_asked();
}
