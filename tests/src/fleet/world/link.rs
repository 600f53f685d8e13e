//! A phone's machine, and the link between it and the servers, which does what links do.

use std::hash::Hash as _;

use ed25519_dalek::Signer as _;
use sync_core::enrol::{assertion, assertion_input};
use sync_core::sync::{Failure as Cause, PhoneEvent};
use sync_core::wire::inflate;

use super::super::check;
use super::super::keys::is_signed;
use super::super::phone::Out;
use super::super::plan::Kind;
use super::super::site::{ISSUER, Login, NotIn};
use super::{Answer, Arriving, Event, World};
use crate::random::Random;

/// How long a request waits for its answer.
const PATIENCE: i64 = 30_000;

impl World {
    /// There is a reason to sync.
    pub(in crate::fleet) fn wake(&mut self, phone: usize) {
        match self.phones[phone].pending {
            None => self.drive(phone, PhoneEvent::Wake),
            // Who asks during a sync gets another one after it.
            Some(_) => self.phones[phone].again = true,
        }
    }

    pub(in crate::fleet) fn drive(&mut self, phone: usize, event: PhoneEvent<'_>) {
        let Self { phones, counts, site, tenants, now, .. } = self;
        let it = &mut phones[phone];
        it.pending = None;
        let (tenant, user) = (it.tenant, it.user);
        let mut leak = None;
        let mut repaired = false;
        let outs = it.drive(*now, event, counts, &mut |inbox| {
            leak = leak.take().or_else(|| check::leak(site, tenants, tenant, user, inbox));
            repaired |= inbox.repair && inbox.cursor != 0;
        });
        it.doubtful &= !repaired;
        let over = !outs.iter().any(|out| matches!(out, Out::Send(_)));
        if over && std::mem::take(&mut it.again) {
            it.timer += 1;
            let timer = it.timer;
            self.after(5, Event::Wake { phone, timer });
            return self.finish(leak);
        }
        self.finish(leak);
        for out in outs {
            match out {
                Out::Send(frame) => self.transmit(phone, frame, true),
                Out::Wake(ms) => {
                    let it = &mut self.phones[phone];
                    it.timer += 1;
                    let (timer, until) = (it.timer, it.awake_until);
                    let ms = i64::try_from(ms).unwrap_or(i64::MAX).min(86_400_000);
                    if self.healing || self.now + ms < until {
                        self.after(ms, Event::Wake { phone, timer });
                    }
                }
                Out::Died => {
                    self.counts.met("phone died of its disk");
                    self.about_to_lose();
                }
            }
        }
    }

    fn finish(&mut self, leak: Option<String>) {
        if let Some(leak) = leak {
            self.fail("nothing leaks between tenants or out of a scope", leak);
        }
    }

    /// Sends a frame over a link that does what links do. `first` is whether it may be sent once
    /// more, after another login, if its token is not taken.
    fn transmit(&mut self, phone: usize, frame: Vec<u8>, first: bool) {
        self.exchanges += 1;
        let exchange = self.exchanges;
        let it = &mut self.phones[phone];
        it.exchanges += 1;
        let mut luck = Random::new(it.salt).fork(&it.exchanges.to_string());
        it.pending = Some(exchange);
        let old = it.token.as_ref().is_some_and(|(_, until)| self.now < *until);
        it.resend = (first && old).then(|| frame.clone());
        let cut = it.cut;
        let frame = if it.old {
            self.counts.met(Kind::Upgrade.as_str());
            plain(frame)
        } else {
            frame
        };
        let flawless = self.healing || Random::new(it.salt).one_in(3);
        self.after(PATIENCE, Event::Timeout { phone, exchange });
        if cut & 1 != 0 {
            self.counts.met(if cut == 1 { "one-way partition up" } else { "full partition" });
            return self.counts.met(Kind::Partition.as_str());
        }
        let Some(node) = self.site.any_up(luck.next()) else {
            self.counts.met("server down");
            return self.after(50, Event::Reply { phone, exchange, answer: Answer::Nobody });
        };
        let Some(token) = self.token(phone, node, &mut luck) else {
            return self.after(100, Event::Reply { phone, exchange, answer: Answer::Revoked });
        };
        let late = 20 + luck.below(if self.healing { 60 } else { 3000 }) as i64;
        let fate = if flawless { 99 } else { luck.below(24) };
        let (mut copy, mut twice) = (false, false);
        let mut sent = frame;
        if self.overheard.len() < 60 {
            self.overheard.push((phone, sent.clone()));
        }
        match fate {
            0 | 1 => {
                self.counts.met("request lost");
                return;
            }
            2 => {
                self.counts.met("request duplicated at once");
                twice = true;
            }
            3 => {
                self.counts.met("request duplicated and late");
                let luck = luck.fork("copy");
                let (token, frame) = (token.clone(), sent.clone());
                let arriving =
                    Arriving { phone, exchange, node, token, frame, copy: true, twice, luck };
                let much_later = 1000 + self.rng.below(7_200_000) as i64;
                self.after(much_later, Event::Arrive(arriving));
            }
            4 => {
                self.counts.met("request cut");
                sent.truncate(luck.below(sent.len() as u64) as usize);
            }
            5 => {
                self.counts.met("captive portal");
                let bytes = b"<html><body>Please log in to the network</body></html>".to_vec();
                let answer = Answer::Frame { bytes, must_hold: Vec::new() };
                return self.after(late, Event::Reply { phone, exchange, answer });
            }
            6 => {
                // It goes through, and takes longer than anybody waits.
                copy = true;
                self.counts.met("reply late");
            }
            _ => {}
        }
        let arriving = Arriving { phone, exchange, node, token, frame: sent, copy, twice, luck };
        self.after(late, Event::Arrive(arriving));
    }

