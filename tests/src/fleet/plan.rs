//! A plan: everything that happens in a world, as a list that can be cut short, saved and replayed.
//!
//! Each step carries its own randomness and chooses among what is there by hashing, so a step
//! means the same when others are taken out.

use std::fmt;
use std::str::FromStr;

use crate::random::Random;

const HOUR: i64 = 3_600_000;
/// Steps in a plan made from a seed.
const STEPS: usize = 505;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $weight:literal $fault:literal,)*) => {
        /// What a step does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind with its weight, and whether each plan has it.
            const ALL: &'static [(Self, &'static str, u64, bool)] =
                &[$((Self::$kind, $name, $weight, $fault),)*];

            /// Its word in a plan, and its counter.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    /// A new job, given to someone.
    Call "call" 26 true,
    /// A job under the same id in both tenants.
    Twin "twin" 5 true,
    /// A job is given to someone else.
    Assign "assign" 18 true,
    /// Two at their desks change one job at once.
    Clash "clash" 10 true,
    /// The office changes what it knows.
    Edit "edit" 14 true,
    /// The customer calls it off.
    Cancel "cancel" 4 true,
    /// An amount is charged.
    Charge "charge" 4 true,
    /// The dealership has taken the job in: it leaves the phone.
    Settle "settle" 5 true,
    /// Parts are put into a van.
    Load "load" 6 true,
    /// A technician gets another's van.
    Move "technician-moved" 3 true,
    /// A technician notes something.
    Work "work" 110 true,
    /// A technician takes the next step of a job.
    Status "status" 60 true,
    /// A part is used, on the job and from the van.
    Part "part" 26 true,
    /// A part is taken back.
    Void "void" 6 true,
    /// A customer signs.
    Seal "seal" 8 true,
    /// A customer met at the roadside.
    WalkUp "walk-up" 9 true,
    /// An older app saves what the rules refuse, and the technician works on.
    Careless "careless-app" 4 true,
    /// A phone has coverage and syncs, with what the link does to it.
    Sync "sync" 80 true,
    /// A phone's process dies with what it had not synced to its disk.
    PhoneCrash "phone-crash" 8 true,
    /// A phone's disk is full for a while.
    PhoneFull "phone-disk-full" 3 true,
    /// A phone's disk fails to sync.
    PhoneFsync "phone-fsync-failed" 3 true,
    /// A phone's image is taken.
    Image "phone-image-taken" 8 true,
    /// An image of days ago is put back.
    Restore "phone-image-restored" 4 true,
    /// An image of days ago runs beside the phone.
    Clone "phone-image-cloned" 2 true,
    /// A phone is wiped and enrolled again.
    Wipe "phone-wiped" 2 true,
    /// A phone's clock jumps by up to ten years.
    PhoneClock "phone-clock-jumped" 4 true,
    /// A server's clock jumps by up to ten years.
    ServerClock "server-clock-jumped" 2 true,
    /// A link is cut, in one direction or both.
    Partition "partition" 8 true,
    /// A server process dies.
    NodeCrash "server-crash" 4 true,
    /// The database loses power.
    Power "database-power-lost" 3 true,
    /// The database's disk is full for a while.
    Full "server-disk-full" 3 true,
    /// The database's disk fails to sync.
    Fsync "server-fsync-failed" 4 true,
    /// A backup is taken.
    Backup "backup-taken" 4 true,
    /// The server is restored from a backup hours old.
    RestoreServer "server-restored" 1 true,
    /// Servers and phones run another version for a while.
    Upgrade "rolling-upgrade" 2 true,
    /// The server's token key is changed.
    Rotate "key-rotated" 2 true,
    /// A phone is revoked, and later enrolled again.
    Revoke "device-revoked" 2 true,
    /// A hostile phone writes what it may not.
    Forge "hostile-forges" 3 true,
    /// It says two things under one number.
    Equivocate "hostile-equivocates" 3 true,
    /// It sends what follows, and not what goes before.
    Withhold "hostile-withholds" 3 true,
    /// It says something else under a known fact's id.
    Overwrite "hostile-overwrites" 3 true,
    /// It sends a bomb.
    Inflate "hostile-inflates" 1 true,
    /// An old message comes again.
    Replay "message-replayed" 4 true,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Milliseconds after the world began.
    pub at: i64,
    /// What.
    pub kind: Kind,
    /// To whom, where that matters.
    pub who: u8,
    /// Its randomness.
    pub salt: u64,
}

