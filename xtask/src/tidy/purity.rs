//! What production code of a crate may reach for.

use super::{tree::Source, use_paths::paths, violation::Violation};

/// The crates that read the environment and end the process.
const SHELLS: [&str; 2] = ["cli", "xtask"];

/// Crates that compute and do nothing else; the operating system's clock and randomness have one file each in `crypto`.
const PURE: [&str; 4] = ["crypto", "errors", "proto", "topology"];
const INPUT_AND_OUTPUT: [&str; 4] = ["std::fs", "std::net", "std::process", "std::thread"];

/// The messages of the contract with clients, and where the program has them: what goes over a connection, and what measures that.
const CONTRACT: &str = "strongroom_server::contract";
const ITS_PLACES: [&str; 2] = ["crates/cli/src/remote", "crates/cli/src/commands/bench/"];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let Some(production) = &source.production else {
        return Vec::new();
    };
    let name = source.crate_name();
    let broken = |path: &str| {
        if !SHELLS.contains(&name) && (reaches(path, "std::env") || path.starts_with("env::")) {
            Some(format!(
                "only {} may read the environment",
                SHELLS.join(" and ")
            ))
        } else if !SHELLS.contains(&name)
            && (reaches(path, "std::process::exit") || path == "process::exit")
        {
            Some(format!("only {} may end the process", SHELLS.join(" and ")))
        } else if PURE.contains(&name)
            && INPUT_AND_OUTPUT.iter().any(|module| reaches(path, module))
        {
            Some(format!("crate {name} does no I/O"))
        } else if PURE.contains(&name) && path == "async" {
            Some(format!("crate {name} is not async"))
        } else if name == "cli"
            && reaches(path, CONTRACT)
            && !ITS_PLACES
                .iter()
                .any(|place| source.path.starts_with(place))
        {
            Some(format!("messages of {CONTRACT} stay in {}", ITS_PLACES[0]))
        } else {
            None
        }
    };
    let paths = paths(&production.code);
    let found = paths
        .iter()
        .filter_map(|(offset, path)| Some((offset, broken(path)?)));
    found
        .map(|(offset, rule)| Violation::at(&source.path, production.line(*offset), rule))
        .collect()
}

/// Whether `path` is `module` or inside of it.
fn reaches(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{tree::source, violation::texts};

    fn found(path: &str, text: &str) -> Vec<String> {
        texts(&check(&source(path, text)))
    }

    #[test]
    fn only_the_shells_read_the_environment_and_end_the_process() {
        for text in [
            "use std::{env, fmt};",
            "let a = std::env::var(b);",
            "env::args()",
            "std::process::exit(1)",
        ] {
            assert_eq!(found("crates/cli/src/a.rs", text), [""; 0], "{text}");
            assert_eq!(found("crates/vault/src/a.rs", text).len(), 1, "{text}");
        }
        assert_eq!(
            found(
                "crates/vault/src/a.rs",
                "use crate::environment::Environment; // env::var"
            ),
            [""; 0]
        );
    }

    #[test]
    fn tests_may() {
        assert_eq!(
            found("crates/vault/tests/a.rs", "std::env::var(b)"),
            [""; 0]
        );
        assert_eq!(
            found(
                "crates/vault/src/a.rs",
                "#[cfg(test)]\nmod tests { fn a() { std::env::var(b); } }"
            ),
            [""; 0]
        );
    }

    #[test]
    fn pure_crates_do_nothing_but_compute() {
        assert_eq!(
            found("crates/crypto/src/a.rs", "\nuse std::fs;"),
            ["crates/crypto/src/a.rs:2: crate crypto does no I/O"]
        );
        assert_eq!(
            found("crates/crypto/src/a.rs", "async fn a() {}"),
            ["crates/crypto/src/a.rs:1: crate crypto is not async"]
        );
        assert_eq!(found("crates/files/src/a.rs", "use std::fs;"), [""; 0]);
    }

    #[test]
    fn messages_of_the_contract_stay_where_they_go_over_a_connection() {
        let text = "use strongroom_server::contract::strongroom::Key;";
        for path in [
            "remote.rs",
            "remote/keys.rs",
            "commands/bench/serve/load.rs",
        ] {
            assert_eq!(
                found(&format!("crates/cli/src/{path}"), text),
                [""; 0],
                "{path}"
            );
        }
        assert_eq!(
            found("crates/cli/src/commands/keys.rs", text),
            [
                "crates/cli/src/commands/keys.rs:1: messages of strongroom_server::contract stay in crates/cli/src/remote"
            ]
        );
    }
}
