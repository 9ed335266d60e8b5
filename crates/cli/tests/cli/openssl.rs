//! The program `openssl` as the judge: it verifies what we sign and reads what we export, and the other way round.

use std::{
    fs,
    io::ErrorKind,
    process::{Command, Stdio},
};

use data_encoding::HEXLOWER;

use crate::support::{Ran, Sandbox, text};

const MESSAGE: &[u8] = b"a message for both of them";

/// Runs `openssl`, which must succeed; returns what it prints.
#[track_caller]
pub(crate) fn openssl(sandbox: &Sandbox, line: &str) -> Vec<u8> {
    let ran = try_openssl(sandbox, line);
    assert!(ran.status == 0, "openssl {line}\n{}", ran.stderr);
    ran.stdout
}

fn try_openssl(sandbox: &Sandbox, line: &str) -> Ran {
    let command = sandbox.program("openssl", line.split_whitespace());
    present(command)
}

fn present(mut command: Command) -> Ran {
    match command.stdin(Stdio::null()).output() {
        Ok(output) => Ran::from(output),
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "The program 'openssl' is missing: 'cargo xtask setup' or 'apt-get install openssl' installs it."
        ),
        Err(error) => panic!("openssl could not be started: {error}"),
    }
}

/// Whether this OpenSSL has ML-DSA, which came with version 3.5.
pub(crate) fn knows_ml_dsa(sandbox: &Sandbox) -> bool {
    let listed = openssl(sandbox, "list -signature-algorithms");
    String::from_utf8_lossy(&listed).contains("ML-DSA-65")
}

pub(crate) fn signing_specs(sandbox: &Sandbox) -> Vec<&'static str> {
    let mut specs = vec!["ec-curve-25519", "ec-p-256", "ec-p-384", "ec-secp-256k-1"];
    if knows_ml_dsa(sandbox) {
        specs.push("ml-dsa-65");
    }
    specs
}

/// How `openssl` signs or verifies with a key of `spec`.
pub(crate) fn digest_of(spec: &str) -> Option<&'static str> {
    match spec {
        "ec-p-384" => Some("sha384"),
        "ec-p-256" | "ec-secp-256k-1" => Some("sha256"),
        _ => None,
    }
}

#[track_caller]
pub(crate) fn openssl_verifies(
    sandbox: &Sandbox,
    spec: &str,
    public: &str,
    message: &str,
    signature: &str,
) {
    let line = match digest_of(spec) {
        Some(digest) => {
            // Both ways to ask.
            openssl(
                sandbox,
                &format!("dgst -{digest} -verify {public} -signature {signature} {message}"),
            );
            format!(
                "pkeyutl -verify -rawin -digest {digest} -pubin -inkey {public} -sigfile {signature} -in {message}"
            )
        }
        None => format!(
            "pkeyutl -verify -rawin -pubin -inkey {public} -sigfile {signature} -in {message}"
        ),
    };
    openssl(sandbox, &line);
}

fn openssl_signs(sandbox: &Sandbox, spec: &str, private: &str, message: &str, signature: &str) {
    let line = match digest_of(spec) {
        Some(digest) => format!("dgst -{digest} -sign {private} -out {signature} {message}"),
        None => format!("pkeyutl -sign -rawin -inkey {private} -in {message} -out {signature}"),
    };
    openssl(sandbox, &line);
}

#[test]
fn openssl_verifies_our_signatures_and_reads_our_keys() {
    let sandbox = Sandbox::with_vault();
    sandbox.write("message", MESSAGE);
    sandbox.write("other", "another message");
    for spec in signing_specs(&sandbox) {
        let key = sandbox.signing_key(spec, "protocol");
        sandbox.public_pem(&key, "public.pem");
        let sign = [
            "sign",
            "message",
            "--key",
            &key,
            "--out",
            "signature",
            "--force",
        ];
        sandbox.run(sign).succeeded();
        openssl_verifies(&sandbox, spec, "public.pem", "message", "signature");
        let digest = digest_of(spec).map_or(String::new(), |digest| format!("-digest {digest}"));
        let line = format!(
            "pkeyutl -verify -rawin {digest} -pubin -inkey public.pem -sigfile signature -in other"
        );
        assert_ne!(
            try_openssl(&sandbox, &line).status,
            0,
            "{spec}: the judge can say no"
        );

        // What OpenSSL reads from our export is the same key.
        let public = openssl(&sandbox, "pkey -pubin -in public.pem -outform DER");
        for (format, form) in [("pkcs8-pem", "PEM"), ("pkcs8-der", "DER")] {
            let file = format!("{spec}.{format}");
            sandbox.export(&key, format, &file);
            let line = format!("pkey -in {file} -inform {form} -pubout -outform DER");
            assert_eq!(openssl(&sandbox, &line), public, "{spec} {format}");
        }
        openssl(
            &sandbox,
            &format!("pkey -in {spec}.pkcs8-pem -check -noout"),
        );
        // And it signs with it.
        let private = format!("{spec}.pkcs8-pem");
        openssl_signs(&sandbox, spec, &private, "message", "theirs");
        let verify = ["verify", "message", "--signature", "theirs", "--key", &key];
        sandbox.run(verify).succeeded();
    }
}

