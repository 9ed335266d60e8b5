//! `encrypt --to MEMBER` and `decrypt` of payloads, and what is said of session keys.

use serde_json::Value;

use crate::support::{Sandbox, text};

/// A participant, and its name as a member.
fn participant() -> (Sandbox, String) {
    let sandbox = Sandbox::with_participant("node");
    let stores = sandbox.json(["topology", "stores"]);
    let member = text(&stores, "member");
    (sandbox, member)
}

#[test]
fn a_file_of_any_size_is_encrypted_to_a_member_and_decrypts_also_after_a_rotation() {
    let (sandbox, member) = participant();
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    sandbox.write("content", &content);
    let encrypt = [
        "encrypt", "content", "--to", &member, "--sign", "--out", "payload",
    ];
    let ran = sandbox.run(encrypt).succeeded();
    assert!(ran.text().contains(&member), "{}", ran.text());
    let payload = sandbox.read("payload");
    assert!(payload.starts_with(b"strongroom payload\n"));
    assert!(payload.len() > content.len() && payload.len() < content.len() + 10_000);

    let key = sandbox.key_named("node-encryption");
    sandbox.run(["keys", "rotate", &key]).succeeded();
    let decrypt = ["decrypt", "payload", "--from", &member, "--out", "back"];
    let document = sandbox.json(decrypt);
    assert_eq!(document["decrypted_by"], key);
    assert_eq!(document["sender"], member);
    assert_eq!(document["purpose"], "file");
    assert!(sandbox.read("back") == content);
    // From standard input to standard output, as much as a pipe holds.
    let content = &content[..20_000];
    let encrypted = sandbox.run_with(content, ["encrypt", "--to", &member]);
    let decrypted = sandbox.run_with(&encrypted.succeeded().stdout, ["decrypt"]);
    assert!(decrypted.succeeded().stdout == content);
}

#[test]
fn whoever_decrypts_a_payload_is_told_who_signed_it_or_that_nobody_did() {
    let (sandbox, member) = participant();
    let key = sandbox.key_named("node-signing");
    sandbox.write("content", "content");
    let encrypt = format!("encrypt content --to {member} --force --out payload");
    for (sign, told) in [
        (" --sign", format!("signed by {member} with {key}")),
        ("", "not signed".to_owned()),
    ] {
        let encrypted = sandbox.run(format!("{encrypt}{sign}").split(' '));
        encrypted.succeeded();
        let decrypt = ["decrypt", "payload", "--out", "back", "--force"];
        let to_a_file = sandbox.run(decrypt).succeeded();
        assert!(to_a_file.text().contains(&told), "{}", to_a_file.text());
        // The content is all that goes to standard output.
        let to_stdout = sandbox.run(["decrypt", "payload"]).succeeded();
        assert_eq!(to_stdout.text(), "content");
        assert!(to_stdout.stderr.contains(&told), "{}", to_stdout.stderr);
        let quiet = sandbox.run(["decrypt", "payload", "--quiet"]).succeeded();
        assert_eq!(quiet.text(), "content");
        assert!(!quiet.stderr.contains("signed"), "{}", quiet.stderr);
        let document = sandbox.json(decrypt);
        let (sender, signed_by) = (&document["sender"], &document["signed_by"]);
        if sign.is_empty() {
            assert_eq!((sender, signed_by), (&Value::Null, &Value::Null));
        } else {
            assert_eq!(
                (sender.as_str(), signed_by.as_str()),
                (Some(&*member), Some(&*key))
            );
        }
    }
}

#[test]
fn nothing_is_left_of_a_payload_that_was_changed_or_cut() {
    let (sandbox, member) = participant();
    sandbox.write("content", vec![7; 200_000]);
    sandbox
        .run(["encrypt", "content", "--to", &member, "--out", "payload"])
        .succeeded();
    let whole = sandbox.read("payload");
    let mut changed = whole.clone();
    changed[150_000] ^= 1;
    sandbox.write("changed", &changed);
    sandbox.write("cut", &whole[..whole.len() - 100_000]);
    for file in ["changed", "cut"] {
        let decrypt = ["decrypt", file, "--out", "back"];
        sandbox.refuses(decrypt, "PAYLOAD_NOT_AUTHENTIC", 2);
        assert!(!sandbox.path("back").exists());
    }
    sandbox.write("front", &whole[..100]);
    sandbox.refuses(
        ["decrypt", "front", "--out", "back"],
        "PAYLOAD_MALFORMED",
        2,
    );
    // What is there already stays there.
    sandbox.write("back", "mine");
    let decrypt = ["decrypt", "cut", "--out", "back", "--force"];
    sandbox.refuses(decrypt, "PAYLOAD_NOT_AUTHENTIC", 2);
    assert_eq!(sandbox.read("back"), b"mine");
    sandbox
        .run(["decrypt", "payload", "--out", "back", "--force"])
        .succeeded();
    assert_eq!(sandbox.read("back"), sandbox.read("content"));
}

