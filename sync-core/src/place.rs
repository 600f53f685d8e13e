//! A place on Earth, exact to 1e-7 degrees (a centimetre), and distances between two.

use geo::{Distance, Haversine, Point};
use serde::{Deserialize, Serialize};

use crate::schema::key;
use crate::value::{Record, Value};

/// Units of a place in one degree.
const PER_DEGREE: f64 = 1e7;
const MAX_LAT: i64 = 900_000_000;
const MAX_LON: i64 = 1_800_000_000;

/// Latitude and longitude (WGS 84), always on Earth.
///
/// As JSON: `{"lat": 25.0330000, "lon": 121.5654000}` in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Degrees", into = "Degrees")]
pub struct Place {
    lat: i32,
    lon: i32,
}

/// Why numbers are not a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    /// Not a latitude.
    #[error("latitude must be a number from -90 to 90 degrees")]
    Latitude,
    /// Not a longitude.
    #[error("longitude must be a number from -180 to 180 degrees")]
    Longitude,
}

impl BadPlace {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Latitude => "latitude_out_of_range",
            Self::Longitude => "longitude_out_of_range",
        }
    }

    /// The field concerned.
    pub fn field(self) -> &'static str {
        match self {
            Self::Latitude => "lat",
            Self::Longitude => "lon",
        }
    }
}

impl Place {
    /// From units of 1e-7 degrees.
    pub fn new(lat: i64, lon: i64) -> Result<Self, BadPlace> {
        if !(-MAX_LAT..=MAX_LAT).contains(&lat) {
            return Err(BadPlace::Latitude);
        }
        if !(-MAX_LON..=MAX_LON).contains(&lon) {
            return Err(BadPlace::Longitude);
        }
        let lat = i32::try_from(lat).map_err(|_| BadPlace::Latitude)?;
        let lon = i32::try_from(lon).map_err(|_| BadPlace::Longitude)?;
        Ok(Self { lat, lon })
    }

    /// From degrees; infinite and undefined numbers are no place.
    pub fn from_degrees(lat: f64, lon: f64) -> Result<Self, BadPlace> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(BadPlace::Latitude);
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(BadPlace::Longitude);
        }
        Self::new((lat * PER_DEGREE).round() as i64, (lon * PER_DEGREE).round() as i64)
    }

    /// Latitude, 1e-7 degrees north.
    pub fn lat(&self) -> i64 {
        i64::from(self.lat)
    }

    /// Longitude, 1e-7 degrees east.
    pub fn lon(&self) -> i64 {
        i64::from(self.lon)
    }

    /// Latitude and longitude in degrees.
    pub fn degrees(&self) -> (f64, f64) {
        (f64::from(self.lat) / PER_DEGREE, f64::from(self.lon) / PER_DEGREE)
    }

    /// Great-circle distance in metres (haversine; within 0.6 % of the ellipsoid).
    pub fn distance_m(&self, other: &Self) -> f64 {
        let point = |place: &Self| {
            let (lat, lon) = place.degrees();
            Point::new(lon, lat)
        };
        Haversine.distance(point(self), point(other))
    }

    /// Puts the place into a fact.
    pub fn write(&self, record: &mut Record) {
        record.insert(key::LAT, Value::Int(self.lat()));
        record.insert(key::LON, Value::Int(self.lon()));
    }

    /// The place of a fact; absent when it names none, or none on Earth.
    pub fn read(record: &Record) -> Option<Self> {
        let int = |key| record.get(&key).and_then(Value::as_int);
        Self::new(int(key::LAT)?, int(key::LON)?).ok()
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Place {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        let degrees = |most: f64, text: &str| {
            let number = ObjectBuilder::new().schema_type(Type::Number).description(Some(text));
            number.minimum(Some(-most)).maximum(Some(most))
        };
        ObjectBuilder::new()
            .description(Some("A place on Earth (WGS 84), in degrees, kept to 1e-7 of them."))
            .property("lat", degrees(90.0, "Degrees north."))
            .property("lon", degrees(180.0, "Degrees east."))
            .required("lat")
            .required("lon")
            .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(
                false,
            )))
            .examples([serde_json::json!({"lat": 25.033, "lon": 121.5654})])
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Place {}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Degrees {
    lat: f64,
    lon: f64,
}

impl From<Place> for Degrees {
    fn from(place: Place) -> Self {
        let (lat, lon) = place.degrees();
        Self { lat, lon }
    }
}

impl TryFrom<Degrees> for Place {
    type Error = BadPlace;
    fn try_from(degrees: Degrees) -> Result<Self, BadPlace> {
        Self::from_degrees(degrees.lat, degrees.lon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_off_the_earth_cannot_be_made() {
        assert_eq!(Place::new(900_000_001, 0), Err(BadPlace::Latitude));
        assert_eq!(Place::new(0, i64::MIN), Err(BadPlace::Longitude));
        assert_eq!(Place::from_degrees(f64::NAN, 0.0), Err(BadPlace::Latitude));
        assert_eq!(Place::from_degrees(0.0, f64::INFINITY), Err(BadPlace::Longitude));
        let json = serde_json::from_str::<Place>(r#"{"lat": 91, "lon": 0}"#);
        assert!(json.is_err_and(|e| e.to_string().contains("latitude")));
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_place_survives_json_and_a_record() {
        let place = Place::new(250_330_001, -1_215_654_007).unwrap();
        let json = serde_json::to_string(&place).unwrap();
        assert_eq!(json, r#"{"lat":25.0330001,"lon":-121.5654007}"#);
        assert_eq!(serde_json::from_str::<Place>(&json).unwrap(), place);
        let mut record = Record::new();
        place.write(&mut record);
        assert_eq!(Place::read(&record), Some(place));
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn taipei_main_station_to_taipei_101_is_five_kilometres() {
        let station = Place::from_degrees(25.047_79, 121.517_08).unwrap();
        let tower = Place::from_degrees(25.033_98, 121.564_53).unwrap();
        let metres = station.distance_m(&tower);
        assert!((5_020.0..5_040.0).contains(&metres), "{metres}");
    }
}
