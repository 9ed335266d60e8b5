//! Parties whose keys are in a KMS or in another vault, and what they signed in the past.

use super::{HASH, announce, fingerprints, line, with_party};
use crate::{
    other_kms::Cloud,
    support::{Sandbox, text},
};

#[test]
fn keys_that_were_made_in_a_kms_beforehand_become_a_party_and_sign_for_it() {
    let cloud = Cloud::new();
    let identity = [
        "--custody",
        "external",
        "--kind",
        "participant",
        "--node",
        "alice",
    ];
    let sandbox = &cloud.sandbox;
    sandbox.run(cloud.init(&identity)).succeeded();
    // Whoever made them in the KMS has no entries of them in this vault.
    let made: Vec<_> = (0..2)
        .map(|_| {
            let key = sandbox.signing_key("ec-p-256", "protocol");
            let id = text(&sandbox.json(["keys", "show", &key]), "kms_key_id");
            let forget = format!("keys delete {key} --yes --keep-in-kms");
            sandbox.run(line(&forget)).succeeded();
            (key, id)
        })
        .collect();
    let register = format!("party register bob {} {} --kms aws", made[0].1, made[1].1);
    let registered = sandbox.json(line(&register));
    let (party, keys) = (text(&registered, "party"), fingerprints(&registered));
    assert_eq!(keys, [made[0].0.clone(), made[1].0.clone()]);
    assert_eq!(party, format!("bob::{}", keys[0]));
    let usages = registered["keys"][0]["usage"].to_string();
    assert!(
        usages.contains("namespace") && usages.contains("protocol"),
        "{usages}"
    );
    let shown = sandbox.json(["keys", "show", &keys[1]]);
    assert_eq!(
        (&shown["name"], &shown["custody"]),
        (&"bob-party-2".into(), &"external".into())
    );

    announce(sandbox, &party, &keys, 2);
    sandbox.write("hash.txt", HASH);
    let sign = format!("party sign {party} hash.txt --hash --input-encoding hex --out transfer");
    assert_eq!(sandbox.json(line(&sign))["missing"], 0);
    let verify = format!(
        "party verify {party} hash.txt --hash --input-encoding hex --signature transfer-1.sig --signature transfer-2.sig"
    );
    assert_eq!(sandbox.json(line(&verify))["signed"], 2);
    // Whoever was interrupted does it again: they are in the vault already.
    let again = fingerprints(&sandbox.json(line(&register)));
    assert_eq!(again, keys);
}

#[test]
fn a_party_with_a_key_in_another_vault_is_announced_when_that_has_signed_too() {
    let (alice, elsewhere) = (Sandbox::with_participant("alice"), Sandbox::with_vault());
    let generated = alice.json(line("party generate bob"));
    let (party, keys) = (text(&generated, "party"), fingerprints(&generated));
    let theirs = elsewhere.signing_key("ec-p-256", "protocol");
    let pem = elsewhere.public_pem(&theirs, "theirs.pem");
    let member = text(&alice.json(["topology", "active-keys"]), "owner");
    let announce = format!(
        "party announce {party} --key {} --key {} --signing-threshold 2 --participant {member}",
        keys[0],
        pem.display()
    );
    // Neither alone, nor without the signature of the participant's vault.
    let alone = alice.run(line(&announce));
    assert_eq!(alone.code(), Some("TOPOLOGY_UNAUTHORIZED_TRANSACTION"));
    let waiting = alice.json(line(&format!("{announce} --proposal --out bob.cert")));
    assert_eq!(
        (&waiting["outcome"], &waiting["file"]),
        (&"proposed".into(), &"bob.cert".into())
    );
    let nobody = alice.run(["party", "show", &party]);
    assert_eq!(nobody.code(), Some("PARTY_KEYS_NOT_FOUND"));

    let file = alice.path("bob.cert");
    let authorize = format!(
        "topology authorize --file {} --out {}",
        file.display(),
        alice.path("both.cert").display()
    );
    assert_eq!(elsewhere.json(line(&authorize))["added"], 1);
    assert_eq!(
        alice.json(["topology", "apply", "both.cert"])["accepted"],
        1
    );
    let shown = alice.json(["party", "show", &party]);
    assert!(fingerprints(&shown).contains(&theirs), "{shown}");
    // A key from a PEM file, which does not say what it is for, signs submissions.
    for key in shown["keys"].as_array().unwrap() {
        assert!(key["usage"].to_string().contains("protocol"), "{key}");
    }
}

#[test]
fn what_a_party_signed_verifies_as_of_then_after_its_key_was_rotated_and_not_before_it_was_there() {
    let sandbox = Sandbox::with_participant("alice");
    let before = text(
        &sandbox.json(["topology", "stores"])["stores"][0],
        "last_sequenced",
    );
    let (party, keys) = with_party(&sandbox);
    sandbox.write("hash.txt", HASH);
    let sign = format!(
        "party sign {party} hash.txt --hash --input-encoding hex --key {} --key {} --out transfer",
        keys[0], keys[1]
    );
    sandbox.run(line(&sign)).succeeded();
    let rotated = sandbox.json(["party", "rotate", &party, &keys[1]]);
    let hash = text(&rotated, "hash");
    let shown = sandbox.json(["topology", "show", &hash]);
    let then = text(&shown["transactions"][0]["rows"][0], "valid_from");
    let verify = format!(
        "party verify {party} hash.txt --hash --input-encoding hex --output json --signature transfer-1.sig --signature transfer-2.sig"
    );
    // At a time: without what becomes effective at that very time.
    let as_of_then = sandbox.run(line(&format!("{verify} --at {then}")));
    let as_of_then = as_of_then.succeeded().json();
    assert_eq!(
        (&as_of_then["valid"], &as_of_then["signed"]),
        (&true.into(), &2.into())
    );
    for (at, code) in [
        (String::new(), "SIGNATURE_THRESHOLD_NOT_REACHED"),
        (format!("--at {before}"), "PARTY_KEYS_NOT_FOUND"),
    ] {
        let ran = sandbox.run(line(&format!("{verify} {at}")));
        assert_eq!(ran.status, 1, "{at}");
        assert_eq!(
            (&ran.json()["valid"], &ran.json()["code"]),
            (&false.into(), &code.into())
        );
    }
    // What takes effect at that time is still signed by the key that the party has then.
    let sign = format!("{sign} --force");
    let signed = sandbox.json(line(&format!("{sign} --at {then}")));
    let mut signatures = signed["signatures"].as_array().unwrap().iter();
    assert!(signatures.any(|it| it["signed_by"] == *keys[1]), "{signed}");
    for (at, code) in [
        (String::new(), "SIGNER_KEY_NOT_VALID"),
        (format!("--at {before}"), "PARTY_KEYS_NOT_FOUND"),
    ] {
        let ran = sandbox.run(line(&format!("{sign} {at}")));
        assert_eq!(ran.code(), Some(code), "{at}");
    }
}
