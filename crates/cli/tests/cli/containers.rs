//! Canton's key-pair container, with and without a password.

use data_encoding::HEXLOWER;

use crate::support::{Sandbox, text};

const SPECS: [&str; 5] = [
    "ec-curve-25519",
    "ec-p-256",
    "ec-p-384",
    "ec-secp-256k-1",
    "ml-dsa-65",
];

/// All keys of `sandbox`, as far as a container carries them.
fn carried(sandbox: &Sandbox) -> Vec<(String, String, String)> {
    let listed = sandbox.json(["keys", "list"]);
    let keys = listed["keys"].as_array().unwrap().iter();
    keys.map(|key| {
        (
            text(key, "fingerprint"),
            text(key, "spec"),
            key["usage"].to_string(),
        )
    })
    .collect()
}

#[test]
fn keys_of_every_spec_move_to_another_vault_in_containers() {
    let sandbox = Sandbox::with_vault();
    let other = Sandbox::with_vault();
    let mut keys: Vec<_> = SPECS
        .map(|spec| sandbox.signing_key(spec, "protocol"))
        .into();
    keys.push(sandbox.signing_key("ed25519", "namespace"));
    keys.push(sandbox.signing_key("ed25519", "namespace,sequencer-auth"));
    keys.push(sandbox.encryption_key("ec-p-256"));
    keys.push(sandbox.encryption_key("rsa-2048"));
    for key in &keys {
        let file = sandbox.export(key, "key-pair", key);
        let imported = other.json(["keys", "import", file.to_str().unwrap()]);
        assert_eq!(text(&imported, "fingerprint"), *key);
        // Once more changes nothing.
        other
            .run(["keys", "import", file.to_str().unwrap()])
            .succeeded();
        let records = 1 + carried(&other).len();
        assert_eq!(other.json(["audit", "verify"])["records"], records);
    }
    assert_eq!(carried(&other), carried(&sandbox));
    // The imported key signs what the original's public half verifies.
    let key = &keys[0];
    sandbox.write("message", "a message");
    let message = sandbox.path("message");
    let message = message.to_str().unwrap();
    let signature = sandbox.path("signature");
    let signature = signature.to_str().unwrap();
    other
        .run(["sign", message, "--key", key, "--out", signature])
        .succeeded();
    sandbox
        .run(["verify", message, "--signature", signature, "--key", key])
        .succeeded();
}

#[test]
fn a_password_guards_a_container() {
    let sandbox = Sandbox::with_vault();
    let other = Sandbox::with_vault();
    let password = sandbox.write("password", "correct horse\nanything after the first line\n");
    let password = password.to_str().unwrap();
    let key = sandbox.signing_key("ed25519", "protocol");
    let export = [
        "keys",
        "export",
        &key,
        "--password-file",
        password,
        "--out",
        "node.key",
    ];
    sandbox.run(export).succeeded();
    let file = sandbox.path("node.key");
    let file = file.to_str().unwrap();
    let import = ["keys", "import", file];

    let ran = other.refuses(import, "PROTO_KEY_PAIR_ENCRYPTED", 2);
    assert!(ran.stderr.contains("Give the password"), "{}", ran.stderr);
    let wrong = other.write("wrong", "wrong horse");
    let wrong = wrong.to_str().unwrap();
    let ran = other.refuses(
        [&import[..], &["--password-file", wrong]].concat(),
        "PASSWORD_REJECTED",
        4,
    );
    assert!(!ran.stderr.contains("horse"), "{}", ran.stderr);
    let imported = other.json([&import[..], &["--password-file", password]].concat());
    assert_eq!(text(&imported, "fingerprint"), key);
    assert_eq!(
        imported["usage"],
        sandbox.json(["keys", "show", &key])["usage"]
    );

    // Any changed byte is noticed, or it was one that says nothing.
    let bytes = sandbox.read("node.key");
    for index in [0, 1, 5, bytes.len() / 2, bytes.len() - 20] {
        let mut damaged = bytes.clone();
        damaged[index] ^= 0x11;
        let path = other.write("damaged", damaged);
        let ran = other.run(
            [
                &["keys", "import", path.to_str().unwrap()],
                &["--password-file", password][..],
            ]
            .concat(),
        );
        assert_ne!(ran.status, 0, "byte {index}");
        assert!(
            ran.code().is_some() && ran.status != 70,
            "byte {index}: {ran:?}"
        );
    }
    // A password for a container that has none.
    sandbox.export(&key, "key-pair", "plain.key");
    let plain = sandbox.path("plain.key");
    let ran = other.run([
        "keys",
        "import",
        plain.to_str().unwrap(),
        "--password-file",
        password,
    ]);
    assert!(ran.status == 2 && ran.code().is_some(), "{ran:?}");
}

