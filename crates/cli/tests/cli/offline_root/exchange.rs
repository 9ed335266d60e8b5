//! Others sign what we prepared, and verify what we signed.

use strongroom_crypto::{KeyPurpose, PrivateKey, SecretBytes, SigningKeySpec};

use super::{Site, words};
use crate::{
    needles::Needles,
    openssl::{
        digest_of, knows_ml_dsa, openssl, openssl_generates, openssl_verifies, signing_specs,
    },
    support::{Sandbox, text},
};

/// With a root key of OpenSSL, `root.key` and `root.pem`, both in DER too.
fn with_openssl_root(spec: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    openssl_generates(&sandbox, spec);
    openssl(&sandbox, "pkey -in theirs.pem -out root.key");
    openssl(
        &sandbox,
        "pkey -in theirs.pem -outform DER -out root.key.der",
    );
    openssl(&sandbox, "pkey -in theirs.pem -pubout -out root.pem");
    openssl(
        &sandbox,
        "pkey -in theirs.pem -pubout -outform DER -out root.der",
    );
    sandbox
}

#[test]
fn openssl_signs_the_hash_and_we_make_the_certificate() {
    for spec in signing_specs(&Sandbox::new()) {
        let sandbox = with_openssl_root(spec);
        let run = |line: &str| sandbox.run(words(line)).succeeded();
        run("prepare --root --root-key root.der --out root");
        let digest = digest_of(spec).map_or(String::new(), |digest| format!("-digest {digest}"));
        let line = format!(
            "pkeyutl -rawin {digest} -inkey root.key -sign -in root.hash -out root.signature"
        );
        openssl(&sandbox, &line);
        run("assemble --prepared root.prep --signature root.signature --out root.cert");
        let inspected = sandbox.json(words("inspect root.cert"));
        let signed = &inspected["files"][0]["transactions"][0];
        assert_eq!(
            signed["signatures"][0]["status"], "valid",
            "{spec}: {signed}"
        );
        assert_eq!(signed["content"]["target_key"]["spec"], spec);
    }
}

#[test]
fn we_sign_and_openssl_verifies_over_the_hash() {
    for spec in signing_specs(&Sandbox::new()) {
        let sandbox = with_openssl_root(spec);
        let run = |line: &str| sandbox.run(words(line)).succeeded();
        run("prepare --root --root-key root.pem --out root");
        for (key, message) in [
            ("root.key", "--prepared root.prep"),
            ("root.key.der", "--prepared root.prep"),
            ("root.key", "--hash root.hash --blind"),
        ] {
            run(&format!(
                "sign {message} --key {key} --out ours.signature --force"
            ));
            openssl_verifies(&sandbox, spec, "root.pem", "root.hash", "ours.signature");
        }
    }
}

#[test]
fn old_forms_of_elliptic_curve_keys_sign_too() {
    for spec in ["ec-p-256", "ec-p-384", "ec-secp-256k-1"] {
        let sandbox = with_openssl_root(spec);
        sandbox
            .run(words("prepare --root --root-key root.pem --out root"))
            .succeeded();
        for form in ["", "-outform DER"] {
            openssl(&sandbox, &format!("ec -in theirs.pem {form} -out sec1"));
            let line = "sign --prepared root.prep --key sec1 --out ours.signature --force";
            sandbox.run(words(line)).succeeded();
            openssl_verifies(&sandbox, spec, "root.pem", "root.hash", "ours.signature");
        }
    }
}

#[test]
fn ml_dsa_signs_and_verifies_with_or_without_openssl() {
    let site = Site::new(SigningKeySpec::MlDsa65);
    site.certify();
    assert_eq!(site.sandbox.read("root.signature").len(), 3309);
    let inspected = site.json("inspect root.cert node.cert root.signature");
    assert_eq!(inspected["sound"], true);
    let signature = &inspected["files"][1]["transactions"][0]["signatures"][0];
    assert_eq!(
        (&signature["status"], &signature["algorithm"]),
        (&"valid".into(), &"ml-dsa-65".into())
    );
    if knows_ml_dsa(&site.sandbox) {
        openssl_verifies(
            &site.sandbox,
            "ml-dsa-65",
            "root.pem",
            "root.hash",
            "root.signature",
        );
    }
}

