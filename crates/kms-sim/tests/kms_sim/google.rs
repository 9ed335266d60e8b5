//! The plainest client of the Google face, and how requests to it are read.

use data_encoding::BASE64;
use serde_json::{Value, json};
use strongroom_kms_sim::{Scenario, Simulator};

use crate::house::{Reply, request, standing};

pub(crate) const LOCATION: &str = "projects/strongroom/locations/europe-west6";
pub(crate) const RING: &str = "projects/strongroom/locations/europe-west6/keyRings/vault";

/// What `$alt` is where enumerations are to be numbers.
const NUMBERS: &str = "$alt=json%3Benum-encoding%3Dint";

/// One request; `resource` is what stands behind `/v1/`.
pub(crate) fn ask(simulator: &Simulator, method: &str, resource: &str, body: &Value) -> Reply {
    let path = format!("/v1/{resource}");
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    request(simulator.endpoint(), method, &path, &[], body.as_bytes())
}

pub(crate) fn get(simulator: &Simulator, resource: &str) -> Reply {
    ask(simulator, "GET", resource, &Value::Null)
}

pub(crate) fn post(simulator: &Simulator, resource: &str, body: &Value) -> Reply {
    ask(simulator, "POST", resource, body)
}

/// HTTP status and code of what had to fail; the document says the same status.
#[track_caller]
pub(crate) fn error(reply: Reply) -> (u16, String) {
    match reply {
        Reply::Answer(status @ 400..=599, _, body) => {
            let error = &body["error"];
            assert_eq!(error["code"], status, "{body}");
            assert!(!error["message"].as_str().unwrap().is_empty());
            (status, error["status"].as_str().unwrap().to_owned())
        }
        other => panic!("an error was expected, not {other:?}"),
    }
}

#[track_caller]
pub(crate) fn check(reply: Reply, status: u16, code: &str) {
    assert_eq!(error(reply), (status, code.to_owned()));
}

/// Makes the key ring [`RING`].
pub(crate) fn new_ring(simulator: &Simulator) {
    let resource = format!("{LOCATION}/keyRings?keyRingId=vault");
    post(simulator, &resource, &json!({})).good();
}

/// Makes a key in [`RING`] and says its name.
pub(crate) fn new_key(simulator: &Simulator, id: &str, purpose: &str, algorithm: &str) -> String {
    let template = json!({"algorithm": algorithm, "protectionLevel": "HSM"});
    let wishes = json!({"purpose": purpose, "versionTemplate": template});
    let resource = format!("{RING}/cryptoKeys?cryptoKeyId={id}");
    let key = post(simulator, &resource, &wishes).good();
    key["name"].as_str().unwrap().to_owned()
}

/// A simulator with the key ring and a wrapper key, and the name of that.
pub(crate) fn with_wrapper(scenario: Scenario) -> (Simulator, String) {
    let simulator = standing(scenario);
    new_ring(&simulator);
    let key = new_key(
        &simulator,
        "wrapper",
        "ENCRYPT_DECRYPT",
        "GOOGLE_SYMMETRIC_ENCRYPTION",
    );
    (simulator, key)
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    BASE64.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

#[test]
fn enumerations_are_numbers_for_those_who_ask_and_names_for_others() {
    let (simulator, key) = with_wrapper(Scenario::default());
    let named = get(&simulator, &key).good();
    assert_eq!(named["purpose"], "ENCRYPT_DECRYPT");
    assert_eq!(named["primary"]["state"], "ENABLED");
    let numbered = get(&simulator, &format!("{key}?{NUMBERS}")).good();
    assert_eq!(numbered["purpose"], 1);
    assert_eq!(numbered["versionTemplate"]["algorithm"], 1);
    assert_eq!(numbered["versionTemplate"]["protectionLevel"], 2);
    assert_eq!(numbered["primary"]["state"], 1);
    let wishes = json!({"purpose": 5, "versionTemplate": {"algorithm": 40, "protectionLevel": 1}});
    let resource = format!("{RING}/cryptoKeys?cryptoKeyId=signer");
    let made = post(&simulator, &resource, &wishes).good();
    assert_eq!(made["versionTemplate"]["algorithm"], "EC_SIGN_ED25519");
    assert_eq!(made["versionTemplate"]["protectionLevel"], "SOFTWARE");
}

#[test]
fn whole_numbers_of_64_bits_are_texts_and_numbers_are_read_as_well() {
    let (simulator, key) = with_wrapper(Scenario::default());
    // CRC-32C of nine digits: the check value of RFC 3720's polynomial.
    for crc in [json!("3808858755"), json!(3_808_858_755_u32)] {
        let question = json!({"plaintext": BASE64.encode(b"123456789"), "plaintextCrc32c": crc});
        let sealed = post(&simulator, &format!("{key}:encrypt"), &question).good();
        assert_eq!(sealed["verifiedPlaintextCrc32c"], true);
        assert!(sealed["ciphertextCrc32c"].is_string());
        let question = json!({"ciphertext": sealed["ciphertext"]});
        let opened = post(&simulator, &format!("{key}:decrypt"), &question).good();
        assert_eq!(bytes(&opened["plaintext"]), b"123456789");
        assert_eq!(opened["plaintextCrc32c"], "3808858755");
    }
}

#[test]
fn booleans_come_as_parameters() {
    let (simulator, _) = with_wrapper(Scenario::default());
    let make = |id: &str, flag: &str| {
        let resource =
            format!("{RING}/cryptoKeys?cryptoKeyId={id}&skipInitialVersionCreation={flag}");
        post(
            &simulator,
            &resource,
            &json!({"purpose": "ENCRYPT_DECRYPT"}),
        )
    };
    assert!(make("full", "false").good()["primary"].is_object());
    assert!(make("empty", "true").good()["primary"].is_null());
    check(make("wrong", "perhaps"), 400, "INVALID_ARGUMENT");
}

#[test]
fn requests_that_are_none_are_refused() {
    let (simulator, key) = with_wrapper(Scenario::default());
    for (method, resource) in [
        ("DELETE", key.as_str()),
        ("POST", &format!("{key}:guess")),
        ("GET", "folders/1"),
        ("GET", "projects/p/locations/nowhere/keyRings"),
        ("GET", &format!("{key}/cryptoKeyVersions/one")),
    ] {
        let reply = ask(&simulator, method, resource, &Value::Null);
        check(reply, 404, "NOT_FOUND");
    }
    assert_eq!(simulator.calls().of("unknown").failed, 3);
    let encrypt = format!("/v1/{key}:encrypt");
    for body in ["[]", "no JSON", r#"{"plaintext": "not base64!"}"#] {
        let reply = request(simulator.endpoint(), "POST", &encrypt, &[], body.as_bytes());
        check(reply, 400, "INVALID_ARGUMENT");
    }
    let huge = vec![b'x'; 300_000];
    let reply = request(simulator.endpoint(), "POST", &encrypt, &[], &huge);
    check(reply, 400, "INVALID_ARGUMENT");
    let reply = request(simulator.control_endpoint(), "POST", &encrypt, &[], b"{}");
    assert!(matches!(reply, Reply::Answer(404, ..)));
}

#[test]
fn an_answer_has_googles_content_type_and_no_id_of_amazons() {
    let simulator = standing(Scenario::default());
    let Reply::Answer(200, head, _) = get(&simulator, "projects/p/locations") else {
        panic!("no answer");
    };
    assert!(head.contains("\r\ncontent-type: application/json; charset=utf-8"));
    assert!(!head.contains("x-amzn"), "{head}");
}
