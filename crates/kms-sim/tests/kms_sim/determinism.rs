//! The same seed, the same weather.

use std::time::Duration;

use serde_json::json;
use strongroom_kms_sim::{Fault, FaultKind, LostAnswer, Quotas, Scenario, Weather};

use crate::house::{Reply, call, standing};

fn run(seed: u64) -> Vec<String> {
    let simulator = standing(Scenario {
        seed,
        weather: Weather {
            quotas: Quotas {
                symmetric: Some(3.0),
                ..Quotas::default()
            },
            lost_answers: vec![LostAnswer {
                operation: None,
                call: Some(3),
            }],
            faults: vec![Fault::of(FaultKind::Internal, "GenerateRandom", 1)],
            ..Weather::default()
        },
        ..Scenario::default()
    });
    (0..12)
        .map(|_| {
            simulator.advance(Duration::from_millis(100));
            match call(&simulator, "GenerateRandom", &json!({"NumberOfBytes": 1})) {
                Reply::Answer(status, _, body) => format!("{status} {}", body["__type"]),
                other => format!("{other:?}"),
            }
        })
        .collect()
}

#[test]
fn the_same_seed_and_calls_meet_the_same_weather() {
    let first = run(1);
    assert_eq!(first, run(1));
    let throttled = first.iter().filter(|end| end.contains("Throttling"));
    assert!(throttled.count() > 1, "{first:?}");
    assert!(first.contains(&"Cut".to_owned()), "{first:?}");
}
