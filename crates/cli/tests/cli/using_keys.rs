//! Making, listing, showing and deleting keys; signing and encrypting with them.

use std::fs;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;

use crate::support::{Sandbox, text};

const SIGNING: [(&str, &str); 5] = [
    ("ec-curve-25519", "ed25519"),
    ("ec-p-256", "p256"),
    ("ec-p-384", "p-384"),
    ("ec-secp-256k-1", "secp256k1"),
    ("ml-dsa-65", "ml-dsa-65"),
];
/// SHA-256 of nothing, as a multihash.
const HASH: &str = "1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn keys(document: &Value) -> &Vec<Value> {
    document["keys"].as_array().unwrap()
}

#[test]
fn keys_of_every_spec_are_generated_and_listed() {
    let sandbox = Sandbox::with_vault();
    for (spec, alias) in SIGNING {
        let args = [
            "keys",
            "generate-signing",
            "--usage",
            "protocol",
            "--spec",
            alias,
            "--name",
            spec,
        ];
        let key = sandbox.json(args);
        assert_eq!(
            (text(&key, "spec"), text(&key, "name")),
            (spec.into(), spec.into())
        );
    }
    for spec in ["ec-p-256", "rsa-2048"] {
        let args = [
            "keys",
            "generate-encryption",
            "--spec",
            spec,
            "--name",
            spec,
        ];
        assert_eq!(text(&sandbox.json(args), "purpose"), "encryption");
    }
    assert_eq!(keys(&sandbox.json(["keys", "list"])).len(), 7);
    for (filter, expected) in [
        (&["--purpose", "signing"][..], 5),
        (&["--purpose", "encryption"], 2),
        (&["--purpose", "signing,encryption"], 7),
        (&["--name", "p-256"], 3),
        (&["--usage", "namespace", "--purpose", "signing"], 0),
        (&["--usage", "protocol", "--purpose", "signing"], 5),
        (&["--name", "no such name"], 0),
    ] {
        let listed = sandbox.json([&["keys", "list"], filter].concat());
        assert_eq!(keys(&listed).len(), expected, "{filter:?}");
    }
    let table = sandbox.run(["keys", "list"]).succeeded();
    assert_eq!(table.text().lines().count(), 8);
    assert!(table.text().contains("ml-dsa-65"));
    sandbox.refuses(
        [
            "keys",
            "list",
            "--purpose",
            "encryption",
            "--usage",
            "protocol",
        ],
        "USAGE_OF_ENCRYPTION_KEYS",
        2,
    );
}

#[test]
fn a_key_is_shown_with_its_public_half_and_its_jwk() {
    let sandbox = Sandbox::with_vault();
    for (spec, _) in SIGNING {
        let fingerprint = sandbox.signing_key(spec, "protocol");
        let shown = sandbox.json(["keys", "show", &fingerprint]);
        assert_eq!(text(&shown, "fingerprint"), fingerprint);
        assert!(text(&shown, "public_key_pem").starts_with("-----BEGIN PUBLIC KEY-----\n"));
        assert_eq!(shown.get("jwk").is_some(), spec != "ml-dsa-65", "{shown}");
        let table = sandbox.run(["keys", "show", &fingerprint]).succeeded();
        assert!(
            table.text().contains("\nwrapper key  local:"),
            "{}",
            table.text()
        );
        assert!(
            table.text().contains("\nsealing      data-key\n"),
            "{}",
            table.text()
        );
    }
    let encryption = sandbox.encryption_key("ec-p-256");
    assert!(
        sandbox
            .json(["keys", "show", &encryption])
            .get("jwk")
            .is_none()
    );
}

#[test]
fn a_deleted_key_is_gone_and_only_when_it_was_said_twice() {
    let sandbox = Sandbox::with_vault();
    let fingerprint = sandbox.signing_key("ed25519", "protocol");
    sandbox.refuses(["keys", "delete", &fingerprint], "NOT_CONFIRMED", 3);
    let document = sandbox.json(["keys", "delete", &fingerprint, "--yes"]);
    assert_eq!(text(&document, "deleted"), fingerprint);
    for args in [
        &["keys", "show", &fingerprint][..],
        &["keys", "delete", &fingerprint, "--yes"],
        &["keys", "export", &fingerprint, "--unprotected"],
        &["keys", "seal", &fingerprint],
        &["sign", "strongroom.toml", "--key", &fingerprint],
        &["encrypt", "strongroom.toml", "--to", &fingerprint],
    ] {
        let args: Vec<_> = args
            .iter()
            .map(|word| word.replace("strongroom.toml", "vault/strongroom.toml"))
            .collect();
        sandbox.refuses(args, "KEY_NOT_FOUND", 3);
    }
}

