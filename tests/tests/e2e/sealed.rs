//! A customer signs on a phone; the office exports the evidence, and it verifies from files alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use mobile_ffi::{SyncEnd, WalkUp};
use sync_core::bundle::verify_bundle;
use sync_core::id::{FactId, JobId};
use sync_core::schema::section;
use sync_core::seal::{Completeness, Countersignature, Point, SealError, Signer};

use crate::office::{Office, Phone, Wire, over_both};

/// Exchanges after which the server must long have given its word.
const EXCHANGES: usize = 10_000;

over_both!(what_a_customer_signed_is_countersigned_and_verifies_offline);

fn what_a_customer_signed_is_countersigned_and_verifies_offline(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let phone = office.phone(user, wire);
    phone.engine.sync_now().unwrap();
    let job = phone.engine.walk_up(WalkUp::default()).unwrap();
    let signer = Signer {
        name: "Lin".to_owned(),
        role: "customer".to_owned(),
        language: "en".to_owned(),
        statement: "The work was done.".to_owned(),
    };
    let prompt = phone.engine.seal_prompt(job, signer).unwrap();
    let stroke =
        vec![Point { x: 1, y: 2, t: 0, pressure: 3 }, Point { x: 5, y: 6, t: 9, pressure: 3 }];
    let seal = phone.engine.seal(prompt, vec![stroke], None).unwrap();
    sync_until_countersigned(&phone, job, seal);

    let file = office.desk.get(&format!("/v1/jobs/{job}/seals/{seal}")).unwrap().body;
    let bytes = serde_json::to_vec(&file).unwrap();
    let keys = trusted(&office);
    let evidence = verify_bundle(&bytes, &keys).unwrap();
    assert_eq!((evidence.job, evidence.seal, evidence.device), (job, seal, phone.device));
    assert!(evidence.changed_since_signed.is_empty());
    assert!(matches!(evidence.completeness, Completeness::Proven { .. }));
    let mut cut = file.clone();
    cut["runs"].as_array_mut().unwrap().pop();
    let cut = verify_bundle(&serde_json::to_vec(&cut).unwrap(), &keys);
    assert_eq!(cut, Err(SealError::Incomplete));
    assert!(verify_bundle(&bytes, &[]).is_err(), "nobody is trusted");
    let mut forged = file.clone();
    let shown = forged["shown"].as_str().unwrap().replace("Lin", "Wu");
    forged["shown"] = shown.into();
    assert!(verify_bundle(&serde_json::to_vec(&forged).unwrap(), &keys).is_err(), "forged");
}

/// The countersignature is a change like any other: the phone gets it when it syncs.
fn sync_until_countersigned(phone: &Phone, job: JobId, seal: FactId) {
    for _ in 0..EXCHANGES {
        assert_eq!(phone.engine.sync_now().unwrap().end, SyncEnd::UpToDate);
        let document = phone.engine.document(job.into()).unwrap();
        if Countersignature::all_of(&document, seal).next().is_some() {
            assert_eq!(document.facts(&section::SIGNATURES).count(), 2);
            return;
        }
    }
    panic!("the server did not countersign");
}

fn trusted(office: &Office) -> Vec<(String, VerifyingKey)> {
    let set = office.desk.get("/.well-known/jwks.json").unwrap().body;
    let keys = set["keys"].as_array().unwrap().iter();
    let key = |key: &serde_json::Value| {
        let bytes = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
        let bytes = <[u8; 32]>::try_from(bytes).unwrap();
        (key["kid"].as_str().unwrap().to_owned(), VerifyingKey::from_bytes(&bytes).unwrap())
    };
    keys.map(key).collect()
}
