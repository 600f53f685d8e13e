//! What an admin command says: sentences for a person, or with `--json` one object for a program.

use serde_json::Value;

/// How a command answers.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Whether a program reads it.
    pub is_json: bool,
}

impl Output {
    /// Says what was done: `object`, or these lines.
    pub fn say(self, object: &Value, lines: &[String]) {
        if self.is_json {
            say!("{object}");
            return;
        }
        for line in lines {
            say!("{line}");
        }
    }
}
