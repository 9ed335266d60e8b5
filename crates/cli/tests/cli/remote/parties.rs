//! `party` over the network.

use serde_json::Value;

use super::There;
use crate::{
    other_kms::Cloud,
    parties::{
        HASH, fingerprints, line,
        migrating::{STATED, TAKEN_BACK, deprecated, statements},
        with_party,
    },
    support::{Ran, Sandbox, text},
};

fn words(text: &str) -> Vec<&str> {
    line(text).collect()
}

fn json(there: &There<'_>, text: &str) -> Value {
    there.json(&words(text))
}

#[test]
fn what_looks_at_a_party_signs_and_verifies_says_the_same_here_and_there() {
    let sandbox = Sandbox::with_participant("alice");
    let (party, keys) = with_party(&sandbox);
    sandbox.write("hash.txt", HASH);
    // Two of them sign the same each time: Ed25519.
    let (ed25519, _) = {
        let generated = sandbox.json(line("party generate carol --keys 2"));
        let (carol, keys) = (text(&generated, "party"), fingerprints(&generated));
        let member = text(&sandbox.json(["topology", "active-keys"]), "owner");
        let announce = format!(
            "party announce {carol} --key {} --key {} --participant {member}",
            keys[0], keys[1]
        );
        sandbox.run(line(&announce)).succeeded();
        (carol, keys)
    };
    let of =
        |party: &str, more: &str| format!("{party} hash.txt --hash --input-encoding hex {more}");
    let sign = format!("party sign {}", of(&party, "--out transfer"));
    sandbox.run(line(&sign)).succeeded();
    let then = sandbox.json(["topology", "list", "--mapping", "ptp", "--history"]);
    let then = text(&then["transactions"][0], "valid_from");
    let verify = |more: &str| format!("party verify {}", of(&party, more));
    let commands = [
        format!("party show {party}"),
        format!("party show {ed25519}"),
        format!("party show nobody::1220{}", "00".repeat(32)),
        format!("party sign {}", of(&ed25519, "")),
        format!("party sign {}", of(&party, &format!("--key {HASH}"))),
        // Before the party was announced.
        format!("party sign {}", of(&party, &format!("--at {then}"))),
        verify("--signature transfer-1.sig --signature transfer-2.sig"),
        verify("--signature transfer-1.sig"),
        // Before the party was announced.
        verify(&format!("--signature transfer-1.sig --at {then}")),
        format!("party migrate {party}"),
        format!("party rotate {party} {}", keys[0]),
    ];
    let said = |ran: &Ran| {
        let out = String::from_utf8(ran.stdout.clone()).unwrap();
        (ran.status, ran.code().map(str::to_owned), out)
    };
    let run_all = |run: &dyn Fn(&[&str]) -> Ran| {
        let all = commands.iter().map(|command| {
            let document = [&words(command)[..], &["--output", "json"]].concat();
            (said(&run(&words(command))), said(&run(&document)))
        });
        all.collect::<Vec<_>>()
    };
    let here = run_all(&|args| sandbox.run(args));
    assert!(here.iter().any(|(table, _)| table.0 == 1), "{here:?}");
    let there = There::start(&sandbox);
    let told = run_all(&|args| there.run(args));
    for ((command, here), there) in commands.iter().zip(here).zip(told) {
        assert_eq!(here, there, "{command}");
    }
    assert!(there.serving.end().success());
}

#[test]
fn a_party_is_generated_announced_rotated_and_signs_over_the_network() {
    let sandbox = Sandbox::with_participant("alice");
    let there = There::start(&sandbox);
    let generated = json(&there, "party generate bob --keys 3 --spec p256");
    let (party, keys) = (text(&generated, "party"), fingerprints(&generated));
    assert_eq!(party, format!("bob::{}", keys[0]));
    assert_eq!(generated["keys"][0]["private_key"], "active");
    assert_eq!(generated["keys"][0]["spec"], "ec-p-256");
    let member = text(&there.json(&["topology", "active-keys"]), "owner");
    let announced = json(
        &there,
        &format!(
            "party announce {party} --key {} --key {} --signing-threshold 2 \
             --participant {member}=submission --out bob.cert",
            keys[0], keys[1]
        ),
    );
    assert_eq!(announced["outcome"], "accepted");
    assert!(!sandbox.read("bob.cert").is_empty());
    let rotated = json(
        &there,
        &format!("party rotate {party} {} --to {}", keys[1], keys[2]),
    );
    assert_eq!(rotated["outcome"], "accepted");
    let again = format!("party rotate {party} {} --name newest", keys[2]);
    assert_eq!(json(&there, &again)["outcome"], "accepted");
    let shown = fingerprints(&json(&there, &format!("party show {party}")));
    assert!(shown.contains(&keys[0]) && shown.len() == 2, "{shown:?}");
    sandbox.write("hash.txt", HASH);
    let sign = format!("party sign {party} hash.txt --hash --input-encoding hex --out transfer");
    let signed = json(&there, &sign);
    assert_eq!(
        (&signed["threshold"], &signed["missing"]),
        (&2.into(), &0.into())
    );
    assert!(there.serving.end().success());
    let newest = sandbox.key_named("newest");
    assert!(shown.contains(&newest), "{shown:?}");
    let verify = format!(
        "party verify {party} hash.txt --hash --input-encoding hex --signature transfer-1.sig --signature transfer-2.sig"
    );
    assert_eq!(sandbox.json(line(&verify))["signed"], 2);
    sandbox.run(["doctor"]).succeeded();
}

#[test]
fn keys_that_were_made_in_a_kms_become_a_party_over_the_network() {
    let cloud = Cloud::new();
    let identity = line("--custody external --kind participant --node alice");
    let sandbox = &cloud.sandbox;
    let identity: Vec<_> = identity.collect();
    sandbox.run(cloud.init(&identity)).succeeded();
    let key = sandbox.signing_key("ec-p-256", "protocol");
    let id = text(&sandbox.json(["keys", "show", &key]), "kms_key_id");
    let forget = format!("keys delete {key} --yes --keep-in-kms");
    sandbox.run(line(&forget)).succeeded();
    let there = There::start(sandbox);
    let registered = json(&there, &format!("party register bob {id} --kms aws"));
    assert_eq!(fingerprints(&registered), std::slice::from_ref(&key));
    assert_eq!(text(&registered, "party"), format!("bob::{key}"));
    assert!(there.serving.end().success());
}

#[test]
fn keys_of_the_deprecated_mapping_are_moved_over_the_network() {
    let alice = Sandbox::with_participant("alice");
    let (party, _) = deprecated(&alice, &[&alice]);
    let there = There::start(&alice);
    let report = json(&there, &format!("party migrate {party} --out moved.certs"));
    assert_eq!(statements(&report), [STATED, TAKEN_BACK]);
    assert!(!alice.read("moved.certs").is_empty());
    let again = there.run(&["party", "migrate", &party]);
    again.failed("PARTY_KEYS_MIGRATED", 3);
    assert!(there.serving.end().success());
    let shown = alice.json(["party", "show", &party]);
    assert_eq!(shown["keys_in"], "party-to-participant");
}
