//! The files of the operating system, as their users see them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::{Arc, Mutex};

use strongroom_errors::Coded;
use strongroom_files::{Access, DurableStep, FileError, Files, MAX_PRIVATE_FILE_BYTES, OsFiles};
use tempfile::TempDir;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_written_is_read_back_and_nothing_else_is_left() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("kms.key");
    for contents in [&b"first"[..], b"", b"the third, which is longer"] {
        OsFiles::new()
            .write_durably(&path, contents, Access::OwnerOnly)
            .unwrap();
        assert_eq!(OsFiles::new().read(&path).unwrap().unwrap(), contents);
        // EXPOSE: compared in a test.
        assert_eq!(
            OsFiles::new()
                .read_private(&path)
                .unwrap()
                .unwrap()
                .expose(),
            contents
        );
        assert_eq!(names(folder.path()), ["kms.key"]);
    }
}

#[test]
fn a_file_that_is_not_there_is_no_error_to_read_or_remove() {
    let folder = TempDir::new().unwrap();
    for path in [
        folder.path().join("none"),
        folder.path().join("no/folder/none"),
    ] {
        assert_eq!(OsFiles::new().read(&path).unwrap(), None);
        assert!(OsFiles::new().read_private(&path).unwrap().is_none());
        OsFiles::new().remove(&path).unwrap();
    }
}

#[test]
fn a_write_sets_the_rights_whatever_they_were() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    OsFiles::new()
        .write_durably(&path, b"1", Access::Readable)
        .unwrap();
    // The umask of whoever runs the tests may take the rights of others away.
    assert_eq!(mode(&path) | 0o044, 0o644);
    OsFiles::new()
        .write_durably(&path, b"2", Access::OwnerOnly)
        .unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_replaced_file_keeps_its_owner() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    OsFiles::new()
        .write_durably(&path, b"1", Access::OwnerOnly)
        .unwrap();
    // Only root can give files away; for all others the owner is themselves before and after.
    let owner = if rustix::process::geteuid().is_root() {
        65_534
    } else {
        fs::metadata(&path).unwrap().uid()
    };
    chown(&path, Some(owner), None).unwrap();
    OsFiles::new()
        .write_durably(&path, b"2", Access::OwnerOnly)
        .unwrap();
    assert_eq!(fs::metadata(&path).unwrap().uid(), owner);
    assert_eq!(fs::read(&path).unwrap(), b"2");
}

#[test]
fn a_file_that_others_have_rights_on_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("kms.key");
    OsFiles::new()
        .write_durably(&path, b"secret", Access::OwnerOnly)
        .unwrap();
    OsFiles::new().check_private(&path).unwrap();
    for open_to in [0o640, 0o604, 0o620, 0o601] {
        set_mode(&path, open_to);
        let checked = OsFiles::new().check_private(&path).unwrap_err();
        let read = OsFiles::new().read_private(&path).unwrap_err();
        for error in [checked, read] {
            assert!(
                matches!(&error, FileError::NotPrivate { mode, .. } if *mode == open_to),
                "{error}"
            );
            assert_eq!(error.code().name(), "FILE_NOT_PRIVATE");
        }
    }
}

#[test]
fn a_folder_is_checked_like_a_file() {
    let folder = TempDir::new().unwrap();
    set_mode(folder.path(), 0o755);
    assert!(matches!(
        OsFiles::new().check_private(folder.path()),
        Err(FileError::NotPrivate { .. })
    ));
    set_mode(folder.path(), 0o700);
    OsFiles::new().check_private(folder.path()).unwrap();
}

#[test]
fn a_link_is_judged_by_what_it_points_to() {
    let folder = TempDir::new().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    OsFiles::new()
        .write_durably(&target, b"secret", Access::OwnerOnly)
        .unwrap();
    symlink(&target, &link).unwrap();
    assert_eq!(
        OsFiles::new().read_private(&link).unwrap().unwrap().len(),
        6
    );
    set_mode(&target, 0o644);
    assert!(matches!(
        OsFiles::new().read_private(&link),
        Err(FileError::NotPrivate { .. })
    ));
}

#[test]
fn writing_through_a_link_replaces_its_target_and_keeps_the_link() {
    let folder = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let (target, link) = (elsewhere.path().join("target"), folder.path().join("link"));
    OsFiles::new()
        .write_durably(&target, b"old", Access::OwnerOnly)
        .unwrap();
    symlink(&target, &link).unwrap();
    OsFiles::new()
        .write_durably(&link, b"new", Access::OwnerOnly)
        .unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert!(link.is_symlink());
    assert_eq!(
        (names(folder.path()), names(elsewhere.path())),
        (vec!["link".into()], vec!["target".into()])
    );
}

