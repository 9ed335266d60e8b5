//! `init`, `kms` and `anchor`: a vault, its key file and its anchor.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::fs::FileTypeExt as _,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use crate::{
    serving::Serving,
    support::{Ran, STRONGROOM, Sandbox, text},
};

#[test]
fn init_makes_an_empty_vault_without_a_passphrase_only_when_told_so() {
    let sandbox = Sandbox::new();
    sandbox.refuses(["init"], "WRONG_USAGE", 2);
    let document = sandbox.json(["init", "--unprotected-key-file"]);
    let id = text(&document, "vault_id");
    assert_eq!(id.len(), 32);
    let keys = sandbox.keys_folder();
    assert!(keys.ends_with(&id));
    assert_eq!(
        document["key_files"][0],
        keys.join("kms.key").to_str().unwrap()
    );
    assert_eq!(
        document["anchor"],
        keys.join("anchor.json").to_str().unwrap()
    );
    assert!(
        sandbox.json(["keys", "list"])["keys"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(doctor["vault_id"], id);
    assert_eq!(doctor["healthy"], true);
}

#[test]
fn init_configures_the_socket_on_which_the_vault_is_then_served() {
    let sandbox = Sandbox::new();
    let with_socket = ["init", "--unprotected-key-file", "--socket"];
    sandbox
        .run([&with_socket[..], &["vault.sock"]].concat())
        .succeeded();
    // Callers who are known by their user need it there, not on a command line.
    sandbox.edit_config(|text| {
        text + "\n[[callers]]\nname = \"node\"\nunix-users = [\"root\"]\n[[callers.grants]]\nrole = \"auditor\"\n"
    });
    sandbox.run(["config", "check"]).succeeded();
    let serving = Serving::start(&sandbox);
    let socket = sandbox.path("vault.sock");
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    serving.end();
    fs::remove_file(&socket).unwrap();
    sandbox.refuses(["serve", "--socket", "other.sock"], "WRONG_USAGE", 2);
    // A vault that was begun keeps its own.
    fs::remove_file(sandbox.path("vault/vault.db")).unwrap();
    let other = [&with_socket[..], &["other.sock"]].concat();
    sandbox.refuses(other, "BEGUN_OTHERWISE", 3);
}

#[test]
fn init_refuses_a_vault_that_is_there() {
    let sandbox = Sandbox::with_vault();
    let before = sandbox.snapshot();
    sandbox.refuses(
        ["init", "--unprotected-key-file"],
        "STORE_ALREADY_A_VAULT",
        3,
    );
    sandbox.assert_unchanged(&before);
}

#[test]
fn an_interrupted_init_goes_on_as_it_was_begun() {
    let sandbox = Sandbox::with_vault();
    let id = text(&sandbox.json(["doctor"]), "vault_id");
    let wrapper = sandbox.json(["kms", "show"])["kms"][0]["keys"].clone();
    // Back to where the database, and then the anchor and the key file too, were not there yet.
    fs::remove_file(sandbox.path("vault/vault.db")).unwrap();
    let keys = sandbox.keys_folder();
    fs::remove_file(keys.join("anchor.json")).unwrap();
    let with_passphrase = ["init", "--passphrase-env", "PASSPHRASE"];
    for otherwise in [
        &with_passphrase[..],
        &["init", "--unprotected-key-file", "--node", "other"],
        &["init", "--unprotected-key-file", "--key-dir", "other"],
        &["quickstart", "--node", "other"],
        &["quickstart", "--key-dir", "other"],
    ] {
        sandbox.refuses(otherwise, "BEGUN_OTHERWISE", 3);
    }
    let document = sandbox.json(["init", "--unprotected-key-file"]);
    assert_eq!(text(&document, "vault_id"), id);
    let taken_up = sandbox.json(["kms", "show"])["kms"][0]["keys"].clone();
    assert_eq!(
        taken_up, wrapper,
        "no wrapper key is left behind without a use"
    );

    for name in ["kms.key", "anchor.json"] {
        fs::remove_file(keys.join(name)).unwrap();
    }
    fs::remove_file(sandbox.path("vault/vault.db")).unwrap();
    sandbox.refuses(with_passphrase, "BEGUN_OTHERWISE", 3);
    let document = sandbox.json(["init", "--unprotected-key-file"]);
    assert_eq!(text(&document, "vault_id"), id);
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
}

#[test]
fn init_takes_one_protection_and_not_two() {
    let sandbox = Sandbox::new();
    sandbox.refuses(
        ["init", "--unprotected-key-file", "--passphrase-prompt"],
        "WRONG_USAGE",
        2,
    );
}

/// The passphrase costs 64 MiB and a good part of a second each time, so one test does all of it.
#[test]
fn a_passphrase_guards_the_key_file_and_can_be_changed_and_taken_away() {
    let sandbox = Sandbox::new();
    sandbox.write("passphrase", "correct horse\n");
    sandbox
        .run(["init", "--passphrase-file", "passphrase"])
        .succeeded();
    let listed = sandbox.run(["keys", "list"]).succeeded();
    assert_eq!(listed.stderr, "");

    // Wrong, missing, empty, and readable by others.
    sandbox.write("passphrase", "wrong horse\n");
    sandbox.refuses(["keys", "list"], "KMS_LOCAL_WRONG_PASSPHRASE", 4);
    sandbox.write("passphrase", "\n");
    sandbox.refuses(["keys", "list"], "EMPTY_PASSPHRASE", 2);
    fs::remove_file(sandbox.path("passphrase")).unwrap();
    sandbox.refuses(["keys", "list"], "NO_SECRET_FILE", 3);
    sandbox.write("passphrase", "correct horse\n");
    sandbox.set_mode("passphrase", 0o644);
    sandbox.refuses(["keys", "list"], "FILE_NOT_PRIVATE", 3);

    // Another passphrase, from the environment.
    sandbox.write("passphrase", "correct horse\n");
    let with_variable = |args: &[&str]| {
        let mut command = sandbox.command(args);
        command.env("NEW_PASSPHRASE", "battery staple");
        Ran::of(command)
    };
    let before = fs::read_to_string(sandbox.config()).unwrap();
    let before = format!("# The vault of the north wing.\n{before}# The end.\n");
    sandbox.write("vault/strongroom.toml", &before);
    let protect =
        with_variable(&["kms", "protect", "--passphrase-env", "NEW_PASSPHRASE"]).succeeded();
    let told = "changed 'protection' in ";
    assert!(protect.text().starts_with(told), "{}", protect.text());
    let after = fs::read_to_string(sandbox.config()).unwrap();
    assert!(
        after.starts_with("# The vault of the north wing.\n"),
        "{after}"
    );
    assert!(after.ends_with("# The end.\n"), "{after}");
    sandbox.refuses(["keys", "list"], "NO_VARIABLE", 2);

    // Stopped between the key file and the configuration, the same command goes on.
    fs::write(sandbox.config(), before).unwrap();
    sandbox.refuses(["keys", "list"], "KMS_LOCAL_WRONG_PASSPHRASE", 4);
    with_variable(&["kms", "protect", "--passphrase-env", "NEW_PASSPHRASE"]).succeeded();
    assert_eq!(fs::read_to_string(sandbox.config()).unwrap(), after);

    // Without a passphrase; the configuration that still names one does not open it silently.
    with_variable(&["kms", "protect", "--unprotected-key-file"]).succeeded();
    let unprotected = fs::read_to_string(sandbox.config()).unwrap();
    sandbox.run(["keys", "list"]).succeeded();
    fs::write(sandbox.config(), after).unwrap();
    with_variable(&["keys", "list"]).failed("KMS_LOCAL_NOT_PROTECTED", 3);
    fs::write(sandbox.config(), unprotected).unwrap();
    let shown = sandbox.json(["kms", "show"]);
    let kms = &shown["kms"][0];
    assert_eq!(kms["name"], "local");
    assert!(text(kms, "protection").contains("NONE"), "{kms}");
    assert_eq!(kms["keys"].as_array().unwrap().len(), 1);
    assert_eq!(kms["keys"][0]["kind"], "wrapper");
}

#[test]
fn a_mistyped_place_of_the_passphrase_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    for (args, code, status) in [
        (["--passphrase-file", "missing"], "NO_SECRET_FILE", 3),
        (["--passphrase-env", "MISSING"], "NO_VARIABLE", 2),
    ] {
        sandbox.refuses([&["init"], &args[..]].concat(), code, status);
        assert!(!sandbox.vault().exists());
    }
    sandbox.run(["init", "--unprotected-key-file"]).succeeded();
}

#[test]
fn two_vaults_do_not_share_a_folder_of_keys() {
    let sandbox = Sandbox::new();
    let init = ["init", "--unprotected-key-file", "--key-dir", "keys"];
    sandbox.run(init).succeeded();
    let second = [&init[..], &["--dir", "second"]].concat();
    sandbox.refuses(second, "KEY_FOLDER_IN_USE", 3);
    assert!(!sandbox.path("second").exists());
    let inside = [
        "init",
        "--unprotected-key-file",
        "--dir",
        "third",
        "--key-dir",
        "third/keys",
    ];
    let ran = sandbox.run(inside).succeeded();
    assert!(ran.stderr.contains("copies its key"), "{}", ran.stderr);
}

#[test]
fn init_takes_the_passphrase_from_the_environment() {
    let sandbox = Sandbox::new();
    let run = |args: &[&str]| {
        let mut command = sandbox.command(args);
        command.env("PASSPHRASE", "correct horse");
        Ran::of(command)
    };
    run(&["init", "--passphrase-env", "PASSPHRASE"]).succeeded();
    let doctor = run(&["doctor"]).succeeded();
    assert!(
        doctor.text().contains("ok       key file"),
        "{}",
        doctor.text()
    );
    let config = fs::read_to_string(sandbox.config()).unwrap();
    assert!(
        config.contains("PASSPHRASE") && !config.contains("horse"),
        "{config}"
    );
}

#[test]
fn a_passphrase_to_be_typed_needs_a_terminal() {
    let sandbox = Sandbox::new();
    // A session of its own has no terminal, whatever the tester's has.
    let args = ["-w", STRONGROOM, "init", "--passphrase-prompt"];
    let ran = Ran::of(sandbox.program("setsid", args));
    ran.failed("NO_TERMINAL", 3);
}

#[test]
fn a_passphrase_is_typed_at_the_terminal_even_when_the_message_comes_through_a_pipe() {
    let sandbox = Sandbox::new();
    let init = [STRONGROOM, "init", "--passphrase-prompt"];
    let prompt = "New passphrase of the key file";
    let (status, shown) = at_a_terminal(&sandbox, &init, &[(prompt, "horse"), ("again", "house")]);
    assert!(
        status == 2 && shown.contains("PASSPHRASES_DIFFER"),
        "{shown}"
    );
    let (status, shown) = at_a_terminal(&sandbox, &init, &[(prompt, "horse"), ("again", "horse")]);
    assert_eq!(status, 0, "{shown}");
    let line = format!(
        "echo hello | {STRONGROOM} sign - --hash --encoding hex --key 1220{}",
        "00".repeat(32)
    );
    let (status, shown) = at_a_terminal(&sandbox, &["sh", "-c", &line], &[]);
    assert!(status == 2 && shown.contains("HASH_INVALID"), "{shown}");
    let line = line.replace("--hash ", "");
    let answer = [("Passphrase of the key file", "horse")];
    let (status, shown) = at_a_terminal(&sandbox, &["sh", "-c", &line], &answer);
    assert!(status == 3 && shown.contains("KEY_NOT_FOUND"), "{shown}");
}

#[test]
fn an_interrupted_passphrase_leaves_a_terminal_that_shows_what_is_typed() {
    let sandbox = Sandbox::new();
    let line = format!("{STRONGROOM} init --passphrase-prompt; stty -a");
    let prompt = "New passphrase of the key file";
    let (_, shown) = at_a_terminal(&sandbox, &["sh", "-c", &line], &[(prompt, "hor\u{3}")]);
    assert!(shown.contains("isig icanon iexten echo "), "{shown}");
    assert!(!shown.contains("hor"), "{shown}");
    assert!(!sandbox.vault().exists());
    // What was mistyped can be taken back.
    let init = [STRONGROOM, "init", "--passphrase-prompt"];
    let answers = [(prompt, "x\u{15}horxe\u{7f}\u{7f}se"), ("again", "horse")];
    let (status, shown) = at_a_terminal(&sandbox, &init, &answers);
    assert_eq!(status, 0, "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
}

/// Runs a program in a session with a terminal of its own, and types each answer when its question is shown.
fn at_a_terminal(sandbox: &Sandbox, args: &[&str], answers: &[(&str, &str)]) -> (i32, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let name = name.to_str().unwrap();
    let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let slave = File::from(slave);
    let mut command = sandbox.program("setsid", [&["-c", "-w"], args].concat());
    command
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap())
        .stderr(slave);
    let mut child = command.spawn().unwrap();
    // The terminal ends when nobody has its other side open any more.
    drop(command);
    let mut terminal = File::from(master);
    let mut answers = answers.iter().peekable();
    let (mut shown, mut seen) = (String::new(), 0);
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = terminal.read(&mut buffer) {
        shown.push_str(&String::from_utf8_lossy(&buffer[..length]));
        while let Some(at) = answers
            .peek()
            .and_then(|(question, _)| shown[seen..].find(question))
        {
            let Some(end) = shown[seen + at..].find(": ") else {
                break;
            };
            seen += at + end;
            let (_, answer) = answers.next().unwrap();
            terminal
                .write_all(format!("{answer}\n").as_bytes())
                .unwrap();
        }
    }
    assert!(
        answers.next().is_none(),
        "a question was not asked: {shown}"
    );
    (child.wait().unwrap().code().unwrap(), shown)
}

#[test]
fn key_file_and_anchor_go_where_they_are_told_to() {
    let sandbox = Sandbox::new();
    sandbox
        .run([
            "init",
            "--unprotected-key-file",
            "--key-dir",
            "elsewhere/keys",
        ])
        .succeeded();
    assert!(sandbox.path("elsewhere/keys/kms.key").is_file());
    assert!(sandbox.path("elsewhere/keys/anchor.json").is_file());
    assert!(!sandbox.key_home().exists());
    // From another working folder too.
    let mut command = sandbox.command(["doctor"]);
    command.current_dir("/");
    Ran::of(command).succeeded();
}

#[test]
fn the_configuration_folder_of_the_user_is_respected() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["init", "--unprotected-key-file"]);
    command.env("XDG_CONFIG_HOME", sandbox.path("xdg"));
    Ran::of(command).succeeded();
    assert!(sandbox.path("xdg/strongroom").is_dir());
    assert!(!sandbox.key_home().exists());
    sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn without_a_home_the_key_file_needs_a_place() {
    let sandbox = Sandbox::new();
    for home in [None, Some("relative")] {
        let mut command = sandbox.command(["quickstart"]);
        command.env_remove("HOME");
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let before = sandbox.snapshot();
        Ran::of(command).failed("NO_HOME", 3);
        sandbox.assert_unchanged(&before);
    }
    let mut command = sandbox.command(["quickstart", "--key-dir", "keys"]);
    command.env_remove("HOME");
    Ran::of(command).succeeded();
}

