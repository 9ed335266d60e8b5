//! A vault that has lost every KMS, and the private half that was kept offline.

use std::fs;

use crate::support::{Ran, Sandbox, text};

/// A vault with a recovery wrap, whose private half is in these files.
struct Safe {
    sandbox: Sandbox,
    files: Vec<String>,
}

impl Safe {
    fn behind_passphrase() -> Self {
        let sandbox = Sandbox::with_participant("participant1");
        sandbox.write("passphrase", "six words that nobody guesses\n");
        sandbox.set_mode("passphrase", 0o600);
        Self::wrapped(sandbox, &["--passphrase-file", "passphrase"])
    }

    fn in_shares() -> Self {
        let sandbox = Sandbox::with_participant("participant1");
        Self::wrapped(sandbox, &["--shares", "3", "--threshold", "2"])
    }

    fn wrapped(sandbox: Sandbox, how: &[&str]) -> Self {
        let made = sandbox.json([&["recovery", "create", "recovery.key"], how].concat());
        let section = text(&made, "section");
        sandbox.edit_config(|config| format!("{config}\n{section}"));
        let add = ["wrapper-key", "add", "--kms", "recovery"];
        let sure = ["--i-know-it-will-open-every-key"];
        let added = sandbox.json([&add[..], &sure].concat());
        assert_eq!(added["wrapper_key_id"], made["recipient"]);
        let files = made["files"].as_array().unwrap().iter();
        let files = files.map(|file| file.as_str().unwrap().to_owned());
        Self {
            files: files.collect(),
            sandbox,
        }
    }

    /// The key file is gone, and with it the one KMS.
    fn lose_kms(&self) {
        fs::remove_file(self.sandbox.keys_folder().join("kms.key")).unwrap();
    }

    fn with_passphrase(&self, command: &[&str]) -> Ran {
        let key = ["--recovery-key", &self.files[0]];
        let passphrase = ["--recovery-passphrase-file", "passphrase"];
        self.sandbox.run([command, &key, &passphrase].concat())
    }

    fn with_shares(&self, command: &[&str], shares: &[usize]) -> Ran {
        let mut args = command.to_vec();
        for share in shares {
            args.extend(["--recovery-share", &self.files[*share]]);
        }
        self.sandbox.run(args)
    }
}

