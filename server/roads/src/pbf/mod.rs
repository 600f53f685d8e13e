//! Reads `.osm.pbf` files: only nodes and ways, only the requested data, within the format's limits.
//!
//! Format: <https://wiki.openstreetmap.org/wiki/PBF_Format>.

mod blocks;
mod wire;

use std::io::Read;

use self::blocks::each_block;
use self::wire::{Field, Message, Packed, zigzag};
use crate::error::BadFile;

/// A way: its tags and its nodes.
#[derive(Debug, Default)]
pub(crate) struct Way<'a> {
    /// Keys with values, as bytes of UTF-8.
    pub tags: Vec<(&'a [u8], &'a [u8])>,
    /// Ids of nodes.
    pub nodes: Vec<i64>,
}

impl Way<'_> {
    /// The value of a tag.
    pub fn tag(&self, key: &str) -> Option<&[u8]> {
        self.tags.iter().find(|(other, _)| *other == key.as_bytes()).map(|(_, value)| *value)
    }
}

/// Calls `each` with every way of a file.
pub(crate) fn each_way(
    source: &mut impl Read,
    mut each: impl FnMut(&Way<'_>) -> Result<(), BadFile>,
) -> Result<(), BadFile> {
    each_block(source, |block| {
        let block = Block::read(block)?;
        let mut way = Way::default();
        for group in &block.groups {
            let mut message = Message::new(group);
            while let Some((number, field)) = message.next()? {
                if let (3, Field::Bytes(bytes)) = (number, field) {
                    block.way(bytes, &mut way)?;
                    each(&way)?;
                }
            }
        }
        Ok(())
    })
}

/// Calls `each` with every node of a file: id, latitude and longitude in degrees.
pub(crate) fn each_node(
    source: &mut impl Read,
    mut each: impl FnMut(i64, f64, f64),
) -> Result<(), BadFile> {
    each_block(source, |block| {
        let block = Block::read(block)?;
        for group in &block.groups {
            let mut message = Message::new(group);
            while let Some((number, field)) = message.next()? {
                match (number, field) {
                    (1, Field::Bytes(bytes)) => block.node(bytes, &mut each)?,
                    (2, Field::Bytes(bytes)) => block.dense(bytes, &mut each)?,
                    _ => {}
                }
            }
        }
        Ok(())
    })
}

/// One block of data.
struct Block<'a> {
    texts: Vec<&'a [u8]>,
    groups: Vec<&'a [u8]>,
    granularity: i64,
    lat_offset: i64,
    lon_offset: i64,
}

impl<'a> Block<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, BadFile> {
        let (texts, groups) = (Vec::new(), Vec::new());
        let mut block = Self { texts, groups, granularity: 100, lat_offset: 0, lon_offset: 0 };
        let mut message = Message::new(bytes);
        while let Some((number, field)) = message.next()? {
            match (number, field) {
                (1, Field::Bytes(table)) => {
                    let mut table = Message::new(table);
                    while let Some((number, field)) = table.next()? {
                        if let (1, Field::Bytes(text)) = (number, field) {
                            block.texts.push(text);
                        }
                    }
                }
                (2, Field::Bytes(group)) => block.groups.push(group),
                (17, Field::Number(number)) => block.granularity = number as i64,
                (19, Field::Number(number)) => block.lat_offset = number as i64,
                (20, Field::Number(number)) => block.lon_offset = number as i64,
                _ => {}
            }
        }
        Ok(block)
    }

    fn degrees(&self, offset: i64, value: i64) -> f64 {
        offset.wrapping_add(self.granularity.wrapping_mul(value)) as f64 * 1e-9
    }

    fn text(&self, index: u64) -> Result<&'a [u8], BadFile> {
        let text = usize::try_from(index).ok().and_then(|index| self.texts.get(index));
        text.copied().ok_or(BadFile::Pbf("a tag points at no text"))
    }

    fn node(&self, bytes: &[u8], each: &mut impl FnMut(i64, f64, f64)) -> Result<(), BadFile> {
        let (mut id, mut lat, mut lon) = (0, 0, 0);
        let mut message = Message::new(bytes);
        while let Some((number, field)) = message.next()? {
            match (number, field) {
                (1, Field::Number(number)) => id = zigzag(number),
                (8, Field::Number(number)) => lat = zigzag(number),
                (9, Field::Number(number)) => lon = zigzag(number),
                _ => {}
            }
        }
        each(id, self.degrees(self.lat_offset, lat), self.degrees(self.lon_offset, lon));
        Ok(())
    }

    fn dense(&self, bytes: &[u8], each: &mut impl FnMut(i64, f64, f64)) -> Result<(), BadFile> {
        let [mut ids, mut lats, mut lons] = [Packed::default(); 3];
        let mut message = Message::new(bytes);
        while let Some((number, field)) = message.next()? {
            match (number, field) {
                (1, Field::Bytes(bytes)) => ids = Packed::new(bytes),
                (8, Field::Bytes(bytes)) => lats = Packed::new(bytes),
                (9, Field::Bytes(bytes)) => lons = Packed::new(bytes),
                _ => {}
            }
        }
        let (mut id, mut lat, mut lon) = (0_i64, 0_i64, 0_i64);
        while let Some(step) = ids.signed()? {
            id = id.wrapping_add(step);
            lat = lat.wrapping_add(zigzag(lats.need()?));
            lon = lon.wrapping_add(zigzag(lons.need()?));
            each(id, self.degrees(self.lat_offset, lat), self.degrees(self.lon_offset, lon));
        }
        Ok(())
    }

    fn way(&self, bytes: &'a [u8], way: &mut Way<'a>) -> Result<(), BadFile> {
        way.tags.clear();
        way.nodes.clear();
        let [mut keys, mut values, mut nodes] = [Packed::default(); 3];
        let mut message = Message::new(bytes);
        while let Some((number, field)) = message.next()? {
            match (number, field) {
                (2, Field::Bytes(bytes)) => keys = Packed::new(bytes),
                (3, Field::Bytes(bytes)) => values = Packed::new(bytes),
                (8, Field::Bytes(bytes)) => nodes = Packed::new(bytes),
                _ => {}
            }
        }
        while let Some(key) = keys.next()? {
            way.tags.push((self.text(key)?, self.text(values.need()?)?));
        }
        let mut id = 0_i64;
        while let Some(step) = nodes.signed()? {
            id = id.wrapping_add(step);
            way.nodes.push(id);
        }
        Ok(())
    }
}
