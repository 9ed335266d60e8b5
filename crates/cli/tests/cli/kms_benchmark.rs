//! `bench kms`: what it counts. How fast anything is, no test asks.

use serde_json::Value;

use crate::support::Sandbox;

fn results(line: &str) -> Vec<Value> {
    let sandbox = Sandbox::new();
    let document = sandbox.json(line.split(' '));
    assert!(
        !sandbox.vault().exists(),
        "benchmarks work in a folder of their own"
    );
    let results = document["results"].as_array().unwrap().clone();
    for result in &results {
        for field in ["ours", "bare", "ratio"] {
            assert!(result[field].as_f64().unwrap() > 0.0, "{field}: {result}");
        }
    }
    results
}

fn count(result: &Value, field: &str) -> u64 {
    result[field]
        .as_u64()
        .unwrap_or_else(|| panic!("no number {field} in {result}"))
}

#[test]
fn opening_is_one_call_and_sealing_by_the_kms_one_more_for_each_key() {
    let measured = results("bench kms --only open --sizes 3 --latencies 2 --concurrency 2");
    let expected = [
        ("open, 3 keys, data-key, 2 ms", 1),
        ("open and use all, 3 keys, data-key, 2 ms", 1),
        ("open, 3 keys, direct, 2 ms", 1),
        ("open and use all, 3 keys, direct, 2 ms", 4),
    ];
    assert_eq!(measured.len(), expected.len());
    for (result, (name, calls)) in measured.iter().zip(expected) {
        assert_eq!(result["name"], name);
        assert_eq!(count(result, "kms_calls"), calls, "{result}");
        assert_eq!(count(result, "bare_kms_calls"), 3, "{result}");
        assert_eq!(result["unit"], "ms");
    }
}

#[test]
fn a_signature_inside_of_the_kms_is_one_call_that_is_paid_for() {
    let measured = results("bench kms --only sign --latencies 2 --signatures 20 --signers 2");
    let [signed] = &measured[..] else {
        panic!("{measured:?}")
    };
    for side in ["", "bare_"] {
        assert_eq!(count(signed, &format!("{side}kms_calls")), 20);
        // 0.15 USD for 10 000 calls.
        assert_eq!(signed[format!("{side}usd_per_million")], 15.0);
    }
    assert_eq!(signed["calls_per_million"], 1e6);
}

#[test]
fn in_a_storm_we_send_a_tenth_more_and_repetitions_without_an_end_send_more() {
    let measured =
        results("bench kms --only storm --latencies 2 --storm-seconds 1 --storm-rate 40");
    assert_eq!(measured.len(), 4, "two storms, each against two others");
    for result in &measured {
        let (requests, calls) = (count(result, "requests"), count(result, "kms_calls"));
        assert!(requests >= 40, "{result}");
        // Beside a tenth there are ten to begin with, and one for every other second.
        assert!(calls <= requests + requests / 10 + 15, "{result}");
        assert!(calls >= requests, "{result}");
    }
    let [_, _, client, endless] = &measured[..] else {
        panic!("{measured:?}")
    };
    assert!(count(endless, "errors") > 0, "callers are told: {endless}");
    assert_eq!(count(endless, "bare_errors"), 0, "callers wait: {endless}");
    assert!(count(endless, "bare_kms_calls") > count(endless, "requests"));
    // Whether the client's own repetitions outlast a short storm is up to chance; that it sends more is not.
    assert!(
        count(client, "bare_kms_calls") > count(client, "requests"),
        "{client}"
    );
}
