//! What every manifest of ours has in common.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::{tree::Tree, violation::Violation};
use crate::workspace::PREFIX;

/// Fields that each crate takes from the workspace.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// The crate that may hold `unsafe` code: cargo lets it not inherit the lints and change one, so it copies them.
const MAY_BE_UNSAFE: &str = "memory";

pub(super) fn check(tree: &Tree) -> Result<Vec<Violation>> {
    let root = parse("Cargo.toml", tree.text("Cargo.toml"))?;
    let lints = lookup(&root, &["workspace", "lints"])
        .cloned()
        .context("Cargo.toml has no [workspace.lints]")?;
    let mut violations = Vec::new();
    for name in tree.crates().into_iter().chain(["xtask"]) {
        let path = if name == "xtask" {
            "xtask/Cargo.toml".to_owned()
        } else {
            format!("crates/{name}/Cargo.toml")
        };
        let manifest = parse(&path, tree.text(&path))?;
        let rules = broken_rules(name, &manifest, &lints);
        violations.extend(
            rules
                .into_iter()
                .map(|rule| Violation::of(path.clone(), rule)),
        );
    }
    Ok(violations)
}

fn broken_rules(name: &str, manifest: &Table, lints: &Value) -> Vec<String> {
    let mut rules = Vec::new();
    let package = lookup(manifest, &["package", "name"])
        .and_then(Value::as_str)
        .unwrap_or_default();
    if package != name && package.strip_prefix(PREFIX) != Some(name) {
        rules.push(format!(
            "the package must be called {PREFIX}{name}, after its folder"
        ));
    }
    for field in INHERITED {
        if lookup(manifest, &["package", field, "workspace"]) != Some(&Value::Boolean(true)) {
            rules.push(format!(
                "must take {field} from the workspace ({field}.workspace = true)"
            ));
        }
    }
    if lookup(manifest, &["package", "publish", "workspace"]).is_none()
        && lookup(manifest, &["package", "publish"]) != Some(&Value::Boolean(false))
    {
        rules.push("must not be publishable (publish.workspace = true)".to_owned());
    }
    if name == MAY_BE_UNSAFE {
        rules.extend(weaker_lints(manifest, lints));
    } else if lookup(manifest, &["lints", "workspace"]) != Some(&Value::Boolean(true)) {
        rules.push("must take its lints from the workspace ([lints] workspace = true)".to_owned());
    }
    rules
}

/// The copied lints must be those of the workspace, `unsafe_code` apart, which must still need an exception.
fn weaker_lints(manifest: &Table, lints: &Value) -> Vec<String> {
    let mut rules = Vec::new();
    for (tool, wanted) in lints.as_table().into_iter().flatten() {
        for (lint, level) in wanted.as_table().into_iter().flatten() {
            let wanted = if lint == "unsafe_code" {
                Value::from("deny")
            } else {
                level.clone()
            };
            if lookup(manifest, &["lints", tool, lint]) != Some(&wanted) {
                rules.push(format!(
                    "must set the lint {tool}.{lint} to {wanted}, as the workspace does"
                ));
            }
        }
    }
    rules
}

fn lookup<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(table.get(*first)?, |value, name| value.get(name))
}

fn parse(path: &str, text: &str) -> Result<Table> {
    text.parse().with_context(|| format!("{path} is not TOML"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{tree::tree, violation::texts};

    const ROOT: &str = r#"
[workspace.lints.rust]
unsafe_code = "forbid"
missing_docs = "warn"
"#;
    const GOOD: &str = r#"
[package]
name = "strongroom-a"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true
[lints]
workspace = true
"#;

    fn found(folder: &str, manifest: &str) -> Vec<String> {
        let xtask = GOOD.replace("strongroom-a", "xtask");
        let path = format!("crates/{folder}/Cargo.toml");
        let tree = tree(&[
            ("Cargo.toml", ROOT),
            ("xtask/Cargo.toml", &xtask),
            (&path, manifest),
        ]);
        texts(&check(&tree).unwrap())
    }

    #[test]
    fn a_manifest_that_inherits_everything_is_good() {
        assert_eq!(found("a", GOOD), [""; 0]);
    }

    #[test]
    fn each_thing_that_is_not_inherited_is_named() {
        let own = GOOD
            .replace("license.workspace = true", "license = \"MIT\"")
            .replace("[lints]\nworkspace = true", "");
        assert_eq!(
            found("a", &own),
            [
                "crates/a/Cargo.toml: must take license from the workspace (license.workspace = true)",
                "crates/a/Cargo.toml: must take its lints from the workspace ([lints] workspace = true)",
            ]
        );
    }

    #[test]
    fn folder_and_package_have_one_name() {
        assert_eq!(
            found("b", GOOD),
            ["crates/b/Cargo.toml: the package must be called strongroom-b, after its folder"]
        );
    }

    #[test]
    fn the_unsafe_crate_may_only_be_weaker_where_it_must() {
        let lints = |missing_docs| {
            let own = format!(
                "[lints.rust]\nunsafe_code = \"deny\"\nmissing_docs = \"{missing_docs}\"\n"
            );
            GOOD.replace("strongroom-a", "strongroom-memory")
                .replace("[lints]\nworkspace = true\n", &own)
        };
        assert_eq!(found("memory", &lints("warn")), [""; 0]);
        assert_eq!(
            found("memory", &lints("allow")),
            [
                "crates/memory/Cargo.toml: must set the lint rust.missing_docs to \"warn\", as the workspace does"
            ]
        );
        assert_eq!(
            found("memory", &lints("warn").replace("deny", "allow")).len(),
            1
        );
    }
}
