//! Writes small `.osm.pbf` files.

/// A way: its tags and the numbers of its nodes.
pub type Way = (Vec<(&'static str, String)>, Vec<i64>);

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn packed(out: &mut Vec<u8>, field: u64, values: impl IntoIterator<Item = u64>) {
    let mut list = Vec::new();
    values.into_iter().for_each(|value| varint(&mut list, value));
    bytes(out, field, &list);
}

fn steps(values: impl IntoIterator<Item = i64>) -> impl Iterator<Item = u64> {
    let mut before = 0;
    values.into_iter().map(move |value| {
        let step = value - std::mem::replace(&mut before, value);
        (step << 1 ^ step >> 63) as u64
    })
}

/// A block with its frame.
pub fn block(kind: &str, data: &[u8]) -> Vec<u8> {
    let (mut blob, mut header) = (Vec::new(), Vec::new());
    bytes(&mut blob, 1, data);
    bytes(&mut header, 1, kind.as_bytes());
    number(&mut header, 3, blob.len() as u64);
    let mut out = (header.len() as u32).to_be_bytes().to_vec();
    out.extend(header);
    out.extend(blob);
    out
}

/// The header that every file begins with.
pub fn header(feature: &str) -> Vec<u8> {
    let mut data = Vec::new();
    bytes(&mut data, 4, feature.as_bytes());
    block("OSMHeader", &data)
}

/// A file with nodes (number, latitude, longitude) and ways.
pub fn file(nodes: &[(i64, f64, f64)], ways: &[Way]) -> Vec<u8> {
    let (mut dense, mut group, mut data) = (Vec::new(), Vec::new(), Vec::new());
    let units = |degrees: f64| (degrees * 1e7).round() as i64;
    packed(&mut dense, 1, steps(nodes.iter().map(|it| it.0)));
    packed(&mut dense, 8, steps(nodes.iter().map(|it| units(it.1))));
    packed(&mut dense, 9, steps(nodes.iter().map(|it| units(it.2))));
    bytes(&mut group, 2, &dense);
    let mut texts: Vec<String> = vec![String::new()];
    for (tags, nodes) in ways {
        let mut index = |text: &str| {
            texts.push(text.to_owned());
            texts.len() as u64 - 1
        };
        let pairs: Vec<(u64, u64)> =
            tags.iter().map(|(key, value)| (index(key), index(value))).collect();
        let mut way = Vec::new();
        packed(&mut way, 2, pairs.iter().map(|it| it.0));
        packed(&mut way, 3, pairs.iter().map(|it| it.1));
        packed(&mut way, 8, steps(nodes.iter().copied()));
        bytes(&mut group, 3, &way);
    }
    let mut table = Vec::new();
    texts.iter().for_each(|text| bytes(&mut table, 1, text.as_bytes()));
    bytes(&mut data, 1, &table);
    bytes(&mut data, 2, &group);
    let mut out = header("DenseNodes");
    out.extend(block("OSMData", &data));
    out
}
