//! Travel times from many places to one: one search back from the target, one forward from each start, both
//! only upward. They meet at the top of the shortest path.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::graph::{Graph, Rows};

/// Travel time, milliseconds, and length, metres.
pub(crate) type TimeAndLength = (u32, u32);

/// The ways from each of `starts` to `target`; none if there is no way.
pub(crate) fn to_one(graph: &Graph, starts: &[u32], target: u32) -> Vec<Option<TimeAndLength>> {
    let back = upward(&graph.down, target);
    let mut known: HashMap<u32, Option<TimeAndLength>> = HashMap::new();
    starts
        .iter()
        .map(|start| *known.entry(*start).or_insert_with(|| meet(graph, *start, &back)))
        .collect()
}

/// All nodes above a node, with the way to each.
fn upward(rows: &Rows, start: u32) -> HashMap<u32, TimeAndLength> {
    let mut ways = HashMap::new();
    let mut queue = BinaryHeap::from([Reverse((0_u32, start, 0_u32))]);
    while let Some(Reverse((ms, node, metres))) = queue.pop() {
        if ways.contains_key(&node) {
            continue;
        }
        ways.insert(node, (ms, metres));
        for half in rows.of(node) {
            if !ways.contains_key(&half.node) {
                let way = (ms.saturating_add(half.ms), metres.saturating_add(half.metres));
                queue.push(Reverse((way.0, half.node, way.1)));
            }
        }
    }
    ways
}

fn meet(graph: &Graph, start: u32, back: &HashMap<u32, TimeAndLength>) -> Option<TimeAndLength> {
    let mut best: Option<TimeAndLength> = None;
    let mut done: HashMap<u32, ()> = HashMap::new();
    let mut queue = BinaryHeap::from([Reverse((0_u32, start, 0_u32))]);
    while let Some(Reverse((ms, node, metres))) = queue.pop() {
        // No node further up can give a shorter way.
        if best.is_some_and(|(best, _)| ms >= best) {
            break;
        }
        if done.insert(node, ()).is_some() {
            continue;
        }
        if let Some((rest, rest_metres)) = back.get(&node) {
            let way = (ms.saturating_add(*rest), metres.saturating_add(*rest_metres));
            if best.is_none_or(|best| way < best) {
                best = Some(way);
            }
        }
        for half in graph.up.of(node) {
            if !done.contains_key(&half.node) {
                let way = (ms.saturating_add(half.ms), metres.saturating_add(half.metres));
                queue.push(Reverse((way.0, half.node, way.1)));
            }
        }
    }
    best
}