#[test]
fn a_key_pair_container_with_a_password_signs() {
    let sandbox = Sandbox::with_vault();
    let root = sandbox.signing_key("ec-p-256", "namespace");
    sandbox.public_pem(&root, "root.pem");
    sandbox.write("password", "correct horse");
    sandbox.write("wrong", "battery staple");
    let export = [
        "keys",
        "export",
        &root,
        "--password-file",
        "password",
        "--out",
        "root.key",
    ];
    sandbox.run(export).succeeded();
    let run = |line: &str| sandbox.run(words(line));
    run("prepare --root --root-key root.pem --out root").succeeded();
    run("sign --prepared root.prep --key root.key --password-file password --out root.signature")
        .succeeded();
    openssl_verifies(
        &sandbox,
        "ec-p-256",
        "root.pem",
        "root.hash",
        "root.signature",
    );

    for (password, code, status) in [
        ("--password-file wrong", "PASSWORD_REJECTED", 4),
        ("", "PROTO_KEY_PAIR_ENCRYPTED", 2),
    ] {
        let line = format!("sign --prepared root.prep --key root.key {password} --out x");
        sandbox.refuses(words(&line), code, status);
    }
    // The usages of a container count: a key for messages is no root.
    let signer = sandbox.signing_key("ec-p-256", "protocol");
    sandbox.public_pem(&signer, "signer.pem");
    sandbox.export(&signer, "key-pair", "signer.key");
    run("prepare --root --root-key signer.pem --out signer").succeeded();
    sandbox.refuses(
        words("sign --prepared signer.prep --key signer.key --out x"),
        "KEY_USAGE_REFUSED",
        2,
    );
}

#[test]
fn what_is_signed_is_told_before_the_key_is_read() {
    let site = Site::new(SigningKeySpec::EcCurve25519);
    site.certify();
    let missing = site.run("sign --prepared node.prep --key nowhere --out x");
    assert_eq!(missing.code(), Some("FILE_NOT_FOUND"));
    let told = format!(
        "key {} may sign everything but delegations.",
        site.node.fingerprint()
    );
    assert!(missing.stderr.contains(&told), "{}", missing.stderr);
    assert!(missing.stderr.find(&told) < missing.stderr.find("error: "));

    let blind = site
        .run("sign --hash node.hash --blind --key root.key --out x")
        .succeeded();
    assert!(
        blind.stderr.contains("that nobody can see here"),
        "{}",
        blind.stderr
    );
    // Ed25519 signatures do not vary.
    assert_eq!(site.sandbox.read("x"), site.sandbox.read("node.signature"));
}

#[test]
fn the_root_key_stands_in_nothing_that_is_printed_or_written() {
    for spec in SigningKeySpec::ALL {
        let site = Site::new(spec);
        site.certify();
        let pem = SecretBytes::take(site.sandbox.read("root.key"));
        let private = PrivateKey::from_file(&pem, KeyPurpose::Signing).unwrap();
        // EXPOSE: a key of this test.
        let root = Needles::of_pkcs8("root", private.to_pkcs8().unwrap().expose());
        let line = "sign --prepared node.prep --key root.key --out x --log trace";
        let told = site.run(line).succeeded();
        let json = site
            .run(&format!("{line} --force --output json"))
            .succeeded();
        for printed in [
            told.stdout,
            told.stderr.into(),
            json.stdout,
            json.stderr.into(),
        ] {
            assert!(!root.stand_in(&printed), "{spec}");
        }
        for (path, (_, contents)) in site.sandbox.snapshot() {
            let is_key = path.ends_with("root.key");
            assert!(is_key || !root.stand_in(&contents), "{}", path.display());
        }
    }
}

#[test]
fn a_signature_goes_to_standard_output_alone_and_into_a_document() {
    let site = Site::new(SigningKeySpec::EcCurve25519);
    site.certify();
    let sign = "sign --prepared node.prep --key root.key";
    let raw = site.run(sign).succeeded();
    assert_eq!(raw.stdout, site.sandbox.read("node.signature"));
    let document = site.json(sign);
    assert_eq!(
        text(&document, "signed_by"),
        site.root.fingerprint().to_string()
    );
    assert_eq!(
        (&document["file"], &document["format"]),
        (&serde_json::Value::Null, &"concat".into())
    );
    assert_eq!(document["transaction"]["mapping"], "NAMESPACE_DELEGATION");
    let signature = data_encoding::BASE64.decode(text(&document, "signature").as_bytes());
    assert_eq!(signature.unwrap(), raw.stdout);

    let blind = site.json("sign --hash node.hash --blind --key root.key --out y");
    assert_eq!(
        (&blind["transaction"], &blind["file"]),
        (&serde_json::Value::Null, &"y".into())
    );
    assert_eq!(blind["hash"], document["hash"]);

    let assemble = "assemble --prepared node.prep --signature node.signature --root-key root.pem";
    let raw = site.run(assemble).succeeded();
    assert_eq!(raw.stdout, site.sandbox.read("node.cert"));
    let document = site.json(assemble);
    let certificate = data_encoding::BASE64.decode(text(&document, "certificate").as_bytes());
    assert_eq!(certificate.unwrap(), raw.stdout);
    assert_eq!(document["signatures"][0]["status"], "valid");
}
