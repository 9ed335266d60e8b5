//! What is told about the way of a certificate.

use strongroom_crypto::SigningKeySpec;

use super::Site;
use crate::support::Ran;

/// Runs the lines behind `next:` in a shell, after the root's private key was put where they expect it.
#[test]
fn the_next_commands_are_those_that_make_a_certificate() {
    for (spec, digest) in [
        (SigningKeySpec::EcCurve25519, "-rawin -inkey"),
        (SigningKeySpec::EcP256, "-digest sha256"),
        (SigningKeySpec::EcP384, "-digest sha384"),
        (SigningKeySpec::EcSecp256k1, "-digest sha256"),
    ] {
        let site = Site::new(spec);
        let prepare = "prepare --root --root-key root.pem --out root";
        let ran = site.run(prepare).succeeded();
        let (_, next) = ran.text().split_once("\nnext: ").unwrap();
        assert!(next.contains(digest), "{spec:?}: {next}");
        std::fs::copy(
            site.sandbox.path("root.key"),
            site.sandbox.path("root-private.pem"),
        )
        .unwrap();
        let commands: Vec<_> = next.lines().skip(1).collect();
        let program = format!("{} ", crate::support::STRONGROOM);
        let commands = commands.join(" && ").replace("strongroom ", &program);
        let ran = Ran::of(site.sandbox.program("bash", ["-ec", &commands]));
        ran.succeeded();
        let inspected = site.run("inspect root.cert").succeeded();
        assert!(
            inspected.text().contains("Root certificate"),
            "{}",
            inspected.text()
        );
    }
}

#[test]
fn where_the_root_key_is_not_known_every_digest_is_told() {
    let site = Site::new(SigningKeySpec::EcP256);
    site.certify();
    let ran = site
        .run("prepare --revoke node.cert --out revoked")
        .succeeded();
    assert!(
        ran.text()
            .contains("openssl pkeyutl -sign -rawin [-digest sha256|sha384] -inkey"),
        "{}",
        ran.text()
    );
}

#[test]
fn a_delegation_that_is_changed_has_the_serial_that_was_asked_for() {
    let site = Site::new(SigningKeySpec::EcCurve25519);
    site.certify();
    let change = "prepare --root-key root.pem --target-key node.pem --restriction all --out change";
    let document = site.json(&format!("{change} --serial 2"));
    assert_eq!(document["serial"], 2);
    for line in [
        "sign --prepared change.prep --key root.key --out change.signature",
        "assemble --prepared change.prep --signature change.signature --root-key root.pem --out change.cert",
    ] {
        site.run(line).succeeded();
    }
    let verify = [
        "topology",
        "verify",
        "root.cert",
        "node.cert",
        "change.cert",
    ];
    site.sandbox.run(verify).succeeded();
    site.refuses(
        &format!("{change} --force --serial 0"),
        "TOPOLOGY_INVALID_MAPPING",
        2,
    );
    site.refuses(
        "prepare --revoke node.cert --out revoked --serial 3",
        "WRONG_USAGE",
        2,
    );
}

#[test]
fn files_that_are_not_signed_yet_are_called_by_their_names() {
    let site = Site::new(SigningKeySpec::EcP256);
    site.certify();
    for (file, found, command) in [
        (
            "root.prep",
            "a prepared transaction",
            "root sign --prepared",
        ),
        ("root.hash", "a hash", "root sign --hash"),
        ("root.pem", "a public key", "root prepare"),
    ] {
        for what in ["verify", "apply", "show"] {
            let args = ["topology", what, file];
            let ran = site.sandbox.refuses(args, "TOPOLOGY_INPUT_NOT_SIGNED", 2);
            for told in [file, found, command] {
                assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
            }
        }
    }
}
