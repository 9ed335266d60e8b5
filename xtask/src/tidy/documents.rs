//! Documents that must stay true.

use std::collections::BTreeSet;

use super::{code::words, tree::Tree, violation::Violation};

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ARCHITECTURE_MAX_LINES: usize = 300;
const README: &str = "README.md";
const README_MAX_LINES: usize = 100;

/// The two commands that a newcomer types; build servers run them too.
const README_COMMANDS: [&str; 2] = ["cargo run --release -- quickstart", "cargo xtask test"];
const CI_SCRIPT: &str = ".ci/run";

/// They name the tests that show what we claim.
const EVIDENCE: [&str; 2] = ["docs/security.md", "docs/compatibility-topology.md"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, most) in [
        (ARCHITECTURE, ARCHITECTURE_MAX_LINES),
        (README, README_MAX_LINES),
    ] {
        let lines = tree.text(path).lines().count();
        if lines == 0 || lines >= most {
            violations.push(Violation::of(
                path,
                format!("has {lines} lines; it must have some, and fewer than {most}"),
            ));
        }
    }
    for name in tree.crates() {
        if !names(tree.text(ARCHITECTURE), name) {
            violations.push(Violation::of(
                ARCHITECTURE,
                format!("does not name the crate {name}"),
            ));
        }
    }
    for command in README_COMMANDS {
        if !tree.text(README).lines().any(|line| line.trim() == command) {
            violations.push(Violation::of(
                README,
                format!("does not show the command '{command}' on a line of its own"),
            ));
        }
    }
    let [_, test_command] = README_COMMANDS;
    if !tree
        .text(CI_SCRIPT)
        .lines()
        .any(|line| line.trim() == test_command)
    {
        violations.push(Violation::of(
            CI_SCRIPT,
            format!("does not run the README's '{test_command}'"),
        ));
    }
    violations.extend(missing_tests(tree));
    violations
}

/// Tests that the evidence names and nobody wrote.
fn missing_tests(tree: &Tree) -> Vec<Violation> {
    let written: BTreeSet<&str> = tree
        .sources()
        .iter()
        .flat_map(|source| functions(&source.all.code))
        .collect();
    let named = EVIDENCE.into_iter().flat_map(|document| {
        let lines = tree.text(document).lines().enumerate();
        lines.flat_map(move |(index, line)| {
            let quoted = line.split('`').skip(1).step_by(2);
            quoted
                .filter(|name| is_sentence(name))
                .map(move |name| (document, index + 1, name))
        })
    });
    let missing = named.filter(|(_, _, name)| !written.contains(name));
    missing
        .map(|(document, line, name)| {
            Violation::at(
                document,
                line,
                format!("names the test {name}, which does not exist"),
            )
        })
        .collect()
}

/// Names of the functions in `code`, and of those that a macro makes of a list of names.
fn functions(code: &str) -> impl Iterator<Item = &str> {
    words(code)
        .map(|(_, word)| word)
        .filter(|word| is_sentence(word))
}

/// Whether this could be the name of a test: they are sentences.
fn is_sentence(name: &str) -> bool {
    name.split('_').count() > 3
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether `text` has the crate in code quotes, as `kms` or `crates/kms`.
fn names(text: &str, name: &str) -> bool {
    [format!("`{name}`"), format!("`crates/{name}`")]
        .iter()
        .any(|quoted| text.contains(quoted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{tree::tree, violation::texts};

    const GOOD_README: &str =
        "# S\n```sh\ncargo run --release -- quickstart\ncargo xtask test\n```\n";
    const GOOD_CI: &str = "#!/usr/bin/env bash\ncargo xtask test\n";

    fn found(architecture: &str, readme: &str, ci: &str) -> Vec<String> {
        let files = [
            ("ARCHITECTURE.md", architecture),
            ("README.md", readme),
            (".ci/run", ci),
            ("crates/kms-local/Cargo.toml", ""),
        ];
        texts(&check(&tree(&files)))
    }

    #[test]
    fn good_documents_pass() {
        assert_eq!(
            found("The `kms-local` crate\n", GOOD_README, GOOD_CI),
            [""; 0]
        );
        assert_eq!(
            found("## `crates/kms-local`\n", GOOD_README, GOOD_CI),
            [""; 0]
        );
    }

    #[test]
    fn a_forgotten_crate_is_named() {
        let found = found("The `kms` crate\n", GOOD_README, GOOD_CI);
        assert_eq!(
            found,
            ["ARCHITECTURE.md: does not name the crate kms-local"]
        );
    }

    #[test]
    fn a_long_or_missing_document_is_refused() {
        assert_eq!(
            found(&"`kms-local`\n".repeat(300), GOOD_README, GOOD_CI).len(),
            1
        );
        assert!(!found("", GOOD_README, GOOD_CI).is_empty());
    }

    #[test]
    fn evidence_that_nobody_wrote_is_named() {
        let files = [
            (
                "docs/security.md",
                "\n| rows | `a_row_is_a_row`, `a_row_is_no_column`, `xtask` |\n",
            ),
            (
                "crates/a/tests/a.rs",
                "#[test]\nfn a_row_is_a_row() {}\n// fn a_row_is_no_column() {}",
            ),
        ];
        assert_eq!(
            texts(&missing_tests(&tree(&files))),
            ["docs/security.md:2: names the test a_row_is_no_column, which does not exist"]
        );
    }

    #[test]
    fn readme_and_build_server_run_the_same() {
        let found = found("`kms-local`\n", "Type cargo xtask test.\n", "cargo test\n");
        assert_eq!(
            found,
            [
                "README.md: does not show the command 'cargo run --release -- quickstart' on a line of its own",
                "README.md: does not show the command 'cargo xtask test' on a line of its own",
                ".ci/run: does not run the README's 'cargo xtask test'",
            ]
        );
    }
}
