//! What time and administrators do to keys, and what clients of Python cannot see.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_kms_sim::{Limits, Scenario, Simulator};

use crate::house::{REGION, call, call_in, new_key, standing};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn encrypt(simulator: &Simulator, id: &str) -> Value {
    let body = json!({"KeyId": id, "Plaintext": "AAAA", "EncryptionContext": {"vault": "1"}});
    call(simulator, "Encrypt", &body).good()["CiphertextBlob"].clone()
}

fn decrypt(simulator: &Simulator, region: &str, ciphertext: &Value) -> Result<(), String> {
    let body = json!({"CiphertextBlob": ciphertext, "EncryptionContext": {"vault": "1"}});
    match call_in(simulator, region, "Decrypt", &body) {
        crate::house::Reply::Answer(200, _, body) => {
            assert_eq!(body["Plaintext"], "AAAA");
            Ok(())
        }
        other => Err(other.error()),
    }
}

#[test]
fn a_key_is_gone_when_its_days_are_over() {
    let simulator = standing(Scenario::default());
    let id = new_key(&simulator, &json!({}));
    let alias = json!({"AliasName": "alias/vault", "TargetKeyId": id});
    call(&simulator, "CreateAlias", &alias).good();
    let ciphertext = encrypt(&simulator, &id);
    simulator
        .administrator(REGION)
        .schedule_deletion(&id, 7)
        .unwrap();
    simulator.advance(DAY * 7 - Duration::from_millis(1));
    let refused = decrypt(&simulator, REGION, &ciphertext);
    assert_eq!(refused, Err("KMSInvalidStateException".to_owned()));
    simulator.advance(Duration::from_millis(1));
    assert_eq!(
        decrypt(&simulator, REGION, &ciphertext),
        Err("AccessDeniedException".to_owned())
    );
    for name in [id.as_str(), "alias/vault"] {
        let gone = call(&simulator, "DescribeKey", &json!({"KeyId": name}));
        assert_eq!(gone.error(), "NotFoundException");
    }
    assert!(simulator.keys().unwrap().is_empty());
}

#[test]
fn planned_rotations_come_when_the_clock_says_so_and_old_ciphertexts_open() {
    let simulator = standing(Scenario::default());
    let id = new_key(&simulator, &json!({}));
    let enable = json!({"KeyId": id, "RotationPeriodInDays": 90});
    call(&simulator, "EnableKeyRotation", &enable).good();
    let mut ciphertexts = vec![encrypt(&simulator, &id)];
    for _ in 0..2 {
        simulator.advance(DAY * 90);
        ciphertexts.push(encrypt(&simulator, &id));
    }
    assert_eq!(simulator.keys().unwrap()[0].version, 3);
    for ciphertext in &ciphertexts {
        decrypt(&simulator, REGION, ciphertext).unwrap();
    }
    let rotations = call(&simulator, "ListKeyRotations", &json!({"KeyId": id})).good();
    let types: Vec<&Value> = rotations["Rotations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rotation| &rotation["RotationType"])
        .collect();
    assert_eq!(types, ["AUTOMATIC", "AUTOMATIC"]);
}

#[test]
fn a_primary_waits_for_its_replicas_and_then_for_its_days() {
    let simulator = standing(Scenario::default());
    let id = new_key(&simulator, &json!({"MultiRegion": true}));
    let replicate = json!({"KeyId": id, "ReplicaRegion": "us-east-1"});
    call(&simulator, "ReplicateKey", &replicate).good();
    let ciphertext = encrypt(&simulator, &id);
    decrypt(&simulator, "us-east-1", &ciphertext).unwrap();
    simulator
        .administrator(REGION)
        .schedule_deletion(&id, 7)
        .unwrap();
    simulator.advance(DAY * 30);
    let states = || -> Vec<&str> {
        let keys = simulator.keys().unwrap();
        keys.iter().map(|key| key.state).collect()
    };
    assert_eq!(states(), ["pending-replica-deletion", "enabled"]);
    decrypt(&simulator, "us-east-1", &ciphertext).unwrap();
    simulator
        .administrator("us-east-1")
        .schedule_deletion(&id, 7)
        .unwrap();
    simulator.advance(DAY * 7);
    assert_eq!(states(), ["pending-deletion"]);
    simulator.advance(DAY * 7);
    assert_eq!(states(), [""; 0]);
}

#[test]
fn a_rotation_of_the_primary_reaches_its_replicas() {
    let simulator = standing(Scenario::default());
    let id = new_key(&simulator, &json!({"MultiRegion": true}));
    let replicate = json!({"KeyId": id, "ReplicaRegion": "us-east-1"});
    call(&simulator, "ReplicateKey", &replicate).good();
    simulator.administrator(REGION).rotate_key(&id).unwrap();
    assert!(
        simulator
            .administrator("us-east-1")
            .rotate_key(&id)
            .is_err()
    );
    decrypt(&simulator, "us-east-1", &encrypt(&simulator, &id)).unwrap();
    simulator
        .administrator("us-east-1")
        .disable_key(&id)
        .unwrap();
    encrypt(&simulator, &id);
}

#[test]
fn any_changed_byte_of_a_ciphertext_is_noticed() {
    use data_encoding::BASE64;
    let simulator = standing(Scenario::default());
    let id = new_key(&simulator, &json!({}));
    let sound = encrypt(&simulator, &id);
    let sound = BASE64.decode(sound.as_str().unwrap().as_bytes()).unwrap();
    for position in 0..sound.len() {
        let mut changed = sound.clone();
        changed[position] ^= 1;
        let changed = json!(BASE64.encode(&changed));
        let refused = decrypt(&simulator, REGION, &changed);
        assert_eq!(
            refused,
            Err("InvalidCiphertextException".to_owned()),
            "byte {position}"
        );
    }
}

#[test]
fn there_is_no_room_for_more_than_the_limits_allow() {
    let simulator = standing(Scenario {
        limits: Limits {
            keys: 2,
            aliases_per_key: 1,
            rotations_on_demand: 1,
        },
        ..Scenario::default()
    });
    let id = new_key(&simulator, &json!({}));
    new_key(&simulator, &json!({}));
    let limited = |operation, body: Value| {
        assert_eq!(
            call(&simulator, operation, &body).error(),
            "LimitExceededException"
        );
    };
    limited("CreateKey", json!({}));
    let alias = |name: &str| json!({"AliasName": name, "TargetKeyId": id});
    call(&simulator, "CreateAlias", &alias("alias/1")).good();
    limited("CreateAlias", alias("alias/2"));
    call(&simulator, "RotateKeyOnDemand", &json!({"KeyId": id})).good();
    limited("RotateKeyOnDemand", json!({"KeyId": id}));
}

#[test]
fn nothing_of_a_key_is_in_what_is_logged() {
    let simulator = standing(Scenario::default());
    new_key(&simulator, &json!({}));
    assert_eq!(
        format!("{simulator:?}"),
        format!("Simulator {{ endpoint: {:?}, .. }}", simulator.endpoint())
    );
}
