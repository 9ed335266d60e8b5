//! The workspace: where it is and what cargo knows of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Message, Metadata, MetadataCommand};

use crate::program::Program;

/// What the names of our packages start with; the rest is the name of the folder.
pub(crate) const PREFIX: &str = "strongroom-";

/// The root of the workspace.
///
/// This binary is built where it runs, so the folder of its manifest is known at compile time.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .exec()
        .context("cargo does not tell the target folder")?;
    Ok(metadata.target_directory.into())
}

/// Packages and dependency graph as cargo resolves them, for these target triples (none: for all).
pub(crate) fn metadata(targets: &[String]) -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.current_dir(root());
    let filters = targets
        .iter()
        .flat_map(|target| ["--filter-platform".to_owned(), target.clone()]);
    command.other_options(filters.collect::<Vec<_>>());
    command
        .exec()
        .context("cargo does not tell the dependency graph")
}

/// Builds the command line program in the development profile and says where it is.
pub(crate) fn built_program() -> Result<PathBuf> {
    let messages = Program::cargo()
        .args([
            "build",
            "--package",
            "strongroom-cli",
            "--message-format",
            "json-render-diagnostics",
        ])
        .output()?;
    executable(&messages).context("cargo built no program 'strongroom'")
}

fn executable(messages: &str) -> Option<PathBuf> {
    let artifact = |message| match message {
        Message::CompilerArtifact(artifact) if artifact.target.name == "strongroom" => {
            artifact.executable
        }
        _ => None,
    };
    let messages = Message::parse_stream(messages.as_bytes());
    messages
        .map_while(Result::ok)
        .find_map(artifact)
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_manifest_of_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn without_an_artifact_there_is_no_executable() {
        assert_eq!(
            executable("{\"reason\":\"build-finished\",\"success\":true}\n"),
            None
        );
    }
}
