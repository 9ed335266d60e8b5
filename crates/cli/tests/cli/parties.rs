//! `party`: keys of external parties.

#[path = "parties/elsewhere.rs"]
mod elsewhere;
#[path = "parties/migrating.rs"]
pub(super) mod migrating;

use serde_json::Value;

use crate::support::{Sandbox, text};

/// SHA-256 of nothing, as a multihash.
pub(super) const HASH: &str =
    "1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(super) fn fingerprints(document: &Value) -> Vec<String> {
    let keys = document["keys"].as_array().unwrap();
    keys.iter().map(|key| text(key, "fingerprint")).collect()
}

pub(super) fn line(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace()
}

/// A participant with a party of three keys, of which two must sign; returns the party and its keys.
pub(super) fn with_party(sandbox: &Sandbox) -> (String, Vec<String>) {
    let generated = sandbox.json(line("party generate bob --keys 3 --spec p256"));
    let (party, keys) = (text(&generated, "party"), fingerprints(&generated));
    assert_eq!(party, format!("bob::{}", keys[0]));
    announce(sandbox, &party, &keys, 2);
    (party, keys)
}

fn announce(sandbox: &Sandbox, party: &str, keys: &[String], threshold: u32) {
    let member = text(&sandbox.json(["topology", "active-keys"]), "owner");
    let keys: Vec<_> = keys.iter().map(|key| format!("--key {key}")).collect();
    let announce = format!(
        "party announce {party} {} --signing-threshold {threshold} --participant {member}=submission",
        keys.join(" ")
    );
    let announced = sandbox.json(line(&announce));
    assert_eq!(announced["outcome"], "accepted", "{announced}");
}

#[test]
fn a_party_is_generated_announced_shown_and_signs_with_two_of_three_keys() {
    let sandbox = Sandbox::with_participant("alice");
    let (party, keys) = with_party(&sandbox);
    let shown = sandbox.json(["party", "show", &party]);
    assert_eq!(shown["threshold"], 2);
    assert_eq!(shown["keys_in"], "party-to-participant");
    assert_eq!(shown["participants"][0]["permission"], "submission");
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(fingerprints(&shown), sorted);
    let table = sandbox.run(["party", "show", &party]).succeeded();
    assert!(
        table.text().contains("2 of 3 keys must sign"),
        "{}",
        table.text()
    );

    sandbox.write("hash.txt", HASH);
    let sign = format!("party sign {party} hash.txt --hash --input-encoding hex --out transfer");
    let signed = sandbox.json(line(&sign));
    assert_eq!(
        (&signed["threshold"], &signed["missing"]),
        (&2.into(), &0.into())
    );
    let verify =
        |files: &str| format!("party verify {party} hash.txt --hash --input-encoding hex {files}");
    let both = verify("--signature transfer-1.sig --signature transfer-2.sig");
    let verified = sandbox.json(line(&both));
    assert_eq!(
        (&verified["valid"], &verified["signed"]),
        (&true.into(), &2.into())
    );
    // One is too few, and once more the same one as well.
    for too_few in [
        "--signature transfer-1.sig",
        "--signature transfer-1.sig --signature transfer-1.sig",
    ] {
        let ran = sandbox.run(line(&format!("{} --output json", verify(too_few))));
        assert_eq!(ran.status, 1);
        assert_eq!(ran.json()["code"], "SIGNATURE_THRESHOLD_NOT_REACHED");
    }
    // Files that are there stay.
    sandbox.refuses(line(&sign), "OUTPUT_EXISTS", 3);
    sandbox.json(line(&format!("{sign} --force")));
}

#[test]
fn a_rotated_party_key_is_replaced_by_a_new_one_and_the_root_of_the_party_cannot_be() {
    let sandbox = Sandbox::with_participant("alice");
    let (party, keys) = with_party(&sandbox);
    let old = &keys[1];
    let rotated = sandbox.json(["party", "rotate", &party, old]);
    assert_eq!(rotated["outcome"], "accepted");
    let shown = fingerprints(&sandbox.json(["party", "show", &party]));
    assert!(!shown.contains(old) && shown.len() == 3, "{shown:?}");
    let refused = sandbox.run(["party", "rotate", &party, &keys[0]]);
    assert_eq!(refused.code(), Some("PERMANENT_KEY"));
}

#[test]
fn what_names_no_party_no_participant_or_no_key_is_refused_in_words() {
    let sandbox = Sandbox::with_participant("alice");
    let (party, keys) = with_party(&sandbox);
    for (wrong, code) in [
        (
            format!("party show nobody::1220{}", "00".repeat(32)),
            "PARTY_KEYS_NOT_FOUND",
        ),
        (
            format!("party sign {party} hash.txt --hash --input-encoding hex --key {HASH}"),
            "SIGNER_KEY_NOT_VALID",
        ),
        (format!("party migrate {party}"), "PARTY_KEYS_MIGRATED"),
    ] {
        sandbox.write("hash.txt", HASH);
        let ran = sandbox.run(line(&wrong));
        assert_eq!(ran.code(), Some(code), "{wrong}");
    }
    let mediator = format!(
        "party announce {party} --key {} --participant MED::m::{}",
        keys[0], keys[0]
    );
    let ran = sandbox.run(line(&mediator));
    assert_eq!(ran.status, 2, "{mediator}");
    let unreachable = format!(
        "party announce {party} --key {} --signing-threshold 2 --participant PAR::p::{}",
        keys[0], keys[0]
    );
    let ran = sandbox.run(line(&unreachable));
    assert_eq!(
        ran.code(),
        Some("TOPOLOGY_SIGNING_THRESHOLD_CANNOT_BE_REACHED")
    );
}
