//! The text files of the workspace.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::code::Code;

/// Hidden folders that are ours; every other one belongs to somebody's tools.
const HIDDEN: [&str; 3] = [".cargo", ".ci", ".github"];

/// A folder with one of these is somebody's build output or vault.
const MARKS: [&str; 2] = ["CACHEDIR.TAG", "vault.db"];

/// Every text file, and every Rust file taken apart.
#[derive(Debug)]
pub(super) struct Tree {
    files: Vec<TextFile>,
    sources: Vec<Source>,
}

/// A text file.
#[derive(Clone, Debug)]
pub(super) struct TextFile {
    /// Relative to the root, with forward slashes.
    pub(super) path: String,
    pub(super) text: String,
}

/// A Rust file.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) path: String,
    /// All of it.
    pub(super) all: Code,
    /// Without what only tests compile; none for a file that only tests compile.
    pub(super) production: Option<Code>,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        read_folder(root, root, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self::of(files))
    }

    pub(super) fn of(files: Vec<TextFile>) -> Self {
        let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
        let mut test_files = BTreeSet::new();
        let mut sources = Vec::new();
        for file in rust {
            let all = Code::of(&file.text);
            let mut production = all.clone();
            test_files.extend(
                production
                    .blank_tests()
                    .iter()
                    .map(|module| beside(&file.path, module)),
            );
            sources.push(Source {
                path: file.path.clone(),
                all,
                production: Some(production),
            });
        }
        for source in &mut sources {
            if !is_production(&source.path)
                || test_files.iter().any(|test| belongs_to(&source.path, test))
            {
                source.production = None;
            }
        }
        Self { files, sources }
    }

    pub(super) fn files(&self) -> &[TextFile] {
        &self.files
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The text of a file, empty if there is none.
    pub(super) fn text(&self, path: &str) -> &str {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map_or("", |file| &file.text)
    }

    /// Names of the folders below `crates`.
    pub(super) fn crates(&self) -> BTreeSet<&str> {
        self.files
            .iter()
            .filter_map(|file| {
                file.path
                    .strip_prefix("crates/")?
                    .strip_suffix("/Cargo.toml")
            })
            .collect()
    }
}

impl Source {
    /// The crate's folder: `memory`, `xtask`.
    pub(super) fn crate_name(&self) -> &str {
        let path = self.path.strip_prefix("crates/").unwrap_or(&self.path);
        path.split('/').next().unwrap_or_default()
    }
}

/// Whether the product itself is built from this file. Crates `test-…` are for tests altogether.
fn is_production(path: &str) -> bool {
    let in_source_folder = path.split('/').any(|part| part == "src");
    in_source_folder && !path.starts_with("crates/test-")
}

/// The path, without ending, of module `name` declared in the file at `path`.
fn beside(path: &str, name: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file.strip_suffix(".rs").unwrap_or(file) {
        "lib" | "main" | "mod" => format!("{folder}/{name}"),
        parent => format!("{folder}/{parent}/{name}"),
    }
}

fn belongs_to(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<TextFile>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            if is_ours(&path, &name) {
                read_folder(root, &path, files)?;
            }
        } else if let Ok(text) = String::from_utf8(
            fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?,
        ) {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            files.push(TextFile {
                path: parts.join("/"),
                text,
            });
        }
    }
    Ok(())
}

fn is_ours(folder: &Path, name: &str) -> bool {
    let hidden = name.starts_with('.') && !HIDDEN.contains(&name);
    !hidden && !MARKS.iter().any(|mark| folder.join(mark).exists())
}

/// A Rust file of its own, for tests of the rules.
#[cfg(test)]
pub(super) fn source(path: &str, text: &str) -> Source {
    let file = TextFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    Tree::of(vec![file]).sources.remove(0)
}

/// A tree of these files, for tests of the rules.
#[cfg(test)]
pub(super) fn tree(files: &[(&str, &str)]) -> Tree {
    let file = |(path, text): &(&str, &str)| TextFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    };
    Tree::of(files.iter().map(file).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_beside_and_below_the_source_are_no_production_code() {
        let tree = tree(&[
            ("crates/a/src/lib.rs", "mod b;\n#[cfg(test)]\nmod checks;"),
            ("crates/a/src/checks.rs", ""),
            ("crates/a/src/b.rs", "#[cfg(test)]\nmod tests;"),
            ("crates/a/src/b/tests.rs", ""),
            ("crates/a/src/b/tests/more.rs", ""),
            ("crates/a/tests/a.rs", ""),
            ("crates/a/build.rs", ""),
            ("crates/test-support/src/lib.rs", ""),
            ("xtask/src/main.rs", ""),
        ]);
        let production: Vec<_> = tree
            .sources()
            .iter()
            .filter(|s| s.production.is_some())
            .map(|s| s.path.as_str())
            .collect();
        assert_eq!(
            production,
            [
                "crates/a/src/lib.rs",
                "crates/a/src/b.rs",
                "xtask/src/main.rs"
            ]
        );
    }

    #[test]
    fn a_source_knows_its_crate() {
        assert_eq!(
            source("crates/kms-local/src/lib.rs", "").crate_name(),
            "kms-local"
        );
        assert_eq!(source("xtask/src/main.rs", "").crate_name(), "xtask");
    }

    #[test]
    fn the_tree_of_this_workspace_is_read() {
        let tree = Tree::read(crate::workspace::root()).unwrap();
        assert!(tree.crates().contains("memory"));
        assert!(tree.text(".cargo/config.toml").contains("xtask"));
        assert!(
            tree.files()
                .iter()
                .all(|file| !file.path.starts_with("target/"))
        );
    }
}
