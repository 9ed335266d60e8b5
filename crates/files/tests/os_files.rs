//! The files of the operating system, as their users see them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;
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

/// Somebody else, where the tests run as root; only root can give files away.
fn another_user() -> Option<u32> {
    rustix::process::geteuid().is_root().then_some(65_534)
}

fn owner(path: &Path) -> u32 {
    fs::metadata(path).unwrap().uid()
}

/// A folder and a file in it that belong to a service, and the service.
fn file_of_a_service(folder: &TempDir, mode: u32) -> Option<(PathBuf, u32)> {
    let service = another_user()?;
    let path = folder.path().join("file");
    fs::write(&path, b"old").unwrap();
    set_mode(&path, mode);
    chown(folder.path(), Some(service), None).unwrap();
    chown(&path, Some(service), None).unwrap();
    Some((path, service))
}

#[test]
fn what_is_written_is_ours_whoever_owned_the_file_before() {
    let folder = TempDir::new().unwrap();
    let Some((path, _service)) = file_of_a_service(&folder, 0o600) else {
        return;
    };
    OsFiles::new()
        .write_durably(&path, b"secret", Access::OwnerOnly)
        .unwrap();
    assert_eq!((owner(&path), mode(&path)), (0, 0o600));
}

#[test]
fn a_rewritten_file_stays_that_of_its_service() {
    for access in [Access::OwnerOnly, Access::Readable] {
        let folder = TempDir::new().unwrap();
        let Some((path, service)) = file_of_a_service(&folder, 0o600) else {
            return;
        };
        OsFiles::new()
            .rewrite_durably(&path, b"new", access)
            .unwrap();
        assert_eq!(owner(&path), service);
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}

#[test]
fn a_secret_is_not_given_to_the_owner_of_a_file_that_others_could_read() {
    for loose in [0o640, 0o604, 0o622] {
        let folder = TempDir::new().unwrap();
        let Some((path, _service)) = file_of_a_service(&folder, loose) else {
            return;
        };
        OsFiles::new()
            .rewrite_durably(&path, b"secret", Access::OwnerOnly)
            .unwrap();
        assert_eq!((owner(&path), mode(&path)), (0, 0o600), "{loose:o}");
    }
}

#[test]
fn a_file_that_anybody_could_have_put_there_decides_nothing() {
    let folder = TempDir::new().unwrap();
    let Some((path, service)) = file_of_a_service(&folder, 0o600) else {
        return;
    };
    // The folder of a third user, and one that everybody may write.
    for (holder, mode) in [(service - 1, 0o755), (0, 0o777)] {
        chown(folder.path(), Some(holder), None).unwrap();
        set_mode(folder.path(), mode);
        chown(&path, Some(service), None).unwrap();
        OsFiles::new()
            .rewrite_durably(&path, b"secret", Access::OwnerOnly)
            .unwrap();
        assert_eq!(owner(&path), 0, "{holder} {mode:o}");
    }
}

#[test]
fn a_rewrite_makes_a_file_that_is_not_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    OsFiles::new()
        .rewrite_durably(&path, b"new", Access::OwnerOnly)
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_new_file_never_replaces_what_is_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let write = |contents| OsFiles::new().write_new_durably(&path, contents, Access::OwnerOnly);
    write(b"first").unwrap();
    assert_eq!(mode(&path), 0o600);
    let refused = write(b"second").unwrap_err();
    assert!(matches!(&refused, FileError::Exists { path: told } if *told == path));
    assert_eq!(refused.code().name(), "FILE_EXISTS");
    assert_eq!(fs::read(&path).unwrap(), b"first");

    fs::remove_file(&path).unwrap();
    symlink(folder.path().join("nowhere"), &path).unwrap();
    assert!(matches!(write(b"third"), Err(FileError::Exists { .. })));
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_new_file_never_replaces_one_that_appeared_meanwhile() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    for step in [DurableStep::TemporaryCreated, DurableStep::ContentsSynced] {
        let rival = path.clone();
        let files = OsFiles::new().with_observer(Arc::new(move |done, _path| {
            if done == step {
                fs::write(&rival, b"rival").unwrap();
            }
        }));
        let refused = files.write_new_durably(&path, b"ours", Access::OwnerOnly);
        assert!(
            matches!(refused, Err(FileError::Exists { .. })),
            "{step:?}: {refused:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"rival");
        assert_eq!(names(folder.path()), ["file"]);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_is_streamed_into_a_new_file_is_whole_or_not_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let stream = |ends: bool| {
        OsFiles::new().stream_new_durably(&path, Access::OwnerOnly, &mut |file| {
            for _ in 0..1000 {
                file.write_all(b"a piece")?;
            }
            if ends {
                Ok(())
            } else {
                Err(Errno::NOSPC.into())
            }
        })
    };
    let failed = stream(false).unwrap_err();
    assert!(matches!(failed, FileError::DiskFull { .. }), "{failed:?}");
    assert!(names(folder.path()).is_empty());
    stream(true).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(fs::read(&path).unwrap(), b"a piece".repeat(1000));
    assert!(matches!(stream(true), Err(FileError::Exists { .. })));
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_guarded_file_may_be_read_by_others_but_not_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("config");
    assert_eq!(OsFiles::new().read_guarded(&path).unwrap(), None);
    fs::write(&path, b"settings").unwrap();
    for fine in [0o600, 0o644] {
        set_mode(&path, fine);
        assert_eq!(
            OsFiles::new().read_guarded(&path).unwrap().unwrap(),
            b"settings"
        );
    }
    for loose in [0o620, 0o602, 0o666] {
        set_mode(&path, loose);
        let refused = OsFiles::new().read_guarded(&path).unwrap_err();
        assert!(
            matches!(&refused, FileError::WritableByOthers { mode, .. } if *mode == loose),
            "{refused}"
        );
        assert_eq!(refused.code().name(), "FILE_WRITABLE_BY_OTHERS");
    }
}

#[test]
fn a_guarded_file_is_not_read_where_others_could_exchange_it() {
    let folder = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let (path, link) = (folder.path().join("config"), elsewhere.path().join("link"));
    fs::write(&path, b"settings").unwrap();
    set_mode(&path, 0o600);
    symlink(&path, &link).unwrap();
    let reads = |path: &Path| OsFiles::new().read_guarded(path);
    let is_refused = |path: &Path, told: &Path| matches!(reads(path), Err(FileError::WritableByOthers { path, .. }) if path == told);
    assert!(reads(&path).is_ok() && reads(&link).is_ok());
    for loose in [0o770, 0o707, 0o777] {
        set_mode(folder.path(), loose);
        assert!(is_refused(&path, folder.path()), "{loose:o}");
        assert!(is_refused(&link, folder.path()), "{loose:o}");
    }
    // As in /tmp: nobody but the owner can rename or remove the file.
    set_mode(folder.path(), 0o1777);
    assert!(reads(&path).is_ok());
    set_mode(elsewhere.path(), 0o777);
    assert!(is_refused(&link, elsewhere.path()));
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
    let written = OsFiles::new().write_durably(&pipe, b"x", Access::OwnerOnly);
    assert!(
        matches!(written, Err(FileError::NotAFile { .. })),
        "{written:?}"
    );
    assert!(matches!(
        OsFiles::new().read_guarded(&pipe),
        Err(FileError::NotAFile { .. })
    ));
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
    files
        .rewrite_durably(&folder.join("file"), b"y", Access::OwnerOnly)
        .unwrap();
    assert_eq!(taken(), DurableStep::OF_WRITE);
    files
        .write_new_durably(&folder.join("new"), b"z", Access::OwnerOnly)
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

#[test]
fn an_empty_folder_of_ours_becomes_private_and_a_full_one_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    for (name, holds, expected) in [("empty", false, 0o700), ("full", true, 0o755)] {
        let folder = parent.path().join(name);
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, 0o755);
        if holds {
            fs::write(folder.join("something"), "").unwrap();
        }
        OsFiles::new()
            .create_folder(&folder, Access::OwnerOnly)
            .unwrap();
        assert_eq!(mode(&folder), expected, "{name}");
    }
}

#[test]
fn a_folder_that_others_can_write_is_not_guarded_and_one_they_can_read_is() {
    let folder = tempfile::tempdir().unwrap();
    for (rights, guarded) in [
        (0o700, true),
        (0o755, true),
        (0o775, false),
        (0o777, false),
        (0o1777, false),
    ] {
        set_mode(folder.path(), rights);
        let checked = OsFiles::new().check_guarded(folder.path());
        assert_eq!(checked.is_ok(), guarded, "{rights:o}: {checked:?}");
    }
}
