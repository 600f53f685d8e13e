//! Contraction hierarchies (Geisberger, Sanders, Schultes, Delling 2008): removes nodes one after the
//! other, the least important first. Shortcuts preserve the shortest paths between the others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::chain::Arc;
use crate::error::BadFile;

/// Nodes that a witness search settles at most. A superfluous shortcut does no harm.
const WITNESSES: usize = 80;
/// With more shortcuts than this for each arc, the input is not a road network.
const MAX_GROWTH: usize = 8;

/// One end of an arc: the other node, with time and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Half {
    pub node: u32,
    pub ms: u32,
    pub metres: u32,
}

/// For each node the arcs to and from nodes that were removed later.
#[derive(Debug, Default)]
pub(crate) struct Hierarchy {
    /// Arcs that leave a node.
    pub up: Vec<Vec<Half>>,
    /// Arcs that arrive at a node.
    pub down: Vec<Vec<Half>>,
}

/// Prepares a graph.
pub(crate) fn contract(nodes: usize, arcs: &[Arc]) -> Result<Hierarchy, BadFile> {
    let mut work = Work::new(nodes, arcs);
    let mut queue: BinaryHeap<_> =
        (0..nodes as u32).map(|node| Reverse((work.importance(node), node))).collect();
    let limit = (arcs.len() + 1_000) * MAX_GROWTH;
    let mut kept = 0;
    while let Some(Reverse((was, node))) = queue.pop() {
        // Nodes removed since may have made it more important.
        let is = work.importance(node);
        if is > was && queue.peek().is_some_and(|Reverse((next, _))| is > *next) {
            queue.push(Reverse((is, node)));
            continue;
        }
        kept += work.take_out(node);
        if kept > limit {
            return Err(BadFile::TooLarge { what: "shortcuts", limit });
        }
    }
    Ok(Hierarchy { up: work.out, down: work.into })
}

struct Work {
    /// Arcs of a node; once it is removed, the arcs that it keeps.
    out: Vec<Vec<Half>>,
    into: Vec<Vec<Half>>,
    /// The depth of the hierarchy below a node.
    level: Vec<u32>,
    // State of the witness search:
    distance: Vec<u32>,
    touched: Vec<u32>,
    queue: BinaryHeap<Reverse<(u32, u32)>>,
}

impl Work {
    fn new(nodes: usize, arcs: &[Arc]) -> Self {
        let (mut out, mut into) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
        for Arc { from, to, ms, metres } in arcs.iter().copied() {
            if from != to {
                shorten(&mut out[from as usize], Half { node: to, ms, metres });
                shorten(&mut into[to as usize], Half { node: from, ms, metres });
            }
        }
        let distance = vec![u32::MAX; nodes];
        let (level, touched) = (vec![0; nodes], Vec::new());
        Self { out, into, level, distance, touched, queue: BinaryHeap::new() }
    }

    /// The importance of a node: the shortcuts that its removal adds, and its depth.
    fn importance(&mut self, node: u32) -> i64 {
        let arcs = self.out[node as usize].len() + self.into[node as usize].len();
        let added = self.shortcuts(node).len();
        2 * (added as i64 - arcs as i64) + i64::from(self.level[node as usize])
    }

    /// The shortcuts needed if a node is removed: the start, and the arc to the end.
    fn shortcuts(&mut self, node: u32) -> Vec<(u32, Half)> {
        let (into, out) = (
            std::mem::take(&mut self.into[node as usize]),
            std::mem::take(&mut self.out[node as usize]),
        );
        let mut needed = Vec::new();
        for from in &into {
            let longest = out.iter().filter(|to| to.node != from.node).map(|to| to.ms).max();
            let Some(longest) = longest else { continue };
            self.around(from.node, node, from.ms.saturating_add(longest));
            for to in out.iter().filter(|to| to.node != from.node) {
                let ms = from.ms.saturating_add(to.ms);
                if self.distance[to.node as usize] > ms {
                    let metres = from.metres.saturating_add(to.metres);
                    needed.push((from.node, Half { node: to.node, ms, metres }));
                }
            }
        }
        self.into[node as usize] = into;
        self.out[node as usize] = out;
        needed
    }

    /// Distances from a node that avoid another node, up to `longest`.
    fn around(&mut self, start: u32, without: u32, longest: u32) {
        for node in self.touched.drain(..) {
            self.distance[node as usize] = u32::MAX;
        }
        self.queue.clear();
        self.reach(start, 0);
        let mut settled = 0;
        while let Some(Reverse((distance, node))) = self.queue.pop() {
            if distance > self.distance[node as usize] {
                continue;
            }
            settled += 1;
            if distance > longest || settled > WITNESSES {
                return;
            }
            for at in 0..self.out[node as usize].len() {
                let half = self.out[node as usize][at];
                if half.node != without {
                    self.reach(half.node, distance.saturating_add(half.ms));
                }
            }
        }
    }

    fn reach(&mut self, node: u32, distance: u32) {
        let known = &mut self.distance[node as usize];
        if distance < *known {
            if *known == u32::MAX {
                self.touched.push(node);
            }
            *known = distance;
            self.queue.push(Reverse((distance, node)));
        }
    }

    /// Removes a node; returns how many arcs it keeps.
    fn take_out(&mut self, node: u32) -> usize {
        for (from, half) in self.shortcuts(node) {
            shorten(&mut self.out[from as usize], half);
            let back = Half { node: from, ..half };
            shorten(&mut self.into[half.node as usize], back);
        }
        let depth = self.level[node as usize] + 1;
        for at in 0..self.out[node as usize].len() {
            let other = self.out[node as usize][at].node as usize;
            self.into[other].retain(|half| half.node != node);
            self.level[other] = self.level[other].max(depth);
        }
        for at in 0..self.into[node as usize].len() {
            let other = self.into[node as usize][at].node as usize;
            self.out[other].retain(|half| half.node != node);
            self.level[other] = self.level[other].max(depth);
        }
        self.out[node as usize].len() + self.into[node as usize].len()
    }
}

/// Adds an arc, or shortens the existing one.
fn shorten(arcs: &mut Vec<Half>, half: Half) {
    match arcs.iter_mut().find(|other| other.node == half.node) {
        Some(other) if other.ms > half.ms => *other = half,
        Some(_) => {}
        None => arcs.push(half),
    }
}
