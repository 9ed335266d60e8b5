//! `bench session`: what it counts. How fast anything is, no test asks.

use crate::support::Sandbox;

#[test]
fn session_keys_cost_at_most_one_call_per_interval_or_secret_and_the_kms_alone_one_per_use() {
    let sandbox = Sandbox::new();
    let line = "bench session --latency 1 --rounds 2 --seconds 1 --signers 2 --validity 4 \
                --tolerance 2 --cut-off 1";
    let document = sandbox.json(line.split_whitespace());
    let [sealed, alone, read_sealed, read_alone] = &document["results"].as_array().unwrap()[..]
    else {
        panic!("{document}");
    };
    for result in [sealed, alone] {
        assert_eq!(result["unit"], "signatures/s");
        assert!(result["ratio"].as_f64().unwrap() > 0.0, "{result}");
    }
    let calls = sealed["kms_calls"].as_f64().unwrap();
    assert!(calls >= 1.0, "{sealed}");
    assert!(
        calls <= sealed["kms_calls_at_most"].as_f64().unwrap(),
        "{sealed}"
    );
    assert_eq!(sealed["bare_kms_calls"], 0);
    assert_eq!(alone["bare_kms_calls"], alone["bare_done"]);
    assert_eq!(alone["bare_calls_per_million"], 1e6);
    for result in [read_sealed, read_alone] {
        assert_eq!(result["unit"], "decryptions/s");
    }
    // Each secret costs one call, and without the cache each message.
    let calls = read_sealed["kms_calls"].as_f64().unwrap();
    let most = read_sealed["kms_calls_at_most"].as_f64().unwrap();
    assert!(calls >= 1.0 && calls <= most, "{read_sealed}");
    assert_eq!(read_alone["bare_kms_calls"], read_alone["bare_done"]);
}
