//! Hostile input against a running server: every attack gets its answer, the honest are served.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::Write as _;

use tests::attacks;

/// Fewer attacks than this are no corpus.
const LEAST: usize = 200;

#[test]
fn there_are_enough_attacks_and_each_is_another() {
    let corpus = attacks::corpus();
    let names: BTreeSet<_> = corpus.iter().map(|attack| (attack.group, attack.name)).collect();
    assert_eq!(names.len(), corpus.len(), "two attacks of one name");
    assert!(corpus.len() >= LEAST, "only {} attacks", corpus.len());
    assert!(corpus.iter().all(|attack| !attack.expected.is_empty()));
}

/// `TOWLINE_ATTACKS=name` carries out only those whose table or name holds it.
#[test]
fn every_attack_gets_its_answer_and_the_honest_are_served() {
    let only = std::env::var("TOWLINE_ATTACKS").unwrap_or_default();
    let report = attacks::run(&only).unwrap();
    // Straight to the terminal: the table is what this test is for.
    let _ = writeln!(std::io::stderr(), "{report}");
    let wrong = report.wrong.join("\n");
    assert!(report.wrong.is_empty(), "{} things are wrong:\n{wrong}", report.wrong.len());
}
