//! `bench`: the form of what it prints. How fast anything is, no test asks.

use crate::support::Sandbox;

#[test]
fn benchmarks_print_both_sides_and_their_ratio() {
    let sandbox = Sandbox::new();
    let sign = "bench sign --threads 1,2 --samples 1 --sample-millis 1";
    let open = "bench open --keys 20 --samples 1";
    let topology = "bench topology-verify --transactions 100 --samples 1";
    let rotate = "bench rotate --keys 20 --samples 1";
    let backup = "bench backup --keys 20 --samples 1";
    let serve = "bench serve --in-flight 2 --connections 1,2 --samples 1 --sample-millis 10";
    let payload = "bench payload --size 1024,70000 --samples 1 --sample-millis 1";
    let lines = [
        (payload, 6),
        (serve, 6),
        (sign, 10),
        (open, 1),
        (rotate, 1),
        (backup, 2),
        (topology, 1),
    ];
    for (line, measurements) in lines {
        let document = sandbox.json(line.split(' '));
        let results = document["results"].as_array().unwrap();
        assert_eq!(results.len(), measurements, "{document}");
        for result in results {
            for field in ["name", "unit"] {
                assert!(result[field].is_string(), "{field}: {result}");
            }
            for field in ["ours", "bare", "ratio"] {
                assert!(result[field].as_f64().unwrap() > 0.0, "{field}: {result}");
            }
        }
        if line == open {
            assert_eq!(results[0]["kms_calls"], 1, "{document}");
        }
        if line == rotate {
            assert_eq!(results[0]["kms_calls"], 3, "{document}");
            assert!(results[0]["sign_max_ms"].is_number(), "{document}");
        }
        if line == topology {
            assert_eq!(results[0]["transactions"], 100, "{document}");
            assert!(results[0]["peak_memory_bytes"].as_u64().unwrap() > 0);
        }
        let table = sandbox.run(line.split(' ')).succeeded();
        assert!(table.text().contains("RATIO"), "{}", table.text());
    }
    assert!(
        !sandbox.vault().exists(),
        "benchmarks work in a folder of their own"
    );
}

#[test]
fn a_soak_checks_every_signature_and_says_whether_the_server_grew() {
    let sandbox = Sandbox::new();
    let line = "bench soak --rounds 2 --round-seconds 2 --callers 2 --most-mebibytes 200";
    let document = sandbox.json(line.split(' '));
    let [memory, handles] = document["results"].as_array().unwrap().as_slice() else {
        panic!("{document}");
    };
    for result in [memory, handles] {
        assert!(result["ours"].as_f64().unwrap() > 0.0, "{document}");
        assert!(result["bare"].as_f64().unwrap() > 0.0, "{document}");
    }
    assert_eq!(memory["wrong"], 0, "{document}");
    for number in ["signatures", "signatures_in_kms"] {
        assert!(memory[number].as_u64().unwrap() > 0, "{document}");
    }
    for number in ["reloads", "rotations", "outages"] {
        assert!(handles[number].as_u64().unwrap() >= 2, "{document}");
    }
}
