//! A day without coverage: everything recorded arrives once, even when the answer to it is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mobile_ffi::{
    Attachment, Connector, NetError, PartUsed, Post, Reply, SyncEnd, Transport, WalkUp,
};
use serde_json::json;
use sync_core::bundle::bundle;
use sync_core::id::{JobId, VanId};
use sync_core::job::Step;
use sync_core::schema::{key, section};
use sync_core::seal::{Point, Seal, Signer};
use sync_core::value::Value;

use crate::office::{Office, Phone, Wire, over_both};

over_both!(
    an_offline_day_reaches_the_desk_once,
    an_answer_that_is_lost_costs_nothing_and_doubles_nothing,
    two_phones_of_one_technician_hold_the_same,
);

fn an_offline_day_reaches_the_desk_once(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let van = json!({"name": "Van 1", "plate": "VAN-0001", "technician": user});
    let van: VanId =
        office.admin.post("/v1/vans", &van).unwrap().text("id").unwrap().parse().unwrap();
    let part = json!({"description": "Headlight bulb", "unit_price": 15_000, "currency": "TWD"});
    office.admin.put("/v1/parts/H7", &part).unwrap();
    let load = json!({"movements": [{"kind": "load", "part_no": "H7", "quantity": 5000}]});
    office.admin.post(&format!("/v1/vans/{van}/movements"), &load).unwrap();
    let jobs = [office.job(), office.job()];
    jobs.iter().for_each(|job| office.assign(*job, user));
    let mut phone = office.phone(user, wire);
    phone.sync();

    for job in jobs {
        rescue(&mut phone, job);
    }
    let walk_up = phone.engine.walk_up(WalkUp::default()).unwrap();
    phone.engine.note(walk_up, "隧道內沒有訊號。").unwrap();
    phone.note_saved(walk_up);
    phone.note_saved(van);
    // Nothing reached the server yet, and closing the app loses nothing.
    assert!(office.log().from_phones.is_empty());
    let phone = phone.reopen();
    let waiting = phone.engine.status().unwrap().waiting;

    let report = phone.engine.sync_now().unwrap();
    assert_eq!((report.end, report.durable, report.refused), (SyncEnd::UpToDate, waiting, 0));
    let log = office.log();
    phone.assert_all_on(&log);
    assert_eq!(log.from_phones.len(), phone.ledger.len());
    assert_eq!(phone.engine.status().unwrap().waiting, 0);
    for job in jobs {
        assert_eq!(office.see(job).state(), "completed");
        assert_eq!(office.see(job).waiting(), Vec::<&str>::new());
    }
    assert_eq!(office.see(walk_up).technician(), Some(user));
    let stock = office.admin.get(&format!("/v1/vans/{van}")).unwrap().body;
    assert_eq!(stock["stock"]["lines"][0]["quantity"], json!(3000));

    // Again: one round trip, nothing to say.
    let again = phone.engine.sync_now().unwrap();
    assert_eq!((again.round_trips, again.durable, again.end), (1, 0, SyncEnd::UpToDate));
    assert_eq!(office.log().from_phones, log.from_phones);
}

fn an_answer_that_is_lost_costs_nothing_and_doubles_nothing(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let lost = Arc::new(AtomicUsize::new(0));
    let connector = Lossy { inner: wire.connector(), left: Arc::clone(&lost) };
    let mut phone = office.phone_with(user, Arc::new(connector));
    let job = phone.engine.walk_up(WalkUp::default()).unwrap();
    phone.engine.note(job, "sent three times").unwrap();
    phone.note_saved(job);
    lost.store(2, Ordering::SeqCst);
    for _ in 0..2 {
        let end = phone.engine.sync_now().unwrap().end;
        assert!(matches!(end, SyncEnd::Failed(NetError::Cut(_))), "{end:?}");
        assert_eq!(phone.engine.status().unwrap().waiting, 2);
    }
    phone.sync();
    assert_eq!(phone.engine.status().unwrap().waiting, 0);
    phone.assert_all_on(&office.log());
}

fn two_phones_of_one_technician_hold_the_same(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let (mut first, mut second) = (office.phone(user, wire), office.phone(user, wire));
    let job = first.engine.walk_up(WalkUp::default()).unwrap();
    first.note_saved(job);
    first.sync();
    second.sync();
    first.engine.note(job, "from the first").unwrap();
    second.engine.note(job, "from the second").unwrap();
    first.note_saved(job);
    second.note_saved(job);
    [&first, &second, &first].iter().for_each(|phone| phone.sync());
    let held = |phone: &Phone| phone.engine.document(job.into()).unwrap().fingerprint();
    assert_eq!(held(&first), held(&second));
    first.assert_all_on(&office.log());
}

/// A whole rescue with a part, a checklist and a signature.
fn rescue(phone: &mut Phone, job: JobId) {
    phone.work(job, &[Step::Accepted, Step::EnRoute, Step::OnScene, Step::Working]);
    let engine = &phone.engine;
    let document = engine.document(job.into()).unwrap();
    for missing in sync_core::job::usual_steps(
        document.field(&section::INTAKE, &key::PROBLEM).and_then(Value::as_text),
    ) {
        engine.checklist(job, missing, "pass", None).unwrap();
    }
    let photo = Attachment {
        sha256: [7; 32],
        media_type: "image/jpeg".to_owned(),
        size: 1_800_000,
        stage: Some("before".to_owned()),
        note: None,
    };
    engine.attach(job, photo).unwrap();
    engine.odometer(job, 48_210).unwrap();
    engine.finding(job, "correction", "wheel changed").unwrap();
    let part = PartUsed {
        part_no: "H7".to_owned(),
        quantity: 1_000,
        unit_price: Some(19_000),
        currency: Some("TWD".to_owned()),
        ..PartUsed::default()
    };
    engine.use_part(job, part).unwrap();
    let signer = Signer {
        name: "林小姐".to_owned(),
        role: "owner".to_owned(),
        language: "zh-Hant".to_owned(),
        statement: "本人確認以上服務項目與金額無誤。".to_owned(),
    };
    let prompt = engine.seal_prompt(job, signer).unwrap();
    let stroke = (0..40).map(|i| Point { x: i * 9, y: i * i, t: i as u32 * 16, pressure: 700 });
    let seal = engine.seal(prompt, vec![stroke.collect()], None).unwrap();
    let document = engine.document(job.into()).unwrap();
    let fact = document.fact(&section::SIGNATURES, &seal).unwrap();
    assert!(Seal::of(job, fact).is_ok() && bundle(&document, seal).is_ok());
    phone.work(job, &[Step::Completed]);
}

/// Loses the next answers to sync frames, after the server has acted.
struct Lossy {
    inner: Arc<dyn Connector>,
    left: Arc<AtomicUsize>,
}

impl Connector for Lossy {
    fn connect(&self, server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        let inner = self.inner.connect(server_url)?;
        Ok(Arc::new(LossyTransport { inner, left: Arc::clone(&self.left) }))
    }
}

struct LossyTransport {
    inner: Arc<dyn Transport>,
    left: Arc<AtomicUsize>,
}

impl Transport for LossyTransport {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        self.inner.post(request)
    }

    fn sync(&self, bearer: &str, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        let answer = self.inner.sync(bearer, frame)?;
        let lose = |left: usize| left.checked_sub(1);
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose) {
            Ok(_) => Err(NetError::Cut("lost on the way back".to_owned())),
            Err(_) => Ok(answer),
        }
    }
}
