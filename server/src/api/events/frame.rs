//! Events in the text of server-sent events (HTML standard, 9.2).

use serde::Serialize;

/// An event; with an id, what a client sends to go on after it.
pub(super) fn event(name: &str, id: Option<&str>, data: &impl Serialize) -> String {
    // Numbers, texts and lists of our own: they are always JSON, in one line.
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    format!("event: {name}\n{id}data: {data}\n\n")
}

/// A heartbeat: no event for a program, and up to its id nothing is missed.
pub(super) fn heartbeat(id: &str) -> String {
    format!(": heartbeat\nid: {id}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_block_whatever_its_texts_hold() {
        let text = event("jobs", Some("AB"), &["a\n\ndata: b\r"]);
        assert_eq!(text, "event: jobs\nid: AB\ndata: [\"a\\n\\ndata: b\\r\"]\n\n");
        assert_eq!(event("position", None, &7), "event: position\ndata: 7\n\n");
        assert_eq!(heartbeat("AB"), ": heartbeat\nid: AB\n\n");
    }
}
