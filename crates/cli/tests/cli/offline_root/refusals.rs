//! What is refused, with its code, and before a file is written.

use strongroom_crypto::{KeyUsage, SigningKeySpec};
use strongroom_proto::topology::encode_transaction;
use strongroom_topology::{Draft, Mapping, Operation, PartyHostingLimits, Serial};

use super::{Site, key_file};

fn site() -> Site {
    let site = Site::new(SigningKeySpec::EcCurve25519);
    site.certify();
    site
}

#[test]
fn what_is_stated_must_be_clear() {
    let site = site();
    for line in [
        "prepare --root-key root.pem --out x",
        "prepare --root --out x",
        "prepare --target-key node.pem --out x",
        "prepare --root --target-key node.pem --root-key root.pem --out x",
        "prepare --target-key node.pem --revoke node.cert --root-key root.pem --out x",
        "prepare --root --root-key root.pem --restriction all --out x",
        "prepare --revoke node.cert --restriction all --out x",
        "prepare --root --root-key root.pem",
        "sign --key root.key --out x",
        "sign --prepared node.prep --hash node.hash --key root.key --out x",
        "sign --prepared node.prep --blind --key root.key --out x",
        "assemble --prepared node.prep --signature node.signature --unverified --out x",
        "assemble --prepared node.prep --signature node.signature --algorithm rsa --out x",
        "assemble --prepared node.prep --signature node.signature --unverified --algorithm ed25519 --root-key root.pem --out x",
        "inspect",
    ] {
        site.refuses(line, "WRONG_USAGE", 2);
    }
}

#[test]
fn a_restriction_is_one_that_there_is() {
    let site = site();
    for restriction in [
        "none",
        "all,otk",
        "OWNER_TO_KEY_MAPPING,",
        "all-but-delegation",
    ] {
        let line = format!(
            "prepare --target-key node.pem --root-key root.pem --restriction {restriction} --out x"
        );
        let ran = site.refuses(&line, "ROOT_RESTRICTION_UNKNOWN", 2);
        assert!(ran.stderr.contains("is no restriction"), "{}", ran.stderr);
    }
}

#[test]
fn keys_must_be_public_keys_that_may_sign_for_a_namespace() {
    let site = site();
    let sandbox = &site.sandbox;
    let target = key_file(&site.node, &[KeyUsage::Protocol]);
    sandbox.write("protocol.pub", target);
    let mut contradiction = key_file(&site.node, &[KeyUsage::Namespace]);
    let spec = contradiction.len() - 3;
    assert_eq!(contradiction[spec], 2, "the spec is P-256");
    contradiction[spec] = 1;
    sandbox.write("contradiction.pub", contradiction);
    let whole = key_file(&site.node, &[KeyUsage::Namespace]);
    sandbox.write("half.pub", &whole[..whole.len() / 2]);
    sandbox.write("empty", "");
    for (target, code) in [
        ("node.key", "KEY_WRONG_HALF"),
        ("protocol.pub", "TOPOLOGY_INVALID_MAPPING"),
        ("contradiction.pub", "KEY_SPEC_MISMATCH"),
        ("half.pub", "PROTO_MALFORMED"),
        ("empty", "KEY_NOT_RECOGNISED"),
        ("node.cert", "PROTO_MALFORMED"),
        ("root.pem", "ROOT_TARGET_IS_ROOT"),
    ] {
        let line = format!("prepare --root-key root.pem --target-key {target} --out x");
        site.refuses(&line, code, 2);
    }
    site.refuses(
        "prepare --root --root-key nowhere.pem --out x",
        "FILE_NOT_FOUND",
        3,
    );
    site.refuses(
        "prepare --root --root-key root.pem --out -",
        "BAD_ARGUMENT",
        2,
    );
    site.refuses(
        "prepare --root-key - --target-key - --out x",
        "STDIN_TWICE",
        2,
    );
}

#[test]
fn only_a_delegation_is_revoked_and_only_once() {
    let site = site();
    site.run("prepare --revoke node.prep --out revoked")
        .succeeded();
    site.run("prepare --revoke node.cert --out same")
        .succeeded();
    assert_eq!(
        site.sandbox.read("revoked.prep"),
        site.sandbox.read("same.prep")
    );
    for (line, code) in [
        ("--revoke revoked.prep", "ROOT_REVOKED_ALREADY"),
        ("--revoke node.hash", "PROTO_FIELD_NOT_SET"),
        ("--revoke node.pem", "PROTO_MALFORMED"),
        ("--revoke node.cert --root-key node.pem", "OTHER_KEY"),
    ] {
        site.refuses(&format!("prepare {line} --out x"), code, 2);
    }
}