#[test]
fn only_files_of_a_plausible_size_are_read_as_secrets() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("big");
    OsFiles::new()
        .write_durably(&path, &vec![7; MAX_PRIVATE_FILE_BYTES], Access::OwnerOnly)
        .unwrap();
    assert_eq!(
        OsFiles::new().read_private(&path).unwrap().unwrap().len(),
        MAX_PRIVATE_FILE_BYTES
    );
    OsFiles::new()
        .write_durably(
            &path,
            &vec![7; MAX_PRIVATE_FILE_BYTES + 1],
            Access::OwnerOnly,
        )
        .unwrap();
    assert!(matches!(
        OsFiles::new().read_private(&path),
        Err(FileError::TooLarge { .. })
    ));
}

#[test]
fn folders_and_pipes_are_not_files() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    // A pipe without a writer must not make us wait.
    assert!(matches!(
        OsFiles::new().read_private(&pipe),
        Err(FileError::NotAFile { .. })
    ));
    assert!(matches!(
        OsFiles::new().read_private(folder.path()),
        Err(FileError::NotAFile { .. })
    ));
    assert!(matches!(
        OsFiles::new().read(folder.path()),
        Err(FileError::NotAFile { .. })
    ));
    let written = OsFiles::new().write_durably(folder.path(), b"x", Access::OwnerOnly);
    assert!(
        matches!(written, Err(FileError::NotAFile { .. })),
        "{written:?}"
    );
    assert!(matches!(
        OsFiles::new().remove(folder.path()),
        Err(FileError::NotAFile { .. })
    ));
    assert_eq!(names(folder.path()), ["pipe"]);
}

#[test]
fn writing_into_a_folder_that_is_not_there_says_so() {
    let folder = TempDir::new().unwrap();
    let error = OsFiles::new()
        .write_durably(&folder.path().join("no/file"), b"x", Access::OwnerOnly)
        .unwrap_err();
    assert_eq!(error.code().name(), "FILE_NOT_FOUND");
}

#[test]
fn folders_are_made_with_their_parents_and_left_alone_when_they_exist() {
    let base = TempDir::new().unwrap();
    let path = base.path().join("a/b");
    OsFiles::new()
        .create_folder(&path, Access::OwnerOnly)
        .unwrap();
    assert_eq!((mode(&path), mode(&base.path().join("a"))), (0o700, 0o700));
    OsFiles::new()
        .create_folder(&path, Access::Readable)
        .unwrap();
    assert_eq!(mode(&path), 0o700);
    fs::write(base.path().join("file"), "").unwrap();
    for blocked in ["file", "file/below"] {
        let refused = OsFiles::new().create_folder(&base.path().join(blocked), Access::OwnerOnly);
        assert!(
            matches!(refused, Err(FileError::NotAFolder { .. })),
            "{blocked}: {refused:?}"
        );
    }
}

#[test]
fn the_observer_is_told_of_every_step_in_order() {
    let base = TempDir::new().unwrap();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&steps);
    let files =
        OsFiles::new().with_observer(Arc::new(move |step, _path| told.lock().unwrap().push(step)));
    let taken = || std::mem::take(&mut *steps.lock().unwrap());

    let folder = base.path().join("folder");
    files.create_folder(&folder, Access::OwnerOnly).unwrap();
    assert_eq!(
        taken(),
        [DurableStep::FolderCreated, DurableStep::FolderSynced]
    );
    files
        .write_durably(&folder.join("file"), b"x", Access::OwnerOnly)
        .unwrap();
    assert_eq!(taken(), DurableStep::OF_WRITE);
    files.remove(&folder.join("file")).unwrap();
    assert_eq!(taken(), [DurableStep::Removed, DurableStep::FolderSynced]);
}

#[test]
fn readers_and_rival_writers_only_ever_see_whole_files() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    OsFiles::new()
        .write_durably(&path, &[b'a'; 10_000], Access::OwnerOnly)
        .unwrap();
    std::thread::scope(|scope| {
        for letter in *b"abcd" {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..50 {
                    // A rival may take a temporary file that was just made for a leftover; then this write fails.
                    let _ =
                        OsFiles::new().write_durably(path, &[letter; 10_000], Access::OwnerOnly);
                    let seen = OsFiles::new().read(path).unwrap().unwrap();
                    assert_eq!(seen.len(), 10_000);
                    assert!(seen.windows(2).all(|pair| pair.first() == pair.last()));
                }
            });
        }
    });
    OsFiles::new()
        .write_durably(&path, b"end", Access::OwnerOnly)
        .unwrap();
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn the_seam_is_an_object() {
    let files: Arc<dyn Files> = Arc::new(OsFiles::new());
    let again: Box<dyn Files> = Box::new(Arc::clone(&files));
    assert_eq!(again.read(Path::new("surely/not/there")).unwrap(), None);
}
