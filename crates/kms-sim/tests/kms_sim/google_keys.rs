//! Keys of the Google face: whether others can use what it publishes, and what becomes of versions.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use serde_json::{Value, json};
use strongroom_crypto::{
    EncryptionKeySpec, EncryptionPublicKey, KeyUsages, Signature, SigningKeySpec, SigningPublicKey,
    SystemRandom,
};
use strongroom_kms_sim::{Scenario, Simulator};

use crate::google::{RING, ask, bytes, check, get, new_key, new_ring, post, with_wrapper};
use crate::house::{Reply, standing};

const MESSAGE: &[u8] = b"the message";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The SPKI out of the PEM of a version's public key.
fn spki(simulator: &Simulator, version: &str) -> Vec<u8> {
    let answer = get(simulator, &format!("{version}/publicKey")).good();
    let pem = answer["pem"].as_str().unwrap();
    let digits: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    BASE64.decode(digits.as_bytes()).unwrap()
}

fn sign(simulator: &Simulator, version: &str) -> Reply {
    let question = json!({"data": BASE64.encode(MESSAGE)});
    post(simulator, &format!("{version}:asymmetricSign"), &question)
}

fn verify(spec: SigningKeySpec, spki: &[u8], answer: &Value) {
    let public = SigningPublicKey::from_spki(spec, spki, KeyUsages::ALL).unwrap();
    let algorithm = spec.algorithm();
    let signature = Signature {
        bytes: bytes(&answer["signature"]),
        format: algorithm.format(),
        signed_by: public.fingerprint(),
        algorithm: Some(algorithm),
    };
    public.verify(MESSAGE, &signature, KeyUsages::ALL).unwrap();
    let other = public.verify(b"another", &signature, KeyUsages::ALL);
    assert!(other.is_err(), "{spec:?}");
}

#[test]
fn signatures_of_every_algorithm_verify_under_the_published_half() {
    let simulator = standing(Scenario::default());
    new_ring(&simulator);
    for (id, algorithm, spec) in [
        ("a", "EC_SIGN_P256_SHA256", SigningKeySpec::EcP256),
        ("b", "EC_SIGN_P384_SHA384", SigningKeySpec::EcP384),
        ("c", "EC_SIGN_SECP256K1_SHA256", SigningKeySpec::EcSecp256k1),
        ("d", "EC_SIGN_ED25519", SigningKeySpec::EcCurve25519),
    ] {
        let key = new_key(&simulator, id, "ASYMMETRIC_SIGN", algorithm);
        let version = format!("{key}/cryptoKeyVersions/1");
        let spki = spki(&simulator, &version);
        verify(spec, &spki, &sign(&simulator, &version).good());
    }
    let key = new_key(&simulator, "e", "ASYMMETRIC_SIGN", "PQ_SIGN_ML_DSA_65");
    let version = format!("{key}/cryptoKeyVersions/1");
    let public = format!("{version}/publicKey");
    check(get(&simulator, &public), 400, "INVALID_ARGUMENT");
    let answer = get(&simulator, &format!("{public}?publicKeyFormat=DER")).good();
    let spki = bytes(&answer["publicKey"]["data"]);
    let signed = sign(&simulator, &version).good();
    verify(SigningKeySpec::MlDsa65, &spki, &signed);
}

#[test]
fn secp256k1_is_in_hardware_only() {
    let simulator = standing(Scenario::default());
    new_ring(&simulator);
    let ask_for = |level: &str| {
        let template = json!({"algorithm": "EC_SIGN_SECP256K1_SHA256", "protectionLevel": level});
        let wishes = json!({"purpose": "ASYMMETRIC_SIGN", "versionTemplate": template});
        let resource = format!("{RING}/cryptoKeys?cryptoKeyId=k");
        post(&simulator, &resource, &wishes)
    };
    check(ask_for("SOFTWARE"), 400, "INVALID_ARGUMENT");
    ask_for("HSM").good();
}

#[test]
fn an_administrator_makes_a_key_ring_once() {
    let simulator = standing(Scenario::default());
    let location = simulator.administrator("global");
    location.create_key_ring("p", "r").unwrap();
    assert!(location.create_key_ring("p", "r").is_err());
    get(&simulator, "projects/p/locations/global/keyRings/r").good();
}

#[test]
fn a_digest_signs_as_its_message_does() {
    let simulator = standing(Scenario::default());
    new_ring(&simulator);
    let key = new_key(&simulator, "k", "ASYMMETRIC_SIGN", "EC_SIGN_P256_SHA256");
    let version = format!("{key}/cryptoKeyVersions/1");
    let hash = BASE64.encode(digest(&SHA256, MESSAGE).as_ref());
    let signs = |question: &Value| post(&simulator, &format!("{version}:asymmetricSign"), question);
    let signed = signs(&json!({"digest": {"sha256": hash}})).good();
    verify(SigningKeySpec::EcP256, &spki(&simulator, &version), &signed);
    for wrong in [
        json!({}),
        json!({"digest": {"sha384": hash}}),
        json!({"digest": {"sha256": hash}, "data": hash}),
        json!({"digest": {"sha256": hash}, "digestCrc32c": "1"}),
    ] {
        check(signs(&wrong), 400, "INVALID_ARGUMENT");
    }
}

