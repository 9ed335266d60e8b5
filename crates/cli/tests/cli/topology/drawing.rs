//! `topology graph`.

use serde_json::{Value, json};

use super::namespace_key;
use crate::support::{Sandbox, text};

/// A participant with an intermediate key, and one more key that dangles since what let it sign is revoked.
fn drawn() -> (Sandbox, String) {
    let sandbox = Sandbox::with_participant("alice");
    let (middle, dangling) = (
        namespace_key(&sandbox, "middle"),
        namespace_key(&sandbox, "<&\"last\">"),
    );
    let delegate = ["topology", "delegate", &middle, "--restriction", "all"];
    sandbox.run(delegate).succeeded();
    let delegate = ["topology", "delegate", &dangling, "--signed-by", &middle];
    sandbox.run(delegate).succeeded();
    sandbox
        .run(["topology", "revoke", &middle, "--yes"])
        .succeeded();
    (sandbox, dangling)
}

#[test]
fn the_tree_shows_who_may_sign_and_who_dangles() {
    let (sandbox, dangling) = drawn();
    let root = sandbox.key_named("alice-namespace");
    let ran = sandbox.run(["topology", "graph"]).succeeded();
    for line in [
        format!("namespace {root}"),
        format!("├─ root {root}  (alice-namespace, here)"),
        "│     level 1, may sign everything, and delegate".to_owned(),
        format!("│  └─ participant PAR::alice::{root}"),
        format!("└─ DANGLING {dangling}  (<&\"last\">, here)"),
    ] {
        assert!(
            ran.text().lines().any(|shown| shown == line),
            "{line}\n{}",
            ran.text()
        );
    }
    let doctor = sandbox.run(["doctor"]).succeeded();
    let told = format!("dangling, so that they may sign nothing: {dangling}");
    assert!(doctor.text().contains(&told), "{}", doctor.text());
}

#[test]
fn the_model_of_the_drawing_has_the_documented_names() {
    let (sandbox, dangling) = drawn();
    let document = sandbox.json(["topology", "graph"]);
    assert_eq!(document["store"], "authorized");
    let namespace = &document["namespaces"][0];
    assert_eq!(
        (&namespace["has_root"], &namespace["decentralized"]),
        (&json!(true), &Value::Null)
    );
    let keys = namespace["keys"].as_array().unwrap();
    assert_eq!(
        (&keys[0]["level"], &keys[0]["is_root"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(keys[0]["name"], "alice-namespace");
    assert_eq!(keys[0]["private_key"], "active");
    assert_eq!(
        (&keys[1]["fingerprint"], &keys[1]["dangling"]),
        (&json!(dangling), &json!(true))
    );
    assert_eq!(keys[1]["level"], Value::Null);
    let member = &namespace["members"][0];
    assert_eq!(member["kind"], "participant");
    assert_eq!(member["parent"], keys[0]["fingerprint"]);
    assert_eq!(member["keys"].as_array().unwrap().len(), 3);
    // Before the revocation nothing dangled.
    let history = sandbox.json(["topology", "list", "--history"]);
    let last = history["transactions"].as_array().unwrap().last().unwrap();
    let then = sandbox.json(["topology", "graph", "--at", &text(last, "valid_from")]);
    let keys = then["namespaces"][0]["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key["dangling"] == false));
    let other = format!("1220{}", "00".repeat(32));
    let unknown = ["topology", "graph", "--namespace", &other];
    sandbox.refuses(unknown, "TOPOLOGY_NAMESPACE_UNKNOWN", 3);
    let before = ["topology", "graph", "--at", "2020-01-01T00:00:00Z"];
    assert_eq!(sandbox.json(before)["namespaces"], json!([]));
    let ran = sandbox.run(before).succeeded();
    assert_eq!(ran.text(), "no namespaces in authorized\n");
}

#[test]
fn drawings_go_to_files_and_are_not_replaced_unasked() {
    let (sandbox, _) = drawn();
    for (format, begin, end) in [
        ("svg", "<?xml ", "</svg>\n"),
        ("dot", "digraph topology {\n", "}\n"),
        ("tree", "namespace 1220", "\n"),
    ] {
        let draw = ["topology", "graph", "--format", format, "--out", format];
        let document = sandbox.json(draw);
        assert_eq!(
            (&document["file"], &document["namespaces"]),
            (&json!(format), &json!(1))
        );
        let drawing = String::from_utf8(sandbox.read(format)).unwrap();
        assert!(
            drawing.starts_with(begin) && drawing.ends_with(end),
            "{drawing}"
        );
        sandbox.refuses(draw, "OUTPUT_EXISTS", 3);
        let shown = sandbox
            .run(["topology", "graph", "--format", format])
            .succeeded();
        assert_eq!(shown.text(), drawing);
    }
    // A name that looks like markup stays a name.
    let svg = String::from_utf8(sandbox.read("svg")).unwrap();
    assert!(
        svg.contains(">&lt;&amp;&quot;last&quot;&gt; (here)</text>"),
        "{svg}"
    );
    let dot = String::from_utf8(sandbox.read("dot")).unwrap();
    assert!(dot.contains("<&\\\"last\\\">"), "{dot}");
}
