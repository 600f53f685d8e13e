//! A phone whose store is damaged: what is readable is handed in by who has the file, and counts once, also
//! when the phone itself comes back.

use std::path::{Path, PathBuf};

use mobile_ffi::rescue::{Rescued, Submitted, submit};
use mobile_ffi::{HttpTransport, SyncEnd, SystemClock, SystemRandom, WalkUp};
use serde_json::{Value, json};
use sync_core::id::JobId;

use crate::office::{Office, Phone, Wire};

const NOTES: usize = 60;

/// A phone with work on two jobs that it has not sent, of which the files lie beside it as it died.
struct Scene {
    office: Office,
    phone: Phone,
    jobs: [JobId; 2],
    /// The store, apart from the phone that goes on.
    file: PathBuf,
    secret: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let office = Office::open();
        let phone = office.phone(office.technician("bo"), Wire::Http);
        phone.sync();
        let jobs = [(); 2].map(|()| phone.engine.walk_up(WalkUp::default()).unwrap());
        for n in 0..NOTES {
            phone
                .engine
                .note(jobs[n % 2], &format!("note {n}: the customer waits by the church"))
                .unwrap();
        }
        let path = phone.engine.path().to_owned();
        let beside = |of: &Path, ending: &str| PathBuf::from(format!("{}{ending}", of.display()));
        let file = beside(&path, ".dead");
        for ending in ["", "-wal", ".secret"] {
            std::fs::copy(beside(&path, ending), beside(&file, ending)).unwrap();
        }
        let secret = beside(&file, ".secret");
        Self { office, phone, jobs, file, secret }
    }

    /// Destroys the text wherever it stands, in the file and in its log.
    fn destroy_what_says(&self, text: &str) {
        let wal = PathBuf::from(format!("{}-wal", self.file.display()));
        let mut hits = 0;
        for path in [&self.file, &wal] {
            let mut bytes = std::fs::read(path).unwrap();
            let found: Vec<usize> = bytes
                .windows(text.len())
                .enumerate()
                .filter(|(_, window)| *window == text.as_bytes())
                .map(|(at, _)| at)
                .collect();
            hits += found.len();
            for at in found {
                bytes[at..at + text.len()].fill(b'#');
            }
            std::fs::write(path, bytes).unwrap();
        }
        assert!(hits > 0, "nothing says {text}");
    }

    fn submit(&self, unchecked: bool) -> Submitted {
        let rescued = Rescued::read(&self.file).unwrap();
        let secret = std::fs::read(&self.secret).unwrap();
        let submission = rescued.submission(&secret, unchecked).unwrap();
        let transport = HttpTransport::new(&self.office.server.url()).unwrap();
        submit(&submission, &secret, &transport, &SystemClock, &SystemRandom).unwrap()
    }

    fn notes(&self) -> usize {
        let of = |job: &JobId| {
            let seen = self.office.desk.get(&format!("/v1/jobs/{job}"));
            let notes = seen.ok().and_then(|seen| seen.body["notes"].as_array().map(Vec::len));
            notes.unwrap_or(0)
        };
        self.jobs.iter().map(of).sum()
    }

    fn accept_all(&self) -> Vec<Value> {
        let waiting = self.office.desk.get("/v1/submissions").unwrap().body;
        let mut items: Vec<Value> = waiting["items"].as_array().unwrap().clone();
        items.sort_by_key(|item| item["id"].as_str().map(str::to_owned));
        let accept = |item: &Value| {
            let path = format!("/v1/submissions/{}/accept", item["id"].as_str().unwrap());
            self.office.desk.post(&path, &json!({})).unwrap().body
        };
        items.iter().map(accept).collect()
    }
}

#[test]
fn what_a_file_still_says_is_taken_as_the_phones_own_page_and_once() {
    let scene = Scene::new();
    for _ in 0..2 {
        let done = scene.submit(false);
        assert_eq!(done.verdicts.get("durable"), Some(&(NOTES as u64 + 2)), "{done:?}");
        assert!(!done.needs_the_office());
        assert_eq!(scene.notes(), NOTES);
    }
    // The phone was not dead after all.
    scene.phone.engine.note(scene.jobs[0], "and one more").unwrap();
    scene.phone.sync();
    assert_eq!(scene.notes(), NOTES + 1);
    let log = scene.office.log();
    assert!(log.refused.is_empty());
}

#[test]
fn of_a_damaged_file_the_office_accepts_what_is_left_and_the_phone_brings_the_rest() {
    let scene = Scene::new();
    // Its fifth note on the first job is destroyed: what follows there cannot be checked.
    scene.destroy_what_says("note 8: the customer waits");
    let rescued = Rescued::read(&scene.file).unwrap();
    let [first, second] = scene.jobs.map(|job| rescued.documents[&job.into()].clone());
    assert_eq!((first.saved, first.damaged), (5, 1), "{first:?}");
    assert_eq!((second.saved, second.unchecked), (NOTES as u64 / 2 + 1, 0), "{second:?}");
    assert_eq!(first.saved + first.damaged + first.unchecked, NOTES as u64 / 2 + 1);

    let revoke = format!("/v1/devices/{}/revoke", scene.phone.device);
    scene.office.admin.post(&revoke, &json!({})).unwrap();
    let done = scene.submit(true);
    assert!(done.with_office >= 2 && done.verdicts.is_empty(), "{done:?}");
    assert_eq!(scene.notes(), 0, "nothing counts before someone has looked");
    for accepted in scene.accept_all() {
        assert_eq!(accepted["state"], "accepted", "{accepted}");
    }
    assert_eq!(scene.notes(), NOTES - 1, "all but what the damage took");
    assert_eq!(scene.submit(true).decided.get("accepted"), Some(&done.with_office));

    // The phone itself comes back for the same technician, and brings what the file had lost.
    let user = scene.phone.engine.status().unwrap().user.unwrap();
    let code = scene.office.admin.post("/v1/devices/codes", &json!({"user": user})).unwrap();
    let code = code.text("code").unwrap();
    let enrolled = scene.phone.engine.enrol(&scene.office.server.url(), &code, "phone").unwrap();
    let confirm = format!("/v1/devices/{}/confirm", enrolled.device);
    scene.office.admin.post(&confirm, &json!({"digits": enrolled.digits})).unwrap();
    assert_eq!(scene.phone.engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    assert_eq!(scene.notes(), NOTES, "each once");
}
