//! A technician who fills a job in every way: the desk and a colleague go on as if nothing was there.

use serde_json::{Value, json};
use server::clock::random;
use sync_core::change::{Change, Entry};
use sync_core::id::{ActorId, JobId};
use sync_core::limits;
use sync_core::schema::{key, section};

use super::hand::{Play, fact, note, now, run_of};
use super::{Row, Town};

/// The desk sets a field and assigns, the colleague records, the desk adds a remark and cancels.
const GO_ON: &str = "200, 200, durable, 200, 200";

/// What a job that was filled is used for afterwards.
pub const ROWS: &[Row] = &[
    ("fills a job with remarks of 30 KB", GO_ON, |t| filled(t, || vec![note(&noise(30_000))])),
    ("fills a job with remarks of one letter", GO_ON, |t| filled(t, || vec![note("x")])),
    ("fills a job with 500 parts at a time", GO_ON, |t| {
        filled(t, || (0..500).map(|_| fact(section::PARTS, &[])).collect())
    }),
    ("fills a job with the smallest values there are", GO_ON, |t| {
        filled(t, || {
            let keys = (0..60).filter_map(sync_core::schema::Key::from_code);
            let plain = keys.filter(|it| ![key::VOIDS, key::CORRECTS].contains(it));
            let record: Vec<_> = plain.map(|key| (key, true.into())).collect();
            (0..60).map(|_| fact(section::NOTES, &record)).collect()
        })
    }),
    ("fills a job with 300 actors, each after all others", GO_ON, |t| {
        let mut play = Play::open(&t.mallory);
        for _ in 0..300 {
            play.actor = ActorId::new(now(), random());
            let run = run_of(&play.document, vec![next(&play)]);
            if t.mallory.push(vec![run.clone()]) != "durable" {
                break;
            }
            play.take(&t.mallory, &run);
        }
        go_on(t, &play)
    }),
    ("fills a job with heads", GO_ON, |t| {
        let play = Play::open(&t.mallory);
        let runs = (0..limits::DOCUMENT_HEADS * 2).map(|_| {
            let actor = ActorId::new(now(), random());
            let entries = vec![note("x")];
            let change = Change { actor, seq: 1, after: Vec::new(), time: now(), entries };
            run_of(&play.document, vec![change])
        });
        t.mallory.push(runs.collect());
        go_on(t, &play)
    }),
    ("uses a part from a van that is another's", "van_not_yours", |t| {
        let mut play = Play::open(&t.mallory);
        let Ok(van) = t.acme.van.parse::<sync_core::id::VanId>() else { return String::new() };
        let job = play.document.id().as_bytes().to_vec();
        play.document = sync_core::document::Document::new(van.into());
        play.actor = ActorId::new(now(), random());
        let used = [(key::KIND, "use".into()), (key::JOB, job.into()), (key::PART_NO, "X".into())];
        t.mallory.push(vec![play.run(vec![fact(section::MOVEMENTS, &used)])])
    }),
];

/// The next change of a fresh actor, after the last of the one before it.
fn next(play: &Play) -> Change {
    let last = play.document.changes().last();
    let after = last
        .map(|(change, _)| sync_core::change::ChangeRef { actor: change.actor, seq: change.seq });
    Change {
        actor: play.actor,
        seq: 1,
        after: after.into_iter().collect(),
        time: now(),
        entries: vec![note("x")],
    }
}

fn filled(town: &Town, mut make: impl FnMut() -> Vec<Entry>) -> String {
    let mut play = Play::open(&town.mallory);
    for _ in 0..1_000 {
        let run = play.run(make());
        if town.mallory.push(vec![run.clone()]) != "durable" {
            break;
        }
        play.take(&town.mallory, &run);
    }
    go_on(town, &play)
}

fn go_on(town: &Town, play: &Play) -> String {
    let id = play.document.id();
    let path =
        format!("/v1/jobs/{}", id.job().map(|job: JobId| job.to_string()).unwrap_or_default());
    let post = |what: &str, body: &Value| town.desk.post(&format!("{path}/{what}"), body).told();
    let set = town.desk.patch(&path, &json!({"remarks": "still here"})).told();
    let given = json!({"technician": town.bo.user.to_string(), "override": true});
    let assigned = post("assign", &given);
    let Some(document) = town.bo.pull().0.remove(&id) else { return "not given".to_owned() };
    let colleague = Play { document, actor: ActorId::new(now(), random()) };
    let heads = colleague.document.changes().last();
    let after = heads.map(|(it, _)| sync_core::change::ChangeRef { actor: it.actor, seq: it.seq });
    let entries = vec![note(&noise(20_000))];
    let change = Change { after: after.into_iter().collect(), ..colleague.change(entries) };
    let recorded = town.bo.push(vec![run_of(&colleague.document, vec![change])]);
    let noted = post("notes", &json!({"text": "seen"}));
    let cancelled = post("cancel", &json!({"reason": "customer_cancelled"}));
    [set, assigned, recorded, noted, cancelled].join(", ")
}

/// Letters that do not deflate away.
fn noise(length: usize) -> String {
    let bytes = std::iter::repeat_with(random::<32>).flatten();
    bytes.map(|byte| char::from(b'a' + byte % 26)).take(length).collect()
}