#[test]
fn signatures_of_every_spec_verify_and_those_of_other_messages_do_not() {
    let sandbox = Sandbox::with_vault();
    let message = sandbox.write("message", "a message");
    let other = sandbox.write("other", "another message");
    let (message, other) = (message.to_str().unwrap(), other.to_str().unwrap());
    for (spec, _) in SIGNING {
        let key = sandbox.signing_key(spec, "protocol");
        let file = format!("{spec}.sig");
        sandbox
            .run(["sign", message, "--key", &key, "--out", &file])
            .succeeded();
        let pem = format!("{spec}.pem");
        sandbox.public_pem(&key, &pem);
        let verify = |message: &str, extra: &[&str]| {
            sandbox.run([&["verify", message, "--signature", &file], extra].concat())
        };
        let ran = verify(message, &["--public-key", &pem]).succeeded();
        assert_eq!(ran.text(), format!("valid: signed by {key}\n"));
        verify(message, &["--key", &key]).succeeded();
        verify(message, &["--key", &key, "--usage", "protocol"]).succeeded();

        let ran = verify(other, &["--key", &key, "--output", "json"]);
        assert_eq!(ran.status, 1);
        assert_eq!(ran.json()["valid"], false);
        assert_eq!(ran.json()["code"], "SIGNATURE_INVALID");
        let ran = verify(
            message,
            &["--key", &key, "--usage", "namespace", "--output", "json"],
        );
        assert_eq!(
            (ran.status, text(&ran.json(), "code").as_str()),
            (1, "KEY_USAGE_REFUSED")
        );
        let ran = verify(other, &["--public-key", &pem]);
        assert!(
            ran.status == 1 && ran.text().starts_with("INVALID under "),
            "{ran:?}"
        );
    }
}

#[test]
fn a_key_signs_for_its_usages_and_for_no_other() {
    let sandbox = Sandbox::with_quickstart();
    let namespace = sandbox.key_named("node-namespace");
    let protocol = sandbox.key_named("node-signing");
    let file = "vault/strongroom.toml";
    let sign =
        |key: &str, usage: &str| ["sign", file, "--key", key, "--usage", usage].map(str::to_owned);
    sandbox.run(sign(&namespace, "namespace")).succeeded();
    sandbox.run(sign(&protocol, "protocol")).succeeded();
    sandbox.refuses(sign(&namespace, "protocol"), "KEY_USAGE_REFUSED", 2);
    sandbox.refuses(sign(&protocol, "namespace"), "KEY_USAGE_REFUSED", 2);
    sandbox.refuses(sign(&protocol, "sequencer-auth"), "KEY_USAGE_REFUSED", 2);
    let encryption = sandbox.key_named("node-encryption");
    sandbox.refuses(["sign", file, "--key", &encryption], "WRONG_KEY_PURPOSE", 3);
    sandbox.refuses(["encrypt", file, "--to", &protocol], "WRONG_KEY_PURPOSE", 3);
    sandbox.refuses(
        ["decrypt", file, "--key", &protocol],
        "WRONG_KEY_PURPOSE",
        3,
    );
}

