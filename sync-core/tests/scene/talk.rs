//! A phone's machine and a server that has one answer.

use std::collections::VecDeque;

use sync_core::admission::Verdict;
use sync_core::document::Digest;
use sync_core::sync::{
    Frame, Outbox, Phone, PhoneEffect, PhoneEvent, Response, Sent, SyncOutcome, encode_response,
};

/// One sync of a phone that has `runs` to send, of a server that says `verdict` of every change: how
/// many messages it takes, how it ends, and after how many milliseconds the phone comes back by itself.
pub fn sync(
    phone: &mut Phone,
    random: u64,
    runs: &[Sent],
    verdict: &Verdict,
) -> (usize, SyncOutcome, u64) {
    let (mut sent, mut ended) = (0, None);
    let mut page: Vec<Sent> = Vec::new();
    let mut effects = VecDeque::from(phone.handle(random, PhoneEvent::Wake));
    while let Some(effect) = effects.pop_front() {
        let event = match effect {
            PhoneEffect::Read { pass_over, .. } => {
                let goes = |sent: &&Sent| !pass_over.contains(&sent.run().doc);
                let runs: Vec<Sent> = runs.iter().filter(goes).cloned().collect();
                page.clone_from(&runs);
                PhoneEvent::Outbox(Outbox { epoch: 1, cursor: 9, runs, ..Outbox::default() })
            }
            PhoneEffect::Send(_) => {
                sent += 1;
                assert!(sent < 10, "it says the same for ever");
                effects.extend(phone.handle(random, PhoneEvent::Frame(&answer(&page, verdict))));
                continue;
            }
            PhoneEffect::Store(_) => {
                let (digest, waiting) = (Digest::default(), !runs.is_empty());
                PhoneEvent::Stored { digest, waiting, left: Vec::new() }
            }
            PhoneEffect::Tidy => continue,
            PhoneEffect::Finished(outcome) => {
                ended = Some(outcome);
                continue;
            }
            PhoneEffect::WakeAfter(ms) => return (sent, ended.expect("it ended"), ms),
        };
        effects.extend(phone.handle(random, event));
    }
    panic!("it does not come back")
}

/// A frame that says this of every change of these runs, and nothing else.
pub fn answer(runs: &[Sent], verdict: &Verdict) -> Vec<u8> {
    let changes = runs.iter().flat_map(|sent| &sent.run().changes);
    let verdicts = changes.map(|_| verdict.clone()).collect();
    let answer = Response { epoch: 1, cursor: 9, verdicts, ..Response::default() };
    encode_response(&Frame::Response(Box::new(answer)))
}
