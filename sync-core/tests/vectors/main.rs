//! Test vectors: `docs/vectors/` always holds what the code says, so that others can check theirs.
//!
//! `TOWLINE_WRITE_DOCS=1 cargo test -p sync-core --test vectors` writes the files;
//! `python3 .ci/vectors` checks them from what docs/protocol.md says, without our code.
// The test, not the crate, reads and writes files.
#![allow(clippy::disallowed_methods, clippy::expect_used)]

mod frames;
mod json;
mod money;
mod signed;
mod story;

use std::collections::BTreeMap;
use std::path::PathBuf;

use automerge::Automerge;
use json::hex;
use serde_json::{Value as Json, json};
use story::{Story, runs, tell};
use sync_core::document::{Document, fingerprint};
use sync_core::id::{ActorId, JobId, UserId, VanId};
use sync_core::schema::DocId;
use sync_core::wire::Writer;

#[test]
fn the_vectors_are_what_the_code_says() {
    let story = tell();
    let files = [
        ("primitives", primitives()),
        ("enrolment", signed::enrolment()),
        ("assertion", signed::assertion()),
        ("genesis", genesis()),
        ("document", document(&story)),
        ("request", frames::request(&story)),
        ("response", frames::response(&story)),
        ("small-frames", frames::small(&story)),
        ("refused-frames", frames::refused(&story)),
        ("receipts", signed::receipts(&story)),
        ("times", signed::times()),
        ("seal", signed::seal(&story)),
        ("money", money::money()),
        ("evidence-bundle", signed::evidence(&story)),
    ];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors");
    let write = std::env::var_os("TOWLINE_WRITE_DOCS").is_some();
    for (name, vector) in &files {
        assert!(vector["description"].is_string(), "{name} has a description");
        let path = folder.join(format!("{name}.json"));
        if write {
            let text = serde_json::to_string_pretty(vector).expect("JSON");
            std::fs::write(&path, text + "\n").expect("docs is writable");
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let written: Json = serde_json::from_str(&text).unwrap_or_default();
        assert!(
            written == *vector,
            "{name}.json differs: TOWLINE_WRITE_DOCS=1 cargo test -p sync-core --test vectors"
        );
    }
    let listed = std::fs::read_dir(&folder).expect("docs/vectors").flatten();
    let found = listed.filter(|file| file.path().extension().is_some_and(|it| it == "json"));
    assert_eq!(found.count(), files.len(), "a file that no code makes");
    // Everything in it holds together for Automerge too.
    story.document.check_by_oracle().expect("Automerge says the same");
}

fn primitives() -> Json {
    let written = |write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        hex(writer.into_bytes())
    };
    let uint = |number: u64| json!({"value": number, "bytes": written(&|it| it.uint(number))});
    let int = |number: i64| json!({"value": number, "bytes": written(&|it| it.int(number))});
    let unsigned = [0, 1, 127, 128, 300, 16_384, u64::from(u32::MAX), u64::MAX].map(uint);
    let signed = [0, -1, 1, -64, 64, 1_790_000_000_000, i64::MAX, i64::MIN].map(int);
    json!({
        "description": "Numbers and text as frames have them.",
        "uint": unsigned,
        "int": signed,
        "text": [{"value": "胎壓", "bytes": written(&|it| it.text("胎壓"))}],
        "malformed_uint": ["8000", "ff00", "ffffffffffffffffff02", "80"],
    })
}

fn genesis() -> Json {
    let tail = [15; 10];
    let docs: [DocId; 3] = [
        JobId::new(story::T0, tail).into(),
        VanId::new(story::T0, tail).into(),
        UserId::new(story::T0, tail).into(),
    ];
    let kinds = docs.map(|doc| {
        let document = Document::new(doc);
        let automerge = document.to_automerge().expect("it builds");
        let change = automerge.get_changes(&[]).remove(0);
        json!({
            "kind": json::doc(&doc)["kind"],
            "number": doc.kind.code(),
            "sections": doc.kind.genesis_sections(),
            "chunk": hex(change.raw_bytes()),
            "hash": hex(document.heads()[0].0),
            "example": {
                "id": json::doc(&doc)["id"],
                "fingerprint": json::eight(fingerprint(doc, &document.heads())),
            },
        })
    });
    json!({
        "description": "The genesis change of each kind: its Automerge chunk as Automerge writes it, and its hash.",
        "kinds": kinds,
    })
}

fn document(story: &Story) -> Json {
    let document = &story.document;
    let automerge = document.to_automerge().expect("it builds");
    let built = chunks(&automerge);
    let runs = runs(document).into_iter().map(|(run, author)| {
        let hashes = run.changes.iter().map(|change| {
            let (mut json, hash) = built[&(change.actor, change.seq)].clone();
            assert_eq!(hash, hex(story::hash(document, change).0), "Automerge's own hash");
            json["hash"] = hash.into();
            json
        });
        json!({
            "encoded": hex(signed::encoded(&run)),
            "decoded": json::run(&run),
            "user": author.user.map(|id| id.to_string()),
            "device": author.device.map(|id| id.to_string()),
            "changes": hashes.collect::<Vec<Json>>(),
        })
    });
    let mut fields = Vec::new();
    for section in document.field_sections() {
        for key in document.field_keys(section) {
            let standing = document.field_values(section, key).into_iter();
            let standing = standing
                .map(|it| json!({"operation": json::op(&it.op), "value": json::value(&it.value)}));
            fields.push(json!({
                "section": section.as_str(),
                "key": key.as_str(),
                "standing": standing.collect::<Vec<Json>>(),
            }));
        }
    }
    json!({
        "description": "A whole job: every run in an order in which each follows what it depends on, encoded and decoded; \
                        of each change its hash, dependencies, first operation and Automerge chunk; the fields as they stand.",
        "doc": json::doc(&document.id()),
        "runs": runs.collect::<Vec<Json>>(),
        "heads": document.heads().iter().map(|head| hex(head.0)).collect::<Vec<String>>(),
        "fingerprint": json::eight(document.fingerprint()),
        "fields": fields,
    })
}

/// Of each change what Automerge says of it, and its hash.
fn chunks(automerge: &Automerge) -> BTreeMap<(ActorId, u64), (Json, String)> {
    let changes = automerge.get_changes(&[]).into_iter();
    let known = changes.map(|change| {
        let actor = ActorId::of_change(change.actor_id().to_bytes()).expect("an actor");
        let json = json!({
            "seq": change.seq(),
            "first_operation": change.start_op().get(),
            "operations": change.len(),
            "deps": change.deps().iter().map(|dep| hex(dep.0)).collect::<Vec<String>>(),
            "chunk": hex(change.raw_bytes()),
        });
        ((actor, change.seq()), (json, hex(change.hash().0)))
    });
    known.collect()
}