/// Everything that happens in one world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// From which ids and keys are made.
    pub seed: u64,
    /// Honest phones at the beginning.
    pub phones: u8,
    /// Server processes.
    pub nodes: u8,
    /// People at desks, in each tenant.
    pub dispatchers: u8,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Random::new(seed).fork("plan");
        let days = 1 + rng.below(30) as i64;
        let mut steps: Vec<Step> = Vec::with_capacity(STEPS);
        let total: u64 = Kind::ALL.iter().map(|(_, _, weight, _)| weight).sum();
        let mut step = |kind: Kind, rng: &mut Random| {
            let at = rng.below((days * 24 * HOUR) as u64) as i64;
            steps.push(Step { at, kind, who: (rng.next() >> 56) as u8, salt: rng.next() });
        };
        for (kind, _, _, always) in Kind::ALL {
            if *always {
                step(*kind, &mut rng);
            }
        }
        for _ in Kind::ALL.len()..STEPS {
            let mut draw = rng.below(total);
            for (kind, _, weight, _) in Kind::ALL {
                if draw < *weight {
                    step(*kind, &mut rng);
                    break;
                }
                draw -= weight;
            }
        }
        // Something has to be there before anything can happen to it.
        for kind in [Kind::Call, Kind::Call, Kind::Call, Kind::Twin, Kind::Backup] {
            steps.push(Step { at: rng.below(HOUR as u64) as i64, kind, who: 0, salt: rng.next() });
        }
        steps.sort_by_key(|step| (step.at, step.salt));
        Self {
            seed,
            phones: 3 + rng.below(10) as u8,
            nodes: 1 + rng.below(2) as u8,
            dispatchers: 1 + rng.below(3) as u8,
            steps,
        }
    }

    /// The same world with other steps.
    pub fn with(&self, steps: Vec<Step>) -> Self {
        Self { steps, ..self.clone() }
    }

    /// Every word that counts a kind of step.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Kind::ALL.iter().map(|(_, word, _, _)| *word)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, phones, nodes, dispatchers, .. } = self;
        writeln!(f, "world {seed} phones {phones} nodes {nodes} dispatchers {dispatchers}")?;
        for Step { at, kind, who, salt } in &self.steps {
            writeln!(f, "{at} {} {who} {salt:016x}", kind.as_str())?;
        }
        Ok(())
    }
}

/// Why a text is not a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the plan is not `milliseconds kind number hexadecimal`")]
pub struct BadPlan {
    line: usize,
}

impl FromStr for Plan {
    type Err = BadPlan;

    /// Reads what [`fmt::Display`] writes; empty lines and those after `#` are passed over.
    fn from_str(text: &str) -> Result<Self, BadPlan> {
        let mut plan = Self { seed: 0, phones: 3, nodes: 1, dispatchers: 1, steps: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let bad = || BadPlan { line: index + 1 };
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["world", seed, "phones", phones, "nodes", nodes, "dispatchers", dispatchers] => {
                    plan.seed = seed.parse().map_err(|_| bad())?;
                    plan.phones = phones.parse().map_err(|_| bad())?;
                    plan.nodes = nodes.parse().map_err(|_| bad())?;
                    plan.dispatchers = dispatchers.parse().map_err(|_| bad())?;
                }
                [at, kind, who, salt] => {
                    let found = Kind::ALL.iter().find(|(_, word, _, _)| *word == kind);
                    plan.steps.push(Step {
                        at: at.parse().map_err(|_| bad())?,
                        kind: found.ok_or_else(bad)?.0,
                        who: who.parse().map_err(|_| bad())?,
                        salt: u64::from_str_radix(salt, 16).map_err(|_| bad())?,
                    });
                }
                _ => return Err(bad()),
            }
        }
        Ok(plan)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_survives_its_text_and_has_every_fault() {
        for seed in 0..20 {
            let plan = Plan::of(seed);
            assert_eq!(plan.to_string().parse::<Plan>().unwrap(), plan);
            assert!(plan.steps.len() >= 500 && plan.phones >= 3);
            for (kind, ..) in Kind::ALL.iter().filter(|(_, _, _, always)| *always) {
                assert!(plan.steps.iter().any(|step| step.kind == *kind), "{kind:?}");
            }
        }
        assert!("1 nothing 2 3".parse::<Plan>().is_err());
    }
}
