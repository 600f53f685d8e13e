//! From OpenStreetMap ways to a graph: junctions, and a point every few hundred metres between them.

use std::io::{Read, Seek};

use dispatch::Place;

use crate::error::BadFile;
use crate::pbf::{each_node, each_way};
use crate::rules::{Driven, driven};

/// Spacing of the points kept between junctions, metres, so that a journey can start between them.
const SPACING: f64 = 200.0;
/// Greatest number of points of ways that cars may use.
const MAX_POINTS: usize = 60_000_000;
/// Greatest number of points kept.
pub(crate) const MAX_NODES: usize = 8_000_000;

/// One direction of a road segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arc {
    pub from: u32,
    pub to: u32,
    /// Travel time, milliseconds, at least 1.
    pub ms: u32,
    /// Length, metres.
    pub metres: u32,
}

/// Points and the road segments between them.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    pub places: Vec<Place>,
    pub arcs: Vec<Arc>,
}

struct Line {
    first: usize,
    last: usize,
    driven: Driven,
}

/// Reads a map file twice: first the ways, then the places of their points.
pub(crate) fn read(source: &mut (impl Read + Seek)) -> Result<Chain, BadFile> {
    let (mut refs, mut lines) = (Vec::new(), Vec::new());
    each_way(source, |way| {
        let Some(driven) = driven(way).filter(|_| way.nodes.len() > 1) else { return Ok(()) };
        let first = refs.len();
        refs.extend_from_slice(&way.nodes);
        if refs.len() > MAX_POINTS {
            return Err(BadFile::TooLarge { what: "points of roads", limit: MAX_POINTS });
        }
        lines.push(Line { first, last: refs.len(), driven });
        Ok(())
    })?;
    let mut ids = refs.clone();
    ids.sort_unstable();
    ids.dedup();
    let mut places: Vec<Option<Place>> = vec![None; ids.len()];
    source.rewind()?;
    each_node(source, |id, lat, lon| {
        if let Ok(index) = ids.binary_search(&id) {
            places[index] = Place::new(lat, lon);
        }
    })?;
    let index = |id: &i64| ids.binary_search(id).unwrap_or_default();
    let points: Vec<u32> = refs.iter().map(|id| index(id) as u32).collect();
    let chain = join(&points, &lines, &places)?;
    if chain.arcs.is_empty() { Err(BadFile::NoRoads) } else { Ok(chain) }
}

fn join(points: &[u32], lines: &[Line], places: &[Option<Place>]) -> Result<Chain, BadFile> {
    // How often a point is used. The end of a way counts twice, so that it is kept.
    let mut used = vec![0_u8; places.len()];
    for line in lines {
        let line = &points[line.first..line.last];
        for point in line.iter().chain([&line[0], &line[line.len() - 1]]) {
            used[*point as usize] = used[*point as usize].saturating_add(1);
        }
    }
    let mut chain = Chain::default();
    let mut number = vec![u32::MAX; places.len()];
    for line in lines {
        // An extract is cut at its border: points beyond it are missing.
        let known = points[line.first..line.last]
            .iter()
            .filter_map(|point| Some((*point as usize, places[*point as usize]?)));
        let known: Vec<(usize, Place)> = known.collect();
        let mut from: Option<(usize, Place)> = None;
        let mut metres = 0.0;
        let mut before: Option<Place> = None;
        for (at, (point, place)) in known.iter().enumerate() {
            metres += before.map_or(0.0, |before| before.metres_to(place));
            before = Some(*place);
            let is_end = at == 0 || at + 1 == known.len();
            if !is_end && used[*point] < 2 && metres < SPACING {
                continue;
            }
            if number[*point] == u32::MAX {
                if chain.places.len() == MAX_NODES {
                    return Err(BadFile::TooLarge { what: "junctions", limit: MAX_NODES });
                }
                number[*point] = chain.places.len() as u32;
                chain.places.push(*place);
            }
            if let Some((from, _)) = from.filter(|(from, _)| from != point) {
                both(&mut chain.arcs, number[from], number[*point], metres, line.driven);
            }
            from = Some((*point, *place));
            metres = 0.0;
        }
    }
    Ok(chain)
}

fn both(arcs: &mut Vec<Arc>, from: u32, to: u32, metres: f64, driven: Driven) {
    let ms = (metres * 3_600.0 / f64::from(driven.speed)).round().max(1.0) as u32;
    let metres = metres.round() as u32;
    arcs.extend(driven.forward.then_some(Arc { from, to, ms, metres }));
    arcs.extend(driven.backward.then_some(Arc { from: to, to: from, ms, metres }));
}
