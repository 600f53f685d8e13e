//! The office takes jobs away from technicians who cannot know it: nobody's work is lost, and
//! what crossed is decided by a person.

use mobile_ffi::SyncEnd;
use sync_core::id::{JobId, UserId};
use sync_core::job::Step;

use crate::office::{Office, Phone, Wire, over_both};

over_both!(
    work_done_before_the_next_one_set_off_completes_the_job,
    work_that_crossed_the_next_ones_is_kept_and_waits_for_a_decision,
    work_on_a_job_that_was_cancelled_meanwhile_is_kept_and_waits_for_a_decision,
    a_job_taken_away_before_anything_was_done_leaves_the_phone,
);

const THERE: [Step; 4] = [Step::Accepted, Step::EnRoute, Step::OnScene, Step::Working];

/// A job on the phone of a first technician, who is out of coverage from now on, and a second.
struct Scene {
    office: Office,
    job: JobId,
    first: Phone,
    second: Phone,
    users: [UserId; 2],
}

impl Scene {
    fn new(wire: Wire) -> Self {
        let office = Office::open();
        let users = [office.technician("an"), office.technician("bo")];
        let job = office.job();
        office.assign(job, users[0]);
        let (first, second) = (office.phone(users[0], wire), office.phone(users[1], wire));
        first.sync();
        assert!(first.engine.job(job).is_ok() && second.engine.job(job).is_err());
        Self { office, job, first, second, users }
    }

    fn all_is_there(&self) {
        let log = self.office.log();
        self.first.assert_all_on(&log);
        assert!(log.refused.is_empty());
        // Whoever still has the job holds the very document the server holds.
        let document = &log.documents[&self.job.into()];
        let holding: Vec<_> =
            [&self.first, &self.second].into_iter().filter(|phone| has(phone, self.job)).collect();
        assert!(!holding.is_empty());
        for phone in holding {
            let held = phone.engine.document(self.job.into()).unwrap();
            assert_eq!(held.fingerprint(), document.fingerprint());
        }
        assert!(document.check_by_oracle().is_ok());
    }
}

fn has(phone: &Phone, job: JobId) -> bool {
    phone.engine.jobs().unwrap().iter().any(|(listed, _)| *listed == job)
}

fn work_done_before_the_next_one_set_off_completes_the_job(wire: Wire) {
    let mut scene = Scene::new(wire);
    scene.first.work(scene.job, &THERE);
    scene.office.assign(scene.job, scene.users[1]);
    scene.second.sync();
    scene.second.work(scene.job, &[Step::Accepted]);
    scene.second.sync();
    scene.first.work(scene.job, &[Step::Completed]);
    scene.first.sync();
    scene.second.sync();
    let seen = scene.office.see(scene.job);
    assert_eq!((seen.state(), seen.technician()), ("completed", Some(scene.users[0])));
    assert!(!seen.waiting().contains(&"superseded_completed"));
    scene.first.sync();
    scene.all_is_there();
}

fn work_that_crossed_the_next_ones_is_kept_and_waits_for_a_decision(wire: Wire) {
    let mut scene = Scene::new(wire);
    scene.first.work(scene.job, &THERE);
    scene.office.assign(scene.job, scene.users[1]);
    scene.second.sync();
    scene.second.work(scene.job, &[Step::Accepted, Step::EnRoute]);
    scene.second.sync();
    scene.first.work(scene.job, &[Step::Completed]);
    scene.first.sync();
    scene.second.sync();
    assert!(scene.office.see(scene.job).waiting().contains(&"superseded_completed"));
    let choice = serde_json::json!({"about": "superseded_completed", "choice": "bill_this"});
    scene.office.desk.post(&format!("/v1/jobs/{}/decisions", scene.job), &choice).unwrap();
    let seen = scene.office.see(scene.job);
    assert!(!seen.waiting().contains(&"superseded_completed"));
    assert_eq!((seen.state(), seen.technician()), ("completed", Some(scene.users[0])));
    scene.first.sync();
    scene.second.sync();
    scene.all_is_there();
}

fn work_on_a_job_that_was_cancelled_meanwhile_is_kept_and_waits_for_a_decision(wire: Wire) {
    let mut scene = Scene::new(wire);
    scene.first.work(scene.job, &THERE);
    scene.office.cancel(scene.job);
    scene.first.work(scene.job, &[Step::Completed]);
    let report = scene.first.engine.sync_now().unwrap();
    assert_eq!((report.end, report.refused), (SyncEnd::UpToDate, 0));
    let seen = scene.office.see(scene.job);
    assert_eq!(seen.state(), "cancelled");
    assert!(seen.waiting().contains(&"cancelled_with_field_work"));
    scene.all_is_there();
}

fn a_job_taken_away_before_anything_was_done_leaves_the_phone(wire: Wire) {
    let scene = Scene::new(wire);
    scene.office.assign(scene.job, scene.users[1]);
    scene.first.sync();
    scene.second.sync();
    assert!(!has(&scene.first, scene.job), "a ghost job stays on the phone");
    assert!(has(&scene.second, scene.job));
    assert_eq!(scene.office.see(scene.job).technician(), Some(scene.users[1]));
}
