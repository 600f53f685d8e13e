//! The power is lost after any call of a phone or a server to its disk: what may be there then
//! opens, is sound, and holds all that was acknowledged.
//!
//! `TOWLINE_POWER=all` opens every variant after every call, a number so many images of each
//! workload; `TOWLINE_SEED` says which.

#![allow(clippy::unwrap_used)]

use tests::disk::power::{Images, play_if_asked, run, workloads};
use tests::kills::Child;

#[test]
fn what_was_acknowledged_survives_the_loss_of_power() {
    let seed = std::env::var("TOWLINE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let images = match std::env::var("TOWLINE_POWER").ok().as_deref() {
        Some("all") => Images::All,
        Some(number) => Images::Some(number.parse().unwrap()),
        None => Images::Some(40),
    };
    let arguments = ["the_phone_as_a_process", "--exact", "--nocapture"].map(str::to_owned);
    let child = Child { arguments: arguments.to_vec() };
    let only = std::env::var("TOWLINE_WORKLOAD").unwrap_or_default();
    let names = workloads();
    assert_eq!(names.len(), 10);
    for name in names.into_iter().filter(|name| name.contains(&only)) {
        let report = run(name, &child, images, seed).unwrap();
        println!("{report:?}");
        assert!(report.calls > 50 && report.images > 0);
    }
}

/// Not a test of its own: the process that is recorded.
#[test]
fn the_phone_as_a_process() {
    play_if_asked();
}