#[test]
fn a_private_key_leaves_only_when_it_was_said_how() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ed25519", "protocol");
    sandbox.refuses(
        ["keys", "export", &key, "--out", "key"],
        "EXPORT_UNPROTECTED",
        3,
    );
    sandbox.write("password", "correct horse");
    let both = [
        "keys",
        "export",
        &key,
        "--unprotected",
        "--password-file",
        "password",
    ];
    sandbox.refuses(both, "WRONG_USAGE", 2);
    let pkcs8 = [
        "keys",
        "export",
        &key,
        "--format",
        "pkcs8-pem",
        "--password-file",
        "password",
    ];
    sandbox.refuses(pkcs8, "BAD_ARGUMENT", 2);
    let file = sandbox.export(&key, "pkcs8-pem", "key.pem");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // Each export is in the audit log, the refused ones are not.
    let records = sandbox.json(["audit", "list"]);
    let exports = records["records"].as_array().unwrap().iter();
    let exports = exports.filter(|record| record["operation"] == "export_key");
    assert_eq!(exports.count(), 1);
}

/// A field of a Protocol Buffers message: length-delimited.
fn bytes(number: u8, contents: &[u8]) -> Vec<u8> {
    let mut length = contents.len();
    let mut field = vec![number << 3 | 2];
    while length >= 0x80 {
        field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap());
    [&field, contents].concat()
}

/// A field of a Protocol Buffers message: a small integer.
fn int(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

#[test]
fn an_old_export_with_an_embedded_public_key_comes_in() {
    // RFC 8032, section 7.1, test 1.
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let point = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let purpose = [&[0, 0, 0, 12], &point[..]].concat();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &purpose);
    let fingerprint = format!("1220{}", HEXLOWER.encode(digest.as_ref()));

    // Reference: keys-and-schemes, sections 4.2, 4.4 and 4.5.
    let spki = [&hex("302a300506032b6570032100"), &point[..]].concat();
    let pkcs8 = [&hex("302e020100300506032b657004220420"), &seed[..]].concat();
    let usage_and_spec = [bytes(5, &[1]), int(6, 1)].concat();
    let public = [int(2, 4), bytes(3, &spki), usage_and_spec.clone()].concat();
    let private = [
        bytes(1, fingerprint.as_bytes()),
        int(2, 5),
        bytes(3, &pkcs8),
        usage_and_spec,
    ]
    .concat();
    let pair = |public: Option<&[u8]>| {
        let public = public.map(|public| bytes(1, public)).unwrap_or_default();
        bytes(1, &[public, bytes(2, &private)].concat())
    };
    let wrapped = |pair: &[u8]| [bytes(1, pair), int(2, 30)].concat();
    let old = wrapped(&pair(Some(&public)));
    assert_eq!(old.len(), 192, "as the files of old exports");

    // The field is not looked at: the public key is derived from the private one.
    let swapped = public.iter().rev().copied().collect::<Vec<_>>();
    let bare = pair(None);
    for (what, container) in [
        ("old", &old),
        ("new", &wrapped(&bare)),
        ("bare", &bare),
        (
            "with something else in the unused field",
            &wrapped(&pair(Some(&swapped))),
        ),
    ] {
        let sandbox = Sandbox::with_vault();
        sandbox.write("old.key", container);
        let key = sandbox.json(["keys", "import", "old.key", "--name", "old namespace"]);
        assert_eq!(text(&key, "fingerprint"), fingerprint, "{what}");
        assert_eq!(key["usage"].as_array().unwrap(), &["namespace"], "{what}");
        let expect = [
            "keys",
            "import",
            "old.key",
            "--name",
            "old namespace",
            "--expect",
        ];
        sandbox
            .run([&expect[..], &[&fingerprint]].concat())
            .succeeded();
        let other = fingerprint.replace(&fingerprint[60..], "00000000");
        sandbox.refuses([&expect[..], &[&other]].concat(), "OTHER_KEY", 2);
    }
}

