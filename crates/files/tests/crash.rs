//! A process that is killed, or runs out of space, in the middle of a write.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use rustix::process::{Signal, getpid, kill_process};
use strongroom_files::{Access, DurableStep, FileError, Files, OsFiles};
use tempfile::TempDir;

const FOLDER: &str = "STRONGROOM_TEST_FOLDER";
const DIE_AFTER: &str = "STRONGROOM_TEST_DIE_AFTER";
const OLD: &[u8] = b"old contents";
/// Larger than the limit that the test of a full disk sets.
const NEW_LEN: usize = 100_000;

fn new_contents() -> Vec<u8> {
    vec![b'n'; NEW_LEN]
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("kms.key")
}

fn folder_with_old_file() -> TempDir {
    let folder = TempDir::new().unwrap();
    OsFiles::new()
        .write_durably(&file_in(folder.path()), OLD, Access::OwnerOnly)
        .unwrap();
    folder
}

fn names_besides_the_file(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "kms.key").collect()
}

/// Runs one of the ignored tests below in a process of its own, started through `shell`. What it prints goes through a
/// pipe: if our own output goes to a file, a limit on the size of files would hit that.
fn in_a_child(test: &str, shell: &str, folder: &Path, die_after: &str) -> ExitStatus {
    Command::new("sh")
        .args([
            "-c",
            &format!("{shell} exec \"$0\" --exact {test} --ignored --quiet"),
        ])
        .arg(env::current_exe().unwrap())
        .env(FOLDER, folder)
        .env(DIE_AFTER, die_after)
        .output()
        .map(|output| {
            eprint!("{}", String::from_utf8_lossy(&output.stdout));
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            output.status
        })
        .unwrap()
}

#[test]
#[ignore = "run by the tests below, in a process of its own"]
fn write_and_die() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let die_after = env::var(DIE_AFTER).unwrap();
    let files = OsFiles::new().with_observer(Arc::new(move |step, _path| {
        if format!("{step:?}") == die_after {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
    }));
    files
        .write_durably(
            &file_in(Path::new(&folder)),
            &new_contents(),
            Access::OwnerOnly,
        )
        .unwrap();
}

#[test]
#[ignore = "run by the tests below, in a process of its own"]
fn write_beyond_the_limit() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let error = OsFiles::new()
        .write_durably(
            &file_in(Path::new(&folder)),
            &new_contents(),
            Access::OwnerOnly,
        )
        .unwrap_err();
    assert!(matches!(error, FileError::DiskFull { .. }), "{error:?}");
}

#[test]
fn a_process_killed_after_any_step_leaves_the_old_or_the_new_file() {
    for step in DurableStep::OF_WRITE {
        let folder = folder_with_old_file();
        let status = in_a_child("write_and_die", "", folder.path(), &format!("{step:?}"));
        assert!(!status.success(), "the child lived on after {step:?}");

        let contents = fs::read(file_in(folder.path())).unwrap();
        let is_new = step >= DurableStep::Renamed;
        assert_eq!(
            contents,
            if is_new { new_contents() } else { OLD.to_vec() },
            "after {step:?}"
        );

        let has_leftover =
            DurableStep::TemporaryCreated <= step && step <= DurableStep::ContentsSynced;
        let leftovers = names_besides_the_file(folder.path());
        assert_eq!(
            leftovers.len(),
            usize::from(has_leftover),
            "after {step:?}: {leftovers:?}"
        );

        OsFiles::new()
            .write_durably(&file_in(folder.path()), b"next", Access::OwnerOnly)
            .unwrap();
        assert!(
            names_besides_the_file(folder.path()).is_empty(),
            "the next write cleans up after {step:?}"
        );
    }
}

#[test]
fn the_child_writes_when_nothing_kills_it() {
    let folder = folder_with_old_file();
    assert!(in_a_child("write_and_die", "", folder.path(), "never").success());
    assert_eq!(fs::read(file_in(folder.path())).unwrap(), new_contents());
}

#[test]
fn no_space_leaves_the_old_file_and_nothing_else() {
    let folder = folder_with_old_file();
    // A file size limit stands for the full disk: 8 blocks of at most 1 KiB. Without its signal the write fails.
    let status = in_a_child(
        "write_beyond_the_limit",
        "trap '' XFSZ; ulimit -f 8;",
        folder.path(),
        "never",
    );
    assert!(status.success());
    assert_eq!(fs::read(file_in(folder.path())).unwrap(), OLD);
    assert!(names_besides_the_file(folder.path()).is_empty());
}
