//! Pen strokes as bytes: every point with its time and pressure, without loss, a few bytes each.
//!
//! A point is written as its difference from where the pen would be had it kept its speed; the
//! whole is deflated where that makes it shorter.

use crate::wire::{Reader, WireError, Writer, deflate, inflate};

/// One point of the pen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Point {
    /// Hundredths of a millimetre from the left edge.
    pub x: i32,
    /// Hundredths of a millimetre from the upper edge.
    pub y: i32,
    /// Milliseconds since the first point of the signature.
    pub t: u32,
    /// Thousandths of the greatest pressure; 1000 where the screen measures none.
    pub pressure: u16,
}

/// The points between putting the pen down and lifting it.
pub type Stroke = Vec<Point>;

/// Strokes of one signature.
pub const MAX_STROKES: usize = 500;
/// Points of one signature: two minutes at a hundred a second.
pub const MAX_POINTS: usize = 12_000;

const PLAIN: u8 = 1;
const DEFLATED: u8 = 2;
/// A point of four numbers takes at most this many bytes.
const POINT_BYTES: usize = 20;

/// Encodes the strokes of one signature.
pub fn encode_strokes(strokes: &[Stroke]) -> Result<Vec<u8>, WireError> {
    let points: usize = strokes.iter().map(Vec::len).sum();
    if strokes.len() > MAX_STROKES || points > MAX_POINTS {
        return Err(WireError::TooLarge("strokes"));
    }
    let mut writer = Writer::new();
    writer.uint(strokes.len() as u64);
    let mut pen = Pen::default();
    for stroke in strokes {
        writer.uint(stroke.len() as u64);
        pen.lift();
        for point in stroke {
            pen.write(&mut writer, *point);
        }
    }
    let plain = writer.into_bytes();
    let deflated = deflate(&plain);
    let (form, body) =
        if deflated.len() < plain.len() { (DEFLATED, deflated) } else { (PLAIN, plain) };
    let mut bytes = vec![form];
    bytes.extend(body);
    Ok(bytes)
}

/// Decodes the strokes of one signature, within the limits above.
pub fn decode_strokes(bytes: &[u8]) -> Result<Vec<Stroke>, WireError> {
    let (form, body) = bytes.split_first().ok_or(WireError::Truncated)?;
    let inflated;
    let body = match *form {
        PLAIN => body,
        DEFLATED => {
            inflated = inflate(body, MAX_POINTS * POINT_BYTES + MAX_STROKES * 2 + 3)?;
            &inflated
        }
        other => return Err(WireError::Unknown(other)),
    };
    let mut reader = Reader::new(body);
    let count = reader.count("strokes", MAX_STROKES)?;
    let mut strokes = Vec::with_capacity(count);
    let mut left = MAX_POINTS;
    let mut pen = Pen::default();
    for _ in 0..count {
        let points = reader.count("points", left)?;
        left -= points;
        pen.lift();
        let stroke = (0..points).map(|_| pen.read(&mut reader)).collect::<Result<_, _>>()?;
        strokes.push(stroke);
    }
    reader.finish()?;
    Ok(strokes)
}

/// Whether the first byte names a form of this version.
pub(super) fn is_known_form(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|form| [PLAIN, DEFLATED].contains(form))
}

/// Where the pen is and how it moves.
#[derive(Default)]
struct Pen {
    last: Point,
    dx: i64,
    dy: i64,
    dt: i64,
}

impl Pen {
    fn lift(&mut self) {
        (self.dx, self.dy) = (0, 0);
    }

    fn write(&mut self, writer: &mut Writer, point: Point) {
        let dx = i64::from(point.x) - i64::from(self.last.x);
        let dy = i64::from(point.y) - i64::from(self.last.y);
        let dt = i64::from(point.t) - i64::from(self.last.t);
        writer.int(dx - self.dx);
        writer.int(dy - self.dy);
        writer.int(dt - self.dt);
        writer.int(i64::from(point.pressure) - i64::from(self.last.pressure));
        (self.last, self.dx, self.dy, self.dt) = (point, dx, dy, dt);
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<Point, WireError> {
        let mut moved = |by: i64| -> Result<i64, WireError> {
            reader.int()?.checked_add(by).ok_or(WireError::Malformed("strokes"))
        };
        let (dx, dy, dt) = (moved(self.dx)?, moved(self.dy)?, moved(self.dt)?);
        let pressure = moved(i64::from(self.last.pressure))?;
        let point = Point {
            x: narrow(i64::from(self.last.x).checked_add(dx))?,
            y: narrow(i64::from(self.last.y).checked_add(dy))?,
            t: narrow(i64::from(self.last.t).checked_add(dt))?,
            pressure: narrow(Some(pressure))?,
        };
        (self.last, self.dx, self.dy, self.dt) = (point, dx, dy, dt);
        Ok(point)
    }
}

fn narrow<T: TryFrom<i64>>(number: Option<i64>) -> Result<T, WireError> {
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or(WireError::Malformed("strokes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point() -> impl Strategy<Value = Point> {
        any::<(i32, i32, u32, u16)>().prop_map(|(x, y, t, pressure)| Point { x, y, t, pressure })
    }

    proptest! {
        #[test]
        fn strokes_survive_without_loss(
            strokes in proptest::collection::vec(proptest::collection::vec(point(), 0..40), 0..20),
        ) {
            let bytes = encode_strokes(&strokes).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(decode_strokes(&bytes), Ok(strokes));
        }

        #[test]
        fn any_bytes_are_strokes_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_strokes(&bytes);
        }
    }

    #[test]
    fn a_real_looking_signature_takes_about_three_bytes_a_point() {
        let point = |i: u32| {
            let angle = f64::from(i) / 9.0;
            Point {
                x: (2000.0 + f64::from(i) * 12.0 + angle.sin() * 400.0) as i32,
                y: (1500.0 + angle.cos() * 600.0) as i32,
                t: i * 8,
                pressure: (500.0 + angle.sin() * 200.0) as u16,
            }
        };
        let strokes: Vec<Stroke> =
            (0..4u32).map(|s| (s * 75..(s + 1) * 75).map(point).collect()).collect();
        let bytes = encode_strokes(&strokes).unwrap_or_default();
        assert!((300..1200).contains(&bytes.len()), "{} bytes for 300 points", bytes.len());
    }

    #[test]
    fn more_points_than_a_hand_can_make_are_refused() {
        let stroke = vec![Point::default(); MAX_POINTS + 1];
        assert_eq!(encode_strokes(&[stroke]), Err(WireError::TooLarge("strokes")));
    }
}