/// The forms in which OpenSSL writes private keys that we read: a line for each, which reads `theirs.pem`.
fn forms(spec: &str) -> Vec<&'static str> {
    match spec {
        "ec-curve-25519" | "ml-dsa-65" => vec![
            "pkey -in theirs.pem -out form",
            "pkey -in theirs.pem -outform DER -out form",
        ],
        "rsa-2048" => vec![
            "pkey -in theirs.pem -out form",
            "pkey -in theirs.pem -outform DER -out form",
            // PKCS#1.
            "rsa -in theirs.pem -traditional -out form",
            "rsa -in theirs.pem -traditional -outform DER -out form",
        ],
        _ => vec![
            "pkey -in theirs.pem -out form",
            "pkcs8 -topk8 -nocrypt -in theirs.pem -outform DER -out form",
            // SEC 1.
            "ec -in theirs.pem -out form",
            "ec -in theirs.pem -outform DER -out form",
            // Compressed points.
            "ec -in theirs.pem -conv_form compressed -out form",
            "ec -in theirs.pem -conv_form compressed -outform DER -out form",
            "pkey -in theirs.pem -ec_conv_form compressed -out form",
            "ec -in theirs.pem -no_public -out form",
        ],
    }
}

pub(crate) fn openssl_generates(sandbox: &Sandbox, spec: &str) {
    let line = match spec {
        "ec-curve-25519" => "genpkey -algorithm ed25519 -out theirs.pem",
        "ec-p-256" => "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out theirs.pem",
        // With its parameters in a block of their own.
        "ec-p-384" => "ecparam -name secp384r1 -genkey -out theirs.pem",
        "ec-secp-256k-1" => "ecparam -name secp256k1 -genkey -noout -out theirs.pem",
        "rsa-2048" => "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out theirs.pem",
        _ => "genpkey -algorithm ML-DSA-65 -out theirs.pem",
    };
    openssl(sandbox, line);
}

#[test]
fn we_import_openssl_s_keys_in_every_form_and_verify_its_signatures() {
    let sandbox = Sandbox::with_vault();
    sandbox.write("message", MESSAGE);
    for spec in signing_specs(&sandbox) {
        openssl_generates(&sandbox, spec);
        let import = |file: &str, public: &[&str]| {
            let args = ["keys", "import", file, "--usage", "protocol"];
            let key = sandbox.json([&args, public].concat());
            assert_eq!(text(&key, "spec"), spec);
            text(&key, "fingerprint")
        };
        let key = import("theirs.pem", &[]);
        for form in forms(spec) {
            openssl(&sandbox, form);
            assert_eq!(import("form", &[]), key, "{spec}: {form}");
        }
        openssl(&sandbox, "pkey -in theirs.pem -pubout -out public.pem");
        openssl(
            &sandbox,
            "pkey -in theirs.pem -pubout -outform DER -out public.der",
        );
        let mut publics = vec!["public.pem", "public.der"];
        if digest_of(spec).is_some() {
            let line = "pkey -in theirs.pem -pubout -ec_conv_form compressed -out compressed.pem";
            openssl(&sandbox, line);
            publics.push("compressed.pem");
        }
        for public in &publics {
            assert_eq!(import(public, &["--public"]), key, "{spec}: {public}");
        }
        openssl_signs(&sandbox, spec, "theirs.pem", "message", "theirs.sig");
        for public in publics {
            let verify = [
                "verify",
                "message",
                "--signature",
                "theirs.sig",
                "--public-key",
                public,
            ];
            let document = sandbox.json(verify);
            assert_eq!(text(&document, "signed_by"), key, "{spec}: {public}");
        }
        let sign = [
            "sign", "message", "--key", &key, "--out", "ours.sig", "--force",
        ];
        sandbox.run(sign).succeeded();
        openssl_verifies(&sandbox, spec, "public.pem", "message", "ours.sig");
    }
}

