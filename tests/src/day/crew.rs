//! Who is on duty and with what: branches, technicians, vans and the parts they carry.

use serde::Serialize;

use super::{Wishes, words};
use crate::random::Random;

/// Where a day happens when no call says otherwise: Taipei.
const HOME: (i64, i64) = (250_330_000, 1_215_654_000);

/// A language of the people in the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Language {
    /// Chinese in traditional characters.
    Traditional,
    /// Chinese in simplified characters.
    Simplified,
    /// English.
    English,
}

impl Language {
    /// Its BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Traditional => "zh-Hant",
            Self::Simplified => "zh-Hans",
            Self::English => "en",
        }
    }
}

/// One store.
#[derive(Debug, Clone, Serialize)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Latitude and longitude, 1e-7 degrees.
    pub place: (i64, i64),
}

/// One technician with a phone and a van.
#[derive(Debug, Clone, Serialize)]
pub struct Technician {
    /// Name in the own writing.
    pub name: String,
    /// Language the phone speaks.
    pub language: Language,
    /// The store he belongs to.
    pub branch: usize,
    /// Plate of the van.
    pub van: String,
    /// What the van carries in the morning, thousandths, by part.
    pub stock: Vec<i64>,
}

/// One part of the catalogue.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Its number.
    pub number: &'static str,
    /// What it is.
    pub description: &'static str,
    /// A word of the dictionary: what it is counted in.
    pub unit: &'static str,
    /// Price of one, minor units.
    pub price: i64,
    /// ISO 4217 code.
    pub currency: &'static str,
    /// The problems it helps against; empty for all.
    #[serde(skip)]
    pub(super) against: &'static [&'static str],
}

/// Everybody and everything.
pub(super) struct Crew {
    pub(super) branches: Vec<Branch>,
    pub(super) technicians: Vec<Technician>,
    pub(super) parts: Vec<Part>,
}

/// Staffs the day around the places of its calls.
pub(super) fn crew(wishes: &Wishes, places: &[(i64, i64)], random: &Random) -> Crew {
    let mut random = random.fork("crew");
    let parts = parts();
    let middle = middle(places).unwrap_or(HOME);
    const NAMES: [&str; 6] = ["北區店", "南區店", "东区店", "West", "港口店", "Airport"];
    let branches: Vec<_> = NAMES[..(1 + wishes.technicians / 6).min(NAMES.len())]
        .iter()
        .map(|name| {
            let mut off = || random.between(-300_000, 300_000);
            Branch { name: (*name).into(), place: (middle.0 + off(), middle.1 + off()) }
        })
        .collect();
    let technicians = (0..wishes.technicians)
        .map(|index| {
            let language = match index % 6 {
                0..3 => Language::Traditional,
                3 | 4 => Language::Simplified,
                _ => Language::English,
            };
            // Few of each, so that some van is oversold by the evening.
            let stock = parts.iter().map(|_| random.between(0, 5) * 1_000).collect();
            Technician {
                name: words::person(language, &mut random),
                language,
                branch: index % branches.len(),
                van: words::plate(&mut random),
                stock,
            }
        })
        .collect();
    Crew { branches, technicians, parts }
}

fn middle(places: &[(i64, i64)]) -> Option<(i64, i64)> {
    let count = i64::try_from(places.len()).ok().filter(|count| *count > 0)?;
    let sum = places.iter().fold((0, 0), |sum, place| (sum.0 + place.0, sum.1 + place.1));
    Some((sum.0 / count, sum.1 / count))
}

fn parts() -> Vec<Part> {
    let part = |number, description, unit, price, against| Part {
        number,
        description,
        unit,
        price,
        currency: "TWD",
        against,
    };
    vec![
        part("BAT-60L", "Battery 60 Ah 電瓶", "piece", 320_000, &["battery", "no_start"]),
        part("TYR-PLUG", "Tyre plug 補胎條", "piece", 8_000, &["flat_tyre"]),
        part("TYR-2055516", "Tyre 205/55 R16 輪胎", "piece", 245_000, &["flat_tyre"]),
        part("VALVE-TR413", "Valve 氣嘴", "piece", 3_000, &["flat_tyre"]),
        part("FUEL-95", "Petrol 95 汽油", "litre", 3_120, &["fuel"]),
        part("COOL-G12", "Coolant 冷却液", "litre", 18_000, &["overheating"]),
        part("HOSE-RAD", "Radiator hose 水箱管", "piece", 42_000, &["overheating"]),
        part("FUSE-20", "Fuse 20 A 保險絲", "piece", 1_500, &["electrical", "no_start"]),
        part("BULB-H7", "Bulb H7 灯泡", "piece", 19_000, &["electrical"]),
        part("BRK-FLUID", "Brake fluid 煞車油", "litre", 26_000, &["brakes"]),
        part("STRAP-2T", "Lashing strap 綁帶", "piece", 35_000, &["accident", "stuck", "tow"]),
        part("ABSORB", "Oil absorbent 吸油棉", "set", 12_000, &["accident", "other"]),
        part("GLOVES", "Gloves 手套", "set", 2_500, &[]),
    ]
}
