//! The files the day is made from, and what stands in for those that were not given.

use tests::calls::{self, Import};
use tests::day::{Plan, Wishes};
use tests::drives::{self, Drive};
use tests::links::{self, Pair};
use tests::random::Random;

use crate::args::Args;
use crate::world::DemoError;

/// Calls, links and drives.
pub struct Inputs {
    /// The file of calls, if there is one.
    pub calls: Option<Import>,
    /// Traces; made up when no folder was given.
    pub links: Vec<Pair>,
    /// Files of the folders that are no traces or drives.
    pub skipped: Vec<String>,
    /// Drives; empty when no file was given, then each phone gets a made-up one.
    pub drives: Vec<Drive>,
}

impl Inputs {
    /// Reads what was given.
    pub fn read(args: &Args) -> Result<Self, DemoError> {
        let calls = args.calls.as_deref().map(calls::read).transpose()?;
        if calls.as_ref().is_some_and(|import| import.calls.is_empty()) {
            return Err(DemoError::new("the file of calls has no usable row"));
        }
        let mut skipped = Vec::new();
        let links = match &args.links {
            Some(folder) => {
                let traces = links::read_folder(folder)?;
                skipped.extend(traces.skipped);
                traces.pairs
            }
            None => links::made_up(args.seed),
        };
        let drives = match &args.drives {
            Some(path) => {
                let (drives, not_drives) = drives::read(path)?;
                skipped.extend(not_drives);
                drives
            }
            None => Vec::new(),
        };
        Ok(Self { calls, links, skipped, drives })
    }

    /// The day they make.
    pub fn plan(&self, args: &Args) -> Plan {
        let wishes = Wishes {
            seed: args.seed,
            technicians: usize::from(args.technicians),
            hours: args.hours,
            outage_hours: args.outage_hours,
        };
        Plan::new(&wishes, self.calls.as_ref().map_or(&[], |import| &import.calls))
    }

    /// The drive a phone is moved along, and how far into it the day begins, milliseconds.
    pub fn drive(&self, plan: &Plan, phone: usize) -> (Drive, i64) {
        let mut random = Random::new(plan.seed).fork(&format!("drive {phone}"));
        if self.drives.is_empty() {
            let home = plan.branches[plan.technicians[phone].branch].place;
            return (Drive::made_up(&mut random, home), 0);
        }
        let drive = random.pick(&self.drives).clone();
        let shift = random.between(0, drive.duration_ms());
        (drive, shift)
    }
}
