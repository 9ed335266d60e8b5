//! Following a synchronizer.

use serde_json::{Value, json};

use super::{STORE, namespace_key, transactions};
use crate::support::{Sandbox, text};

/// A participant whose synchronizer has seen everything that it announced.
fn following(format: &str) -> Sandbox {
    let sandbox = Sandbox::with_participant("alice");
    let export = [
        "topology",
        "export",
        "--format",
        format,
        "--out",
        "state.bin",
    ];
    sandbox.run(export).succeeded();
    let import = ["topology", "import", "state.bin", "--store", STORE];
    let document = sandbox.json(import);
    assert_eq!(
        (&document["accepted"], &document["rejected"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(
        document["transactions"],
        json!([]),
        "only what was rejected is listed"
    );
    sandbox
}

fn announced(sandbox: &Sandbox, store: &str) -> Vec<String> {
    let keys = sandbox.json(["topology", "active-keys", "--store", store]);
    let keys = keys["signing"].as_array().unwrap().iter();
    keys.map(|key| text(key, "fingerprint")).collect()
}

/// A time this long after the last that the synchronizer has sequenced.
fn after_the_last(sandbox: &Sandbox, span: jiff::Span) -> String {
    let stores = sandbox.json(["topology", "stores"]);
    let last = text(&stores["stores"][1], "last_sequenced");
    let last: jiff::Timestamp = last.parse().unwrap();
    format!("{:.6}", last + span)
}

/// Lets the synchronizer sequence what the node announces now.
fn sequence(sandbox: &Sandbox, file: &str, moment: &str) -> Value {
    let export = [
        "topology",
        "export",
        "--mapping",
        "otk",
        "--format",
        "transactions",
    ];
    sandbox
        .run([&export[..], &["--out", file]].concat())
        .succeeded();
    sandbox.json([
        "topology",
        "apply",
        file,
        "--store",
        STORE,
        "--sequenced",
        moment,
    ])
}

#[test]
fn both_formats_of_snapshots_come_to_the_same_state() {
    let (one, two) = (following("snapshot-v1"), following("snapshot-v2"));
    for sandbox in [&one, &two] {
        assert_eq!(announced(sandbox, STORE), announced(sandbox, "authorized"));
        let stores = sandbox.json(["topology", "stores"]);
        assert_eq!(stores["stores"][1]["store"], STORE);
        assert_eq!(stores["stores"][1]["in_force"], 2);
        let again = ["topology", "import", "state.bin", "--store", STORE];
        sandbox.refuses(again, "TOPOLOGY_STORE_NOT_EMPTY", 3);
    }
}

#[test]
fn a_rotation_waits_until_the_synchronizer_shows_it() {
    let sandbox = following("snapshot-v2");
    let old = sandbox.key_named("alice-signing");
    let ran = sandbox.run(["keys", "rotate", &old, "--output", "json"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (6, ""));
    let document = ran.json();
    assert_eq!(document["waiting_for"], json!([STORE]));
    assert_eq!(document["rotations"][0]["state"], "waiting");
    let new = text(&document["rotations"][0], "new");
    // Both are announced here; the old one still may sign, since others know no other.
    assert!(announced(&sandbox, "authorized").contains(&new));
    assert!(!announced(&sandbox, STORE).contains(&new));
    let state = |key: &str| text(&sandbox.json(["keys", "show", key]), "state");
    assert_eq!(state(&old), "active");

    // Said in words, and in the doctor's too; nothing else begins meanwhile.
    let ran = sandbox.run(["keys", "rotate", "--resume"]);
    assert_eq!(ran.status, 6);
    for told in ["does not show it yet", "topology apply FILE", "--resume"] {
        assert!(ran.text().contains(told), "{told}\n{}", ran.text());
    }
    let doctor = sandbox.run(["doctor"]).succeeded();
    assert!(
        doctor.text().contains("warning  rotation"),
        "{}",
        doctor.text()
    );
    let ran = sandbox.refuses(["keys", "rotate-all"], "ROTATION_UNDER_WAY", 3);
    assert!(
        ran.stderr.contains("keys rotate --resume"),
        "{}",
        ran.stderr
    );
    sandbox.refuses(["keys", "delete", &new, "--yes"], "KEY_ANNOUNCED", 3);

    // It sees the new key, and then that the old one is gone.
    let later = after_the_last(&sandbox, jiff::Span::new().hours(1));
    assert_eq!(sequence(&sandbox, "one.bin", &later)["accepted"], 1);
    let effective_later = sandbox.run(["keys", "rotate", "--resume"]);
    assert_eq!(effective_later.status, 6, "{}", effective_later.text());
}

#[test]
fn a_rotation_does_not_wait_for_a_store_that_is_given_up() {
    let sandbox = following("snapshot-v2");
    let old = sandbox.key_named("alice-signing");
    assert_eq!(sandbox.run(["keys", "rotate", &old]).status, 6);
    let doctor = sandbox.json(["doctor"]);
    let checks = doctor["checks"].as_array().unwrap();
    let of = |name: &str| {
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        text(check, "detail")
    };
    assert!(
        of("rotation").contains(&format!("waits for {STORE}")),
        "{doctor}"
    );
    assert!(
        of("followed").contains("2 transactions, nothing rejected"),
        "{doctor}"
    );

    let resume = ["keys", "rotate", "--resume", "--not-waiting-for"];
    let unknown = STORE.replace("34-0", "34-1");
    let wrong = sandbox.run([&resume[..], &[&unknown]].concat());
    wrong.failed("TOPOLOGY_STORE_NOT_FOUND", 3);
    let document = sandbox.json([&resume[..], &[STORE]].concat());
    assert_eq!(document["waiting_for"], json!([]));
    assert_eq!(document["rotations"][0]["state"], "retired");
    sandbox.refuses(
        ["keys", "rotate", "--not-waiting-for", STORE],
        "WRONG_USAGE",
        2,
    );
}

#[test]
fn a_rotation_goes_on_step_by_step_as_the_synchronizer_catches_up() {
    let sandbox = following("snapshot-v2");
    let old = sandbox.key_named("alice-encryption");
    assert_eq!(sandbox.run(["keys", "rotate", &old]).status, 6);
    let state = |key: &str| text(&sandbox.json(["keys", "show", key]), "state");
    for (file, expected) in [("added.bin", 6), ("withdrawn.bin", 0)] {
        let moment = text(
            &sandbox.json(["topology", "stores"])["stores"][0],
            "last_sequenced",
        );
        assert_eq!(sequence(&sandbox, file, &moment)["accepted"], 1);
        assert_eq!(state(&old), "active");
        let ran = sandbox.run(["keys", "rotate", "--resume", "--output", "json"]);
        assert_eq!(ran.status, expected, "{file}: {}", ran.text());
    }
    assert_eq!(state(&old), "retired");
    assert_eq!(
        announced(&sandbox, STORE),
        announced(&sandbox, "authorized")
    );
}

#[test]
fn a_look_ahead_keeps_nothing_and_takes_all_or_none() {
    let sandbox = following("snapshot-v2");
    let key = namespace_key(&sandbox, "extra");
    let delegate = [
        "topology",
        "delegate",
        &key,
        "--store",
        STORE,
        "--out",
        "extra.cert",
    ];
    let document = sandbox.json(delegate);
    assert_eq!(
        (&document["outcome"], &document["preview"]),
        (&json!("accepted"), &json!(true))
    );
    let history = sandbox.json(["topology", "list", "--store", STORE, "--history"]);
    assert_eq!(transactions(&history).len(), 2, "nothing was kept");
    let ahead = ["topology", "apply", "extra.cert", "--store", STORE];
    let document = sandbox.json(ahead);
    assert_eq!(
        (&document["accepted"], &document["preview"]),
        (&json!(1), &json!(true))
    );
    let words = sandbox.run(ahead).succeeded();
    assert!(words.text().ends_with("a look ahead: nothing was kept\n"));

    let an_hour = after_the_last(&sandbox, jiff::Span::new().hours(1));
    let a_second_more = after_the_last(&sandbox, jiff::Span::new().hours(1).seconds(1));
    let before = after_the_last(&sandbox, jiff::Span::new().minutes(30));
    let too_far = after_the_last(&sandbox, jiff::Span::new().hours(24 * 366));
    let sequenced = [&ahead[..], &["--sequenced", &an_hour]].concat();
    // A mistyped year would make every later time too early.
    let mistyped = [&ahead[..], &["--sequenced", &too_far]].concat();
    let ran = sandbox.refuses(mistyped, "TOPOLOGY_TIME_AHEAD", 2);
    assert!(ran.stderr.contains(&too_far), "{}", ran.stderr);
    let mistyped = [&sequenced[..], &["--effective", &too_far]].concat();
    sandbox.refuses(mistyped, "TOPOLOGY_TIME_AHEAD", 2);
    let later = [&sequenced[..], &["--effective", &a_second_more]].concat();
    let document = sandbox.json(later);
    assert_eq!(
        (&document["accepted"], &document["preview"]),
        (&json!(1), &json!(false))
    );
    let shown = sandbox.json(["topology", "show", "extra.cert"]);
    let row = &transactions(&shown)[0]["rows"][0];
    assert_eq!(row["sequenced"], an_hour);
    assert_eq!(row["valid_from"], a_second_more);
    let early = [&ahead[..], &["--sequenced", &before]].concat();
    sandbox.refuses(early, "SEQUENCED_TOO_EARLY", 2);
    // What the synchronizer would not take is an error here.
    let other = Sandbox::with_participant("bob");
    let theirs = namespace_key(&other, "theirs");
    other
        .run(["topology", "delegate", &theirs, "--out", "theirs.cert"])
        .succeeded();
    let theirs = other.path("theirs.cert");
    let ahead = [
        "topology",
        "apply",
        theirs.to_str().unwrap(),
        "--store",
        STORE,
    ];
    sandbox.refuses(ahead, "TOPOLOGY_UNAUTHORIZED_TRANSACTION", 4);
}

#[test]
fn an_export_of_the_past_holds_what_the_store_knew_then() {
    let sandbox = Sandbox::with_participant("alice");
    let key = namespace_key(&sandbox, "extra");
    sandbox.run(["topology", "delegate", &key]).succeeded();
    sandbox
        .run(["topology", "revoke", &key, "--yes"])
        .succeeded();
    let history = sandbox.json(["topology", "list", "--history"]);
    let revoked = text(&transactions(&history)[3], "valid_from");
    let export = ["topology", "export", "--at", &revoked, "--out", "then.bin"];
    assert_eq!(sandbox.json(export)["transactions"], 3);
    sandbox
        .run(["topology", "import", "then.bin", "--store", STORE])
        .succeeded();
    let listed = sandbox.json(["topology", "list", "--store", STORE, "--mapping", "nsd"]);
    assert_eq!(transactions(&listed).len(), 2, "the delegation holds");
    let piped = sandbox
        .run(["topology", "export", "--at", &revoked])
        .succeeded();
    assert_eq!(piped.stdout, sandbox.read("then.bin"));
}