#[test]
fn what_is_expected_of_a_payload_is_checked() {
    let (sandbox, member) = participant();
    sandbox.write("content", "content");
    let encrypt = [
        "encrypt",
        "content",
        "--to",
        &member,
        "--purpose",
        "audit",
        "--out",
        "payload",
    ];
    sandbox.run(encrypt).succeeded();
    sandbox.refuses(["decrypt", "payload"], "PAYLOAD_PURPOSE_DIFFERS", 2);
    let from = [
        "decrypt",
        "payload",
        "--purpose",
        "audit",
        "--from",
        &member,
    ];
    sandbox.refuses(from, "PAYLOAD_SENDER_DIFFERS", 2);
    let ran = sandbox.run(["decrypt", "payload", "--purpose", "audit"]);
    assert_eq!(ran.succeeded().text(), "content");
}

#[test]
fn what_fits_to_members_or_to_one_key_only_is_refused_with_the_other() {
    let (sandbox, member) = participant();
    let key = sandbox.key_named("node-encryption");
    sandbox.write("content", "content");
    let encrypt = |more: &[&str]| {
        let all = ["encrypt", "content"].iter().chain(more);
        all.map(|&word| word.to_owned()).collect::<Vec<_>>()
    };
    let stranger = format!("PAR::stranger::{}", member.rsplit("::").next().unwrap());
    for (arguments, code, status) in [
        (vec!["--to", &member, "--to", &key], "BAD_ARGUMENT", 2),
        (vec!["--to", &key, "--sign"], "BAD_ARGUMENT", 2),
        (
            vec!["--to", &member, "--encoding", "hex"],
            "BAD_ARGUMENT",
            2,
        ),
        (vec!["--to", &stranger], "MEMBER_WITHOUT_ENCRYPTION_KEY", 3),
        (
            vec!["--to", &member, "--to", &member],
            "PAYLOAD_RECIPIENTS_INVALID",
            2,
        ),
        (
            vec!["--to", &member, "--at", "2001-01-01T00:00:00Z"],
            "MEMBER_WITHOUT_ENCRYPTION_KEY",
            3,
        ),
    ] {
        sandbox.refuses(encrypt(&arguments), code, status);
    }
    sandbox
        .run(encrypt(&["--to", &key, "--out", "message"]))
        .succeeded();
    let ran = sandbox.run(["decrypt", "message"]);
    assert!(ran.stderr.contains("--key"), "{}", ran.stderr);
}

#[test]
fn a_file_for_several_members_is_decrypted_by_each_of_them_and_by_nobody_else() {
    let (alice, alice_member) = participant();
    let (bob, bob_member) = participant();
    let (eve, _) = participant();
    for (from, to) in [(&bob, &alice), (&alice, &bob), (&alice, &eve)] {
        let export = "topology export --format transactions --out theirs.bin --force";
        from.run(export.split(' ')).succeeded();
        let theirs = from.path("theirs.bin");
        let apply = ["topology", "apply", theirs.to_str().unwrap()];
        to.run([&apply[..], &["--danger", "alien-member"]].concat())
            .succeeded();
    }
    alice.write("content", "for two");
    let encrypt =
        format!("encrypt content --to {alice_member} --to {bob_member} --sign --out payload");
    let report = alice.json(encrypt.split(' '));
    let recipients = report["recipients"].as_array().unwrap();
    let mut members: Vec<_> = recipients.iter().map(|it| text(it, "member")).collect();
    members.sort();
    let mut expected = [alice_member.clone(), bob_member];
    expected.sort();
    assert_eq!(members, expected);
    let payload = alice.path("payload");
    let decrypt = format!("decrypt {} --from {alice_member}", payload.display());
    for reader in [&alice, &bob] {
        let decrypted = reader.run(decrypt.split(' ')).succeeded();
        assert_eq!(decrypted.text(), "for two");
    }
    let refused = eve.run(decrypt.split(' '));
    assert_eq!(refused.code(), Some("PAYLOAD_FOR_OTHERS"));
}

#[test]
fn a_file_is_encrypted_to_the_key_that_a_member_had_at_a_time() {
    let (sandbox, member) = participant();
    let old = sandbox.key_named("node-encryption");
    let new = sandbox.encryption_key("ec-p-256");
    sandbox.run(["keys", "announce", &new]).succeeded();
    sandbox.run(["keys", "withdraw", &old, "--yes"]).succeeded();
    let history = ["topology", "list", "--mapping", "otk", "--history"];
    let history = sandbox.json(history);
    // The node announced itself, then the new key, and then withdrew the old one.
    let then = text(&history["transactions"][1], "valid_from");
    sandbox.write("content", "content");
    let encrypt = format!("encrypt content --to {member} --force --out payload");
    // At a time: without what becomes effective at that very time.
    for (at, key) in [(format!(" --at {then}"), &old), (String::new(), &new)] {
        let report = sandbox.json(format!("{encrypt}{at}").split(' '));
        assert_eq!(report["recipients"][0]["fingerprint"], **key, "{at}");
        assert_eq!(report["at"] == then.as_str(), !at.is_empty(), "{report}");
        let decrypted = sandbox.json(["decrypt", "payload", "--out", "back", "--force"]);
        assert_eq!(decrypted["decrypted_by"], **key);
        assert_eq!(sandbox.read("back"), b"content");
    }
}