#[test]
fn what_is_encrypted_to_a_published_rsa_key_decrypts() {
    let simulator = standing(Scenario::default());
    new_ring(&simulator);
    let algorithm = "RSA_DECRYPT_OAEP_2048_SHA256";
    let key = new_key(&simulator, "rsa", "ASYMMETRIC_DECRYPT", algorithm);
    let version = format!("{key}/cryptoKeyVersions/1");
    let spki = spki(&simulator, &version);
    let public = EncryptionPublicKey::from_spki(EncryptionKeySpec::Rsa2048, &spki).unwrap();
    let ciphertext = public.encrypt(MESSAGE, &SystemRandom).unwrap().ciphertext;
    let question = json!({"ciphertext": BASE64.encode(&ciphertext)});
    let answer = post(
        &simulator,
        &format!("{version}:asymmetricDecrypt"),
        &question,
    )
    .good();
    assert_eq!(bytes(&answer["plaintext"]), MESSAGE);
}

#[test]
fn a_version_is_destroyed_when_its_days_are_over_and_is_remembered() {
    let simulator = standing(Scenario::default());
    new_ring(&simulator);
    let resource = format!("{RING}/cryptoKeys?cryptoKeyId=k");
    let wishes = json!({
        "purpose": "ASYMMETRIC_SIGN",
        "versionTemplate": {"algorithm": "EC_SIGN_ED25519"},
        "destroyScheduledDuration": "172800s",
    });
    post(&simulator, &resource, &wishes).good();
    let version = format!("{RING}/cryptoKeys/k/cryptoKeyVersions/1");
    let destroyed = post(&simulator, &format!("{version}:destroy"), &json!({})).good();
    assert_eq!(destroyed["state"], "DESTROY_SCHEDULED");
    assert_eq!(destroyed["destroyTime"], "2027-01-17T08:00:00Z");
    check(sign(&simulator, &version), 400, "FAILED_PRECONDITION");
    simulator.advance(2 * DAY);
    let gone = get(&simulator, &version).good();
    assert_eq!(gone["state"], "DESTROYED");
    assert_eq!(gone["destroyEventTime"], "2027-01-17T08:00:00Z");
    check(sign(&simulator, &version), 400, "FAILED_PRECONDITION");
    let restore = post(&simulator, &format!("{version}:restore"), &json!({}));
    check(restore, 400, "FAILED_PRECONDITION");
}

#[test]
fn an_administrator_reaches_a_version_by_its_name() {
    let (simulator, key) = with_wrapper(Scenario::default());
    let version = format!("{key}/cryptoKeyVersions/1");
    let administrator = simulator.administrator("europe-west6");
    administrator.disable_key(&version).unwrap();
    let encrypt = || {
        post(
            &simulator,
            &format!("{key}:encrypt"),
            &json!({"plaintext": "AAAA"}),
        )
    };
    check(encrypt(), 400, "FAILED_PRECONDITION");
    assert_eq!(get(&simulator, &version).good()["state"], "DISABLED");
    administrator.enable_key(&version).unwrap();
    encrypt().good();
    assert_eq!(simulator.keys().unwrap()[0].id, version);
}

#[test]
fn a_key_rotates_as_often_as_time_has_passed() {
    let (simulator, key) = with_wrapper(Scenario::default());
    let seal = || {
        let question = json!({"plaintext": "AAAA"});
        post(&simulator, &format!("{key}:encrypt"), &question).good()
    };
    let old = seal()["ciphertext"].clone();
    let mask = "updateMask=rotationPeriod,next_rotation_time";
    let plan = json!({"rotationPeriod": "86400s", "nextRotationTime": "2027-01-16T08:00:00Z"});
    ask(&simulator, "PATCH", &format!("{key}?{mask}"), &plan).good();
    simulator.advance(3 * DAY);
    let name = seal()["name"].as_str().unwrap().to_owned();
    assert!(name.ends_with("/cryptoKeyVersions/4"), "{name}");
    let answer = get(&simulator, &key).good();
    assert_eq!(answer["nextRotationTime"], "2027-01-19T08:00:00Z");
    let question = json!({"ciphertext": old});
    let opened = post(&simulator, &format!("{key}:decrypt"), &question).good();
    assert_eq!(opened["usedPrimary"], false);
    ask(&simulator, "PATCH", &format!("{key}?{mask}"), &json!({})).good();
    simulator.advance(3 * DAY);
    assert!(seal()["name"].as_str().unwrap().ends_with("/4"));
}

#[test]
fn of_callers_who_make_the_same_key_at_once_one_has_it() {
    let simulator = standing(Scenario::default());
    new_ring(&simulator);
    let make = || {
        let wishes = json!({
            "purpose": "ASYMMETRIC_SIGN",
            "versionTemplate": {"algorithm": "EC_SIGN_P384_SHA384"},
        });
        let resource = format!("{RING}/cryptoKeys?cryptoKeyId=k");
        match post(&simulator, &resource, &wishes) {
            Reply::Answer(200, ..) => 1,
            other => {
                check(other, 409, "ALREADY_EXISTS");
                0
            }
        }
    };
    let made: u32 = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .sum()
    });
    assert_eq!(made, 1);
    sign(
        &simulator,
        &format!("{RING}/cryptoKeys/k/cryptoKeyVersions/1"),
    )
    .good();
}
