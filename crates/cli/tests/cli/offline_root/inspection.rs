//! What one has, or is about to sign, in plain words and as a document.

use serde_json::{Value, json};
use strongroom_crypto::{KeyUsage, SigningKeySpec};
use strongroom_proto::topology::{decode_signed_transaction, encode_signed_transactions};

use super::{Site, key_file};
use crate::support::text;

fn certified() -> Site {
    let site = Site::new(SigningKeySpec::EcP256);
    site.certify();
    site
}

/// The document of a command that may say no.
fn answer(site: &Site, line: &str, status: i32) -> Value {
    let ran = site.run(&format!("{line} --output json"));
    assert_eq!(ran.status, status, "{}\n{}", ran.stderr, ran.text());
    ran.json()
}

fn status_of_signature(document: &Value, file: usize) -> String {
    text(
        &document["files"][file]["transactions"][0]["signatures"][0],
        "status",
    )
}

#[test]
fn each_kind_of_delegation_is_told_in_plain_words() {
    let site = certified();
    let (root, node) = (site.root.fingerprint(), site.node.fingerprint());
    let other = super::new_key(&site.sandbox, "other", SigningKeySpec::EcP384).fingerprint();
    for line in [
        "--target-key other.pem --root-key root.pem --restriction all --out all",
        "--target-key other.pem --root-key root.pem --restriction ptp,otk --out some",
        "--revoke node.cert --out revoked",
        "--revoke root.cert --root-key root.pem --out ended",
    ] {
        site.run(&format!("prepare {line}")).succeeded();
    }
    for (file, told) in [
        (
            "root.prep",
            format!("Root certificate: makes key {root} the root of its own namespace"),
        ),
        (
            "node.prep",
            format!(
                "Delegation: in namespace {root}, key {node} may sign everything but delegations."
            ),
        ),
        (
            "all.prep",
            format!("key {other} may sign everything, and let further keys sign."),
        ),
        (
            "some.prep",
            format!("key {other} may sign nothing but OWNER_TO_KEY_MAPPING, PARTY_TO_PARTICIPANT."),
        ),
        (
            "revoked.prep",
            format!("Revocation: in namespace {root}, key {node} may no longer sign."),
        ),
        ("revoked.prep", "Mind: This cannot be undone".to_owned()),
        (
            "ended.prep",
            format!("Revocation of the root: nothing can be signed in namespace {root} any more"),
        ),
        (
            "ended.prep",
            "Mind: This ends the namespace and cannot be undone.".to_owned(),
        ),
        (
            "root.prep",
            "Mind: Whoever has this private key owns the namespace for good".to_owned(),
        ),
    ] {
        let shown = site.run(&format!("inspect {file}")).succeeded();
        assert!(
            shown
                .text()
                .starts_with(&format!("{file}: a transaction that is not signed yet\n"))
        );
        assert!(shown.text().contains(&told), "{file}: {}", shown.text());
    }
    let revoked = site.json("inspect revoked.prep");
    let transaction = &revoked["files"][0]["transaction"];
    assert_eq!(
        (&transaction["operation"], &transaction["serial"]),
        (&"REMOVE".into(), &2.into())
    );
}

#[test]
fn a_prepared_transaction_has_stable_names() {
    let site = certified();
    let (root, node) = (
        site.root.fingerprint().to_string(),
        site.node.fingerprint().to_string(),
    );
    let hash = data_encoding::HEXLOWER.encode(&site.sandbox.read("node.hash"));
    let expected = json!({
        "sound": true,
        "files": [{
            "file": "node.prep",
            "kind": "prepared",
            "transaction": {
                "summary": format!("Delegation: in namespace {root}, key {node} may sign everything but delegations."),
                "hash": hash,
                "operation": "ADD_REPLACE",
                "serial": 1,
                "mapping": "NAMESPACE_DELEGATION",
                "namespace": root,
                "content": {
                    "target_key": {"fingerprint": node, "purpose": "signing", "spec": "ec-p-256", "usage": ["namespace"]},
                    "is_root": false,
                    "restriction": "all-but-delegations",
                    "may_sign": null,
                },
                "warnings": [],
            },
        }],
    });
    assert_eq!(site.json("inspect node.prep"), expected);
}

