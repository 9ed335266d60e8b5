//! The rules of the house that a machine can check.
//!
//! Each rule is a function from what it looks at to what is wrong, so that its tests need no workspace.

mod arrows;
mod attributes;
mod bans;
mod code;
mod declared;
mod deny_file;
mod documents;
mod exposures;
mod graph;
mod licences;
mod manifests;
mod paths;
mod purity;
mod sizes;
mod tokens;
mod tree;
mod use_paths;
mod violation;

use std::fs;

use anyhow::{Context, Result, bail};

use crate::workspace;
use deny_file::DenyFile;
use tree::Tree;

/// Checks every rule and lists everything that breaks one.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::read(workspace::root())?;
    let deny_text = fs::read_to_string(workspace::root().join("deny.toml"))
        .context("deny.toml cannot be read")?;
    let deny = DenyFile::parse(&deny_text)?;
    let metadata = workspace::metadata(&deny.targets)?;

    let mut violations = Vec::new();
    violations.extend(arrows::check(&declared::dependencies(&metadata)));
    violations.extend(declared::check(&declared::dependencies(&metadata)));
    violations.extend(manifests::check(&tree)?);
    let graph = graph::graph(&metadata);
    violations.extend(bans::check(&deny.bans, &graph));
    violations.extend(licences::check(
        &deny.licences,
        &licences::packages(&metadata),
    ));
    violations.extend(documents::check(&tree));
    violations.extend(paths::check(&tree, workspace::root()));
    violations.extend(sizes::check(&tree));
    for source in tree.sources() {
        violations.extend(attributes::check(source));
        violations.extend(tokens::check(source));
        violations.extend(purity::check(source));
        violations.extend(exposures::check(source));
    }

    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => {
            println!(
                "{} files and {} packages keep the rules",
                tree.files().len(),
                graph.len()
            );
            Ok(())
        }
        1 => bail!("one rule of the house is broken, see above"),
        count => bail!("the rules of the house are broken in {count} places, see above"),
    }
}
