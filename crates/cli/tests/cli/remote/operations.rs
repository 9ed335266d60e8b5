//! Long work of a server, looked at from elsewhere.

use serde_json::json;

use super::There;
use crate::support::{Sandbox, text};

#[test]
fn what_has_ended_is_listed_and_shown_with_how_it_did() {
    let sandbox = Sandbox::with_vault();
    sandbox.signing_key("ec-curve-25519", "protocol");
    let there = There::start(&sandbox);
    assert_eq!(
        there.json(&["operations", "list"]),
        json!({ "operations": [] })
    );
    let ran = there.run(&["operations", "list"]).succeeded();
    assert!(ran.text().contains("nothing is under way"));
    there.run(&["wrapper-key", "rotate"]).succeeded();
    let resumed = there.run(&["wrapper-key", "rotate", "--resume"]);
    assert_eq!(resumed.status, 3, "{}", resumed.stderr);

    let listed = there.json(&["operations", "list"]);
    let [done, failed] = listed["operations"].as_array().unwrap().as_slice() else {
        panic!("{listed}");
    };
    assert_eq!(done["state"], "done");
    assert_eq!(done["operation"], "wrapper-keys.rotate");
    assert_eq!(done["progress"]["unit"], "rows");
    assert_eq!(done["progress"]["done"], done["progress"]["of"]);
    assert!(done["ended_at"].is_string() && done["problem"].is_null());
    assert_eq!(failed["state"], "failed");
    assert_eq!(failed["problem"]["code"], "NO_WRAPPER_KEY_ROTATION");

    let (done, failed) = (text(done, "id"), text(failed, "id"));
    let table = there.run(&["operations", "list"]).succeeded();
    for id in [&done, &failed] {
        assert!(table.text().contains(id.as_str()), "{}", table.text());
    }
    let watched = there.run(&["operations", "watch", &done]).succeeded();
    assert!(watched.text().starts_with(&format!("done {done}: wrapper")));
    let watched = there.run(&["operations", "watch", &failed]);
    assert_eq!(watched.status, 1);
    assert!(watched.text().contains("NO_WRAPPER_KEY_ROTATION"));
    // Too late to call it off: it is as it was.
    let cancelled = there.json(&["operations", "cancel", &done]);
    assert_eq!(cancelled["state"], "done");
    assert!(cancelled["cancelled_by"].is_null());
    for verb in ["watch", "cancel"] {
        let refused = there.run(&["operations", verb, "no-such-id"]);
        assert_eq!(refused.status, 3);
        assert!(refused.stderr.contains("OPERATION_NOT_FOUND"));
    }
}

#[test]
fn long_work_is_of_a_server_which_must_be_named() {
    let sandbox = Sandbox::with_vault();
    for args in [&["list"][..], &["watch", "ID"], &["cancel", "ID"]] {
        let refused = sandbox.run([&["operations"], args].concat());
        assert_eq!(refused.status, 2);
        assert!(refused.stderr.contains("SERVER_NOT_NAMED"), "{args:?}");
    }
}
