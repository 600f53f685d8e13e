//! The settings file: lines of `name = value`, `#` for remarks.

use std::collections::BTreeMap;
use std::path::Path;

use super::{ConfigError, SETTINGS};

/// Reads a settings file.
///
/// # Errors
/// When it cannot be read, or a line is no setting, by its number.
pub(super) fn read_file(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| ConfigError::Unreadable { path: shown.clone(), reason: e.to_string() })?;
    let mut values = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad =
            |reason: String| ConfigError::File { path: shown.clone(), line: index + 1, reason };
        let (name, value) =
            line.split_once('=').ok_or_else(|| bad("expected `name = value`".to_owned()))?;
        let name = name.trim();
        if !SETTINGS.iter().any(|setting| setting.name == name) {
            return Err(bad(format!("there is no setting `{name}`")));
        }
        values.insert(name.to_owned(), value.trim().trim_matches('"').to_owned());
    }
    Ok(values)
}
