//! What the most expensive frames that are accepted cost, beside the frames of the honest storm.
//!
//! Each frame is taken as the server takes it: decoded, its signature checked, every change
//! admitted, the document folded for its rows and its scope, and read once as a desk reads it.
//! Bytes are those of the page before compression, which limits count too.

mod frames;
mod meter;

use std::hint::black_box;

use sync_core::admission::{Received, admit};
use sync_core::change::{Run, decode_run};
use sync_core::document::Document;
use sync_core::job::{Job, timeline};
use sync_core::policy::{Principal, Role};
use sync_core::schema::DocKind;
use sync_core::scope::members;
use sync_core::van::{Van, usages};
use sync_core::wire::Reader;
use tests::storm::Phone;

use frames::{Sent, honest, hostile};
use meter::{Taken, measure};

/// Most times what honest frames take, for one byte.
const GOAL: f64 = 10.0;

fn main() {
    println!(
        "| frame | page | changes | CPU | per byte | times | peak memory | per byte | times |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let honest = median(&honest());
    for sent in [self::honest()].into_iter().chain(hostile()) {
        let taken = median(&sent);
        let (cpu, memory) = per_byte(&sent, taken);
        let (honest_cpu, honest_memory) = per_byte(&self::honest(), honest);
        let (slow, large) = (cpu / honest_cpu, memory / honest_memory);
        println!(
            "| {} | {} KB | {} | {:.0} ms | {:.2} µs | {slow:.1} | {:.1} MB | {memory:.0} | {large:.1} |{}",
            sent.name,
            sent.bytes() / 1000,
            sent.changes(),
            taken.cpu.as_secs_f64() * 1e3,
            cpu * 1e6,
            taken.peak as f64 / 1e6,
            if slow.max(large) > GOAL { " above the goal" } else { "" },
        );
    }
}

fn per_byte(sent: &Sent, taken: Taken) -> (f64, f64) {
    let bytes = sent.bytes() as f64;
    (taken.cpu.as_secs_f64() / bytes, taken.peak as f64 / bytes)
}

/// The middle of three.
fn median(sent: &Sent) -> Taken {
    let mut all = [0; 3].map(|_| measure(|| take(sent)));
    all.sort_by_key(|taken| taken.cpu);
    all[1]
}

/// Takes a page as the server does.
fn take(sent: &Sent) {
    // A group holds all its documents until its commit.
    let mut group = Vec::new();
    for (document, runs, signature, phone) in &sent.pages {
        let mut document: Document = document.clone();
        let decoded: Vec<Run> = runs
            .iter()
            .map(|bytes| decode_run(&mut Reader::new(bytes)).expect("it is well formed"))
            .collect();
        let received = decoded.into_iter().map(Received).collect();
        let key = phone.key().verifying_key();
        let verified = Received::verify(received, signature, &key, phone.user, phone.device);
        let caller = Principal { user: phone.user, role: Role::Technician };
        for verified in verified.expect("the phone signed it") {
            let admission =
                admit(&mut document, verified, &caller, Some(phone.device), &Default::default());
            assert!(admission.verdicts.iter().all(|it| it.is_durable()), "{}", sent.name);
        }
        fold(&document);
        group.push(document);
    }
}

/// What a commit and one look from a desk ask of a document.
fn fold(document: &Document) {
    black_box((members(document), document.fingerprint()));
    match document.id().kind {
        DocKind::Job => {
            black_box(Job::of(document).summary(0));
            black_box(usages(document));
            let job = Job::of(document);
            black_box((job, timeline(document)));
        }
        _ => drop(black_box(Van::of(document, &[]))),
    }
}

/// A phone and what it sends about one document.
pub type Page = (Document, Vec<Vec<u8>>, [u8; 64], Phone);
