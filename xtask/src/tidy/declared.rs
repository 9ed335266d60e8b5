//! Dependencies as the manifests declare them, and which crates may declare certain ones.

use cargo_metadata::{DependencyKind, Metadata};

use super::violation::Violation;
use crate::workspace::PREFIX;

/// That one of our crates depends on something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    /// Folder of our crate.
    pub(super) from: String,
    /// Folder of our crate, or name of a foreign one.
    pub(super) to: String,
    pub(super) to_ours: bool,
    pub(super) kind: DependencyKind,
}

/// Foreign crates that stay behind a wall: who may use them outside of tests.
const WALLED: &[(&str, &[&str], &str)] = &[
    (
        "anyhow",
        &["cli", "xtask"],
        "errors are typed everywhere else",
    ),
    ("clap", &["cli", "xtask"], "only they read arguments"),
    (
        "prost",
        &["proto", "kms-driver", "server"],
        "generated protobuf types stay there",
    ),
    ("rusqlite", &["store-sqlite"], "SQL lives in store-* only"),
    (
        "sqlx",
        &["store-postgres", "canton-db", "postgres-address"],
        "SQL lives in store-*, and in what reads Canton's database; addresses have a home of their own",
    ),
];

/// Crates whose types are never serialized by derive: secrets and domain types have a stored form of their own.
const WITHOUT_SERDE: &[&str] = &[
    "crypto", "errors", "files", "kms", "memory", "proto", "store", "topology",
];

/// Crates without I/O and without async.
const PURE: &[&str] = &["crypto", "errors", "proto", "topology"];

pub(super) fn dependencies(metadata: &Metadata) -> Vec<Dependency> {
    let ours = metadata.workspace_packages();
    ours.iter()
        .flat_map(|package| {
            package.dependencies.iter().map(|dependency| Dependency {
                from: folder(&package.name),
                to: folder(&dependency.name),
                to_ours: dependency.path.is_some(),
                kind: dependency.kind,
            })
        })
        .collect()
}

/// The rules about foreign crates.
pub(super) fn check(dependencies: &[Dependency]) -> Vec<Violation> {
    let relevant = dependencies
        .iter()
        .filter(|d| !d.to_ours && d.kind != DependencyKind::Development);
    relevant
        .filter_map(|d| broken_rule(d).map(|rule| Violation::of(format!("crate {}", d.from), rule)))
        .collect()
}

fn broken_rule(dependency: &Dependency) -> Option<String> {
    let Dependency { from, to, .. } = dependency;
    let from = from.as_str();
    if let Some((_, allowed, why)) = WALLED.iter().find(|(name, ..)| name == to)
        && !allowed.contains(&from)
    {
        return Some(format!(
            "depends on {to}, which only {} may: {why}",
            allowed.join(" and ")
        ));
    }
    if to.starts_with("serde") && WITHOUT_SERDE.contains(&from) {
        return Some(format!(
            "depends on {to}, but its types must not derive Serialize"
        ));
    }
    if ["tokio", "async-trait", "futures"].contains(&to.as_str()) && PURE.contains(&from) {
        return Some(format!("depends on {to}, but does no I/O and is not async"));
    }
    None
}

fn folder(package: &str) -> String {
    package.strip_prefix(PREFIX).unwrap_or(package).to_owned()
}

#[cfg(test)]
pub(super) fn dependency(from: &str, to: &str, to_ours: bool, kind: DependencyKind) -> Dependency {
    Dependency {
        from: from.to_owned(),
        to: to.to_owned(),
        to_ours,
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::violation::texts;

    fn foreign(from: &str, to: &str) -> Vec<String> {
        texts(&check(&[dependency(
            from,
            to,
            false,
            DependencyKind::Normal,
        )]))
    }

    #[test]
    fn sql_stays_in_the_stores() {
        assert_eq!(foreign("store-sqlite", "rusqlite"), [""; 0]);
        assert_eq!(
            foreign("vault", "rusqlite"),
            [
                "crate vault: depends on rusqlite, which only store-sqlite may: SQL lives in store-* only"
            ]
        );
    }

    #[test]
    fn secrets_are_not_serialized() {
        assert_eq!(foreign("config", "serde"), [""; 0]);
        assert_eq!(foreign("crypto", "serde").len(), 1);
        assert_eq!(foreign("store", "serde_json").len(), 1);
    }

    #[test]
    fn pure_crates_are_not_async() {
        assert_eq!(foreign("vault", "tokio"), [""; 0]);
        assert_eq!(foreign("crypto", "tokio").len(), 1);
    }

    #[test]
    fn tests_may_use_anything() {
        let in_tests = dependency("crypto", "serde_json", false, DependencyKind::Development);
        assert_eq!(check(&[in_tests]), []);
    }
}
