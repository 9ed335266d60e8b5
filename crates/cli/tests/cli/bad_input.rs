//! Whatever is wrong is told with its code and advice, by the documented exit status, and changes nothing.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Stdio,
};

use strongroom_crypto::{KeyPurpose, PrivateKey, SecretBytes};
use strongroom_files::FolderLock;

use crate::support::{Ran, Sandbox};

#[test]
fn without_a_vault_every_command_says_how_to_make_one() {
    let sandbox = Sandbox::new();
    let key = format!("1220{}", "00".repeat(32));
    sandbox.write("file", "contents");
    for line in [
        "keys list",
        "keys generate-signing --usage protocol",
        "keys generate-encryption",
        "keys show KEY",
        "keys export KEY --unprotected",
        "keys delete KEY --yes",
        "keys seal --all",
        "sign file --key KEY",
        "verify file --signature file --key KEY",
        "encrypt file --to KEY",
        "decrypt file --key KEY",
        "audit list",
        "audit verify",
        "doctor",
        "kms show",
        "kms protect --unprotected-key-file",
        "anchor show",
        "anchor accept --i-know-this-database-is-the-right-one",
        "config check",
    ] {
        let ran = sandbox.refuses(line.replace("KEY", &key).split(' '), "NO_CONFIG", 3);
        assert!(ran.stderr.contains("strongroom init"), "{line}");
    }
}

#[test]
fn wrong_words_on_the_command_line_have_codes_too() {
    let sandbox = Sandbox::with_vault();
    let long = "x".repeat(301);
    for (args, code) in [
        (&["keys", "list", "--no-such-flag"][..], "WRONG_USAGE"),
        (&["no-such-command"], "WRONG_USAGE"),
        (&["sign", "file"], "WRONG_USAGE"),
        (&["keys", "generate-signing"], "WRONG_USAGE"),
        (
            &[
                "keys",
                "generate-signing",
                "--usage",
                "protocol",
                "--spec",
                "rsa-4096",
            ],
            "KEY_SPEC_UNKNOWN",
        ),
        (
            &["keys", "generate-encryption", "--spec", "ed25519"],
            "KEY_SPEC_UNKNOWN",
        ),
        (
            &["keys", "generate-signing", "--usage", "party"],
            "KEY_USAGE_UNKNOWN",
        ),
        (
            &["keys", "generate-signing", "--usage", "proof-of-ownership"],
            "KEY_USAGE_SET_INVALID",
        ),
        (
            &["keys", "generate-encryption", "--name", &long],
            "KEY_NAME_TOO_LONG",
        ),
        (
            &["keys", "generate-encryption", "--name", ""],
            "KEY_NAME_EMPTY",
        ),
        (
            &["keys", "list", "--purpose", "both"],
            "KEY_PURPOSE_UNKNOWN",
        ),
        (&["keys", "show", "1220abc"], "FINGERPRINT_MALFORMED"),
        (&["keys", "show", &"zz".repeat(34)], "FINGERPRINT_MALFORMED"),
        (&["sign", "--key", "node-signing"], "FINGERPRINT_MALFORMED"),
        (&["keys", "list", "--output", "xml"], "WRONG_USAGE"),
    ] {
        sandbox.refuses(args, code, 2);
    }
    let ran = sandbox.refuses(
        ["keys", "generate-encryption", "--spec", "rsa-4096"],
        "KEY_SPEC_UNKNOWN",
        2,
    );
    assert!(
        ran.stderr.contains("rsa-2048"),
        "the valid names help: {}",
        ran.stderr
    );
    // 300 are fine, and a character is not a byte.
    let name = "ü".repeat(300);
    sandbox
        .run(["keys", "generate-encryption", "--name", &name])
        .succeeded();
}

#[test]
fn a_fingerprint_of_no_key_is_not_found() {
    let sandbox = Sandbox::with_quickstart();
    let nobody = format!("1220{}", "ab".repeat(32));
    sandbox.refuses(["keys", "show", &nobody], "KEY_NOT_FOUND", 3);
    sandbox.refuses(
        ["sign", "vault/strongroom.toml", "--key", &nobody],
        "KEY_NOT_FOUND",
        3,
    );
}

