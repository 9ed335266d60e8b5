//! Numbers for monitoring, as a scraper reads them.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::Sandbox;

/// One line of numbers.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Reads OpenMetrics text, of which every metric must have a type and a help before its first sample.
fn read(text: &str) -> Vec<Sample> {
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.pop(), Some("# EOF"));
    let (mut helped, mut typed) = (Vec::new(), Vec::new());
    let mut samples = Vec::new();
    for line in lines {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped.push(help.split(' ').next().unwrap().to_owned());
        } else if let Some(of) = line.strip_prefix("# TYPE ") {
            let (name, kind) = of.split_once(' ').unwrap();
            assert_eq!(kind, "gauge", "{line}");
            typed.push(name.to_owned());
        } else {
            let sample = sample(line);
            assert!(helped.contains(&sample.name), "{line}");
            assert!(typed.contains(&sample.name), "{line}");
            samples.push(sample);
        }
    }
    samples
}

fn sample(line: &str) -> Sample {
    let (key, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = key.split_once('{').unwrap_or((key, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    let pairs = labels.split(',').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once("=\"").unwrap();
        (name.to_owned(), value.strip_suffix('"').unwrap().to_owned())
    });
    Sample {
        name: name.to_owned(),
        labels: pairs.collect(),
        value: value.parse().unwrap(),
    }
}

fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |sample: &&Sample| {
        let has = |(name, value): &(&str, &str)| {
            sample.labels.get(*name).map(String::as_str) == Some(value)
        };
        sample.name == name && labels.iter().all(has)
    };
    let found: Vec<_> = samples.iter().filter(fits).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {samples:?}");
    found[0].value
}

#[test]
fn numbers_are_read_by_a_scraper_and_each_is_documented() {
    let sandbox = Sandbox::with_participant("alice");
    let limits = "\n[policy.max-key-age]\nprotocol = \"8760h\"\n";
    sandbox.edit_config(|config| config + limits);
    let ran = sandbox.run(["metrics"]).succeeded();
    let samples = read(ran.text());
    let number = |name: &str, labels: &[(&str, &str)]| value(&samples, name, labels);
    let envelope = ("custody", "envelope");
    let active = [envelope, ("state", "active")];
    assert_eq!(number("strongroom_private_keys", &active), 4.0);
    assert_eq!(number("strongroom_quarantined", &[]), 0.0);
    let never = "strongroom_last_verified_backup_timestamp_seconds";
    assert_eq!(number(never, &[]), 0.0);
    let protocol = [("usage", "protocol")];
    assert_eq!(
        number("strongroom_key_age_limit_seconds", &protocol),
        31_536_000.0
    );
    assert_eq!(number("strongroom_keys_overdue", &protocol), 0.0);
    let usable = [("kms", "local"), ("state", "usable")];
    assert_eq!(number("strongroom_wrapper_key_state", &usable), 1.0);
    assert!(number("strongroom_generation", &[]) > 1.0);

    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let document = fs::read_to_string(document).unwrap();
    let mut printed: Vec<_> = samples.iter().map(|it| it.name.as_str()).collect();
    printed.sort_unstable();
    printed.dedup();
    // What a server tells besides comes after.
    let (document, _of_a_server) = document.split_once("\n## Of a server").unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut documented: Vec<_> = rows.map(|row| row.split('`').next().unwrap()).collect();
    documented.sort_unstable();
    assert_eq!(printed, documented);
}

#[test]
fn a_verified_backup_shows_in_the_numbers() {
    let sandbox = Sandbox::with_participant("alice");
    for args in [
        ["backup", "create", "vault.backup", "--unencrypted"].as_slice(),
        &["backup", "verify", "vault.backup"],
    ] {
        sandbox.run(args).succeeded();
    }
    let ran = sandbox.run(["metrics"]).succeeded();
    let samples = read(ran.text());
    let made = "strongroom_last_verified_backup_timestamp_seconds";
    assert!(value(&samples, made, &[]) > 1.7e9, "in seconds");
    let verified = [("verified", "true")];
    assert_eq!(value(&samples, "strongroom_backups", &verified), 1.0);
}
