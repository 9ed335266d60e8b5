//! The arrows between our crates point downwards only.

use cargo_metadata::DependencyKind;

use super::{declared::Dependency, violation::Violation};

/// Every crate of the house and what it may depend on. A new arrow is a decision: argue for it in an ADR.
const ARROWS: &[(&str, &[&str])] = &[
    ("errors", &[]),
    ("memory", &[]),
    ("files", &["errors", "memory"]),
    ("crypto", &["errors", "memory"]),
    ("config", &["crypto", "errors", "memory"]),
    ("kms", &["crypto", "errors", "memory"]),
    ("postgres-address", &[]),
    ("topology", &["crypto", "errors"]),
    ("proto", &["crypto", "errors", "memory", "topology"]),
    ("store", &["crypto", "errors", "memory"]),
    ("backup", &["crypto", "errors", "memory", "store"]),
    (
        "canton-db",
        &["errors", "memory", "postgres-address", "proto"],
    ),
    ("kms-aws", &["crypto", "errors", "kms", "memory"]),
    (
        "kms-driver",
        &["crypto", "errors", "files", "kms", "memory"],
    ),
    ("kms-gcp", &["crypto", "errors", "kms", "memory"]),
    ("kms-local", &["crypto", "errors", "files", "kms", "memory"]),
    ("kms-recovery", &["crypto", "errors", "kms", "memory"]),
    ("kms-pkcs11", &["crypto", "errors", "kms", "memory"]),
    ("kms-sim", &["crypto", "errors", "kms", "memory"]),
    (
        "store-postgres",
        &["crypto", "errors", "postgres-address", "store"],
    ),
    ("store-sqlite", &["crypto", "errors", "files", "store"]),
    (
        "test-support",
        &["crypto", "errors", "files", "kms", "memory", "store"],
    ),
    (
        "vault",
        &[
            "backup", "crypto", "errors", "files", "kms", "memory", "proto", "store", "topology",
        ],
    ),
    (
        "server",
        &[
            "backup", "crypto", "errors", "files", "kms", "memory", "proto", "store", "topology",
            "vault",
        ],
    ),
    (
        "cli",
        &[
            "backup",
            "canton-db",
            "config",
            "crypto",
            "errors",
            "files",
            "kms",
            "kms-aws",
            "kms-driver",
            "kms-gcp",
            "kms-local",
            "kms-pkcs11",
            "kms-recovery",
            "kms-sim",
            "memory",
            "proto",
            "server",
            "store",
            "store-postgres",
            "store-sqlite",
            "topology",
            "vault",
        ],
    ),
    ("test-postgres", &[]),
    ("xtask", &[]),
];

/// What tests may depend on besides: the suites, and for the vault the adapters, since there is no store and no KMS that
/// exists for tests only, and what the vault promises it promises over each of them.
const ARROWS_OF_TESTS: &[(&str, &[&str])] = &[
    ("canton-db", &["test-postgres"]),
    ("cli", &["test-postgres"]),
    ("kms-aws", &["kms-sim"]),
    ("kms-driver", &["kms-local"]),
    ("kms-gcp", &["kms-sim"]),
    ("kms-pkcs11", &["kms-driver"]),
    ("server", &["kms-local", "kms-sim", "store-sqlite"]),
    ("store-postgres", &["test-postgres"]),
    (
        "vault",
        &[
            "kms-aws",
            "kms-driver",
            "kms-gcp",
            "kms-local",
            "kms-pkcs11",
            "kms-sim",
            "store-postgres",
            "store-sqlite",
            "test-postgres",
        ],
    ),
];
const FOR_ALL_TESTS: &str = "test-support";

pub(super) fn check(dependencies: &[Dependency]) -> Vec<Violation> {
    let ours = dependencies.iter().filter(|d| d.to_ours);
    ours.filter(|d| !is_allowed(d)).map(violation).collect()
}

fn is_allowed(dependency: &Dependency) -> bool {
    let Dependency { from, to, kind, .. } = dependency;
    let listed = |arrows: &[(&str, &[&str])]| {
        arrows
            .iter()
            .any(|(crate_name, targets)| crate_name == from && targets.contains(&to.as_str()))
    };
    let in_tests = *kind == DependencyKind::Development;
    listed(ARROWS) || (in_tests && (to == FOR_ALL_TESTS || listed(ARROWS_OF_TESTS)))
}

fn violation(dependency: &Dependency) -> Violation {
    let Dependency { from, to, .. } = dependency;
    let known = ARROWS.iter().any(|(name, _)| name == from);
    let rule = if known {
        format!(
            "must not depend on {to}: arrows point downwards, and adapters never know each other"
        )
    } else {
        format!("depends on {to}, but is not in the table of arrows of xtask/src/tidy/arrows.rs")
    };
    Violation::of(format!("crate {from}"), rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::declared::dependency;
    use DependencyKind::{Development, Normal};

    fn allowed(from: &str, to: &str, kind: DependencyKind) -> bool {
        check(&[dependency(from, to, true, kind)]).is_empty()
    }

    #[test]
    fn downwards_is_allowed_and_upwards_is_not() {
        for (from, to) in [
            ("cli", "vault"),
            ("vault", "kms"),
            ("store", "crypto"),
            ("crypto", "memory"),
        ] {
            assert!(allowed(from, to, Normal), "{from} -> {to}");
            assert!(!allowed(to, from, Normal), "{to} -> {from}");
        }
    }

    #[test]
    fn adapters_do_not_know_each_other_nor_the_vault_them() {
        for (from, to) in [
            ("store-sqlite", "kms-local"),
            ("vault", "store-sqlite"),
            ("vault", "kms-aws"),
            ("kms-local", "store"),
        ] {
            assert!(!allowed(from, to, Normal), "{from} -> {to}");
        }
    }

    #[test]
    fn only_tests_may_use_test_support() {
        assert!(allowed("vault", "test-support", Development));
        assert!(allowed("vault", "store-sqlite", Development));
        assert!(allowed("vault", "kms-aws", Development));
        assert!(!allowed("vault", "test-support", Normal));
        assert!(!allowed("store-sqlite", "kms-local", Development));
    }

    #[test]
    fn nothing_reaches_itself_along_the_arrows() {
        // Each crate stands below those that it may depend on, so there can be no cycle.
        for (position, (name, targets)) in ARROWS.iter().enumerate() {
            for target in *targets {
                assert!(
                    ARROWS
                        .iter()
                        .take(position)
                        .any(|(above, _)| above == target),
                    "{name} -> {target}"
                );
            }
        }
    }

    #[test]
    fn a_crate_that_nobody_placed_is_named() {
        let found = check(&[dependency("new", "crypto", true, Normal)]);
        assert!(
            found[0].to_string().contains("not in the table"),
            "{found:?}"
        );
    }
}