#[test]
fn nothing_but_delegations_is_signed() {
    let site = site();
    let namespace = site.root.fingerprint();
    let uid = |name: &str| format!("{name}::{namespace}").parse().unwrap();
    let other = encode_transaction(Draft {
        operation: Operation::AddReplace,
        serial: Serial::FIRST,
        mapping: Mapping::PartyHostingLimits(PartyHostingLimits {
            synchronizer: uid("da"),
            party: uid("alice"),
        }),
    });
    site.sandbox.write("limits.prep", other.bytes());
    for line in [
        "sign --prepared limits.prep --key root.key --out x",
        "assemble --prepared limits.prep --signature node.signature --root-key root.pem --out x",
        "prepare --revoke limits.prep --out x",
    ] {
        let before = site.sandbox.snapshot();
        let ran = site.run(line);
        assert_eq!(
            (ran.code(), ran.status),
            (Some("ROOT_NOT_A_DELEGATION"), 2),
            "{}",
            ran.stderr
        );
        site.sandbox.assert_unchanged(&before);
    }
    // It is shown all the same.
    let shown = site.run("inspect limits.prep").succeeded();
    assert!(
        shown.text().contains("Limits how party alice::"),
        "{}",
        shown.text()
    );
}

#[test]
fn the_root_key_alone_signs() {
    let site = site();
    for (line, code, status) in [
        ("--prepared node.prep --key node.key", "OTHER_KEY", 2),
        ("--prepared node.prep --key root.pem", "KEY_WRONG_HALF", 2),
        (
            "--prepared node.prep --key node.prep",
            "PROTO_NOT_A_KEY_PAIR",
            2,
        ),
        ("--prepared node.prep --key nowhere", "FILE_NOT_FOUND", 3),
        ("--prepared node.cert --key root.key", "PROTO_MALFORMED", 2),
        (
            "--prepared node.hash --key root.key",
            "PROTO_FIELD_NOT_SET",
            2,
        ),
        ("--prepared root.key --key root.key", "PROTO_MALFORMED", 2),
        ("--hash node.hash --key root.key", "ROOT_BLIND", 3),
        ("--hash node.prep --blind --key root.key", "HASH_INVALID", 2),
        (
            "--prepared node.prep --key root.key --password-file root.key",
            "PASSWORD_OF_NO_CONTAINER",
            2,
        ),
        ("--prepared - --key -", "STDIN_TWICE", 2),
    ] {
        site.refuses(&format!("sign {line} --out x"), code, status);
    }
}

#[test]
fn a_signature_must_be_the_root_key_s_over_this_transaction() {
    let site = site();
    let sandbox = &site.sandbox;
    let signature = sandbox.read("node.signature");
    let mut changed = signature.clone();
    changed[10] ^= 1;
    sandbox.write("changed", changed);
    sandbox.write("short", &signature[..63]);
    sandbox.write("base64", data_encoding::BASE64.encode(&signature));
    sandbox.write("hex", data_encoding::HEXLOWER.encode(&signature));
    sandbox.write("empty", "");
    let assemble = |rest: &str| format!("assemble --prepared node.prep --out x {rest}");
    for (rest, code, status) in [
        ("--signature node.signature", "ROOT_UNVERIFIABLE", 3),
        (
            "--signature node.signature --root-key node.pem",
            "OTHER_KEY",
            2,
        ),
        (
            "--signature node.signature --root-key root.pem --algorithm ecdsa256",
            "SIGNATURE_ALGORITHM_MISMATCH",
            2,
        ),
        (
            "--signature root.signature --root-key root.pem",
            "SIGNATURE_INVALID",
            2,
        ),
        (
            "--signature changed --root-key root.pem",
            "SIGNATURE_INVALID",
            2,
        ),
        (
            "--signature short --root-key root.pem",
            "ROOT_SIGNATURE_SHAPE",
            2,
        ),
        (
            "--signature empty --root-key root.pem",
            "ROOT_SIGNATURE_SHAPE",
            2,
        ),
        (
            "--signature base64 --root-key root.pem",
            "ROOT_SIGNATURE_SHAPE",
            2,
        ),
        (
            "--signature hex --root-key root.pem",
            "ROOT_SIGNATURE_SHAPE",
            2,
        ),
        (
            "--signature short --unverified --algorithm ed25519",
            "ROOT_SIGNATURE_SHAPE",
            2,
        ),
        (
            "--signature node.signature --unverified --algorithm ecdsa384",
            "ROOT_SIGNATURE_SHAPE",
            2,
        ),
    ] {
        site.refuses(&assemble(rest), code, status);
    }
    // A root certificate has the key inside, so --unverified does not keep it from being verified.
    let line = "assemble --prepared root.prep --signature node.signature --unverified --algorithm ed25519 --out x";
    site.refuses(line, "SIGNATURE_INVALID", 2);
    let ran = site.refuses(
        &assemble("--signature base64 --root-key root.pem"),
        "ROOT_SIGNATURE_SHAPE",
        2,
    );
    assert!(
        ran.stderr.contains("this is a signature in base64"),
        "{}",
        ran.stderr
    );
}

