//! Roads: times are those of the shortest ways, and no file does harm.

#![allow(clippy::unwrap_used)]

mod map;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Cursor;

use dispatch::Place;
use dispatch::travel::{Known, TravelTimes};
use map::{Way, file};
use proptest::prelude::*;
use roads::{BadFile, Roads};

const SIDE: i64 = 9;
/// Degrees between two corners: about 111 m, so that each is kept only where ways meet.
const STEP: f64 = 0.001;

fn place(node: i64) -> (f64, f64) {
    (42.5 + (node / SIDE) as f64 * STEP, 1.5 + (node % SIDE) as f64 * STEP)
}

fn prepare(bytes: Vec<u8>) -> Result<Roads, BadFile> {
    Roads::prepare(&mut Cursor::new(bytes))
}

fn tags(highway: &str, oneway: bool) -> Vec<(&'static str, String)> {
    let mut tags = vec![("highway", highway.to_owned())];
    if oneway {
        tags.push(("oneway", "yes".to_owned()));
    }
    tags
}

/// A town of square blocks: some streets are missing, some fast, some one-way.
fn town(choices: &[u8]) -> (Vec<(i64, f64, f64)>, Vec<Way>) {
    let nodes = (0..SIDE * SIDE).map(|node| (node, place(node).0, place(node).1)).collect();
    let mut ways = Vec::new();
    let mut choice = choices.iter().cycle();
    for node in 0..SIDE * SIDE {
        for (other, inside) in
            [(node + 1, node % SIDE + 1 < SIDE), (node + SIDE, node / SIDE + 1 < SIDE)]
        {
            let kind = choice.next().copied().unwrap_or(0);
            let highway = ["residential", "primary", "service", "footway"][usize::from(kind % 4)];
            if inside {
                ways.push((tags(highway, kind & 4 > 0), vec![node, other]));
            }
        }
    }
    (nodes, ways)
}

/// Milliseconds by Dijkstra's algorithm over the ways themselves.
fn slow(ways: &[Way], from: i64) -> Vec<Option<u64>> {
    let speed = |highway: &str| match highway {
        "residential" => Some(24.0),
        "primary" => Some(55.0),
        "service" => Some(14.0),
        _ => None,
    };
    let mut arcs = vec![Vec::new(); (SIDE * SIDE) as usize];
    for (tags, nodes) in ways {
        let Some(speed) = speed(&tags[0].1) else { continue };
        let [a, b] = [nodes[0], nodes[1]];
        let at = |node: i64| Place::new(place(node).0, place(node).1).unwrap();
        let ms = (at(a).metres_to(&at(b)) * 3_600.0 / speed).round() as u64;
        arcs[a as usize].push((b, ms));
        if tags.len() == 1 {
            arcs[b as usize].push((a, ms));
        }
    }
    let mut times = vec![None; arcs.len()];
    let mut queue = BinaryHeap::from([Reverse((0, from))]);
    while let Some(Reverse((ms, node))) = queue.pop() {
        if times[node as usize].is_none() {
            times[node as usize] = Some(ms);
            for (other, more) in &arcs[node as usize] {
                queue.push(Reverse((ms + more, *other)));
            }
        }
    }
    times
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn times_are_those_of_the_shortest_way(
        choices in proptest::collection::vec(any::<u8>(), 150),
        from in 0..SIDE * SIDE,
    ) {
        let (nodes, ways) = town(&choices);
        let Ok(roads) = prepare(file(&nodes, &ways)) else { return Ok(()) };
        let times = slow(&ways, from);
        let at = |node: i64| Place::new(place(node).0, place(node).1).unwrap();
        let is_there = |node: i64| roads.points().iter().any(|it| it.metres_to(&at(node)) < 0.1);
        if !is_there(from) {
            return Ok(());
        }
        for target in (0..SIDE * SIDE).filter(|target| is_there(*target)) {
            let leg = roads.to_one(&[at(from)], at(target))[0];
            let seconds = times[target as usize].map(|ms| ms as f64 / 1_000.0);
            // Between two pieces that cannot be left and reached, the only way may lead through one that
            // was too small to keep.
            let is_one_piece = slow(&ways, target)[from as usize].is_some();
            match (leg, seconds) {
                (Some(leg), Some(seconds)) => {
                    let more = f64::from(leg.seconds) - seconds;
                    prop_assert!(more > -0.6 && (more < 0.6 || !is_one_piece), "{:?} {}", leg, seconds);
                    prop_assert_eq!(leg.known, Known::Roads);
                }
                (Some(leg), None) => prop_assert!(false, "{:?} leads nowhere", leg),
                (None, seconds) => prop_assert!(seconds.is_none() || !is_one_piece),
            }
        }
    }

    #[test]
    fn a_prepared_file_reads_back_and_no_damage_passes(
        choices in proptest::collection::vec(0_u8..3, 150),
        at: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        let (nodes, ways) = town(&choices);
        let roads = prepare(file(&nodes, &ways)).unwrap();
        let mut bytes = Vec::new();
        roads.write(&mut bytes).unwrap();
        let again = Roads::read(&mut bytes.as_slice()).unwrap();
        prop_assert_eq!(again.size(), roads.size());
        let ends = [roads.points()[0], roads.points()[roads.points().len() - 1]];
        prop_assert_eq!(again.to_one(&ends, ends[0]), roads.to_one(&ends, ends[0]));
        let at = at.index(bytes.len());
        prop_assert!(Roads::read(&mut &bytes[..at]).is_err(), "cut at {}", at);
        let mut longer = bytes.clone();
        longer.push(0);
        prop_assert!(Roads::read(&mut longer.as_slice()).is_err());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(Roads::read(&mut bytes.as_slice()).is_err(), "bit {} of byte {}", bit, at);
    }

    #[test]
    fn a_damaged_map_is_refused_or_read_and_never_more(
        choices in proptest::collection::vec(any::<u8>(), 20),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut: prop::sample::Index,
    ) {
        let (nodes, ways) = town(&choices);
        let mut bytes = file(&nodes, &ways);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = prepare(bytes.clone());
        bytes.truncate(cut.index(bytes.len()));
        let _ = prepare(bytes);
    }
}