#[test]
fn a_vault_whose_kms_is_gone_opens_by_the_recovery_key_and_gets_a_new_kms() {
    let safe = Safe::behind_passphrase();
    let key = safe.sandbox.key_named("participant1-signing");
    safe.lose_kms();
    let refused = safe.sandbox.run(["keys", "list"]);
    assert_eq!(refused.code(), Some("NO_WRAP_OPENS"), "{refused:?}");
    assert!(
        refused.stderr.contains("RECOVERY_KEY_OFFLINE"),
        "{refused:?}"
    );
    safe.sandbox.write("message", "pay to the bearer");
    let sign = ["sign", "message", "--key", &key, "--out", "signature"];
    safe.with_passphrase(&sign).succeeded();

    // Into a new KMS, and then without the private half.
    let second = ["kms", "create-key-file"];
    let path = safe.sandbox.keys_folder().join("second.key");
    let path = path.to_str().unwrap();
    let made = [&second[..], &[path, "--unprotected-key-file"]].concat();
    let section = text(&safe.sandbox.json(made), "section");
    safe.sandbox
        .edit_config(|config| format!("{config}\n{section}"));
    let add = ["wrapper-key", "add", "--kms", "second"];
    let add = [&add[..], &["--i-know-it-will-open-every-key"]].concat();
    safe.with_passphrase(&add).succeeded();
    safe.sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn enough_shares_open_it_too_and_fewer_do_not() {
    let safe = Safe::in_shares();
    assert_eq!(safe.files.len(), 3);
    safe.lose_kms();
    let list = ["keys", "list"];
    for shares in [[0, 1], [0, 2], [1, 2]] {
        safe.with_shares(&list, &shares).succeeded();
    }
    safe.with_shares(&list, &[1])
        .failed("RECOVERY_SHARES_TOO_FEW", 2);
    safe.with_shares(&list, &[1, 1])
        .failed("RECOVERY_SHARES_TOO_FEW", 2);
    safe.sandbox.set_mode(&safe.files[0], 0o644);
    safe.with_shares(&list, &[0, 1])
        .failed("FILE_NOT_PRIVATE", 3);
}

#[test]
fn a_wrap_whose_private_half_is_in_a_safe_is_no_failure_and_is_tried_when_it_is_brought() {
    let safe = Safe::behind_passphrase();
    let check = ["wrapper-key", "check", "--output", "json"];
    let checked = safe.sandbox.run(check).succeeded().json();
    assert_eq!(checked["all_open"], true, "{checked}");
    let wrap = &checked["wraps"][1];
    assert_eq!(
        (&wrap["kms"], &wrap["offline"]),
        (&"recovery".into(), &true.into())
    );
    let losses = checked["losses"].as_array().unwrap();
    let local = losses.iter().find(|loss| loss["kms"] == "local").unwrap();
    assert_eq!(local["vault_lost"], false, "{local}");
    assert_eq!(local["offline"][0]["kms"], "recovery", "{local}");
    let shown = safe.sandbox.run(["wrapper-key", "check"]).succeeded();
    let shown = shown.text();
    assert!(shown.contains("offline, not tried"), "{shown}");
    assert!(
        shown.contains("when the private half of recovery is brought"),
        "{shown}"
    );

    let brought = safe.with_passphrase(&check).succeeded().json();
    let wrap = &brought["wraps"][1];
    assert_eq!(
        (&wrap["offline"], &wrap["opens"]),
        (&false.into(), &true.into())
    );
    assert_eq!(safe.sandbox.json(["doctor"])["healthy"], true);
}

#[test]
fn the_last_wrap_that_opens_here_is_not_taken_away_for_one_in_a_safe() {
    let safe = Safe::behind_passphrase();
    let shown = safe.sandbox.json(["wrapper-key", "show"]);
    let wraps = shown["wraps"].as_array().unwrap();
    let local = wraps.iter().find(|wrap| wrap["kms"] == "local").unwrap();
    let id = text(local, "wrapper_key_id");
    let remove = [
        "wrapper-key",
        "remove",
        "--kms",
        "local",
        "--wrapper-key",
        &id,
        "--yes",
    ];
    let refused = safe.sandbox.run(remove);
    assert_eq!(refused.code(), Some("NO_OTHER_WRAP_OPENS"), "{refused:?}");
}

#[test]
fn a_private_half_of_another_recipient_or_a_wrong_passphrase_is_refused() {
    let safe = Safe::behind_passphrase();
    safe.sandbox.write("passphrase", "another\n");
    safe.with_passphrase(&["keys", "list"])
        .failed("RECOVERY_PASSPHRASE_WRONG", 4);
    let other = [
        "recovery",
        "create",
        "other.key",
        "--passphrase-file",
        "passphrase",
    ];
    safe.sandbox.run(other).succeeded();
    let other = Safe {
        files: vec!["other.key".to_owned()],
        ..safe
    };
    other
        .with_passphrase(&["keys", "list"])
        .failed("RECOVERY_KEY_OTHER", 2);
}

#[test]
fn nothing_that_was_there_is_overwritten_and_the_configuration_has_no_private_half() {
    let safe = Safe::behind_passphrase();
    let again = [
        "recovery",
        "create",
        "recovery.key",
        "--passphrase-file",
        "passphrase",
    ];
    let refused = safe.sandbox.run(again);
    assert_ne!(refused.status, 0, "{refused:?}");
    safe.with_passphrase(&["keys", "list"]).succeeded();
    let shares = ["recovery", "create", "second", "--shares", "3"];
    let shares = [&shares[..], &["--threshold", "2"]].concat();
    safe.sandbox.write("second-3-of-3.share", "of another key");
    assert_ne!(safe.sandbox.run(shares).status, 0);
    assert!(!safe.sandbox.path("second-1-of-3.share").exists());
    let config = fs::read_to_string(safe.sandbox.config()).unwrap();
    assert!(
        config.contains("type = \"recovery\"") && !config.contains("SECRET"),
        "{config}"
    );
    safe.sandbox
        .edit_config(|config| config.replace("recipient = \"age1", "recipient = \"age1x"));
    let refused = safe.sandbox.run(["wrapper-key", "check"]);
    assert!(
        refused.stderr.contains("RECOVERY_RECIPIENT_INVALID"),
        "{refused:?}"
    );
}

#[test]
fn a_rotation_renews_the_recovery_wrap_with_nobody_present() {
    let safe = Safe::in_shares();
    let rotated = safe
        .sandbox
        .run(["wrapper-key", "rotate", "--kms", "local"]);
    rotated.succeeded();
    let shown = safe.sandbox.json(["wrapper-key", "check"]);
    assert_eq!(shown["all_open"], true, "{shown}");
    safe.lose_kms();
    safe.with_shares(&["keys", "list"], &[0, 2]).succeeded();
    safe.with_shares(&["wrapper-key", "prune", "--yes"], &[0, 2])
        .succeeded();
    safe.with_shares(&["audit", "verify"], &[1, 2]).succeeded();
}

#[test]
fn a_backup_is_verified_and_restored_with_no_kms_at_all() {
    let safe = Safe::in_shares();
    let key = safe.sandbox.key_named("participant1-signing");
    let create = ["backup", "create", "vault.backup", "--unencrypted"];
    safe.sandbox.run(create).succeeded();
    safe.lose_kms();
    for entry in fs::read_dir(safe.sandbox.vault()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "strongroom.toml" {
            fs::remove_file(path).unwrap();
        }
    }
    let verify = ["backup", "verify", "vault.backup"];
    let refused = safe.sandbox.run(verify);
    assert!(
        refused.stderr.contains("RECOVERY_KEY_OFFLINE"),
        "{refused:?}"
    );
    safe.with_shares(&verify, &[0, 1]).succeeded();
    let restore = ["backup", "restore", "vault.backup", "--accept-older"];
    safe.with_shares(&restore, &[0, 1]).succeeded();
    let release = ["backup", "release"];
    let sure = ["--i-have-retired-what-is-no-longer-announced"];
    safe.with_shares(&[&release[..], &sure].concat(), &[0, 1])
        .succeeded();
    safe.sandbox.write("message", "pay to the bearer");
    let sign = ["sign", "message", "--key", &key, "--out", "signature"];
    safe.with_shares(&sign, &[1, 2]).succeeded();
}
