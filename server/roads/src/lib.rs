//! Road travel times from OpenStreetMap, prepared once, computed in microseconds.
//!
//! [`Roads::prepare`] reads an `.osm.pbf` file and makes a graph of the roads that cars may use: junctions,
//! a point every 200 m between them, usual speeds by class, and one-way streets. Turn restrictions are not
//! known. The graph is prepared as a contraction hierarchy. [`Roads::write`] writes it. [`Roads::read`]
//! reads it and checks everything. [`Roads`] implements [`dispatch::travel::TravelTimes`] with one search
//! from the job and one from each technician.
//!
//! OpenStreetMap data is under the ODbL: show "© OpenStreetMap contributors" with the times.

mod chain;
mod contract;
mod error;
mod file;
mod graph;
mod nearest;
mod pbf;
mod query;
mod rules;

use std::io::{Read, Seek, Write};

use dispatch::Place;
use dispatch::travel::{Known, Leg, TravelTimes};
pub use error::BadFile;

use crate::graph::Graph;
use crate::nearest::Nearest;

/// The assumed speed from a place to the nearest road, metres a second.
const TO_THE_ROAD: f64 = 5.0;

/// A prepared road graph.
#[derive(Debug)]
pub struct Roads {
    graph: Graph,
    nearest: Nearest,
}

/// The size of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Points.
    pub points: usize,
    /// Upward arcs in both directions, including shortcuts.
    pub arcs: usize,
}

impl Roads {
    /// Makes the graph from an `.osm.pbf` file, which is read twice.
    ///
    /// # Errors
    /// The fault of the file.
    pub fn prepare(source: &mut (impl Read + Seek)) -> Result<Self, BadFile> {
        Ok(Self::new(Graph::prepare(chain::read(source)?)?))
    }

    /// Reads a graph that [`Roads::write`] wrote.
    ///
    /// # Errors
    /// The fault of the file.
    pub fn read(from: &mut impl Read) -> Result<Self, BadFile> {
        Ok(Self::new(file::read(from)?))
    }

    /// Writes the graph.
    ///
    /// # Errors
    /// If writing fails.
    pub fn write(&self, to: &mut impl Write) -> Result<(), BadFile> {
        file::write(&self.graph, to)
    }

    /// The size of the graph.
    pub fn size(&self) -> Size {
        let arcs = self.graph.up.halves.len() + self.graph.down.halves.len();
        Size { points: self.graph.places.len(), arcs }
    }

    /// The points, in no particular order.
    pub fn points(&self) -> &[Place] {
        &self.graph.places
    }

    fn new(graph: Graph) -> Self {
        Self { nearest: Nearest::new(&graph.places), graph }
    }
}

impl TravelTimes for Roads {
    fn to_one(&self, from: &[Place], to: Place) -> Vec<Option<Leg>> {
        let snap = |place: &Place| self.nearest.find(&self.graph.places, place);
        let Some((target, rest)) = snap(&to) else { return vec![None; from.len()] };
        let starts: Vec<Option<(u32, f64)>> = from.iter().map(snap).collect();
        let known: Vec<u32> = starts.iter().flatten().map(|(node, _)| *node).collect();
        let mut ways = query::to_one(&self.graph, &known, target).into_iter();
        let leg = |start: Option<(u32, f64)>| {
            let (_, off) = start?;
            let (ms, metres) = ways.next().flatten()?;
            let beside = off + rest;
            let seconds = f64::from(ms) / 1_000.0 + beside / TO_THE_ROAD;
            Some(Leg {
                seconds: seconds.round() as u32,
                metres: metres.saturating_add(beside.round() as u32),
                known: Known::Roads,
            })
        };
        starts.into_iter().map(leg).collect()
    }
}
