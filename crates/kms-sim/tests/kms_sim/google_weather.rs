//! The weather over the Google face.

use std::time::Duration;

use serde_json::json;
use strongroom_kms_sim::{
    Fault, FaultKind, Limits, LostAnswer, Outage, OutageKind, Quotas, Scenario, Simulator, Weather,
};

use crate::google::{RING, check, get, new_key, post, with_wrapper};
use crate::house::{Reply, call};

fn encrypt(simulator: &Simulator, key: &str) -> Reply {
    let question = json!({"plaintext": "AAAA"});
    post(simulator, &format!("{key}:encrypt"), &question)
}

#[test]
fn calls_above_the_quota_exhaust_a_resource() {
    let (simulator, key) = with_wrapper(Scenario::default());
    let signer = new_key(&simulator, "s", "ASYMMETRIC_SIGN", "EC_SIGN_ED25519");
    let quotas = Quotas {
        symmetric: Some(1.0),
        ..Quotas::default()
    };
    let weather = Weather {
        quotas,
        ..Weather::default()
    };
    simulator.set_weather(weather).unwrap();
    encrypt(&simulator, &key).good();
    check(encrypt(&simulator, &key), 429, "RESOURCE_EXHAUSTED");
    let sign = format!("{signer}/cryptoKeyVersions/1:asymmetricSign");
    post(&simulator, &sign, &json!({"data": "AAAA"})).good();
    simulator.advance(Duration::from_secs(1));
    encrypt(&simulator, &key).good();
    let count = simulator.calls().of("Encrypt");
    assert_eq!((count.arrived, count.succeeded, count.failed), (3, 2, 1));
}

#[test]
fn faults_are_told_in_googles_words() {
    let (simulator, key) = with_wrapper(Scenario::default());
    let other = new_key(
        &simulator,
        "other",
        "ENCRYPT_DECRYPT",
        "GOOGLE_SYMMETRIC_ENCRYPTION",
    );
    for (kind, status, code) in [
        (FaultKind::AccessDenied, 403, "PERMISSION_DENIED"),
        (FaultKind::ExpiredCredentials, 401, "UNAUTHENTICATED"),
        (FaultKind::Internal, 500, "INTERNAL"),
        (FaultKind::KeyUnavailable, 503, "UNAVAILABLE"),
        (FaultKind::LimitExceeded, 429, "RESOURCE_EXHAUSTED"),
        (FaultKind::Throttled, 429, "RESOURCE_EXHAUSTED"),
        (FaultKind::TimedOut, 504, "DEADLINE_EXCEEDED"),
    ] {
        let fault = Fault {
            key: Some("wrapper".to_owned()),
            ..Fault::of(kind, "Encrypt", 1)
        };
        let weather = Weather {
            faults: vec![fault],
            ..Weather::default()
        };
        simulator.set_weather(weather).unwrap();
        encrypt(&simulator, &other).good();
        check(encrypt(&simulator, &key), status, code);
        encrypt(&simulator, &key).good();
    }
}

#[test]
fn an_outage_concerns_its_location_and_leaves_the_other_face_alone() {
    let (simulator, key) = with_wrapper(Scenario::default());
    let outage = Outage {
        region: Some("europe-west6".to_owned()),
        ..Outage::of(OutageKind::InternalError)
    };
    let weather = Weather {
        outages: vec![outage],
        ..Weather::default()
    };
    simulator.set_weather(weather).unwrap();
    check(get(&simulator, &key), 500, "INTERNAL");
    get(&simulator, "projects/strongroom/locations/global/keyRings").good();
    call(&simulator, "ListKeys", &json!({})).good();
}

#[test]
fn an_answer_that_gets_lost_leaves_a_version_behind() {
    let (simulator, key) = with_wrapper(Scenario::default());
    let weather = Weather {
        lost_answers: vec![LostAnswer::next("CreateCryptoKeyVersion")],
        ..Weather::default()
    };
    simulator.set_weather(weather).unwrap();
    let versions = format!("{key}/cryptoKeyVersions");
    let reply = post(&simulator, &versions, &json!({}));
    assert!(matches!(reply, Reply::Cut));
    let list = get(&simulator, &versions).good();
    assert_eq!(list["totalSize"], 2);
    let count = simulator.calls().of("CreateCryptoKeyVersion");
    assert_eq!((count.arrived, count.succeeded, count.lost), (1, 1, 1));
}

#[test]
fn a_new_version_is_being_generated_as_long_as_the_weather_delays_it() {
    let (simulator, key) = with_wrapper(Scenario::default());
    let weather = Weather {
        visibility_delay_ms: 5_000,
        ..Weather::default()
    };
    simulator.set_weather(weather).unwrap();
    let versions = format!("{key}/cryptoKeyVersions");
    let made = post(&simulator, &versions, &json!({})).good();
    assert_eq!(made["state"], "PENDING_GENERATION");
    assert!(made["generateTime"].is_null());
    let second = format!("{versions}/2");
    let primary = json!({"cryptoKeyVersionId": "2"});
    let choose = || post(&simulator, &format!("{key}:updatePrimaryVersion"), &primary);
    check(choose(), 400, "FAILED_PRECONDITION");
    check(encrypt(&simulator, &second), 400, "FAILED_PRECONDITION");
    simulator.advance(Duration::from_millis(5_000));
    assert_eq!(get(&simulator, &second).good()["state"], "ENABLED");
    let name = choose().good()["primary"]["name"].clone();
    assert_eq!(name, second.as_str());
}

#[test]
fn a_project_has_room_for_so_many_versions() {
    let limits = Limits {
        keys: 1,
        ..Limits::default()
    };
    let (simulator, _) = with_wrapper(Scenario {
        limits,
        ..Scenario::default()
    });
    let resource = format!("{RING}/cryptoKeys?cryptoKeyId=second");
    let wishes = json!({"purpose": "ENCRYPT_DECRYPT"});
    let reply = post(&simulator, &resource, &wishes);
    check(reply, 429, "RESOURCE_EXHAUSTED");
    check(
        get(&simulator, &format!("{RING}/cryptoKeys/second")),
        404,
        "NOT_FOUND",
    );
}