/// A section that went unheeded would take away the limits that it states.
#[test]
fn a_synchronizer_that_cannot_be_is_refused_by_the_check_and_by_every_command() {
    let sandbox = Sandbox::with_vault();
    let id = format!("da::1220{}::35-2147483648", "ab".repeat(32));
    let original = fs::read_to_string(sandbox.config()).unwrap();
    for (section, field) in [
        (
            "[[synchronizers]]\nsynchronizer",
            "synchronizers.synchronizer",
        ),
        (
            "[server]\nrehearsal-synchronizer",
            "server.rehearsal-synchronizer",
        ),
    ] {
        fs::write(sandbox.config(), format!("{original}\n{section} = {id:?}")).unwrap();
        for args in [
            &["config", "check"][..],
            &["config", "hash"],
            &["keys", "list"],
            &["serve", "--address", "127.0.0.1:0"],
        ] {
            let ran = sandbox.refuses(args, "CONFIG_INVALID", 2);
            for told in [&id, field, "strongroom.toml"] {
                assert!(ran.stderr.contains(told), "{}", ran.stderr);
            }
        }
    }
}

#[test]
fn an_unknown_field_of_the_configuration_is_refused_wherever_it_stands() {
    let sandbox = Sandbox::with_vault();
    let original = fs::read_to_string(sandbox.config()).unwrap();
    let protection = "type = \"unprotected-key-file\"";
    for (part, changed) in [
        ("[vault]", "surprise = 1\n[vault]"),
        ("[vault]", "[surprise]\n[vault]"),
        ("[vault]", "[vault]\nsurprise = 1"),
        ("[[kms]]", "[[kms]]\nsurprise = 1"),
        (protection, "type = \"unprotected-key-file\"\nsurprise = 1"),
        (
            protection,
            "type = \"passphrase\"\nfrom = { prompt = {} }\nsurprise = 1",
        ),
        ("[custody]", "[custody]\nsurprise = 1"),
        ("[cache]", "[cache]\nsurprise = 1"),
    ] {
        assert!(original.contains(part), "{part} in {original}");
        fs::write(sandbox.config(), original.replacen(part, changed, 1)).unwrap();
        for args in [&["keys", "list"][..], &["config", "check"], &["quickstart"]] {
            let ran = sandbox.refuses(args, "CONFIG_UNREADABLE", 2);
            assert!(ran.stderr.contains("surprise"), "{}", ran.stderr);
            assert!(ran.stderr.contains("strongroom.toml"), "{}", ran.stderr);
        }
    }
    for (part, changed, code) in [
        (
            "default = \"envelope\"",
            "default = \"glass\"",
            "CONFIG_UNREADABLE",
        ),
        ("[[kms]]", "[[kms", "CONFIG_UNREADABLE"),
        ("name = \"local\"", "name = \"\"", "CONFIG_INVALID"),
        ("capacity = 10000", "capacity = 0", "CONFIG_INVALID"),
        ("id = \"", "id = \"00", "CONFIG_INVALID"),
    ] {
        fs::write(sandbox.config(), original.replacen(part, changed, 1)).unwrap();
        sandbox.refuses(["keys", "list"], code, 2);
    }
    fs::write(sandbox.config(), b"\xff\xfe").unwrap();
    sandbox.refuses(["keys", "list"], "BAD_ENCODING", 2);
}

