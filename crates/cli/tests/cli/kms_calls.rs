//! How a KMS is called: what `[kms.calls]` and `[kms.prices]` say, what is written down and what is counted.

use strongroom_kms_sim::{Fault, FaultKind, Weather};

use crate::other_kms::Cloud;

/// A vault in the simulated cloud, with these tables below its `[[kms]]`.
fn cloud_with(tables: &str) -> Cloud {
    let cloud = Cloud::with_vault(&["--kind", "participant"]);
    cloud.sandbox.edit_config(|text| {
        let (before, after) = text.split_once("[custody]").unwrap();
        format!("{before}{tables}\n[custody]{after}")
    });
    cloud.simulator.reset_calls();
    cloud
}

/// With the wrapper key in the configuration, so that nobody has to look for it there.
fn with_named_key(cloud: Cloud) -> Cloud {
    let key = cloud.wrapper_key();
    let named = format!("wrapper-key-id = \"{key}\"\ntype = \"aws\"");
    cloud
        .sandbox
        .edit_config(|text| text.replace("type = \"aws\"", &named));
    cloud
}

fn throttle(cloud: &Cloud, times: u64) {
    let faults = vec![Fault::of(FaultKind::Throttled, "Decrypt", times)];
    let weather = Weather {
        faults,
        ..Weather::default()
    };
    cloud.simulator.set_weather(weather).unwrap();
}

#[test]
fn a_call_is_sent_as_often_as_is_configured() {
    let cloud = cloud_with("[kms.calls]\nattempts = 1\n");
    throttle(&cloud, 1);
    let refused = cloud.sandbox.run(["keys", "list"]);
    assert!(
        refused.stderr.contains("KMS_THROTTLED"),
        "{}",
        refused.stderr
    );
    assert_eq!(cloud.simulator.calls().of("Decrypt").arrived, 1);
    cloud.sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn nothing_is_sent_beyond_the_budget() {
    // The one call of the class has its turn at once; with direct sealing the second one waits, beyond its deadline.
    let cloud = cloud_with(
        "[kms.calls]\ndeadline = \"500ms\"\nattempt-deadline = \"500ms\"\nattempts = 1\n\
         [kms.calls.budget]\nsymmetric = { per-second = 1 }\n",
    );
    cloud
        .sandbox
        .edit_config(|text| text.replace("sealing = \"data-key\"", "sealing = \"direct\""));
    let refused = cloud.sandbox.run(["keys", "generate-encryption"]);
    assert!(
        refused.stderr.contains("KMS_THROTTLED"),
        "{}",
        refused.stderr
    );
    assert_eq!(
        cloud.simulator.calls().total(),
        1,
        "the unwrapping, and no wrapping"
    );
}

#[test]
fn settings_that_cannot_be_are_named() {
    let cloud = cloud_with("[kms.calls]\nattempt-deadline = \"1h\"\n");
    let refused = cloud.sandbox.refuses(["keys", "list"], "CONFIG_INVALID", 2);
    assert!(
        refused.stderr.contains("calls.attempt-deadline"),
        "{}",
        refused.stderr
    );
}

const PRICES: &str =
    "[kms.prices]\nas-of = \"2026-06\"\nper-10000-calls = { administration = 0.03 }\n";

#[test]
fn a_probe_shows_how_calls_go_and_what_they_cost() {
    let cloud = with_named_key(cloud_with(PRICES));
    let shown = &cloud.sandbox.json(["kms", "show", "--probe", "4"])["kms"][0];
    assert_eq!(shown["probe"]["wrapper_key"], cloud.wrapper_key());
    assert_eq!(shown["probe"]["state"], "enabled");
    let metrics = &shown["metrics"];
    assert_eq!(
        (&metrics["calls"], &metrics["failed"]),
        (&4.into(), &0.into())
    );
    assert_eq!(metrics["breaker"], "closed");
    // 4 x 0.03 USD / 10 000.
    assert_eq!(metrics["estimated_cost"]["usd"], "0.000012");
    assert_eq!(metrics["estimated_cost"]["prices_as_of"], "2026-06");
    let operation = &metrics["operations"][0];
    assert_eq!(operation["operation"], "wrapper_key_state");
    assert_eq!(operation["calls"], 4);
    assert!(operation["mean_ms"].as_f64().unwrap() > 0.0, "{operation}");
    assert_eq!(cloud.simulator.calls().of("DescribeKey").arrived, 4);
    let table = cloud.sandbox.run(["kms", "show", "--probe"]).succeeded();
    for part in [
        "1 call in this run: 0 failed, 0 throttled; breaker closed; about 0.000003 USD (prices of 2026-06)",
        "99% WITHIN MS",
        "wrapper_key_state",
    ] {
        assert!(table.text().contains(part), "{part}: {}", table.text());
    }
}

#[test]
fn a_probe_that_fails_is_counted_by_its_code_and_is_exit_status_1() {
    let cloud = with_named_key(cloud_with("[kms.calls]\nattempts = 2\n"));
    let faults = vec![Fault::of(FaultKind::Throttled, "DescribeKey", 3)];
    let weather = Weather {
        faults,
        ..Weather::default()
    };
    cloud.simulator.set_weather(weather).unwrap();
    let ran = cloud
        .sandbox
        .run(["kms", "show", "--probe", "--output", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    let shown = &ran.json()["kms"][0];
    assert_eq!(shown["probe"]["code"], "KMS_THROTTLED");
    let metrics = &shown["metrics"];
    assert_eq!(
        (&metrics["calls"], &metrics["throttled"]),
        (&2.into(), &2.into())
    );
    assert_eq!(metrics["sent_again"], 1);
    assert_eq!(metrics["errors"]["KMS_THROTTLED"], 2);
    assert!(
        metrics.get("estimated_cost").is_none(),
        "no prices: {metrics}"
    );
}

#[test]
fn without_a_probe_nothing_is_sent() {
    let cloud = cloud_with(PRICES);
    let shown = cloud.sandbox.json(["kms", "show"]);
    assert_eq!(shown["kms"][0]["metrics"]["calls"], 0);
    assert_eq!(cloud.simulator.calls().total(), 0);
}
