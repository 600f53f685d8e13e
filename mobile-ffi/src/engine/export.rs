//! Work that waits, written to a file for the office: the way out of a phone that cannot sync.
//!
//! The file is JSON. `runs` has the work as the protocol writes it (section 6, base64url), so that
//! nothing is lost; `changes` says the same for a person to read.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value as Json, json};
use sync_core::change::{Change, Entry, Run};
use sync_core::value::{Record, Value};

use super::Engine;
use crate::error::EngineError;
use crate::store::meta::{self, Exported};
use crate::store::runs;

/// What the first key of a file says.
const FORMAT: &str = "towline-submission 1";

impl Engine {
    /// Writes all work that waits to a file in place of what is there, on disk when this returns; how
    /// many changes. Where this store was restored without its key, another technician may be enrolled
    /// after that, unless more was saved since; the exported work is then gone from this phone.
    pub fn export_work(&self, path: impl AsRef<Path>) -> Result<u64, EngineError> {
        let clock = self.clock();
        let mut state = self.state();
        let identity = state.identity.clone().ok_or(EngineError::NotEnrolled)?;
        let (held, _) = runs::unsettled(state.store.read(), 0, usize::MAX, &Default::default())?;
        let last = held.last().map_or(0, |row| row.n);
        let changes: Vec<Json> = held.iter().flat_map(|row| readable(&row.run)).collect();
        let runs: Vec<String> =
            held.iter().map(|row| URL_SAFE_NO_PAD.encode(runs::encode(&row.run))).collect();
        let count = changes.len() as u64;
        let file = json!({
            "format": FORMAT,
            "server": identity.server_url,
            "tenant": identity.tenant,
            "device": identity.device,
            "user": identity.user,
            "exported_at": clock.wall_ms(),
            "runs": runs,
            "changes": changes,
        });
        let bytes = serde_json::to_vec_pretty(&file);
        write(path.as_ref(), &bytes.map_err(|error| EngineError::Internal(error.to_string()))?)?;
        state.store.save(|tx| meta::put(tx, &Exported(last)))?;
        Ok(count)
    }
}

/// A file of which there is all or nothing, for its owner alone.
fn write(path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&name)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&name, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

fn readable(run: &Run) -> impl Iterator<Item = Json> {
    let document = uuid::Uuid::from_bytes(*run.doc.as_bytes()).to_string();
    let kind = run.doc.kind.as_str();
    run.changes.iter().map(move |change: &Change| {
        let entries: Vec<Json> = change.entries.iter().map(entry).collect();
        json!({"kind": kind, "document": document, "time": change.time, "entries": entries})
    })
}

fn entry(entry: &Entry) -> Json {
    match entry {
        Entry::Fact { section, id, record } => {
            json!({"section": section.as_str(), "fact": id, "record": record_of(record)})
        }
        Entry::Field { section, key, value, .. } => {
            json!({"section": section.as_str(), "field": key.as_str(), "value": value_of(value)})
        }
        Entry::Section { name } => json!({"section": name.as_str()}),
    }
}

fn record_of(record: &Record) -> Map<String, Json> {
    record.iter().map(|(key, value)| (key.as_str().to_owned(), value_of(value))).collect()
}

fn value_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(yes) => json!(yes),
        Value::Int(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!(URL_SAFE_NO_PAD.encode(bytes)),
    }
}
