//! Made-up signatures of the size and shape of recorded ones.

use serde::Serialize;

use crate::random::Random;

/// A pen held down from here to there.
pub type Stroke = Vec<Point>;

/// Where the pen was at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Point {
    /// From the left, tenths of a screen point.
    pub x: i64,
    /// From the top, tenths of a screen point.
    pub y: i64,
    /// Milliseconds since the pen was first put down.
    pub at_ms: i64,
    /// Thousandths of the greatest pressure.
    pub pressure: i64,
}

/// Two to four strokes of loops, some 60 to 200 points at 60 Hz.
pub(super) fn signature(random: &mut Random) -> Vec<Stroke> {
    let mut now = 0;
    let mut left = 200.0;
    (0..random.between(2, 5))
        .map(|_| {
            let points = random.between(25, 55);
            let (wide, high) = (random.between(4, 14) as f64, random.between(60, 300) as f64);
            let turns = random.between(10, 40) as f64 / 100.0;
            let top = random.between(300, 500) as f64;
            let stroke = (0..points)
                .map(|i| {
                    now += random.between(14, 19);
                    let angle = i as f64 * turns;
                    let pressed = 1.0 - ((2 * i - points) as f64 / points as f64).powi(4);
                    Point {
                        x: (left + i as f64 * wide + angle.cos() * high / 3.0) as i64,
                        y: (top + angle.sin() * high) as i64,
                        at_ms: now,
                        pressure: (pressed * 700.0) as i64 + random.between(0, 120),
                    }
                })
                .collect();
            left += points as f64 * wide * 0.8;
            now += random.between(120, 400);
            stroke
        })
        .collect()
}