#[test]
fn a_passphrase_in_the_configuration_is_refused_and_not_repeated() {
    let sandbox = Sandbox::with_vault();
    let original = fs::read_to_string(sandbox.config()).unwrap();
    let unprotected = "type = \"unprotected-key-file\"";
    for wrong in [
        "type = \"passphrase\"\nfrom = \"hunter2\"",
        "type = \"passphrase\"\nfrom = { text = \"hunter2\" }",
        "type = \"passphrase\"\npassphrase = \"hunter2\"",
        "type = \"passphrase\"\nfrom = { file = \"hunter2",
    ] {
        fs::write(sandbox.config(), original.replacen(unprotected, wrong, 1)).unwrap();
        let ran = sandbox.refuses(["keys", "list", "--log", "trace"], "CONFIG_UNREADABLE", 2);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
}

#[test]
fn another_wrapper_key_in_the_configuration_is_not_a_rotation() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| {
        text.replace(
            "name = \"local\"",
            "name = \"local\"\nwrapper-key-id = \"local:other\"",
        )
    });
    sandbox.refuses(["keys", "list"], "WRAPPER_KEY_CONTRADICTION", 3);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let sandbox = Sandbox::with_quickstart();
    let key_file = sandbox.keys_folder().join("kms.key");
    for mode in [0o640, 0o604, 0o620, 0o644, 0o666] {
        sandbox.set_mode(&key_file, mode);
        let ran = sandbox.refuses(["keys", "list"], "FILE_NOT_PRIVATE", 3);
        assert!(ran.stderr.contains("chmod go-rwx"), "{}", ran.stderr);
        sandbox.refuses(["quickstart"], "FILE_NOT_PRIVATE", 3);
    }
    sandbox.set_mode(&key_file, 0o400);
    sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn the_key_file_of_another_vault_opens_nothing() {
    let sandbox = Sandbox::with_quickstart();
    let other = Sandbox::with_quickstart();
    let key_file = sandbox.keys_folder().join("kms.key");
    let original = fs::read(&key_file).unwrap();
    fs::copy(other.keys_folder().join("kms.key"), &key_file).unwrap();
    let ran = sandbox.refuses(["keys", "list"], "NO_WRAP_OPENS", 3);
    assert!(ran.stderr.contains("  tried local:"), "{}", ran.stderr);
    sandbox.refuses(["quickstart"], "NO_WRAP_OPENS", 3);

    for (contents, code, status) in [
        (&b""[..], "KMS_LOCAL_KEY_FILE_DAMAGED", 5),
        (b"not a key file", "KMS_LOCAL_KEY_FILE_DAMAGED", 5),
        (
            &original[..original.len() - 1],
            "KMS_LOCAL_KEY_FILE_DAMAGED",
            5,
        ),
    ] {
        fs::write(&key_file, contents).unwrap();
        sandbox.refuses(["keys", "list"], code, status);
    }
    fs::remove_file(&key_file).unwrap();
    sandbox.refuses(["keys", "list"], "KMS_LOCAL_KEY_FILE_MISSING", 3);
    // Not even quickstart puts a new one in the place of the lost one.
    sandbox.refuses(["quickstart"], "KMS_LOCAL_KEY_FILE_MISSING", 3);
    fs::create_dir(&key_file).unwrap();
    let ran = sandbox.run(["keys", "list"]);
    assert!(ran.status == 2 || ran.status == 3, "{ran:?}");
}