#[test]
fn explicit_curve_parameters_are_refused() {
    let sandbox = Sandbox::with_vault();
    openssl_generates(&sandbox, "ec-p-256");
    openssl(
        &sandbox,
        "ec -in theirs.pem -param_enc explicit -out explicit.pem",
    );
    openssl(
        &sandbox,
        "ec -in theirs.pem -param_enc explicit -pubout -out public.pem",
    );
    let import = ["keys", "import", "explicit.pem", "--usage", "protocol"];
    sandbox.refuses(import, "KEY_CURVE_EXPLICIT", 2);
    let import = [
        "keys",
        "import",
        "public.pem",
        "--public",
        "--usage",
        "protocol",
    ];
    sandbox.refuses(import, "KEY_CURVE_EXPLICIT", 2);
}

#[test]
fn keys_that_we_have_no_use_for_are_refused() {
    let sandbox = Sandbox::with_vault();
    for (line, usage, code) in [
        (
            "genpkey -algorithm x25519",
            "protocol",
            "KEY_ALGORITHM_UNSUPPORTED",
        ),
        (
            "genpkey -algorithm ed448",
            "protocol",
            "KEY_ALGORITHM_UNSUPPORTED",
        ),
        (
            "ecparam -name secp521r1 -genkey -noout",
            "protocol",
            "KEY_ALGORITHM_UNSUPPORTED",
        ),
        (
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            "protocol",
            "KEY_PURPOSE_MISMATCH",
        ),
    ] {
        openssl(&sandbox, &format!("{line} -out theirs.pem"));
        let import = ["keys", "import", "theirs.pem", "--usage", usage];
        sandbox.refuses(import, code, 2);
    }
    for (line, code) in [
        ("genpkey -algorithm ed25519", "KEY_PURPOSE_MISMATCH"),
        (
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "KEY_INVALID",
        ),
        (
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3",
            "KEY_INVALID",
        ),
    ] {
        openssl(&sandbox, &format!("{line} -out theirs.pem"));
        let import = ["keys", "import", "theirs.pem", "--purpose", "encryption"];
        sandbox.refuses(import, code, 2);
    }
}

const OAEP: &str =
    "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";

#[test]
fn rsa_oaep_goes_both_ways() {
    let sandbox = Sandbox::with_vault();
    sandbox.write("message", MESSAGE);
    openssl_generates(&sandbox, "rsa-2048");
    let ours = sandbox.encryption_key("rsa-2048");
    let mut theirs = None;
    let mut all = forms("rsa-2048");
    all.push("pkey -in theirs.pem -out form");
    for form in all {
        openssl(&sandbox, form);
        let key = sandbox.json(["keys", "import", "form", "--purpose", "encryption"]);
        let key = text(&key, "fingerprint");
        assert_eq!(*theirs.get_or_insert_with(|| key.clone()), key, "{form}");
    }
    for key in [ours, theirs.unwrap()] {
        sandbox.public_pem(&key, "public.pem");
        openssl(
            &sandbox,
            &format!("pkeyutl -encrypt -pubin -inkey public.pem {OAEP} -in message -out encrypted"),
        );
        let decrypted = sandbox
            .run(["decrypt", "encrypted", "--key", &key])
            .succeeded();
        assert_eq!(decrypted.stdout, MESSAGE);

        let encrypt = [
            "encrypt",
            "message",
            "--to",
            &key,
            "--out",
            "encrypted",
            "--force",
        ];
        sandbox.run(encrypt).succeeded();
        fs::remove_file(sandbox.path("private.pem")).ok();
        sandbox.export(&key, "pkcs8-pem", "private.pem");
        openssl(&sandbox, "pkey -in private.pem -check -noout");
        let decrypted = openssl(
            &sandbox,
            &format!("pkeyutl -decrypt -inkey private.pem {OAEP} -in encrypted"),
        );
        assert_eq!(decrypted, MESSAGE);
    }
}

/// The keys of one ECIES message (reference: keys-and-schemes, section 7.1): X9.63 over V || Z without shared
/// information computes the same as KDF2.
fn ecies_keys(sandbox: &Sandbox, point: &[u8], private: &str, public: &str) -> (String, String) {
    let shared = openssl(
        sandbox,
        &format!("pkeyutl -derive -inkey {private} -peerkey {public}"),
    );
    assert_eq!((point.len(), shared.len()), (65, 32));
    let secret = HEXLOWER.encode(&[point, &shared].concat());
    let keys = openssl(
        sandbox,
        &format!("kdf -keylen 80 -kdfopt digest:SHA256 -kdfopt hexkey:{secret} -binary X963KDF"),
    );
    (HEXLOWER.encode(&keys[..16]), HEXLOWER.encode(&keys[16..]))
}

