//! The runbooks work as they are printed: every command in them is run, in its order.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use strongroom_test_postgres::shared;

use crate::{
    canton_import,
    support::{Ran, STRONGROOM, Sandbox},
};

/// What opens and closes a block.
const FENCE: &str = "```";

/// Every runbook that there is.
fn runbooks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks");
    let entries = fs::read_dir(folder).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The blocks of a runbook, each with the line that opens it. All of them are for the shell.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix(FENCE) else {
            continue;
        };
        assert_eq!(language, "sh", "line {number} opens what nobody would run");
        let inside = lines.by_ref().map(|(_, line)| line);
        let block: Vec<&str> = inside.take_while(|line| *line != FENCE).collect();
        found.push((number, block.join("\n")));
    }
    found
}

/// A shell that stops at the first failure and knows the program under test by its name.
fn shell(sandbox: &Sandbox, block: &str) -> Command {
    let ours = Path::new(STRONGROOM).parent().unwrap().to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    let path: OsString =
        env::join_paths([ours].into_iter().chain(env::split_paths(&others))).unwrap();
    let mut shell = sandbox.program("bash", ["-euo", "pipefail", "-c", block]);
    // A runbook names no folder, so the vault is where it is without a word.
    shell.env("PATH", path).env_remove("STRONGROOM_DIR");
    shell
}

#[test]
fn every_runbook_runs_from_its_first_block_to_its_last() {
    let runbooks = runbooks();
    assert!(!runbooks.is_empty(), "there are no runbooks");
    for runbook in runbooks {
        let name = runbook.display();
        let blocks = blocks(&fs::read_to_string(&runbook).unwrap());
        assert!(!blocks.is_empty(), "{name} has nothing to run");
        let sandbox = Sandbox::new();
        if runbook.ends_with("import-canton-database.md") {
            canton_import::prepare_runbook(&sandbox);
        }
        for (name, database) in [
            ("move-to-postgresql.md", "runbook_move"),
            ("add-a-replica.md", "runbook_replica"),
        ] {
            if runbook.ends_with(name) {
                sandbox.write("store-url", shared().create_database(database).url());
            }
        }
        for (line, block) in blocks {
            let ran = Ran::of(shell(&sandbox, &block));
            let told = format!("{}\n{}", ran.text(), ran.stderr);
            assert_eq!(ran.status, 0, "{name}, line {line}:\n{block}\n\n{told}");
        }
    }
}
