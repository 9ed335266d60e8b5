//! The benchmarks of the program, as one report.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program::Program;

/// Builds the program in release mode, lets it measure itself beside the bare library, and prints what it found.
///
/// Figures hold for the machine that ran them; only the ratios travel.
pub(crate) fn run(keys: u32) -> Result<()> {
    let keys = keys.to_string();
    let benchmarks: [&[&str]; 2] = [&["bench", "sign"], &["bench", "open", "--keys", &keys]];
    for arguments in benchmarks {
        let json = Program::cargo()
            .args(["run", "--release", "--package", "strongroom-cli", "--"])
            .args(arguments)
            .args(["--output", "json"])
            .output()?;
        println!("\nstrongroom {}\n{}", arguments.join(" "), report(&json)?);
    }
    Ok(())
}

const COLUMNS: [&str; 5] = ["name", "ours", "bare", "ratio", "unit"];

/// The table of `results`, and every figure that stands beside them.
fn report(json: &str) -> Result<String> {
    let document: Value = serde_json::from_str(json).context("the benchmark did not print JSON")?;
    let results = document
        .get("results")
        .and_then(Value::as_array)
        .context("the benchmark printed no results")?;
    let mut text = format!(
        "{:<32} {:>14} {:>14} {:>8}  unit\n",
        "what", "ours", "bare", "ratio"
    );
    for result in results {
        let [name, ours, bare, _, unit] = COLUMNS.map(|column| cell(result, column));
        let ratio = ratio(result);
        writeln!(
            text,
            "{name:<32} {ours:>14} {bare:>14} {ratio:>8}  {unit}{}",
            figures(result, &COLUMNS)
        )?;
    }
    writeln!(text, "{}", figures(&document, &["results"]).trim_start())?;
    Ok(text)
}

/// The fields of `object` other than these, each as `  name=value`.
fn figures(object: &Value, others: &[&str]) -> String {
    let fields = object.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| !others.contains(&name.as_str()));
    fields
        .map(|(name, value)| format!("  {name}={value}"))
        .collect()
}

fn cell(result: &Value, field: &str) -> String {
    match result.get(field) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_f64() => {
            format!("{:.1}", number.as_f64().unwrap_or_default())
        }
        Some(other) => other.to_string(),
    }
}

fn ratio(result: &Value) -> String {
    result
        .get("ratio")
        .and_then(Value::as_f64)
        .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_line_for_each_result_and_each_count() {
        let json = r#"{"results":[{"name":"sign ed25519","unit":"1/s","ours":140000.5,"bare":141000,"ratio":0.9929},
                       {"name":"memory","unit":"bytes","ours":512,"ratio":null,"keys":7}],"kms_calls":1}"#;
        let report = report(json).unwrap();
        let lines: Vec<_> = report
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "what ours bare ratio unit",
                "sign ed25519 140000.5 141000 0.993 1/s",
                "memory 512 - - bytes keys=7",
                "kms_calls=1"
            ]
        );
    }

    #[test]
    fn output_without_results_is_refused() {
        assert!(report("{}").is_err());
        assert!(report("no JSON").is_err());
    }
}
