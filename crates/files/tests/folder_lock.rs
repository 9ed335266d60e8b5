//! Two holders of one folder.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{CWD, FileType, mknodat};
use strongroom_errors::Coded;
use strongroom_files::{FileError, FolderLock, LOCK_FILE_NAME};
use tempfile::TempDir;

const FOLDER: &str = "STRONGROOM_TEST_FOLDER";

#[test]
#[ignore = "run by a test below, in a process of its own"]
fn hold_until_killed() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let _lock = FolderLock::acquire(Path::new(&folder)).unwrap();
    eprintln!("holding");
    // Ends with the parent, if that forgets to kill us.
    let _ = std::io::stdin().read(&mut [0]);
}

fn holder_in_another_process(folder: &Path) -> Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "hold_until_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "holding"));
    child
}

#[test]
fn a_second_process_is_kept_out_and_told_by_whom() {
    let folder = TempDir::new().unwrap();
    let mut child = holder_in_another_process(folder.path());
    let error = FolderLock::acquire(folder.path()).unwrap_err();
    assert!(
        matches!(&error, FileError::Locked { holder_pid, .. } if *holder_pid == Some(child.id())),
        "{error:?}"
    );
    assert_eq!(error.code().name(), "FILE_LOCKED");

    child.kill().unwrap();
    child.wait().unwrap();
    FolderLock::acquire(folder.path()).expect("a killed holder leaves no lock");
}

#[test]
fn a_second_holder_in_the_same_process_is_kept_out_too() {
    let folder = TempDir::new().unwrap();
    let lock = FolderLock::acquire(folder.path()).unwrap();
    assert_eq!(lock.folder(), folder.path());
    let refused = FolderLock::acquire(folder.path());
    assert!(
        matches!(refused, Err(FileError::Locked { holder_pid: Some(pid), .. }) if pid == std::process::id())
    );
    drop(lock);
    FolderLock::acquire(folder.path()).unwrap();
}

#[test]
fn a_number_left_by_a_dead_process_is_no_lock() {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join(LOCK_FILE_NAME),
        "4194304\n and a long rest of something else\n",
    )
    .unwrap();
    let _lock = FolderLock::acquire(folder.path()).unwrap();
    let written = fs::read_to_string(folder.path().join(LOCK_FILE_NAME)).unwrap();
    assert_eq!(written, format!("{}\n", std::process::id()));
}

#[test]
fn a_holder_that_has_not_written_its_number_is_a_holder_all_the_same() {
    let folder = TempDir::new().unwrap();
    let _lock = FolderLock::acquire(folder.path()).unwrap();
    fs::write(folder.path().join(LOCK_FILE_NAME), "").unwrap();
    let refused = FolderLock::acquire(folder.path()).unwrap_err();
    assert!(matches!(
        refused,
        FileError::Locked {
            holder_pid: None,
            ..
        }
    ));
    assert_eq!(
        refused.to_string(),
        format!("{} is in use", folder.path().display())
    );
}

#[test]
fn a_folder_that_is_not_there_cannot_be_locked() {
    let folder = TempDir::new().unwrap();
    let refused = FolderLock::acquire(&folder.path().join("none")).unwrap_err();
    assert_eq!(refused.code().name(), "FILE_NOT_FOUND");
}

#[test]
fn what_a_link_in_the_place_of_the_lock_file_points_to_is_not_touched() {
    let folder = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let target = elsewhere.path().join("thesis");
    fs::write(&target, "the only copy").unwrap();
    let lock = folder.path().join(LOCK_FILE_NAME);

    type Place = fn(&Path, &Path) -> std::io::Result<()>;
    let symbolic: Place = |target, name| symlink(target, name);
    let second_name: Place = |target, name| fs::hard_link(target, name);
    for place in [symbolic, second_name] {
        place(&target, &lock).unwrap();
        let refused = FolderLock::acquire(folder.path()).unwrap_err();
        assert!(
            matches!(&refused, FileError::NotAFile { path } if *path == lock),
            "{refused:?}"
        );
        assert_eq!(fs::read_to_string(&target).unwrap(), "the only copy");
        fs::remove_file(&lock).unwrap();
    }
    symlink(elsewhere.path().join("nowhere"), &lock).unwrap();
    FolderLock::acquire(folder.path()).unwrap_err();
    assert!(!elsewhere.path().join("nowhere").exists());
}

#[test]
fn folders_and_pipes_are_no_lock_files() {
    let folder = TempDir::new().unwrap();
    let lock = folder.path().join(LOCK_FILE_NAME);
    fs::create_dir(&lock).unwrap();
    let refused = FolderLock::acquire(folder.path());
    assert!(
        matches!(refused, Err(FileError::NotAFile { .. })),
        "{refused:?}"
    );
    fs::remove_dir(&lock).unwrap();
    mknodat(CWD, &lock, FileType::Fifo, 0o600.into(), 0).unwrap();
    let refused = FolderLock::acquire(folder.path());
    assert!(
        matches!(refused, Err(FileError::NotAFile { .. })),
        "{refused:?}"
    );
}

#[test]
fn deleting_the_lock_file_lets_nobody_in() {
    let folder = TempDir::new().unwrap();
    let lock = folder.path().join(LOCK_FILE_NAME);
    let held = FolderLock::acquire(folder.path()).unwrap();
    fs::remove_file(&lock).unwrap();
    let refused = FolderLock::acquire(folder.path());
    assert!(
        matches!(
            refused,
            Err(FileError::Locked {
                holder_pid: None,
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(!lock.exists(), "who is refused leaves nothing behind");
    drop(held);
    FolderLock::acquire(folder.path()).unwrap();
    assert!(lock.exists());
}

#[test]
fn a_folder_is_locked_through_a_link_as_well() {
    let folder = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let link = elsewhere.path().join("link");
    symlink(folder.path(), &link).unwrap();
    let _held = FolderLock::acquire(&link).unwrap();
    assert!(matches!(
        FolderLock::acquire(folder.path()),
        Err(FileError::Locked {
            holder_pid: Some(_),
            ..
        })
    ));
}
