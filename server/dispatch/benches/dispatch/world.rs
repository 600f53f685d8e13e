//! Technicians and jobs from a seed, over 60 km around a town.

use dispatch::Place;
use dispatch::candidates::{Certificate, Fix, Job, Span, Technician, Van};

pub const NOW: i64 = 1_790_000_000_000;
const HOUR: i64 = 3_600_000;

/// Numbers from a seed.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn place(&mut self) -> Place {
        let mut off = || self.below(600_000) as f64 / 1e6 - 0.3;
        Place::new(25.0 + off(), 121.5 + off()).expect("it is on Earth")
    }
}

/// Each with most of eight skills, two shifts, a van with stock.
pub fn technicians(count: usize, numbers: &mut Numbers) -> Vec<Technician> {
    let technician = |_| {
        let age = numbers.below(20) as i64 * 60_000;
        let at = NOW - age;
        let certificate =
            |skill| Certificate { skill, from: None, until: Some(NOW + 90 * 24 * HOUR) };
        let begins = NOW - numbers.below(10) as i64 * HOUR;
        Technician {
            last: Some(Fix { place: numbers.place(), at, accuracy: 15.0 }),
            certificates: (0..8).filter(|_| numbers.below(8) < 7).map(certificate).collect(),
            shifts: vec![
                Span { from: begins, until: begins + 9 * HOUR },
                Span { from: begins + 24 * HOUR, until: begins + 33 * HOUR },
            ],
            van: Some(Van {
                stock: Some((0..20).map(|part| (part, numbers.below(3) as i64)).collect()),
            }),
            heard: Some(at),
            ..Technician::default()
        }
    };
    (0..count).map(technician).collect()
}

/// One skill, one part.
pub fn job(numbers: &mut Numbers) -> Job {
    Job {
        place: Some(numbers.place()),
        skills: vec![numbers.below(8) as u32],
        parts: vec![(numbers.below(20) as u32, 1)],
        promised: Some(NOW + HOUR),
        work_seconds: Some(1_800),
    }
}