    /// A token that should do, or none if the phone may not log in.
    pub(in crate::fleet) fn token(
        &mut self,
        phone: usize,
        node: usize,
        luck: &mut Random,
    ) -> Option<String> {
        let it = &mut self.phones[phone];
        if it.locked_out {
            return None;
        }
        if let Some((token, until)) = &it.token
            && self.now < *until
        {
            return Some(token.clone());
        }
        let device = it.device();
        // What the phone believes the server's clock says; then what the server says it is.
        let mut at = it.wall(self.now);
        for _ in 0..2 {
            let (jti, at_s): ([u8; 16], i64) = (luck.bytes(), at.div_euclid(1000));
            let login = if is_signed(jti[0]) {
                let input = assertion_input(device, ISSUER, at_s, jti);
                let signed = assertion(&input, &it.key().real.sign(input.as_bytes()).to_bytes());
                self.site.log_in(node, self.now, Login::Signed(&signed))
            } else {
                let key = it.public_key().real;
                self.site.log_in(node, self.now, Login::Known { device, key, at_s })
            };
            match login {
                Ok((token, life)) => {
                    // A phone that slept does not know how long.
                    let slept = if luck.one_in(4) { 40_000_000 } else { 0 };
                    it.token = Some((token.clone(), self.now + life - 30_000 + slept));
                    return Some(token);
                }
                Err(NotIn::Clock) => {
                    self.counts.met("login refused for the clock");
                    at = self.site.wall(node, self.now);
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// An answer gets as far as the link lets it.
    pub(in crate::fleet) fn send_back(
        &mut self,
        phone: usize,
        exchange: u64,
        answer: Answer,
        mut luck: Random,
    ) {
        let cut = self.phones[phone].cut;
        let flawless = self.healing || Random::new(self.phones[phone].salt).one_in(3);
        let late = 20 + luck.below(if self.healing { 60 } else { 3000 }) as i64;
        let answer = match (answer, luck.below(20)) {
            (_, _) if cut & 2 != 0 => {
                self.counts.met(if cut == 2 { "one-way partition down" } else { "full partition" });
                return self.counts.met(Kind::Partition.as_str());
            }
            (Answer::Frame { .. }, 0 | 1) if !flawless => {
                self.counts.met("reply lost after commit");
                return;
            }
            (Answer::Frame { mut bytes, must_hold }, 2) if !flawless => {
                self.counts.met("reply cut");
                bytes.truncate(luck.below(bytes.len() as u64) as usize);
                Answer::Frame { bytes, must_hold }
            }
            (answer, _) => answer,
        };
        self.after(late, Event::Reply { phone, exchange, answer });
    }

    pub(super) fn reply(&mut self, phone: usize, exchange: u64, answer: Answer) {
        if self.phones[phone].pending != Some(exchange) {
            return;
        }
        match answer {
            Answer::Frame { bytes, must_hold } => {
                bytes.hash(&mut self.trace);
                let before = self.phones[phone].store.tables().position;
                self.drive(phone, PhoneEvent::Frame(&bytes));
                let moved = self.phones[phone].store.tables().position != before;
                if moved {
                    self.check_cursor(phone, &must_hold);
                }
            }
            Answer::LogIn => {
                self.counts.met("token expired or unknown");
                self.phones[phone].token = None;
                match self.phones[phone].resend.take() {
                    Some(frame) => self.transmit(phone, frame, false),
                    None => self.drive(phone, PhoneEvent::Failed(Cause::Unauthorised)),
                }
            }
            Answer::Revoked => self.drive(phone, PhoneEvent::Failed(Cause::Unauthorised)),
            Answer::Nobody => self.drive(phone, PhoneEvent::Failed(Cause::Unreachable)),
        }
    }
}

/// The frame of an app that does not deflate.
fn plain(frame: Vec<u8>) -> Vec<u8> {
    if frame.len() < 3 || frame[2] != 1 {
        return frame;
    }
    match inflate(&frame[3..], sync_core::limits::FRAME_BYTES) {
        Ok(body) => [&frame[..2], &[0], &body[..]].concat(),
        Err(_) => frame,
    }
}
