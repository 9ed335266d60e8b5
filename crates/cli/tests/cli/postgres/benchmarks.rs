//! `bench` over PostgreSQL: the form of what it prints, and that nothing stays behind. How fast anything is, no test asks.

use serde_json::Value;

use super::House;

/// Runs a benchmark in the house's database.
fn results(house: &House, line: &str) -> Vec<Value> {
    let url = house.database.url();
    let line = line.split(' ').chain(["--store-url", &url]);
    let document = house.sandbox.json(line);
    let results = document["results"].as_array().unwrap().clone();
    for result in &results {
        for field in ["name", "unit"] {
            assert!(result[field].is_string(), "{field}: {result}");
        }
        for field in ["ours", "bare", "ratio"] {
            assert!(result[field].as_f64().unwrap() > 0.0, "{field}: {result}");
        }
    }
    results
}

fn schemas_of_benchmarks(house: &House) -> String {
    house.sql("select count(*) from pg_namespace where nspname like 'strongroom%'")
}

#[test]
fn opening_and_rotating_are_measured_in_a_schema_that_is_dropped() {
    let house = House::empty("cli_bench");
    let opened = results(&house, "bench open --keys 20 --samples 1");
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0]["kms_calls"], 1, "{opened:?}");
    let rotated = results(&house, "bench rotate --keys 20 --samples 2");
    assert_eq!(rotated.len(), 1);
    assert_eq!(rotated[0]["kms_calls"], 3, "{rotated:?}");
    assert!(rotated[0]["sign_max_ms"].is_number(), "{rotated:?}");
    assert_eq!(schemas_of_benchmarks(&house), "0");
}

#[test]
fn replicas_of_a_benchmark_sign_and_refuse_retired_keys() {
    let house = House::empty("cli_bench_replicas");
    let line = "bench replicas --quiet --keys 2 --samples 1 --sample-millis 1 --retirements 1";
    let measured = results(&house, line);
    let names: Vec<_> = measured
        .iter()
        .map(|result| result["name"].as_str().unwrap())
        .collect();
    let expected = [
        "replicas sign ec-curve-25519",
        "replicas sign ec-p-256",
        "replicas retire notified",
        "replicas sign ec-curve-25519 strict",
        "replicas sign ec-p-256 strict",
        "replicas retire strict",
        "replicas retire looking",
    ];
    assert_eq!(names, expected);
    assert_eq!(schemas_of_benchmarks(&house), "0");
}

#[test]
fn a_schema_that_is_there_is_left_alone() {
    let house = House::empty("cli_bench_refused");
    house.sql("create schema taken; create table taken.t (a int)");
    let url = house.database.url();
    let place = ["--store-url", &url, "--store-schema", "taken"];
    for command in ["open", "rotate", "replicas"] {
        let ran = house
            .sandbox
            .run([&["bench", command][..], &place].concat());
        ran.failed("SCHEMA_EXISTS", 3);
    }
    assert_eq!(house.sql("select count(*) from taken.t"), "0");
}

#[test]
fn replicas_are_measured_in_a_database_only() {
    let house = House::empty("cli_bench_nowhere");
    let ran = house.sandbox.run(["bench", "replicas"]);
    ran.failed("FLAG_MISSING", 2);
}