fn ecies_tag(sandbox: &Sandbox, key: &str, encrypted: &[u8]) -> Vec<u8> {
    sandbox.write("authenticated", [encrypted, &[0; 8]].concat());
    openssl(
        sandbox,
        &format!("dgst -sha256 -mac HMAC -macopt hexkey:{key} -binary authenticated"),
    )
}

/// The uncompressed point at the end of a P-256 public key.
fn point_of(spki: &[u8]) -> Vec<u8> {
    spki[spki.len() - 65..].to_vec()
}

#[test]
fn we_decrypt_ecies_that_was_made_of_openssl_s_primitives() {
    let sandbox = Sandbox::with_vault();
    for (length, message) in [(0, &b""[..]), (16, b"sixteen bytes ok"), (26, MESSAGE)] {
        assert_eq!(message.len(), length);
        let key = sandbox.encryption_key("ec-p-256");
        sandbox.public_pem(&key, "receiver.pem");
        openssl_generates(&sandbox, "ec-p-256");
        let spki = openssl(&sandbox, "pkey -in theirs.pem -pubout -outform DER");
        let point = point_of(&spki);
        let (cipher, mac) = ecies_keys(&sandbox, &point, "theirs.pem", "receiver.pem");
        let iv: Vec<u8> = (1..=16).collect();
        sandbox.write("message", message);
        let iv_hex = HEXLOWER.encode(&iv);
        let line = format!("enc -aes-128-cbc -K {cipher} -iv {iv_hex} -in message");
        let encrypted = openssl(&sandbox, &line);
        let tag = ecies_tag(&sandbox, &mac, &encrypted);
        sandbox.write(
            "encrypted",
            [&iv, &point, &encrypted, &tag].map(Vec::as_slice).concat(),
        );
        let decrypted = sandbox
            .run(["decrypt", "encrypted", "--key", &key])
            .succeeded();
        assert_eq!(decrypted.stdout, message);
    }
}

#[test]
fn openssl_s_primitives_decrypt_our_ecies() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.encryption_key("ec-p-256");
    sandbox.write("message", MESSAGE);
    sandbox
        .run(["encrypt", "message", "--to", &key, "--out", "encrypted"])
        .succeeded();
    let bytes = sandbox.read("encrypted");
    assert_eq!(bytes.len(), 113 + 32, "two blocks with their padding");
    let (iv, rest) = bytes.split_at(16);
    let (point, rest) = rest.split_at(65);
    let (encrypted, tag) = rest.split_at(rest.len() - 32);

    sandbox.export(&key, "pkcs8-pem", "private.pem");
    let spki = openssl(&sandbox, "pkey -in private.pem -pubout -outform DER");
    let header = &spki[..spki.len() - 65];
    sandbox.write("ephemeral.der", [header, point].concat());
    let (cipher, mac) = ecies_keys(&sandbox, point, "private.pem", "ephemeral.der");
    assert_eq!(ecies_tag(&sandbox, &mac, encrypted), tag);
    sandbox.write("body", encrypted);
    let iv = HEXLOWER.encode(iv);
    let line = format!("enc -d -aes-128-cbc -K {cipher} -iv {iv} -in body");
    assert_eq!(openssl(&sandbox, &line), MESSAGE);
}

#[test]
fn a_password_on_openssl_s_side_is_refused_with_the_way_to_remove_it() {
    let sandbox = Sandbox::with_vault();
    openssl_generates(&sandbox, "ec-p-256");
    for line in [
        "pkcs8 -topk8 -in theirs.pem -passout pass:secret -out encrypted",
        "pkcs8 -topk8 -in theirs.pem -passout pass:secret -outform DER -out encrypted",
        "ec -in theirs.pem -aes128 -passout pass:secret -out encrypted",
    ] {
        openssl(&sandbox, line);
        let import = ["keys", "import", "encrypted", "--usage", "protocol"];
        let ran = sandbox.refuses(import, "KEY_ENCRYPTED", 2);
        assert!(
            ran.stderr.contains("openssl pkey -in FILE"),
            "{}",
            ran.stderr
        );
    }
}