#[test]
fn the_anchor_notices_a_database_that_was_put_back_and_can_be_told_to_accept_it() {
    let sandbox = Sandbox::with_vault();
    let before = fs::read(sandbox.path("vault/vault.db")).unwrap();
    sandbox.signing_key("ed25519", "protocol");
    let shown = sandbox.json(["anchor", "show"]);
    assert_eq!(shown["record"]["confirmed"]["generation"], 2);

    fs::write(sandbox.path("vault/vault.db"), &before).unwrap();
    sandbox.refuses(["keys", "list"], "ROLLED_BACK", 5);
    sandbox.refuses(["quickstart"], "ROLLED_BACK", 5);
    sandbox.refuses(["anchor", "accept"], "NOT_CONFIRMED", 3);
    let accept = [
        "anchor",
        "accept",
        "--i-know-this-database-is-the-right-one",
    ];
    sandbox.run(accept).succeeded();
    assert!(
        sandbox.json(["keys", "list"])["keys"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_lost_anchor_is_noticed_and_can_be_made_anew() {
    let sandbox = Sandbox::with_quickstart();
    let anchor = sandbox.keys_folder().join("anchor.json");
    fs::remove_file(&anchor).unwrap();
    sandbox.refuses(["keys", "list"], "ANCHOR_MISSING", 3);
    fs::write(&anchor, "{}").unwrap();
    sandbox.refuses(["keys", "list"], "ANCHOR_DAMAGED", 5);
    sandbox.refuses(["anchor", "show"], "ANCHOR_DAMAGED", 5);
    fs::remove_file(&anchor).unwrap();
    let accept = [
        "anchor",
        "accept",
        "--i-know-this-database-is-the-right-one",
    ];
    sandbox.run(accept).succeeded();
    sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn the_anchor_of_another_vault_is_refused() {
    let sandbox = Sandbox::with_quickstart();
    let other = Sandbox::with_quickstart();
    let anchor = fs::read(other.keys_folder().join("anchor.json")).unwrap();
    fs::write(sandbox.keys_folder().join("anchor.json"), anchor).unwrap();
    sandbox.refuses(["keys", "list"], "ANCHOR_OF_OTHER_VAULT", 5);
}