#[test]
fn canton_s_public_key_message_comes_in_bare_and_wrapped() {
    let sandbox = Sandbox::with_vault();
    let other = Sandbox::with_vault();
    let key = other.signing_key("ec-p-256", "protocol");
    let pem = other.public_pem(&key, "public.pem");
    let pem = std::fs::read_to_string(pem).unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
    let message = [int(2, 4), bytes(3, &spki), bytes(5, &[4, 5]), int(6, 2)].concat();
    let bare = bytes(1, &message);
    let wrapped = [bytes(1, &message), int(2, 30)].concat();
    for (bytes, is_wrapped) in [(bare, false), (wrapped, true)] {
        sandbox.write("public", bytes);
        for format in ["key-pair", "auto"] {
            let import = [
                "keys", "import", "public", "--public", "--format", format, "--output", "json",
            ];
            let ran = sandbox.run(import).succeeded();
            assert_eq!(ran.stderr.contains("was wrapped"), is_wrapped, "{ran:?}");
            let imported = ran.json();
            assert_eq!(text(&imported, "fingerprint"), key);
            assert_eq!(imported["custody"], serde_json::Value::Null);
            let other_usage = [&import[..], &["--usage", "namespace"]].concat();
            sandbox.refuses(other_usage, "USAGE_DIFFERS", 2);
        }
    }
    let sign = ["sign", "public", "--key", &key];
    sandbox.refuses(sign, "NO_PRIVATE_KEY", 3);
    // Public keys alone are listed only when asked for.
    assert!(
        sandbox.json(["keys", "list"])["keys"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        sandbox.json(["keys", "list", "--all"])["keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_container_whose_key_is_for_something_else_is_refused() {
    let other = Sandbox::with_vault();
    let signing = other.signing_key("ec-p-256", "protocol");
    let encryption = other.encryption_key("ec-p-256");
    let sandbox = Sandbox::with_vault();
    let password = sandbox.write("password", "correct horse");
    let password = password.to_str().unwrap();
    let file = |key: &str| other.export(key, "key-pair", key);
    let (signing_file, encryption_file) = (file(&signing), file(&encryption));
    let sealed = other.path("sealed.key");
    let export = [
        "keys",
        "export",
        &signing,
        "--password-file",
        password,
        "--out",
    ];
    other
        .run([&export[..], &[sealed.to_str().unwrap()]].concat())
        .succeeded();
    for (file, extra) in [
        (&signing_file, &["--usage", "namespace"][..]),
        (&signing_file, &["--usage", "namespace,protocol"]),
        (&signing_file, &["--purpose", "encryption"]),
        (
            &signing_file,
            &["--usage", "namespace", "--format", "key-pair"],
        ),
        (
            &sealed,
            &["--usage", "namespace", "--password-file", password],
        ),
        (&encryption_file, &["--usage", "protocol"]),
        (&encryption_file, &["--purpose", "signing"]),
    ] {
        let import = [&["keys", "import", file.to_str().unwrap()], extra].concat();
        // Before anything is opened: not even a key file is needed.
        let ran = sandbox.refuses(import, "USAGE_DIFFERS", 2);
        assert!(
            ran.stderr.contains("but the file holds a key"),
            "{}",
            ran.stderr
        );
    }
    for (file, extra) in [
        (
            &signing_file,
            &["--usage", "protocol", "--purpose", "signing"][..],
        ),
        (&signing_file, &["--usage", "protocol,proof-of-ownership"]),
        (&encryption_file, &["--purpose", "encryption"]),
    ] {
        let import = [&["keys", "import", file.to_str().unwrap()], extra].concat();
        sandbox.run(import).succeeded();
    }
}

#[test]
fn a_broken_container_is_not_called_something_that_is_no_key() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ed25519", "protocol");
    let whole = std::fs::read(sandbox.export(&key, "key-pair", "node.key")).unwrap();
    let mut bad_key = whole.clone();
    let middle = bad_key.len() / 2;
    bad_key.drain(middle..middle + 1);
    for contents in [&whole[..whole.len() - 9], &bad_key] {
        sandbox.write("broken", contents);
        for extra in [&[][..], &["--usage", "protocol"]] {
            let import = [&["keys", "import", "broken"], extra].concat();
            sandbox.refuses(import, "PROTO_NOT_A_KEY_PAIR", 2);
        }
        let public = ["keys", "import", "broken", "--public"];
        let ran = sandbox.run(public);
        assert!(
            ran.code().is_some_and(|code| code.starts_with("PROTO_")),
            "{ran:?}"
        );
    }
    // What was never one is not called one, a PEM file with an empty line before it neither.
    for contents in [
        "not a key",
        "\n-----BEGIN PRIVATE KEY-----\n",
        "\nnot a key",
        "",
    ] {
        sandbox.write("broken", contents);
        let import = ["keys", "import", "broken", "--usage", "protocol"];
        let ran = sandbox.run(import);
        assert!(
            ran.code().is_some_and(|code| code.starts_with("KEY_")),
            "{ran:?}"
        );
    }
    sandbox.write("password", "correct horse");
    let import = [
        "keys",
        "import",
        "broken",
        "--usage",
        "protocol",
        "--password-file",
        "password",
    ];
    sandbox.refuses(import, "PASSWORD_OF_NO_CONTAINER", 2);
}
