//! A technician who writes what only others may.

use server::clock::random;
use sync_core::change::{Change, Entry};
use sync_core::document::Document;
use sync_core::id::{ActorId, FactId, JobId, UserId, VanId};
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::value::Value;

use super::hand::{Play, fact, note, now, run_of};
use super::{Row, Town};

pub const ROWS: &[Row] = &[
    ("sets the plate", "office_only", |t| {
        own(t, |d| d.set(section::INTAKE, key::PLATE, "X".into()))
    }),
    ("sets the price that was promised", "office_only", |t| {
        own(t, |d| d.set(section::PROMISE, key::AMOUNT, 1.into()))
    }),
    ("writes a fact where fields stand", "fields_only", |t| own(t, |_| fact(section::INTAKE, &[]))),
    ("sets a field where facts stand", "facts_only", |t| {
        own(t, |d| d.set(section::NOTES, key::TEXT, "x".into()))
    }),
    ("assigns the job to itself", "office_only", |t| {
        let me = t.mallory.user.as_bytes().to_vec();
        push(t, job(t), &|_| {
            let assign = [
                (key::KIND, "assign".into()),
                (key::EPOCH, 99.into()),
                (key::TECHNICIAN, me.clone().into()),
            ];
            fact(section::ASSIGNMENT, &assign)
        })
    }),
    ("adds a charge", "office_only", |t| {
        own(t, |_| fact(section::CHARGES, &[(key::AMOUNT, 1.into())]))
    }),
    ("decides an exception", "office_only", |t| own(t, |_| fact(section::DECISIONS, &[]))),
    ("settles a job", "server_only", |t| own(t, |_| fact(section::SETTLEMENT, &[]))),
    ("countersigns a seal", "server_only", |t| {
        own(t, |_| fact(section::SIGNATURES, &[(key::KIND, "countersigned".into())]))
    }),
    ("cancels", "office_only", |t| own(t, |_| step("cancelled", 0, Some("other")))),
    ("reopens", "office_only", |t| own(t, |_| step("reopened", 0, Some("other")))),
    ("declines and does not say why", "reason_missing", |t| own(t, |_| step("declined", 0, None))),
    ("a step under an assignment that was never theirs", "epoch_not_yours", |t| {
        own(t, |_| step("completed", 7, None))
    }),
    ("a step under the epoch before all", "epoch_not_yours", |t| {
        own(t, |_| step("completed", i64::MIN, None))
    }),
    ("a step of no epoch", "epoch_missing", |t| {
        own(t, |_| fact(section::STATUS, &[(key::KIND, "completed".into())]))
    }),
    ("a step of no kind", "kind_missing", |t| own(t, |_| fact(section::STATUS, &[]))),
    ("a step nobody knows", "kind_unknown", |t| own(t, |_| step("teleported", 0, None))),
    ("opens a job that is open", "walk_up_not_new", |t| own(t, |_| step("walk_up", 0, None))),
    ("takes back a fact that is not there", "fact_unknown", |t| own(t, |_| voids(random()))),
    ("takes back a remark of the office", "fact_not_yours", |t| {
        let (documents, _) = t.mallory.pull();
        let document = documents.get(&t.mine.into());
        let theirs = document.and_then(|d| d.facts(&section::NOTES).next().map(|fact| fact.id));
        let Some(theirs) = theirs else { return "no remark of the office".to_owned() };
        push(t, t.mine.into(), &|_| {
            fact(section::NOTES, &[(key::VOIDS, theirs.as_bytes().to_vec().into())])
        })
    }),
    ("a remark on another's job", "job_not_yours", |t| push(t, job(t), &|_| note("x"))),
    ("completes another's job", "job_not_yours", |t| {
        push(t, job(t), &|_| step("completed", 1, None))
    }),
    ("uses a part on another's job", "job_not_yours", |t| {
        push(t, job(t), &|_| fact(section::PARTS, &[(key::PART_NO, "X".into())]))
    }),
    ("signs for the customer on another's job", "job_not_yours", |t| {
        push(t, job(t), &|_| fact(section::SIGNATURES, &[(key::KIND, "seal".into())]))
    }),
    ("opens another's job as a walk-up of its own", "walk_up_not_new", |t| {
        push(t, job(t), &|_| step("walk_up", 0, None))
    }),
    ("a job that nobody ever opened", "job_not_yours", |t| {
        push(t, JobId::new(now(), random()).into(), &|_| note("x"))
    }),
    ("loads another's van", "van_not_yours", |t| {
        push(t, van(t), &|_| {
            fact(section::MOVEMENTS, &[(key::KIND, "load".into()), (key::QUANTITY, 9.into())])
        })
    }),
    ("counts another's van", "van_not_yours", |t| {
        push(t, van(t), &|_| fact(section::COUNTS, &[(key::QUANTITY, 0.into())]))
    }),
    ("drives another's van", "office_only", |t| {
        let me = t.mallory.user.as_bytes().to_vec();
        push(t, van(t), &|d| d.set(section::DETAILS, key::TECHNICIAN, me.clone().into()))
    }),
    ("a van that nobody has", "van_not_yours", |t| {
        push(t, VanId::new(now(), random()).into(), &|_| fact(section::COUNTS, &[]))
    }),
    ("gives itself a certificate", "office_only", |t| {
        push(t, t.mallory.user.into(), &|_| {
            fact(section::CERTIFICATES, &[(key::SKILL, "ev".into())])
        })
    }),
    ("another's shift", "not_yourself", |t| {
        push(t, t.bo.user.into(), &|_| fact(section::SHIFTS, &[]))
    }),
    ("a remark about another", "not_yourself", |t| push(t, t.bo.user.into(), &|_| note("x"))),
    ("renames another", "office_only", |t| {
        push(t, t.bo.user.into(), &|d| d.set(section::DETAILS, key::NAME, "X".into()))
    }),
    ("a technician of its own making", "not_yourself", |t| {
        push(t, UserId::new(now(), random()).into(), &|_| note("x"))
    }),
    ("a seal that no device signed", "seal_malformed; 200", |t| {
        let play = Play::open(&t.mallory);
        let seal = [
            (key::KIND, "seal".into()),
            (key::NAME, "X".into()),
            (key::ROLE, "customer".into()),
            (key::SHOWN, "{}".into()),
            (key::DIGEST, vec![7; 32].into()),
            (key::HEADS, vec![7; 32].into()),
            (key::STROKES, vec![7].into()),
            (key::DEVICE, t.bo.device.as_bytes().to_vec().into()),
            (key::SIGNATURE, vec![7; 64].into()),
        ];
        let run = play.run(vec![fact(section::SIGNATURES, &seal)]);
        // The attacker's own app did not check it; the server does, and the job is not harmed.
        format!("{}; {}", t.mallory.push(vec![run]), play.seen(&t.desk))
    }),
];

