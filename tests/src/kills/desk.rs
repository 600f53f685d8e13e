//! The dispatcher of a run: takes calls, gives them to technicians, remarks, calls off.

use std::sync::PoisonError;

use serde_json::{Value, json};
use sync_core::id::{JobId, UserId};

use super::witness::Heard;
use super::{Trouble, broken};
use crate::random::Random;
use crate::rest::Rest;

/// Calls a dispatcher still has in mind.
const IN_MIND: usize = 12;

/// A dispatcher at work.
pub struct Desk {
    random: Random,
    technicians: Vec<UserId>,
    jobs: Vec<JobId>,
    rest: Rest,
    url: String,
    said: u64,
}

impl Desk {
    /// One who is logged in at this address.
    pub fn new(random: Random, technicians: Vec<UserId>, rest: Rest, url: String) -> Self {
        Self { random, technicians, jobs: Vec::new(), rest, url, said: 0 }
    }

    /// Does one thing at the server that is at this address now; what it answers with success is
    /// written down.
    pub fn write(&mut self, url: &str, heard: &Heard) -> Result<(), Trouble> {
        if self.url != url {
            self.url = url.to_owned();
            self.rest = self.rest.at(url);
        }
        self.said += 1;
        let known = self.jobs.len() as u64;
        let (job, path, body) = match self.random.below(8) {
            0..=2 if known > 0 => {
                let job = self.jobs[self.random.below(known) as usize];
                let text = format!("The customer calls again, {}", self.said);
                (Some(job), format!("/v1/jobs/{job}/notes"), json!({"text": text}))
            }
            3 if known as usize >= IN_MIND => {
                let job = self.jobs.remove(0);
                let why = json!({"reason": "customer_cancelled"});
                (Some(job), format!("/v1/jobs/{job}/cancel"), why)
            }
            3..=5 if known > 0 => {
                let job = self.jobs[known as usize - 1];
                let technician = *self.random.pick(&self.technicians);
                (Some(job), format!("/v1/jobs/{job}/assign"), json!({"technician": technician}))
            }
            _ => {
                let plate = format!("ABC-{:04}", self.said % 10_000);
                let call =
                    json!({"problem": "flat_tyre", "address": "Harbour Road 5", "plate": plate});
                (None, "/v1/jobs".to_owned(), call)
            }
        };
        // Without an answer it is not known whether it was done, and nothing was promised.
        let Ok(answer) = self.rest.try_post(&path, &body, None) else { return Ok(()) };
        match answer.status {
            200..=299 => {}
            409 | 412 | 503 => return Ok(()),
            status => return broken(format!("{path} answered {status}: {}", answer.body)),
        }
        let made = || answer.body.get("id").and_then(Value::as_str)?.parse().ok();
        let Some(job) = job.or_else(made) else { return broken(format!("{path} made no job")) };
        if !self.jobs.contains(&job) && path == "/v1/jobs" {
            self.jobs.push(job);
        }
        let tag = answer.etag.as_deref().unwrap_or_default();
        let Some(pos) = position(tag) else {
            return broken(format!("{path} answered with the ETag {tag:?}"));
        };
        heard.writes.lock().unwrap_or_else(PoisonError::into_inner).push((pos, job.into()));
        Ok(())
    }
}

/// The position in the log that the ETag of a job names: `"v<position>-<epoch>"`.
pub fn position(tag: &str) -> Option<i64> {
    tag.trim_matches('"').strip_prefix('v')?.split('-').next()?.parse().ok()
}
