//! The one row of a job that lists and searches read.

use sync_core::document::{Document, Fact};
use sync_core::schema::{Key, key, section};
use sync_core::scope;
use sync_core::value::Value;

use super::project::{Scene, bytes, int, kind};
use super::tables::Projected;

/// Adds the row of a job.
pub(super) fn row(rows: &mut Projected, scene: &Scene<'_>) {
    let document = scene.document;
    let walk_up = document.facts(&section::STATUS).find(|fact| kind(fact) == "walk_up");
    let read = |key: &Key| read(document, walk_up, key);
    let text = |key: Key| match read(&key) {
        Some(Value::Text(text)) => Some(text.clone()),
        Some(Value::Int(number)) => Some(number.to_string()),
        _ => None,
    };
    let whole = |key: Key| read(&key).and_then(Value::as_int);
    let id = |key: Key| read(&key).and_then(Value::as_bytes).map(<[u8]>::to_vec);
    let technician = scope::members(document).into_iter().find(|member| member.current);
    let (state, epoch) = state(document);
    let promised = document.field(&section::PROMISE, &key::ETA_BY).and_then(Value::as_int);
    let (number, plate, phone) = (text(key::NUMBER), text(key::PLATE), text(key::PHONE));
    let (caller, vehicle, address) = (text(key::CALLER), text(key::VEHICLE), text(key::ADDRESS));
    let vin = text(key::VIN);
    let searched = [&number, &caller, &phone, &plate, &vin, &vehicle, &address];
    let mut search = String::new();
    for word in searched.into_iter().flatten() {
        search.push_str(&word.to_lowercase());
        search.push('\n');
    }
    rows.jobs.push([
        scene.tenant.as_bytes().into(),
        document.id().as_bytes().into(),
        scene.pos.into(),
        number.into(),
        id(key::BRANCH).into(),
        state.into(),
        technician.map(|member| member.user.as_bytes().to_vec()).into(),
        epoch.into(),
        0_i64.into(),
        caller.into(),
        phone.into(),
        plate.map(|plate| plain(&plate)).into(),
        vin.map(|vin| plain(&vin)).into(),
        vehicle.into(),
        text(key::PROBLEM).into(),
        text(key::PRIORITY).into(),
        address.into(),
        whole(key::LAT).into(),
        whole(key::LON).into(),
        promised.into(),
        document.id().job().map_or(scene.now, |job| job.unix_ms()).into(),
        scene.now.into(),
        search.into(),
    ]);
}

/// Plates and VINs are compared by their letters and digits alone.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

fn read<'a>(document: &'a Document, walk_up: Option<&'a Fact>, key: &Key) -> Option<&'a Value> {
    document.field(&section::INTAKE, key).or_else(|| walk_up?.record.get(key))
}

fn state(document: &Document) -> (&'static str, i64) {
    let last = document.facts(&section::ASSIGNMENT).max_by_key(|f| int(f, &key::EPOCH));
    let epoch = last.and_then(|fact| int(fact, &key::EPOCH)).unwrap_or(0);
    let _ = bytes;
    ("received", epoch)
}
