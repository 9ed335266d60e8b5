//! The rules of the suite, as its source has them: also one that no test runs.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

/// The rules of one file.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) rules: Vec<String>,
}

/// The files of the folder that have rules, in the order of their names.
pub(super) fn read(folder: &Path) -> Result<Vec<Role>> {
    let unreadable = || format!("{} cannot be read", folder.display());
    let mut roles = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let source = fs::read_to_string(&path).with_context(unreadable)?;
        let rules: Vec<_> = rules_of(&source).map(str::to_owned).collect();
        if !rules.is_empty() {
            roles.push(Role {
                name: name.into_owned(),
                rules,
            });
        }
    }
    ensure!(!roles.is_empty(), "{} has no rules", folder.display());
    roles.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(roles)
}

/// A rule is a public async function that stands alone.
fn rules_of(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("pub async fn ")?.split_once('(')?;
        Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_public_async_function() {
        let source = "pub async fn one(\n    kms: &K,\n) {}\nasync fn helper() {}\n    pub async fn method() {}\n\
                      pub fn other() {}\npub async fn two(kms: &K) {}\n";
        assert_eq!(rules_of(source).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn a_folder_without_rules_is_no_suite() {
        let error =
            read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kms_matrix")).unwrap_err();
        assert!(error.to_string().ends_with("has no rules"), "{error}");
    }
}
