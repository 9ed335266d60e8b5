//! The matrix in Markdown.

use std::fmt::Write as _;

use super::{
    matrix::{Column, Matrix},
    record::Outcome,
};

const HEAD: &str = "\
# Which KMS keeps which rule

Written by `cargo xtask kms-matrix` from what the tests recorded when they ran; not to be edited. `cargo xtask test` fails if
this is not what they saw. No cloud was asked: simulators stand for AWS and Google Cloud, programs for hardware.
";

const PROMISES: &str = "
## What they promised

The rules for keys were checked with every spec that stands here.

";

const RULES: &str = "
## What they kept

*yes*: checked, and it held. *known wrong*: checked, and it did not hold, as the test knows. *not offered*: nothing of this is
promised, so nothing was checked. *-*: not run there.
";

pub(super) fn generate(matrix: &Matrix) -> String {
    let mut text = HEAD.to_owned() + "\n";
    for Column { backend, .. } in &matrix.columns {
        line(
            &mut text,
            format_args!("* **{}**: {}", backend.title, backend.about),
        );
    }
    text += PROMISES;
    promises(&mut text, &matrix.columns);
    text += RULES;
    for role in &matrix.roles {
        line(&mut text, format_args!("\n### {}\n", role.name));
        let titles = matrix.columns.iter().map(|column| column.backend.title);
        row(&mut text, "rule", titles);
        row(&mut text, "---", matrix.columns.iter().map(|_| "---"));
        for rule in &role.rules {
            let outcomes = matrix
                .columns
                .iter()
                .map(|column| word(column.outcome(rule)));
            row(&mut text, &rule.replace('_', " "), outcomes);
        }
    }
    text
}

fn promises(text: &mut String, columns: &[Column]) {
    let heads = [
        "signs with",
        "decrypts with",
        "takes in",
        "several regions",
        "re-wraps inside",
        "largest key, bytes",
        "largest message, bytes",
    ];
    row(text, "KMS", heads);
    row(text, "---", heads.map(|_| "---"));
    for column in columns {
        let promised = &column.capabilities;
        let cells = [
            list(&promised.signing),
            list(&promised.encryption),
            list(&promised.import),
            yes(promised.multi_region),
            yes(promised.rewraps_inside),
            promised.max_wrap_bytes.to_string(),
            promised.max_message_bytes.to_string(),
        ];
        row(text, column.backend.title, cells.iter().map(String::as_str));
    }
}

const fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Kept) => "yes",
        Some(Outcome::KnownWrong) => "known wrong",
        Some(Outcome::NotOffered) => "not offered",
        None => "-",
    }
}

fn list(specs: &[String]) -> String {
    if specs.is_empty() {
        "nothing".to_owned()
    } else {
        specs.join(", ")
    }
}

fn yes(promised: bool) -> String {
    if promised { "yes" } else { "no" }.to_owned()
}

fn row<'a>(text: &mut String, head: &str, cells: impl IntoIterator<Item = &'a str>) {
    let cells: Vec<_> = cells.into_iter().collect();
    line(text, format_args!("| {head} | {} |", cells.join(" | ")));
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing into a string does not fail.
    let _infallible = writeln!(text, "{content}");
}

#[cfg(test)]
mod tests {
    use super::{super::matrix::tests::*, *};

    #[test]
    fn each_outcome_has_its_word_and_each_promise_its_place() {
        let matrix = Matrix::try_new(roles(), trials()).unwrap();
        let text = generate(&matrix);
        assert!(
            text.contains("| it unwraps | yes | known wrong | not offered | not offered |"),
            "{text}"
        );
        assert!(
            text.contains("| local | ec-p256 | nothing | ec-p256 | yes | no | 4096 | 4096 |"),
            "{text}"
        );
    }

    #[test]
    fn a_rule_that_was_not_tried_on_a_kms_is_no_yes() {
        let mut trials = trials();
        trials.retain(|trial| trial.subject != "kms_aws::moto" || trial.rule == "it_wraps");
        let text = generate(&Matrix::try_new(roles(), trials).unwrap());
        assert!(
            text.contains("| it unwraps | yes | known wrong | not offered | not offered | - | not"),
            "{text}"
        );
    }
}