#[test]
fn a_long_bend_is_a_chain_of_points_and_a_one_way_street_has_one_direction() {
    let mut nodes: Vec<(i64, f64, f64)> =
        (0..200).map(|it| (it, 42.5 + f64::from(it as i32) * 0.0003, 1.5)).collect();
    nodes.push((900, 42.5, 1.6));
    let there = (tags("primary", true), (0..200).collect());
    let back = (tags("primary", true), vec![199, 900, 0]);
    let roads = prepare(file(&nodes, &[there, back])).unwrap();
    // 33 m apart: the first after 200 m is kept, which is every sixth.
    assert!((34..38).contains(&roads.size().points), "{:?}", roads.size());
    let [south, north] = [0, 199].map(|it| Place::new(nodes[it].1, nodes[it].2).unwrap());
    let legs = |from, to| roads.to_one(&[from], to)[0].unwrap();
    let straight = south.metres_to(&north);
    assert!((f64::from(legs(south, north).metres) - straight).abs() < 30.0);
    assert!(f64::from(legs(north, south).metres) > 2.0 * straight, "back is the long way");
}

#[test]
fn who_is_far_from_any_road_has_no_leg() {
    let (nodes, ways) = town(&[0]);
    let roads = prepare(file(&nodes, &ways)).unwrap();
    let here = Place::new(42.504, 1.504).unwrap();
    let far = Place::new(43.5, 1.5).unwrap();
    assert_eq!(roads.to_one(&[far, here], here)[0], None);
    assert!(roads.to_one(&[far, here], here)[1].is_some());
    assert_eq!(roads.to_one(&[here], far), [None]);
    let beside = Place::new(42.504, 1.5145).unwrap();
    let leg = roads.to_one(&[beside], here)[0].unwrap();
    assert!(leg.seconds > 100, "half a kilometre to the road takes its time: {leg:?}");
}

#[test]
fn what_is_no_map_says_so() {
    let said = |bytes: Vec<u8>| prepare(bytes).unwrap_err().to_string();
    assert!(said(vec![]).contains("empty"));
    assert!(said(b"<osm></osm>".to_vec()).contains("not an .osm.pbf"));
    assert!(said(map::header("HistoricalInformation")).contains("HistoricalInformation"));
    assert!(said(map::header("DenseNodes")).contains("no road"));
    let footpaths = [(tags("footway", false), vec![0, 1])];
    assert!(said(file(&[(0, 42.5, 1.5), (1, 42.6, 1.5)], &footpaths)).contains("no road"));
    let missing = [(tags("primary", false), vec![7, 8])];
    assert!(
        said(file(&[(0, 42.5, 1.5)], &missing)).contains("no road"),
        "its points are elsewhere"
    );
    let not_prepared = Roads::read(&mut map::header("DenseNodes").as_slice()).unwrap_err();
    assert!(not_prepared.to_string().contains("prepare one from an .osm.pbf"));
    let mut newer = b"TWLROADS".to_vec();
    newer.extend(9_u32.to_le_bytes());
    assert!(Roads::read(&mut newer.as_slice()).unwrap_err().to_string().contains("version 9"));
    let mut lies = b"TWLROADS".to_vec();
    lies.extend(
        [1_u32, 8_000_000, 100_000_000, 100_000_000].iter().flat_map(|it| it.to_le_bytes()),
    );
    assert!(Roads::read(&mut lies.as_slice()).unwrap_err().to_string().contains("cut"));
}