#[test]
fn a_second_process_on_the_vault_is_told_who_has_it() {
    let sandbox = Sandbox::with_quickstart();
    let key = sandbox.key_named("node-signing");
    let lock = FolderLock::acquire(&sandbox.vault()).unwrap();
    for args in [
        &["keys", "list"][..],
        &["keys", "generate-encryption"],
        &["sign", "vault/strongroom.toml", "--key", &key],
        &["quickstart"],
    ] {
        let ran = sandbox.refuses(args, "STORE_LOCKED", 6);
        let holder = format!("by process {}", std::process::id());
        assert!(ran.stderr.contains(&holder), "{}", ran.stderr);
    }
    let doctor = sandbox.run(["doctor"]);
    assert_eq!(doctor.status, 1);
    assert!(
        doctor.text().contains("(STORE_LOCKED)"),
        "{}",
        doctor.text()
    );
    drop(lock);
    sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn files_that_are_not_there_or_not_files_are_named() {
    let sandbox = Sandbox::with_quickstart();
    let key = sandbox.key_named("node-signing");
    let encryption = sandbox.key_named("node-encryption");
    fs::create_dir(sandbox.path("folder")).unwrap();
    sandbox.write("message", "a message");
    for (name, code, status) in [
        ("missing", "FILE_NOT_FOUND", 3),
        ("missing/below", "FILE_NOT_FOUND", 3),
        ("message/below", "FILE_NOT_A_FOLDER", 2),
        ("folder", "FILE_NOT_A_FILE", 2),
    ] {
        for args in [
            &["sign", name, "--key", &key][..],
            &["verify", name, "--signature", "message", "--key", &key],
            &["verify", "message", "--signature", name, "--key", &key],
            &[
                "verify",
                "message",
                "--signature",
                "message",
                "--public-key",
                name,
            ],
            &["encrypt", name, "--to", &encryption],
            &["encrypt", "message", "--public-key", name],
            &["decrypt", name, "--key", &encryption],
            &["keys", "import", name, "--usage", "protocol"],
            &["keys", "import", name, "--usage", "protocol", "--public"],
        ] {
            let ran = sandbox.refuses(args, code, status);
            assert!(ran.stderr.contains(name), "{}", ran.stderr);
        }
    }
    let export = ["keys", "export", &key, "--password-file", "missing"];
    sandbox.refuses(export, "NO_SECRET_FILE", 3);
    let out = [
        "sign",
        "message",
        "--key",
        &key,
        "--out",
        "missing/signature",
    ];
    sandbox.refuses(out, "FILE_NOT_FOUND", 3);
    let out = [
        "sign", "message", "--key", &key, "--out", "folder", "--force",
    ];
    sandbox.refuses(out, "FILE_NOT_A_FILE", 2);
    let dir = ["quickstart", "--dir", "message"];
    sandbox.refuses(dir, "FILE_NOT_A_FOLDER", 2);
    sandbox.refuses(["keys", "list", "--dir", "message"], "FILE_NOT_A_FOLDER", 2);
    sandbox.refuses(
        ["quickstart", "--dir", "message/below"],
        "FILE_NOT_A_FOLDER",
        2,
    );
    sandbox.refuses(["keys", "list", "--config", "folder"], "FILE_NOT_A_FILE", 2);
}

#[test]
fn a_file_is_replaced_only_when_it_was_asked_for() {
    let sandbox = Sandbox::with_quickstart();
    let signing = sandbox.key_named("node-signing");
    let encryption = sandbox.key_named("node-encryption");
    sandbox.write("message", "a message");
    sandbox
        .run([
            "encrypt",
            "message",
            "--to",
            &encryption,
            "--out",
            "encrypted",
        ])
        .succeeded();
    sandbox.write("out", "precious");
    for args in [
        &["sign", "message", "--key", &signing][..],
        &["encrypt", "message", "--to", &encryption],
        &["decrypt", "encrypted", "--key", &encryption],
        &["keys", "export", &signing, "--unprotected"],
    ] {
        let out = [args, &["--out", "out"]].concat();
        sandbox.refuses(&out, "OUTPUT_EXISTS", 3);
        assert_eq!(sandbox.read("out"), b"precious");
    }
    let out = [
        "sign", "message", "--key", &signing, "--out", "out", "--force",
    ];
    sandbox.run(out).succeeded();
    assert_eq!(sandbox.read("out").len(), 64);
}

#[test]
fn two_inputs_cannot_both_come_from_standard_input() {
    let sandbox = Sandbox::with_quickstart();
    let key = sandbox.key_named("node-signing");
    for args in [
        &["verify", "-", "--signature", "-", "--key", &key][..],
        &["verify", "--signature", "-", "--key", &key],
        &[
            "verify",
            "-",
            "--signature",
            "vault/strongroom.toml",
            "--public-key",
            "-",
        ],
        &[
            "verify",
            "vault/strongroom.toml",
            "--signature",
            "-",
            "--public-key",
            "-",
        ],
        &["encrypt", "-", "--public-key", "-"],
    ] {
        sandbox.refuses(args, "STDIN_TWICE", 2);
    }
}

/// The first DER of each kind of private key that our exports give.
fn exported(sandbox: &Sandbox, spec: &str) -> Vec<u8> {
    let key = sandbox.signing_key(spec, "protocol");
    let file = sandbox.export(&key, "pkcs8-der", &format!("{key}.der"));
    fs::read(file).unwrap()
}

#[test]
fn a_private_key_with_the_public_half_of_another_is_refused() {
    let sandbox = Sandbox::with_vault();
    let import = ["keys", "import", "mixed", "--usage", "protocol"];

    // ECPrivateKey ends with its public key, as long as a point.
    for (spec, point) in [("ec-p-256", 64), ("ec-p-384", 96), ("ec-secp-256k-1", 64)] {
        let (mut one, other) = (exported(&sandbox, spec), exported(&sandbox, spec));
        let end = one.len() - point;
        one.splice(end.., other[end..].iter().copied());
        sandbox.write("mixed", &one);
        let ran = sandbox.refuses(import, "KEY_HALVES_DIFFER", 2);
        assert!(
            ran.stderr.contains("do not belong together"),
            "{}",
            ran.stderr
        );
        // SEC 1: the ECPrivateKey inside, which starts with version 1.
        let start = one
            .windows(5)
            .position(|window| window[2..] == [2, 1, 1])
            .unwrap();
        let inner = one
            .windows(3)
            .rposition(|window| window == [2, 1, 1])
            .unwrap();
        assert!(start <= inner);
        let header = if one[inner - 2] >= 0x80 { 3 } else { 2 };
        sandbox.write("mixed", &one[inner - header..]);
        sandbox.refuses(import, "KEY_HALVES_DIFFER", 2);
    }

    // PKCS#8 version 2 (RFC 5958): the public key follows in [1].
    let ed25519 = exported(&sandbox, "ed25519");
    let version_2 = |public: &[u8]| {
        let mut inner = ed25519[2..].to_vec();
        inner[2] = 1;
        inner.extend([0x81, 0x21, 0x00]);
        inner.extend(public);
        [&[0x30, u8::try_from(inner.len()).unwrap()], &inner[..]].concat()
    };
    let private = PrivateKey::from_file(&SecretBytes::from_slice(&ed25519), KeyPurpose::Signing);
    let spki = private.unwrap().public_spki().unwrap();
    let own = &spki[spki.len() - 32..];
    sandbox.write("mixed", version_2(own));
    sandbox
        .run([&import[..], &["--name", "right"]].concat())
        .failed("KEY_EXISTS", 3);
    let mut other = own.to_vec();
    other[7] ^= 1;
    sandbox.write("mixed", version_2(&other));
    sandbox.refuses(import, "KEY_HALVES_DIFFER", 2);

    // ML-DSA: a seed with the expanded key of another.
    let (mut one, other) = (
        exported(&sandbox, "ml-dsa-65"),
        exported(&sandbox, "ml-dsa-65"),
    );
    let end = one.len() - 4032;
    one.splice(end.., other[end..].iter().copied());
    sandbox.write("mixed", &one);
    sandbox.refuses(import, "KEY_HALVES_DIFFER", 2);
}

#[test]
fn a_file_that_is_not_a_key_is_refused() {
    let sandbox = Sandbox::with_vault();
    let pem = |label: &str, body: &str| {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    };
    let der = exported(&sandbox, "ec-p-256");
    let body = data_encoding::BASE64.encode(&der);
    let private = pem("PRIVATE KEY", &body);
    for (contents, code) in [
        (&b""[..], "KEY_NOT_RECOGNISED"),
        (b"\n", "KEY_NOT_RECOGNISED"),
        (b"Dear diary,\n", "KEY_NOT_RECOGNISED"),
        (&[0; 32], "KEY_NOT_RECOGNISED"),
        (&[0xff; 5000], "KEY_NOT_RECOGNISED"),
        (
            pem("CERTIFICATE", "AAAA").as_bytes(),
            "KEY_PEM_LABEL_UNEXPECTED",
        ),
        (pem("PRIVATE KEY", "AAAA").as_bytes(), "KEY_MALFORMED"),
        (pem("PRIVATE KEY", "====").as_bytes(), "KEY_MALFORMED"),
        (&private.as_bytes()[..private.len() / 2], "KEY_MALFORMED"),
        (
            (private.clone() + &private).as_bytes(),
            "KEY_FILE_AMBIGUOUS",
        ),
        (&der[..der.len() - 1], "KEY_MALFORMED"),
        (&[&der[..], b"x"].concat(), "KEY_MALFORMED"),
    ] {
        sandbox.write("file", contents);
        let import = ["keys", "import", "file", "--usage", "protocol"];
        let ran = sandbox.refuses(import, code, 2);
        assert!(!ran.stderr.contains(&body[8..24]), "{}", ran.stderr);
    }
    let key = sandbox.signing_key("ed25519", "protocol");
    sandbox.public_pem(&key, "public.pem");
    sandbox.export(&key, "pkcs8-pem", "private.pem");
    let import = ["keys", "import", "public.pem", "--usage", "protocol"];
    sandbox.refuses(import, "KEY_WRONG_HALF", 2);
    let import = [
        "keys",
        "import",
        "private.pem",
        "--usage",
        "protocol",
        "--public",
    ];
    sandbox.refuses(import, "KEY_WRONG_HALF", 2);
    let import = ["keys", "import", "private.pem"];
    let ran = sandbox.refuses(import, "FLAG_MISSING", 2);
    assert!(ran.stderr.contains("--usage"), "{}", ran.stderr);
    let import = ["keys", "import", "private.pem", "--purpose", "encryption"];
    sandbox.refuses(import, "KEY_PURPOSE_MISMATCH", 2);
    let verify = [
        "verify",
        "private.pem",
        "--signature",
        "file",
        "--public-key",
        "private.pem",
    ];
    sandbox.refuses(verify, "KEY_WRONG_HALF", 2);
    let import = ["keys", "import", "private.pem", "--usage", "namespace"];
    sandbox.refuses(import, "KEY_EXISTS", 3);
    sandbox.write("huge", vec![b'x'; (1 << 20) + 1]);
    sandbox.refuses(
        ["keys", "import", "huge", "--usage", "protocol"],
        "INPUT_TOO_LONG",
        2,
    );
}

#[test]
fn a_file_of_a_private_key_that_others_can_read_is_taken_with_a_warning() {
    let sandbox = Sandbox::with_vault();
    sandbox.write("file", exported(&Sandbox::with_vault(), "ed25519"));
    sandbox.set_mode("file", 0o644);
    let import = ["keys", "import", "file", "--usage", "protocol"];
    let ran = sandbox.run(import).succeeded();
    assert!(
        ran.stderr.contains("other users may read this file"),
        "{}",
        ran.stderr
    );
}

/// Root may write anywhere, so the command runs as somebody else then, from a copy that this user may read.
fn as_ordinary_user(sandbox: &Sandbox, args: &[&str]) -> Ran {
    const NOBODY: u32 = 65534;
    let mut command = sandbox.command(args);
    if rustix::process::geteuid().is_root() {
        let copy = sandbox.path("strongroom");
        if !copy.exists() {
            sandbox.copy_program_to(&copy);
            sandbox.set_mode("", 0o755);
            give(&sandbox.path("home"), NOBODY);
            give(&sandbox.vault(), NOBODY);
        }
        command = sandbox.program(copy, args);
        command.uid(NOBODY).gid(NOBODY);
    }
    command.stdin(Stdio::null());
    Ran::of(command)
}

fn give(path: &Path, user: u32) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
    if path.exists() {
        chown(path, Some(user), Some(user)).unwrap();
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_a_code() {
    let sandbox = Sandbox::with_quickstart();
    sandbox.set_mode("vault", 0o500);
    sandbox.set_mode("vault/vault.db", 0o400);
    for args in [
        &["keys", "generate-encryption"][..],
        &["keys", "list"],
        &["quickstart"],
        &[
            "keys",
            "delete",
            &format!("1220{}", "ab".repeat(32)),
            "--yes",
        ],
    ] {
        let before = sandbox.snapshot();
        as_ordinary_user(&sandbox, args).failed("STORE_IO", 6);
        let after = sandbox.snapshot();
        for (path, contents) in before {
            assert!(after[&path].1 == contents.1, "{}", path.display());
        }
    }
    let ran = as_ordinary_user(&sandbox, &["quickstart", "--dir", "vault/below"]);
    assert_eq!(
        (ran.code(), ran.status),
        (Some("FILE_ACCESS_DENIED"), 4),
        "{ran:?}"
    );
    let ran = as_ordinary_user(&sandbox, &["config", "example", "--output", "json"]);
    assert_eq!(ran.status, 0);
    sandbox.set_mode("vault", 0o700);
}