#[test]
fn messages_come_from_files_and_standard_input_in_three_encodings() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ed25519", "protocol");
    let message = b"\x00\xffmessage\r\n";
    let file = sandbox.write("message", message);
    let expected = sandbox
        .run(["sign", file.to_str().unwrap(), "--key", &key])
        .succeeded();
    // Ed25519 signs one message in one way only.
    assert_eq!(expected.stdout.len(), 64);
    let hex = format!("  {}\n", HEXLOWER.encode(message).to_uppercase());
    let base64 = format!("{}\n", BASE64.encode(message));
    for (input, encoding) in [
        (&message[..], "binary"),
        (hex.as_bytes(), "hex"),
        (base64.as_bytes(), "base64"),
    ] {
        let options = ["--key", &key, "--input-encoding", encoding];
        // Without a file, standard input is read too.
        for file in [&["sign", "-"][..], &["sign"]] {
            let ran = sandbox
                .run_with(input, [file, &options].concat())
                .succeeded();
            assert_eq!(ran.stdout, expected.stdout, "{encoding}");
        }
    }
    let sign = |encoding: &str| {
        let args = ["sign", "-", "--key", &key, "--encoding", encoding];
        sandbox.run_with(message, args).succeeded().stdout
    };
    assert_eq!(
        sign("hex"),
        format!("{}\n", HEXLOWER.encode(&expected.stdout)).as_bytes()
    );
    assert_eq!(
        sign("base64"),
        format!("{}\n", BASE64.encode(&expected.stdout)).as_bytes()
    );
    for encoding in ["binary", "hex", "base64"] {
        sandbox.write("signature", sign(encoding));
        let args = [
            "verify",
            "-",
            "--signature",
            "signature",
            "--encoding",
            encoding,
            "--key",
            &key,
        ];
        sandbox.run_with(message, args).succeeded();
    }
    let json = ["sign", "-", "--key", &key, "--output", "json"];
    let document = sandbox.run_with(message, json).succeeded().json();
    assert_eq!(
        text(&document, "signature"),
        BASE64.encode(&expected.stdout)
    );
    assert_eq!(text(&document, "signed_by"), key);
    sandbox.write("malformed", "zz");
    for encoding in ["hex", "base64"] {
        let args = [
            "sign",
            "malformed",
            "--key",
            &key,
            "--input-encoding",
            encoding,
        ];
        sandbox.refuses(args, "BAD_ENCODING", 2);
    }
}

#[test]
fn a_precomputed_hash_is_signed_as_its_multihash() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ec-p-256", "protocol");
    sandbox.write("hash.txt", format!("{HASH}\n"));
    sandbox.write("hash.bin", HEXLOWER.decode(HASH.as_bytes()).unwrap());
    let sign = [
        "sign",
        "hash.txt",
        "--hash",
        "--input-encoding",
        "hex",
        "--key",
        &key,
    ];
    sandbox
        .run([&sign[..], &["--out", "hash.sig"]].concat())
        .succeeded();
    // Signing a hash is signing its 34 bytes as a message.
    let verify = [
        "verify",
        "hash.bin",
        "--signature",
        "hash.sig",
        "--key",
        &key,
    ];
    sandbox.run(verify).succeeded();
    sandbox.run([&verify[..], &["--hash"]].concat()).succeeded();

    for (wrong, code) in [
        (&HASH[4..], "HASH_INVALID"),
        ("", "BAD_ENCODING"),
        (&HASH[..66], "HASH_INVALID"),
        (&format!("1320{}", &HASH[4..]), "HASH_INVALID"),
    ] {
        sandbox.write("hash.txt", wrong);
        sandbox.refuses(sign, code, 2);
    }
}

#[test]
fn canton_s_signature_message_goes_out_and_comes_in() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ec-p-384", "protocol");
    let other = sandbox.signing_key("ec-p-384", "protocol");
    sandbox.write("message", "a message");
    let sign = ["sign", "message", "--key", &key, "--form", "canton"];
    sandbox
        .run([&sign[..], &["--out", "signature"]].concat())
        .succeeded();
    let bytes = sandbox.read("signature");
    // The versioned wrapper: data, then version 30.
    assert_eq!(bytes[0], 0x0a);
    assert!(bytes.ends_with(&[0x10, 0x1e]));
    let verify = [
        "verify",
        "message",
        "--signature",
        "signature",
        "--form",
        "canton",
        "--key",
    ];
    sandbox.run([&verify[..], &[&key]].concat()).succeeded();
    let ran = sandbox.run([&verify[..], &[&other, "--output", "json"]].concat());
    assert_eq!(
        (ran.status, text(&ran.json(), "code").as_str()),
        (1, "SIGNATURE_WRONG_KEY")
    );
    let document = sandbox.json(sign);
    let printed = BASE64
        .decode(text(&document, "signature").as_bytes())
        .unwrap();
    assert!(
        printed.ends_with(&[0x10, 0x1e]),
        "JSON has the form that was asked for"
    );
    sandbox.write("signature", &bytes[..bytes.len() / 2]);
    sandbox.refuses([&verify[..], &[&key]].concat(), "PROTO_MALFORMED", 2);
}

