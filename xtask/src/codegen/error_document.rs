//! docs/errors.md: every error code with its category and advice.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::{Context, Result, bail};
use serde_json::Value;

const HEAD: &str = "\
# Error codes

<!-- Written by `cargo xtask codegen` from `strongroom errors --output json`; change the code instead. -->

A code is never given to another failure later. `strongroom --help` says what the exit status means.

| code | category | exit status | what to do |
|---|---|---|---|
";

/// Makes the table, ordered by code, of what the program prints as `{\"errors\": [..]}`.
pub(super) fn generate(json: &str) -> Result<String> {
    let report: Value = serde_json::from_str(json).context("the list of errors is not JSON")?;
    let errors = report
        .get("errors")
        .and_then(Value::as_array)
        .context("the list of errors has no 'errors'")?;
    let mut rows = BTreeMap::new();
    for error in errors {
        let code = text(error, "code")?;
        let row = format!(
            "| `{code}` | {} | {} | {} |",
            text(error, "category")?,
            error
                .get("exit_status")
                .and_then(Value::as_u64)
                .with_context(|| format!("{code} has no exit status"))?,
            text(error, "advice")?.replace('|', "\\|"),
        );
        // The same code may come from two lists, but it must mean the same in both.
        if rows
            .insert(code, row.clone())
            .is_some_and(|other| other != row)
        {
            bail!("the error code {code} has two meanings");
        }
    }
    let mut document = HEAD.to_owned();
    for row in rows.values() {
        writeln!(document, "{row}")?;
    }
    Ok(document)
}

fn text<'a>(error: &'a Value, field: &str) -> Result<&'a str> {
    error
        .get(field)
        .and_then(Value::as_str)
        .with_context(|| format!("an error has no '{field}': {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, advice: &str) -> String {
        format!(r#"{{"code":"{code}","category":"NotFound","exit_status":3,"advice":"{advice}"}}"#)
    }

    fn document(errors: &[String]) -> Result<String> {
        generate(&format!(r#"{{"errors":[{}]}}"#, errors.join(",")))
    }

    #[test]
    fn codes_are_ordered_and_bars_escaped() {
        let document = document(&[error("B_CODE", "a | b"), error("A_CODE", "Look.")]).unwrap();
        let rows: Vec<_> = document
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        assert_eq!(
            rows,
            [
                "| `A_CODE` | NotFound | 3 | Look. |",
                "| `B_CODE` | NotFound | 3 | a \\| b |"
            ]
        );
    }

    #[test]
    fn one_code_with_two_meanings_is_refused() {
        let refused =
            document(&[error("A_CODE", "Look."), error("A_CODE", "Do not look.")]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the error code A_CODE has two meanings"
        );
        document(&[error("A_CODE", "Look."), error("A_CODE", "Look.")]).unwrap();
    }

    #[test]
    fn a_missing_field_is_named() {
        let refused = generate(r#"{"errors":[{"code":"A"}]}"#).unwrap_err();
        assert!(refused.to_string().contains("'category'"), "{refused}");
    }
}
