//! The road point nearest to a place: grid cells, from the middle outward.

use std::collections::HashMap;

use dispatch::Place;

/// Width of a cell, degrees: about a kilometre.
const CELL: f64 = 0.01;
/// How many rings of cells are searched: about five kilometres at northern latitudes.
const RINGS: i32 = 6;
/// A place farther than this from any road is off the map, metres.
const FURTHEST: f64 = 4_000.0;

/// Points by cell.
#[derive(Debug, Default)]
pub(crate) struct Nearest {
    cells: HashMap<(i32, i32), Vec<u32>>,
}

impl Nearest {
    pub fn new(places: &[Place]) -> Self {
        let mut cells: HashMap<_, Vec<u32>> = HashMap::new();
        for (node, place) in (0..).zip(places) {
            cells.entry(cell(place)).or_default().push(node);
        }
        Self { cells }
    }

    /// The nearest point and its distance, metres; none if none is near.
    pub fn find(&self, places: &[Place], to: &Place) -> Option<(u32, f64)> {
        let (row, column) = cell(to);
        let mut best: Option<(u32, f64)> = None;
        for ring in 0..=RINGS {
            // Points beyond this ring are farther away than the width of the rings inside it.
            let narrow = to.lat().to_radians().cos().abs() * CELL * 111_000.0;
            if best.is_some_and(|(_, metres)| metres < f64::from(ring - 1) * narrow) {
                break;
            }
            for (down, right) in ring_cells(ring) {
                let Some(nodes) = self.cells.get(&(row + down, column + right)) else { continue };
                for node in nodes {
                    let metres = places[*node as usize].metres_to(to);
                    if best.is_none_or(|(_, least)| metres < least) {
                        best = Some((*node, metres));
                    }
                }
            }
        }
        best.filter(|(_, metres)| *metres <= FURTHEST)
    }
}

fn cell(place: &Place) -> (i32, i32) {
    ((place.lat() / CELL).floor() as i32, (place.lon() / CELL).floor() as i32)
}

fn ring_cells(ring: i32) -> impl Iterator<Item = (i32, i32)> {
    let all = (-ring..=ring).flat_map(move |down| (-ring..=ring).map(move |right| (down, right)));
    all.filter(move |(down, right)| down.abs().max(right.abs()) == ring)
}