#[test]
fn a_signature_is_valid_or_not_or_cannot_be_checked() {
    let site = certified();
    let root = site.root.fingerprint();
    let checked = site.json("inspect node.cert root.cert");
    assert_eq!(status_of_signature(&checked, 0), "valid");
    let signature = &checked["files"][0]["transactions"][0]["signatures"][0];
    assert_eq!(text(signature, "signed_by"), root.to_string());
    assert_eq!(
        (&signature["by_root_key"], &signature["covers"]),
        (&true.into(), &1.into())
    );

    let unchecked = site.json("inspect node.cert");
    assert_eq!(status_of_signature(&unchecked, 0), "unknown_key");
    assert_eq!(unchecked["sound"], true);
    assert_eq!(
        status_of_signature(&site.json("inspect node.cert root.pem"), 0),
        "valid"
    );

    // The same signature over another delegation.
    site.run("prepare --target-key node.pem --root-key root.pem --restriction all --out more")
        .succeeded();
    let line = "assemble --prepared more.prep --signature node.signature --algorithm ecdsa256 --unverified --out forged.cert";
    site.run(line).succeeded();
    let invalid = answer(&site, "inspect forged.cert root.pem", 1);
    assert_eq!(
        (status_of_signature(&invalid, 0), &invalid["sound"]),
        ("invalid".to_owned(), &false.into())
    );
    let shown = site.run("inspect forged.cert root.pem");
    assert_eq!(shown.status, 1);
    let told = format!("INVALID signature by {root}, the root key of the namespace");
    assert!(shown.text().contains(&told), "{}", shown.text());
}

#[test]
fn a_bare_signature_shows_what_it_is_of() {
    let site = certified();
    let valid = site.json("inspect node.signature node.prep root.pem");
    let signature = &valid["files"][0];
    assert_eq!(
        (&signature["status"], &signature["transaction_file"]),
        (&"valid".into(), &"node.prep".into())
    );
    assert_eq!(
        text(signature, "signed_by"),
        site.root.fingerprint().to_string()
    );
    for (files, status, exit) in [
        ("node.hash root.pem", "valid", 0),
        ("root.cert node.hash", "valid", 0),
        ("", "unknown_key", 0),
        ("node.prep", "unknown_key", 0),
        ("root.prep node.prep", "valid", 0),
        ("root.hash root.pem", "unknown_key", 0),
        ("root.cert", "unknown_key", 0),
        // The root certificate brings its key along, and is not what was signed.
        ("root.prep", "invalid", 1),
    ] {
        let document = answer(&site, &format!("inspect node.signature {files}"), exit);
        assert_eq!(document["files"][0]["status"], status, "{files}");
    }
    let shown = site.run("inspect node.signature root.prep");
    assert!(
        shown.text().contains("INVALID: it is not the root key's"),
        "{}",
        shown.text()
    );
}

#[test]
fn a_hash_shows_which_transaction_it_is_of() {
    let site = certified();
    for (files, belongs, exit) in [
        ("node.prep", "yes", 0),
        ("", "unknown", 0),
        ("root.cert", "unknown", 0),
        ("root.prep", "no", 1),
    ] {
        let document = answer(&site, &format!("inspect node.hash {files}"), exit);
        assert_eq!(document["files"][0]["belongs"], belongs, "{files}");
    }
    let shown = site.run("inspect node.hash root.prep");
    assert!(
        shown.text().contains("of NONE of the transactions"),
        "{}",
        shown.text()
    );
}

