//! `keys export --format wrapped`: what another key store imports, with `openssl` as that store.

use std::fs;

use data_encoding::HEXLOWER;

use crate::{
    openssl::{openssl, openssl_generates, signing_specs},
    support::{Sandbox, text},
};

/// The initial value of RFC 5649, section 3, which OpenSSL wants to be told.
const KWP_IV: &str = "A65959A6";

/// Makes a wrapping key of 3072 bits: `wrapping.pem`, and its public half as `wrapping.pub` and `wrapping.der`.
fn wrapping_key(sandbox: &Sandbox) {
    for line in [
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out wrapping.pem",
        "pkey -in wrapping.pem -pubout -out wrapping.pub",
        "pkey -in wrapping.pem -pubout -outform DER -out wrapping.der",
    ] {
        openssl(sandbox, line);
    }
}

/// Opens a wrap as AWS and Google describe it.
fn unwrap(sandbox: &Sandbox, wrapped: &str, hash: &str) -> Vec<u8> {
    let wrapped = sandbox.read(wrapped);
    let (kek, key) = wrapped.split_at(3072 / 8);
    sandbox.write("kek.encrypted", kek);
    sandbox.write("key.encrypted", key);
    let oaep = format!(
        "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:{hash} -pkeyopt rsa_mgf1_md:{hash}"
    );
    let line = format!("pkeyutl -decrypt -inkey wrapping.pem {oaep} -in kek.encrypted");
    let kek = HEXLOWER.encode(&openssl(sandbox, &line));
    assert_eq!(kek.len(), 64, "a key of 256 bits");
    openssl(
        sandbox,
        &format!("enc -d -id-aes256-wrap-pad -K {kek} -iv {KWP_IV} -in key.encrypted"),
    )
}

fn export(key: &str, wrapping: &str, out: &str, more: &[&str]) -> Vec<String> {
    let args = [
        "keys",
        "export",
        key,
        "--format",
        "wrapped",
        "--wrapping-key",
        wrapping,
        "--out",
        out,
    ];
    [&args[..], more]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[test]
fn openssl_opens_what_is_wrapped_for_another_key_store() {
    let sandbox = Sandbox::with_vault();
    wrapping_key(&sandbox);
    let signing = signing_specs(&sandbox).into_iter();
    let mut keys: Vec<_> = signing
        .map(|spec| sandbox.signing_key(spec, "protocol"))
        .collect();
    keys.push(sandbox.encryption_key("rsa-2048"));
    for key in &keys {
        let plain = fs::read(sandbox.export(key, "pkcs8-der", &format!("{key}.der"))).unwrap();
        for (wrapping, hash, more) in [
            ("wrapping.pub", "sha256", &[][..]),
            ("wrapping.der", "sha256", &["--oaep-hash", "sha256"]),
            ("wrapping.pub", "sha1", &["--oaep-hash", "sha1"]),
        ] {
            let out = format!("{key}.{hash}.{wrapping}");
            sandbox.run(export(key, wrapping, &out, more)).succeeded();
            assert!(unwrap(&sandbox, &out, hash) == plain, "{key} {hash}");
        }
    }
}

#[test]
fn a_wrapped_export_is_on_record_with_the_fingerprint_of_its_wrapping_key() {
    let sandbox = Sandbox::with_vault();
    wrapping_key(&sandbox);
    let key = sandbox.signing_key("ec-p-256", "protocol");
    sandbox
        .run(export(&key, "wrapping.pub", "wrapped", &[]))
        .succeeded();
    let digest = openssl(&sandbox, "dgst -sha256 -r wrapping.der");
    let expected = String::from_utf8(digest).unwrap()[..64].to_owned();
    let records = sandbox.json(["audit", "list"]);
    let record = records["records"].as_array().unwrap().last().unwrap();
    assert_eq!(text(record, "operation"), "export_key");
    assert_eq!(text(record, "key"), key);
    assert_eq!(
        record["details"],
        serde_json::json!({"form": "wrapped", "wrapping_key": expected, "oaep_hash": "sha256"})
    );
}

#[test]
fn nothing_is_wrapped_for_what_is_no_wrapping_key() {
    let sandbox = Sandbox::with_vault();
    wrapping_key(&sandbox);
    let key = sandbox.signing_key("ec-p-256", "protocol");
    openssl_generates(&sandbox, "ec-p-256");
    openssl(&sandbox, "pkey -in theirs.pem -pubout -out curve.pub");
    let short = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.pem";
    openssl(&sandbox, short);
    openssl(&sandbox, "pkey -in short.pem -pubout -out short.pub");
    sandbox.write("password", "correct horse");
    for (wrapping, code) in [
        ("curve.pub", "KEY_WRAPPING_KEY_UNFIT"),
        ("short.pub", "KEY_WRAPPING_KEY_UNFIT"),
        // Whose private half is in the same file is not another key store.
        ("wrapping.pem", "KEY_WRONG_HALF"),
        ("password", "KEY_NOT_RECOGNISED"),
    ] {
        sandbox.refuses(export(&key, wrapping, "wrapped", &[]), code, 2);
    }
    let export = ["keys", "export", &key, "--out", "wrapped", "--format"];
    for (more, code) in [
        (&["wrapped"][..], "FLAG_MISSING"),
        (
            &[
                "wrapped",
                "--wrapping-key",
                "wrapping.pub",
                "--password-file",
                "password",
            ],
            "BAD_ARGUMENT",
        ),
        (
            &[
                "pkcs8-der",
                "--wrapping-key",
                "wrapping.pub",
                "--unprotected",
            ],
            "BAD_ARGUMENT",
        ),
        (&["wrapped", "--oaep-hash", "sha1"], "WRONG_USAGE"),
    ] {
        sandbox.refuses([&export[..], more].concat(), code, 2);
    }
}