/// An entry on a fresh job of the attacker.
fn own(town: &Town, entry: fn(&Document) -> Entry) -> String {
    let play = Play::open(&town.mallory);
    let entry = entry(&play.document);
    town.mallory.push(vec![play.run(vec![entry])])
}

/// An entry on any document, hashed as if the attacker knew it.
fn push(town: &Town, doc: DocId, entry: &dyn Fn(&Document) -> Entry) -> String {
    let known = |hand: &super::hand::Hand| hand.pull().0.remove(&doc);
    let document = known(&town.bo).or_else(|| known(&town.mallory));
    let document = document.unwrap_or_else(|| Document::new(doc));
    let entries = vec![entry(&document)];
    let actor = ActorId::new(now(), random());
    let change = Change { actor, seq: 1, after: vec![], time: now(), entries };
    town.mallory.push(vec![run_of(&document, vec![change])])
}

fn job(town: &Town) -> DocId {
    town.acme.job.parse::<JobId>().map_or_else(|_| town.mine.into(), DocId::from)
}

fn van(town: &Town) -> DocId {
    town.acme.van.parse::<VanId>().map_or_else(|_| town.mine.into(), DocId::from)
}

fn step(kind: &str, epoch: i64, reason: Option<&str>) -> Entry {
    let mut record: Vec<(Key, Value)> = vec![(key::KIND, kind.into()), (key::EPOCH, epoch.into())];
    record.extend(reason.map(|reason| (key::REASON, reason.into())));
    let section: Section = section::STATUS;
    fact(section, &record)
}

fn voids(id: [u8; 10]) -> Entry {
    let id = FactId::new(now(), id).as_bytes().to_vec();
    fact(section::NOTES, &[(key::VOIDS, id.into())])
}