#[test]
fn a_public_key_shows_its_fingerprint_and_what_else_it_is_for() {
    let site = certified();
    let both = [KeyUsage::Namespace, KeyUsage::Protocol];
    site.sandbox.write("both.pub", key_file(&site.node, &both));
    site.sandbox
        .write("only.pub", key_file(&site.node, &[KeyUsage::Namespace]));
    let document = site.json("inspect node.pem only.pub both.pub");
    for (index, usage, warnings) in [
        (0, Value::Null, json!([])),
        (1, json!(["namespace"]), json!([])),
        (
            2,
            json!(["namespace", "protocol", "proof-of-ownership"]),
            json!(["key_has_other_usages"]),
        ),
    ] {
        let key = &document["files"][index];
        assert_eq!(
            (&key["kind"], &key["usage"]),
            (&"public_key".into(), &usage)
        );
        assert_eq!(
            text(key, "fingerprint"),
            site.node.fingerprint().to_string()
        );
        let codes = key["warnings"].as_array().unwrap().iter();
        assert_eq!(
            codes.map(|it| it["code"].clone()).collect::<Value>(),
            warnings
        );
    }
    // It stays what it is in a delegation.
    let line = "prepare --root-key root.pem --target-key both.pub --out both";
    let prepared = site.json(line);
    assert_eq!(
        prepared["content"]["target_key"]["usage"],
        document["files"][2]["usage"]
    );
    assert_eq!(prepared["warnings"][0]["code"], "key_has_other_usages");
}

#[test]
fn a_list_shows_each_transaction_of_it() {
    let site = certified();
    let signed = ["root.cert", "node.cert"]
        .map(|file| decode_signed_transaction(&site.sandbox.read(file)).unwrap());
    site.sandbox
        .write("list", encode_signed_transactions(&signed));
    let document = site.json("inspect list");
    let list = &document["files"][0];
    assert_eq!(
        (&list["kind"], &list["container"]),
        (&"signed".into(), &"transactions".into())
    );
    let statuses = list["transactions"].as_array().unwrap().iter();
    let statuses: Vec<_> = statuses
        .map(|it| text(&it["signatures"][0], "status"))
        .collect();
    assert_eq!(statuses, ["valid", "valid"]);
    let shown = site.run("inspect list").succeeded();
    assert!(
        shown
            .text()
            .starts_with("list: 2 signed transactions (transactions)\n")
    );
}

#[test]
fn a_root_delegation_that_others_signed_is_no_root_certificate() {
    let site = certified();
    let sandbox = &site.sandbox;
    let signed = decode_signed_transaction(&sandbox.read("root.cert")).unwrap();
    let other = decode_signed_transaction(&sandbox.read("root.cert")).unwrap();
    let mut signature = other.signatures()[0].signature().clone();
    signature.signed_by = site.node.fingerprint();
    let more = strongroom_proto::topology::topology_signature(
        signature,
        strongroom_topology::Covers::This,
    );
    let signed = signed.with_more_signatures(vec![more]);
    sandbox.write(
        "two.cert",
        strongroom_proto::topology::encode_signed_transaction(&signed),
    );
    let document = answer(&site, "inspect two.cert node.pem", 1);
    let transaction = &document["files"][0]["transactions"][0];
    let warnings = transaction["warnings"].as_array().unwrap();
    assert!(
        warnings
            .iter()
            .any(|it| it["code"] == "root_signed_by_others"),
        "{transaction}"
    );
    let statuses = [&transaction["signatures"][0], &transaction["signatures"][1]];
    assert_eq!(statuses.map(|it| text(it, "status")), ["valid", "invalid"]);
}

#[test]
fn the_name_of_a_file_steers_no_terminal() {
    let site = certified();
    let prepared = site.sandbox.read("node.prep");
    let name = "a\u{1b}[31m\nroot.prep: fine";
    site.sandbox.write(name, prepared);
    let shown = site
        .sandbox
        .run(["topology", "root", "inspect", name])
        .succeeded();
    let first = shown.text().lines().next().unwrap();
    assert!(
        first.starts_with("a\\u{1b}[31m\\nroot.prep: fine: a transaction"),
        "{first}"
    );
}
