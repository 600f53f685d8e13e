//! Jobs that may be the same rescue: by plate, VIN and phone, and by place and time.

use crate::people::{Desk, NOW, Phone, random, tenant};
use crate::place::on_each_database;
use store::Likeness;
use sync_core::document::Document;
use sync_core::id::JobId;
use sync_core::job::Reason;
use sync_core::place::Place;
use sync_core::schema::{key, section};

#[test]
fn a_likely_duplicate_is_near_in_time_and_place() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let sql = store.sql().unwrap();
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let alike = Likeness {
            plate: Some("abc 1234".into()),
            place: Some(Place::new(250_340_000, 1_215_650_000).unwrap()),
            at: NOW,
            ..Likeness::default()
        };
        let found = sql.duplicates(tenant, &alike, NOW).await.unwrap();
        assert_eq!(found[0].0.summary.id, doc.job().unwrap());
        let far = Likeness {
            place: Some(Place::new(230_000_000, 1_200_000_000).unwrap()),
            ..alike.clone()
        };
        assert!(sql.duplicates(tenant, &far, NOW).await.unwrap().is_empty());
        let late = Likeness { at: NOW + 2 * 24 * 3600 * 1000, ..alike.clone() };
        assert!(sql.duplicates(tenant, &late, NOW).await.unwrap().is_empty());
        let itself = Likeness { except: doc.job(), ..alike };
        assert!(sql.duplicates(tenant, &itself, NOW).await.unwrap().is_empty());
        let nothing = Likeness::default();
        assert!(sql.duplicates(tenant, &nothing, NOW).await.unwrap().is_empty());
        store.close().await;
    });
}

#[test]
fn calls_near_in_place_and_time_are_found_by_that_alone_the_nearest_first() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let sql = store.sql().unwrap();
        let desk = Desk::new(tenant);
        let mut jobs = Vec::new();
        // North of the place by 20, 250 and 350 m, and at the place an hour ago.
        for (metres, minutes) in [(20, -29), (250, 0), (350, 0), (0, -60)] {
            let job = JobId::new(NOW + minutes * 60_000, random());
            let document = Document::new(job.into());
            let set = |key, value: i64| document.set(section::INTAKE, key, value.into());
            let lat = set(key::LAT, 250_000_000 + metres * 90);
            desk.write(&store, job.into(), vec![lat, set(key::LON, 1_210_000_000)]).await;
            jobs.push(job);
        }
        let place = Some(Place::new(250_000_000, 1_210_000_000).unwrap());
        let here = Likeness { place, at: NOW, ..Likeness::default() };
        let found = sql.duplicates(tenant, &here, NOW).await.unwrap();
        let ids: Vec<_> = found.iter().map(|(row, _)| row.summary.id).collect();
        assert_eq!(ids, jobs[..2]);
        let (_, alike) = &found[0];
        assert_eq!(alike.reasons, [Reason::PlaceAndTime]);
        assert_eq!((alike.distance_m, alike.minutes_apart), (Some(20), 29));
        let nowhere = Likeness { place: None, ..here };
        assert!(sql.duplicates(tenant, &nowhere, NOW).await.unwrap().is_empty());
        store.close().await;
    });
}
