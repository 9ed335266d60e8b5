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
        "[kms.calls]\ndeadline = \"100ms\"\nattempt-deadline = \"100ms\"\nattempts = 1\n\
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
