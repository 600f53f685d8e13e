//! The prepared graph, in the same form in memory and in the file.

use dispatch::Place;

use crate::chain::{self, Arc};
use crate::contract::{Half, Hierarchy, contract};
use crate::error::BadFile;

/// Arcs of all nodes, one node after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Where the arcs of each node begin; one entry more than nodes.
    pub first: Vec<u32>,
    pub halves: Vec<Half>,
}

/// Points with the hierarchy above them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Graph {
    pub places: Vec<Place>,
    pub up: Rows,
    pub down: Rows,
}

impl Rows {
    fn new(lists: Vec<Vec<Half>>) -> Self {
        let mut rows = Self { first: vec![0], halves: Vec::new() };
        for list in lists {
            rows.halves.extend(list);
            rows.first.push(rows.halves.len() as u32);
        }
        rows
    }

    /// The arcs of a node.
    pub fn of(&self, node: u32) -> &[Half] {
        let node = node as usize;
        &self.halves[self.first[node] as usize..self.first[node + 1] as usize]
    }

    /// Whether every row lies within the arcs, and every arc ends at a node.
    pub fn holds_for(&self, nodes: usize) -> bool {
        self.first.len() == nodes + 1
            && self.first[0] == 0
            && self.first.is_sorted()
            && self.first[nodes] as usize == self.halves.len()
            && self.halves.iter().all(|half| (half.node as usize) < nodes && half.ms > 0)
    }
}

impl Graph {
    /// Prepares the graph of a map.
    pub fn prepare(chain: chain::Chain) -> Result<Self, BadFile> {
        let (places, arcs) = connected(chain);
        if arcs.is_empty() {
            return Err(BadFile::NoRoads);
        }
        let Hierarchy { up, down } = contract(places.len(), &arcs)?;
        Ok(Self { places, up: Rows::new(up), down: Rows::new(down) })
    }
}

/// A component that cannot be left or reached and has fewer points is a car park or a map error, not an
/// island.
const ISLAND: usize = 100;

/// Drops small components without a way in or out: no journey starts or ends there.
fn connected(chain: chain::Chain) -> (Vec<Place>, Vec<Arc>) {
    let nodes = chain.places.len();
    let piece = pieces(nodes, &chain.arcs);
    let mut sizes = vec![0_usize; nodes];
    for piece in &piece {
        sizes[*piece as usize] += 1;
    }
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let stays = |node: u32| sizes[piece[node as usize] as usize] >= ISLAND.min(largest);
    let mut number = vec![u32::MAX; nodes];
    let mut places = Vec::new();
    for (node, place) in (0..).zip(&chain.places) {
        if stays(node) {
            number[node as usize] = places.len() as u32;
            places.push(*place);
        }
    }
    let kept = chain.arcs.into_iter().filter(|arc| stays(arc.from) && stays(arc.to));
    let renamed =
        kept.map(|arc| Arc { from: number[arc.from as usize], to: number[arc.to as usize], ..arc });
    (places, renamed.collect())
}

/// The strongly connected component of each node (Kosaraju), without recursion.
fn pieces(nodes: usize, arcs: &[Arc]) -> Vec<u32> {
    let lists = |end: fn(&Arc) -> (u32, u32)| {
        let mut lists = vec![Vec::new(); nodes];
        for arc in arcs {
            let (from, to) = end(arc);
            lists[from as usize].push(to);
        }
        lists
    };
    let (out, into) = (lists(|arc| (arc.from, arc.to)), lists(|arc| (arc.to, arc.from)));
    let mut order = Vec::with_capacity(nodes);
    let mut seen = vec![false; nodes];
    for root in 0..nodes as u32 {
        let mut path = vec![(root, 0)];
        if std::mem::replace(&mut seen[root as usize], true) {
            continue;
        }
        while let Some((node, next)) = path.last_mut() {
            match out[*node as usize].get(*next) {
                Some(to) => {
                    *next += 1;
                    if !std::mem::replace(&mut seen[*to as usize], true) {
                        path.push((*to, 0));
                    }
                }
                None => {
                    order.push(*node);
                    path.pop();
                }
            }
        }
    }
    let mut piece = vec![u32::MAX; nodes];
    for root in order.into_iter().rev() {
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            if piece[node as usize] == u32::MAX {
                piece[node as usize] = root;
                open.extend(
                    into[node as usize].iter().filter(|to| piece[**to as usize] == u32::MAX),
                );
            }
        }
    }
    piece
}