#[test]
fn r_and_s_without_der_are_told_to_be_that() {
    for (spec, bytes) in [(SigningKeySpec::EcP256, 64), (SigningKeySpec::EcP384, 96)] {
        let site = Site::new(spec);
        site.certify();
        site.sandbox.write("raw", vec![7; bytes]);
        let line = "assemble --prepared node.prep --signature raw --root-key root.pem --out x";
        let ran = site.refuses(line, "ROOT_SIGNATURE_SHAPE", 2);
        let told = format!("this is {bytes} bytes, maybe R and S one behind the other");
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    }
}

#[test]
fn no_file_is_replaced_unless_that_is_asked_for() {
    let site = site();
    for line in [
        "prepare --root --root-key root.pem --out root",
        "sign --prepared root.prep --key root.key --out root.signature",
        "assemble --prepared root.prep --signature root.signature --out root.cert",
    ] {
        site.refuses(line, "OUTPUT_EXISTS", 3);
        site.run(&format!("{line} --force")).succeeded();
    }
    // Of the two files of 'prepare' the second one counts as well.
    std::fs::remove_file(site.sandbox.path("node.prep")).unwrap();
    site.refuses(
        "prepare --target-key node.pem --root-key root.pem --out node",
        "OUTPUT_EXISTS",
        3,
    );
    site.refuses(
        "prepare --root --root-key root.pem --out nowhere/root",
        "FILE_NOT_FOUND",
        3,
    );
}

#[test]
fn a_file_that_is_none_of_them_is_told_by_its_name() {
    let site = site();
    let sandbox = &site.sandbox;
    for (file, contents, code) in [
        ("empty", &b""[..], "ROOT_FILE_UNKNOWN"),
        ("text", b"hello", "ROOT_FILE_UNKNOWN"),
        ("text.signature", b"hello", "ROOT_FILE_UNKNOWN"),
        ("text.prep", b"hello", "PROTO_MALFORMED"),
        ("text.cert", b"hello", "TOPOLOGY_INPUT_UNKNOWN"),
        ("text.hash", b"hello", "HASH_INVALID"),
        ("text.pub", b"hello", "KEY_NOT_RECOGNISED"),
    ] {
        sandbox.write(file, contents);
        site.refuses(&format!("inspect {file}"), code, 2);
    }
    site.refuses("inspect root.key", "KEY_WRONG_HALF", 2);
    site.refuses("inspect root.prep nowhere", "FILE_NOT_FOUND", 3);
}

#[test]
fn a_file_that_was_cut_off_is_never_taken_for_whole() {
    let site = site();
    let sandbox = &site.sandbox;
    for (file, step) in [
        ("node.prep", "sign --key root.key --out x --prepared"),
        ("node.cert", "prepare --out x --revoke"),
    ] {
        let whole = sandbox.read(file);
        // Every length would take minutes.
        for length in (0..whole.len()).step_by(17).chain([whole.len() - 1]) {
            sandbox.write("cut", &whole[..length]);
            for line in ["inspect cut".to_owned(), format!("{step} cut")] {
                let ran = site.run(&line);
                assert_eq!(
                    ran.status, 2,
                    "{file} of {length} bytes, {line}: {}",
                    ran.stderr
                );
                assert!(!sandbox.path("x").exists() && !sandbox.path("x.prep").exists());
            }
        }
    }
}
