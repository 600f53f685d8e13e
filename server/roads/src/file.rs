//! The file format of a prepared graph: a name, a version, counts, tables, a checksum. All numbers are
//! little endian.

use std::io::{Read, Write};

use dispatch::Place;
use flate2::Crc;

use crate::chain::MAX_NODES;
use crate::contract::Half;
use crate::error::BadFile;
use crate::graph::{Graph, Rows};

const NAME: [u8; 8] = *b"TWLROADS";
/// Version of the format. Other versions are not read: making the file again takes seconds to minutes.
const VERSION: u32 = 1;
/// Greatest number of arcs in one direction.
const MAX_ARCS: usize = 100_000_000;
/// Bytes read at a time, so that a false count allocates no memory.
const STEP: usize = 64 * 1_024;
/// Units per degree.
const PER_DEGREE: f64 = 1e7;

/// Writes a graph.
pub(crate) fn write(graph: &Graph, to: &mut impl Write) -> Result<(), BadFile> {
    to.write_all(&NAME)?;
    let mut out = Summed { to, sum: Crc::new() };
    let counts = [graph.places.len(), graph.up.halves.len(), graph.down.halves.len()];
    out.numbers([VERSION])?;
    out.numbers(counts.map(|count| count as u32))?;
    for place in &graph.places {
        let units = [place.lat(), place.lon()].map(|degrees| (degrees * PER_DEGREE).round() as i32);
        out.numbers(units.map(|unit| unit as u32))?;
    }
    for rows in [&graph.up, &graph.down] {
        out.numbers(rows.first.iter().copied())?;
        for half in &rows.halves {
            out.numbers([half.node, half.ms, half.metres])?;
        }
    }
    let sum = out.sum.sum();
    to.write_all(&sum.to_le_bytes())?;
    Ok(())
}

/// Reads a graph. The file is not trusted: counts are bounded, and every index is checked.
pub(crate) fn read(from: &mut impl Read) -> Result<Graph, BadFile> {
    let mut name = [0; 8];
    from.read_exact(&mut name).map_err(|_| BadFile::NotPrepared)?;
    if name != NAME {
        return Err(BadFile::NotPrepared);
    }
    let mut input = SummedRead { from, sum: Crc::new() };
    let [version] = input.array()?;
    if version != VERSION {
        return Err(BadFile::Version(version, VERSION));
    }
    let counts: [u32; 3] = input.array()?;
    let [nodes, up, down] = counts.map(|count| count as usize);
    if nodes > MAX_NODES || up > MAX_ARCS || down > MAX_ARCS {
        return Err(BadFile::Damaged("its counts are too large"));
    }
    let units = input.numbers(nodes * 2)?;
    let place = |pair: &[u32]| {
        let degrees = |unit: u32| f64::from(unit as i32) / PER_DEGREE;
        Place::new(degrees(pair[0]), degrees(pair[1]))
            .ok_or(BadFile::Damaged("a point is not on Earth"))
    };
    let places = units.chunks_exact(2).map(place).collect::<Result<Vec<_>, _>>()?;
    let mut rows = |count: usize| {
        let first = input.numbers(nodes + 1)?;
        let triples = input.numbers(count * 3)?;
        let halves =
            triples.chunks_exact(3).map(|it| Half { node: it[0], ms: it[1], metres: it[2] });
        let rows = Rows { first, halves: halves.collect() };
        match rows.holds_for(nodes) {
            true => Ok(rows),
            false => Err(BadFile::Damaged("a road leads nowhere")),
        }
    };
    let graph = Graph { places, up: rows(up)?, down: rows(down)? };
    let sum = input.sum.sum();
    let mut said = [0; 4];
    from.read_exact(&mut said).map_err(|_| BadFile::Damaged("it is cut"))?;
    if u32::from_le_bytes(said) != sum {
        return Err(BadFile::Damaged("its check sum is another"));
    }
    match from.read(&mut [0])? {
        0 => Ok(graph),
        _ => Err(BadFile::Damaged("it is longer than it says")),
    }
}

struct Summed<'a, W> {
    to: &'a mut W,
    sum: Crc,
}

impl<W: Write> Summed<'_, W> {
    fn numbers(&mut self, numbers: impl IntoIterator<Item = u32>) -> Result<(), BadFile> {
        for number in numbers {
            let bytes = number.to_le_bytes();
            self.sum.update(&bytes);
            self.to.write_all(&bytes)?;
        }
        Ok(())
    }
}

struct SummedRead<'a, R> {
    from: &'a mut R,
    sum: Crc,
}

impl<R: Read> SummedRead<'_, R> {
    fn array<const N: usize>(&mut self) -> Result<[u32; N], BadFile> {
        let numbers = self.numbers(N)?;
        numbers.try_into().map_err(|_| BadFile::Damaged("it is cut"))
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<u32>, BadFile> {
        let mut numbers = Vec::new();
        let mut buffer = vec![0; STEP];
        let mut left = count * 4;
        while left > 0 {
            let bytes = &mut buffer[..left.min(STEP)];
            self.from.read_exact(bytes).map_err(|_| BadFile::Damaged("it is cut"))?;
            self.sum.update(bytes);
            let words = bytes.chunks_exact(4);
            numbers.extend(words.map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]])));
            left -= bytes.len();
        }
        Ok(numbers)
    }
}