#[test]
fn what_is_encrypted_to_a_key_is_decrypted_with_it() {
    let sandbox = Sandbox::with_vault();
    let message = b"\x00\xff a secret message";
    sandbox.write("message", message);
    for spec in ["ec-p-256", "rsa-2048"] {
        let key = sandbox.encryption_key(spec);
        let pem = format!("{spec}.pem");
        sandbox.public_pem(&key, &pem);
        for receiver in [["--to", &key], ["--public-key", &pem]] {
            let encrypt = [
                &["encrypt", "message", "--out", "encrypted", "--force"],
                &receiver[..],
            ];
            sandbox.run(encrypt.concat()).succeeded();
            let decrypt = ["decrypt", "encrypted", "--key", &key];
            assert_eq!(sandbox.run(decrypt).succeeded().stdout, message);
            let document = sandbox.json(decrypt);
            assert_eq!(text(&document, "plaintext"), BASE64.encode(message));
            assert_eq!(text(&document, "decrypted_by"), key);
        }
        // Through pipes, as text.
        let hex = HEXLOWER.encode(message);
        let encrypt = [
            "encrypt",
            "--input-encoding",
            "hex",
            "--encoding",
            "base64",
            "--to",
            &key,
        ];
        let encrypted = sandbox.run_with(hex, encrypt).succeeded().stdout;
        let decrypt = [
            "decrypt",
            "-",
            "--input-encoding",
            "base64",
            "--encoding",
            "hex",
            "--key",
            &key,
        ];
        let decrypted = sandbox.run_with(&encrypted, decrypt).succeeded();
        assert_eq!(decrypted.text().trim(), HEXLOWER.encode(message));
        let document = sandbox.json(["encrypt", "message", "--to", &key]);
        assert_eq!(text(&document, "encrypted_for"), key);
        assert!(!text(&document, "algorithm").is_empty());

        // A decryption failure does not say why.
        let bytes = sandbox.read("encrypted");
        let last = bytes.len() - 1;
        let mut reasons = Vec::new();
        for damage in [0, 20, last / 2, last, usize::MAX] {
            let mut damaged = bytes.clone();
            match damaged.get_mut(damage) {
                Some(byte) => *byte ^= 1,
                None => damaged.truncate(30),
            }
            // The first bytes of ECIES are an IV that nothing authenticates: reference, section 7.1.
            if spec == "ec-p-256" && damage == 0 {
                continue;
            }
            sandbox.write("damaged", damaged);
            let decrypt = ["decrypt", "damaged", "--key", &key];
            reasons.push(sandbox.refuses(decrypt, "DECRYPT_FAILED", 2).stderr);
        }
        reasons.dedup();
        assert_eq!(reasons.len(), 1, "{reasons:?}");
    }
    sandbox.write("long", [7; 191]);
    let rsa = sandbox.public_pem(&sandbox.encryption_key("rsa-2048"), "receiver.pem");
    let encrypt = ["encrypt", "long", "--public-key", rsa.to_str().unwrap()];
    sandbox.refuses(encrypt, "ENCRYPT_MESSAGE_TOO_LONG", 2);
}

#[test]
fn decrypted_files_are_their_owner_s_alone_and_signatures_are_not_secret() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::with_quickstart();
    let key = sandbox.key_named("node-encryption");
    sandbox.write("message", "a message");
    sandbox
        .run(["encrypt", "message", "--to", &key, "--out", "encrypted"])
        .succeeded();
    sandbox
        .run(["decrypt", "encrypted", "--key", &key, "--out", "plain"])
        .succeeded();
    let mode = fs::metadata(sandbox.path("plain"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = sandbox.key_named("node-signing");
    sandbox
        .run(["sign", "message", "--key", &key, "--out", "signature"])
        .succeeded();
    let mode = fs::metadata(sandbox.path("signature"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn verifying_and_encrypting_with_a_public_key_needs_no_vault() {
    let sandbox = Sandbox::with_quickstart();
    let signing = sandbox.key_named("node-signing");
    sandbox.write("message", "a message");
    sandbox
        .run(["sign", "message", "--key", &signing, "--out", "signature"])
        .succeeded();
    sandbox.public_pem(&signing, "signer.pem");
    sandbox.public_pem(&sandbox.key_named("node-encryption"), "receiver.pem");
    fs::remove_dir_all(sandbox.vault()).unwrap();
    let verify = [
        "verify",
        "message",
        "--signature",
        "signature",
        "--public-key",
        "signer.pem",
    ];
    sandbox.run(verify).succeeded();
    sandbox
        .run(["encrypt", "message", "--public-key", "receiver.pem"])
        .succeeded();
}
