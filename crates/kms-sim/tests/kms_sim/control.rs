//! The control endpoint.

use serde_json::{Value, json};
use strongroom_kms_sim::{Scenario, Simulator};

use crate::house::{BEGIN, Reply, call, new_key, request, standing};

fn control(simulator: &Simulator, method: &str, resource: &str, body: &str) -> Reply {
    let path = format!("/control/{resource}");
    request(simulator.endpoint(), method, &path, &[], body.as_bytes())
}

fn state(simulator: &Simulator) -> Value {
    control(simulator, "GET", "state", "").good()
}

#[test]
fn the_state_tells_time_weather_keys_and_calls() {
    let simulator = standing(Scenario::default());
    let id = new_key(&simulator, &json!({"Description": "wrapper"}));
    let state = state(&simulator);
    assert_eq!(state["now"], 1_800_000_000.0);
    assert_eq!(state["weather"]["outages"], json!([]));
    assert_eq!(state["keys"][0]["id"], id.as_str());
    assert_eq!(state["keys"][0]["spec"], "symmetric");
    assert_eq!(state["keys"][0]["description"], "wrapper");
    let calls = json!({"arrived": 1, "succeeded": 1, "failed": 0, "lost": 0});
    assert_eq!(state["calls"]["CreateKey"], calls);
}

#[test]
fn weather_clock_and_counters_are_changed_over_http() {
    let simulator = standing(Scenario::default());
    let weather = r#"{"faults": [{"error": "throttled", "operation": "ListKeys", "times": 1}]}"#;
    control(&simulator, "POST", "weather", weather).good();
    assert_eq!(
        call(&simulator, "ListKeys", &json!({})).error(),
        "ThrottlingException"
    );
    control(
        &simulator,
        "POST",
        "advance-clock",
        r#"{"milliseconds": 1500}"#,
    )
    .good();
    let moved = simulator.now().as_micros() - BEGIN.as_micros();
    assert_eq!(moved, 1_500_000);
    control(&simulator, "POST", "reset", "").good();
    assert_eq!(state(&simulator)["calls"], json!({}));
    assert_eq!(simulator.calls().total(), 0);
}

#[test]
fn what_control_does_not_understand_changes_nothing() {
    let simulator = standing(Scenario::default());
    for (resource, body) in [
        ("weather", r#"{"quota": 1}"#),
        (
            "weather",
            r#"{"outages": [{"kind": "hang", "from-ms": 2, "until-ms": 1}]}"#,
        ),
        ("advance-clock", r#"{"seconds": 1}"#),
    ] {
        let reply = control(&simulator, "POST", resource, body);
        assert!(matches!(reply, Reply::Answer(400, ..)), "{resource} {body}");
    }
    assert_eq!(simulator.now(), BEGIN);
}