#[test]
fn session_keys_show_weighs_what_is_spared_against_how_long_secrets_live() {
    let sandbox = Sandbox::with_vault();
    let show = [
        "session-keys",
        "show",
        "--per-second",
        "100",
        "--groups",
        "10",
    ];
    let document = sandbox.json(show);
    assert_eq!(document["enabled"], true);
    assert_eq!(document["kms"], Value::Null);
    for cache in document["caches"].as_array().unwrap() {
        assert_eq!(cache["maximum_size"], 10_000);
        assert_eq!(cache["secret_lives_seconds"], 10.0);
        assert_eq!(cache["spared_per_million"], 990_000.0);
    }
    sandbox.edit_config(|text| {
        text + "\n[session-encryption-keys]\nreceiver-cache = { maximum-size = 5 }\n"
    });
    let document = sandbox.json(show);
    let [sender, receiver] = document["caches"].as_array().unwrap().as_slice() else {
        panic!("{document}")
    };
    assert_eq!(sender["secret_lives_seconds"], 10.0);
    assert_eq!(receiver["secret_lives_seconds"], 600.0);
    assert_eq!(receiver["maximum_size"], 5);
    sandbox.edit_config(|text| {
        text.replace(
            "[session-encryption-keys]",
            "[session-encryption-keys]\nenabled = false",
        )
    });
    let ran = sandbox.run(show).succeeded();
    assert!(ran.text().contains("one transaction"), "{}", ran.text());
}

#[test]
fn session_keys_show_weighs_signing_keys_too_and_says_for_how_long_they_could_sign_for_a_thief() {
    let sandbox = Sandbox::with_vault();
    let show = ["session-keys", "show", "--per-second", "100"];
    let signing = &sandbox.json(show)["signing"];
    assert_eq!(signing["enabled"], false);
    assert_eq!(signing["kms"], Value::Null);
    assert_eq!(signing["spared_per_million"], 0.0);
    sandbox.edit_config(|text| {
        let prices = "[kms.prices]\nas-of = \"2026-06\"\nper-10000-calls = { ecc = 0.15 }\n";
        let (before, after) = text.split_once("[custody]").unwrap();
        format!("{before}\n{prices}\n[custody]\nprotocol = \"external\"\n{after}")
    });
    let ran = sandbox.run(show).succeeded();
    let told = "disabled: each message is a call of the KMS local";
    assert!(ran.text().contains(told), "{}", ran.text());
    sandbox.edit_config(|text| {
        text + "\n[session-signing-keys]\nenabled = true\nnon-standard-config = true\n"
    });
    let document = sandbox.json(show);
    let signing = &document["signing"];
    assert_eq!(signing["kms"], "local");
    for (field, expected) in [
        ("validity_seconds", 300.0),
        ("tolerance_shift_seconds", 120.0),
        ("cut_off_seconds", 60.0),
        ("usable_seconds", 120.0),
        ("in_memory_seconds", 600.0),
        // A validity without its first minute, and clocks that are five minutes apart.
        ("exposed_seconds", 540.0),
    ] {
        assert_eq!(signing[field], expected, "{field}");
    }
    // One call for 12000 messages.
    let calls = signing["calls_per_million"].as_f64().unwrap();
    assert!((calls - 1_000_000.0 / 12_000.0).abs() < 0.001, "{calls}");
    assert_eq!(signing["usd_per_million_without"], "15.000000 USD");
    assert_eq!(signing["usd_per_million"], "0.001260 USD");
    assert_eq!(document["counted"], Value::Null, "nothing runs here");
}

#[test]
fn what_a_kms_charges_for_decryptions_is_estimated() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| {
        let prices = "[kms.prices]\nas-of = \"2026-06\"\nper-10000-calls = { rsa = 0.03 }\n";
        let (before, after) = text.split_once("[custody]").unwrap();
        format!("{before}\n{prices}\n[custody]\nencryption = \"external\"\n{after}")
    });
    let document = sandbox.json(["session-keys", "show"]);
    assert_eq!(document["kms"], "local");
    let receiver = &document["caches"][1];
    assert_eq!(receiver["usd_per_million_without"], "3.000000 USD");
    assert_eq!(receiver["usd_per_million"], "0.030000 USD");
    assert_eq!(document["caches"][0]["usd_per_million"], Value::Null);
}
