//! A disk that fails, and a process that dies, at every step of a change.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_files::{Access, DurableStep, FileAction, FileError, Files, OsFiles};
use strongroom_kms::{KeyState, KeyWrapper, KmsHealth, KmsProvider, WrapperKeyRequest};
use strongroom_kms_local::{LocalKms, LocalKmsError, Protection};
use strongroom_memory::SecretBytes;

use crate::house::{CHEAP, House, code, new_wrapper_key, now, passphrase, secret, unwraps, wrap};

/// What the disk does with the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    Full,
    /// The new content is there, but nobody knows whether it will survive a loss of power.
    SyncFails,
    Unreadable,
}

#[derive(Debug)]
struct MoodyFiles {
    inner: OsFiles,
    mood: Mutex<Mood>,
}

impl MoodyFiles {
    fn house() -> (Arc<Self>, House) {
        let files = Arc::new(Self {
            inner: OsFiles::new(),
            mood: Mutex::new(Mood::Well),
        });
        (Arc::clone(&files), House::with_files(files))
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }
}

fn broken(path: &Path, action: FileAction) -> FileError {
    FileError::Io {
        path: path.to_owned(),
        action,
        source: io::Error::from(io::ErrorKind::Other),
    }
}

impl Files for MoodyFiles {
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        self.inner.read(path)
    }

    fn read_private(&self, path: &Path) -> Result<Option<SecretBytes>, FileError> {
        match *self.mood.lock() {
            Mood::Unreadable => Err(broken(path, FileAction::Read)),
            Mood::Well | Mood::Full | Mood::SyncFails => self.inner.read_private(path),
        }
    }

    fn read_guarded(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        self.inner.read_guarded(path)
    }

    fn write_durably(&self, path: &Path, contents: &[u8], access: Access) -> Result<(), FileError> {
        self.inner.write_durably(path, contents, access)
    }

    /// The KMS writes its key file like this.
    fn rewrite_durably(
        &self,
        path: &Path,
        contents: &[u8],
        access: Access,
    ) -> Result<(), FileError> {
        match *self.mood.lock() {
            Mood::Well | Mood::Unreadable => self.inner.rewrite_durably(path, contents, access),
            Mood::Full => Err(FileError::DiskFull {
                path: path.to_owned(),
                action: FileAction::Write,
                source: io::Error::from(io::ErrorKind::StorageFull),
            }),
            Mood::SyncFails => {
                self.inner.rewrite_durably(path, contents, access)?;
                Err(broken(path, FileAction::SyncFolder))
            }
        }
    }

    fn write_new_durably(
        &self,
        path: &Path,
        contents: &[u8],
        access: Access,
    ) -> Result<(), FileError> {
        self.inner.write_new_durably(path, contents, access)
    }

    fn stream_new_durably(
        &self,
        path: &Path,
        access: Access,
        fill: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        self.inner.stream_new_durably(path, access, fill)
    }

    fn stream_durably(
        &self,
        path: &Path,
        access: Access,
        fill: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        self.inner.stream_durably(path, access, fill)
    }

    fn create_folder(&self, path: &Path, access: Access) -> Result<(), FileError> {
        self.inner.create_folder(path, access)
    }

    fn remove(&self, path: &Path) -> Result<(), FileError> {
        self.inner.remove(path)
    }

    fn check_private(&self, path: &Path) -> Result<(), FileError> {
        self.inner.check_private(path)
    }

    fn check_guarded(&self, path: &Path) -> Result<(), FileError> {
        self.inner.check_guarded(path)
    }
}

#[test]
fn a_full_disk_leaves_the_old_state_in_memory_and_in_the_file() {
    let (files, house) = MoodyFiles::house();
    let kms = house.with_passphrase();
    let wrapper_key = new_wrapper_key(&kms);
    let (doomed, disabled) = (new_wrapper_key(&kms), new_wrapper_key(&kms));
    kms.schedule_deletion(&doomed, 7).unwrap();
    kms.disable_key(&disabled).unwrap();
    let wrapped = wrap(&kms, &wrapper_key).unwrap();
    let (keys, description, bytes) = (kms.list_keys(), kms.describe(), house.bytes());

    files.set(Mood::Full);
    let full = "FILE_DISK_FULL";
    assert_eq!(
        code(now(kms.generate_wrapper_key(&WrapperKeyRequest::default()))),
        full
    );
    assert_eq!(code(kms.rotate_wrapper_key_version(&wrapper_key)), full);
    assert_eq!(code(kms.disable_key(&wrapper_key)), full);
    assert_eq!(code(kms.enable_key(&disabled)), full);
    assert_eq!(code(kms.schedule_deletion(&wrapper_key, 7)), full);
    assert_eq!(code(kms.cancel_deletion(&doomed)), full);
    assert_eq!(code(kms.purge_deleted_keys()), full);
    assert_eq!(code(kms.change_protection(secret("new"), CHEAP)), full);
    assert_eq!(code(kms.danger_remove_passphrase()), full);

    assert_eq!(kms.list_keys(), keys);
    assert_eq!(kms.describe(), description);
    assert_eq!(house.bytes(), bytes);
    unwraps(&kms, &wrapped).unwrap();
    assert_eq!(
        wrap(&kms, &wrapper_key).unwrap().ciphertext[4],
        1,
        "the version in force is the old one"
    );
    assert_eq!(house.open(Some("correct")).unwrap().list_keys(), keys);

    files.set(Mood::Well);
    kms.disable_key(&wrapper_key).unwrap();
    assert_eq!(
        now(kms.wrapper_key_state(&wrapper_key)).unwrap(),
        KeyState::Disabled
    );
}

#[test]
fn a_full_disk_creates_nothing() {
    let (files, house) = MoodyFiles::house();
    files.set(Mood::Full);
    assert_eq!(code(house.create(&passphrase("correct"))), "FILE_DISK_FULL");
    assert!(!house.path().exists());
    files.set(Mood::Well);
    house.with_passphrase();
}

#[test]
fn after_a_failed_sync_memory_shows_what_the_file_holds() {
    let (files, house) = MoodyFiles::house();
    let kms = house.with_passphrase();
    let wrapper_key = new_wrapper_key(&kms);
    files.set(Mood::SyncFails);
    assert_eq!(code(kms.disable_key(&wrapper_key)), "FILE_IO");
    assert_eq!(code(kms.change_protection(secret("new"), CHEAP)), "FILE_IO");
    files.set(Mood::Well);
    let reopened = house.open(Some("new")).unwrap();
    assert_eq!(reopened.list_keys(), kms.list_keys());
    assert_eq!(reopened.describe(), kms.describe());
    kms.enable_key(&wrapper_key).unwrap();
    assert_eq!(
        house.open(Some("new")).unwrap().list_keys(),
        kms.list_keys()
    );
}

#[test]
fn an_unreadable_file_stops_changes_but_not_the_use_of_keys() {
    let (files, house) = MoodyFiles::house();
    let kms = house.with_passphrase();
    let wrapper_key = new_wrapper_key(&kms);
    files.set(Mood::Unreadable);
    assert_eq!(code(kms.disable_key(&wrapper_key)), "FILE_IO");
    unwraps(&kms, &wrap(&kms, &wrapper_key).unwrap()).unwrap();
}

#[test]
fn a_lost_key_file_is_not_made_anew_without_its_keys_and_health_says_that_it_is_lost() {
    let house = House::new();
    let kms = house.with_passphrase();
    let wrapper_key = new_wrapper_key(&kms);
    assert_eq!(now(kms.health()), KmsHealth::Ok);
    std::fs::remove_file(house.path()).unwrap();
    assert_eq!(
        code(kms.disable_key(&wrapper_key)),
        "KMS_LOCAL_KEY_FILE_MISSING"
    );
    unwraps(&kms, &wrap(&kms, &wrapper_key).unwrap()).unwrap();
    assert!(matches!(now(kms.health()), KmsHealth::Degraded { .. }));
}

/// Runs `change` on a KMS whose process dies right after `step`, and returns the house afterwards.
fn dies_after(step: DurableStep, change: impl FnOnce(&LocalKms)) -> House {
    let house = House::new();
    new_wrapper_key(&house.with_passphrase());
    let path = house.path();
    let dying = OsFiles::new().with_observer(Arc::new(move |done, at: &Path| {
        assert!(done != step || at != path, "the process dies here");
    }));
    let dying = house.on(dying);
    let kms = dying.open(Some("correct")).unwrap();
    assert!(
        catch_unwind(AssertUnwindSafe(|| change(&kms))).is_err(),
        "{step:?} was not reached"
    );
    dying.on(OsFiles::new())
}

#[test]
fn a_process_that_dies_during_a_change_leaves_the_old_or_the_new_state() {
    for step in DurableStep::OF_WRITE {
        let house = dies_after(step, |kms| {
            new_wrapper_key(kms);
        });
        let kms = house.open(Some("correct")).unwrap();
        let expected = if step >= DurableStep::Renamed { 2 } else { 1 };
        assert_eq!(kms.list_keys().len(), expected, "{step:?}");
        // And what the dead process held or left behind stops nobody.
        new_wrapper_key(&kms);
        assert_eq!(
            house.open(Some("correct")).unwrap().list_keys().len(),
            expected + 1,
            "{step:?}"
        );
    }
}

#[test]
fn a_process_that_dies_while_changing_the_passphrase_leaves_the_old_or_the_new_one() {
    for step in DurableStep::OF_WRITE {
        let house = dies_after(step, |kms| {
            kms.change_protection(secret("new"), CHEAP).unwrap()
        });
        let (right, wrong) = if step >= DurableStep::Renamed {
            ("new", "correct")
        } else {
            ("correct", "new")
        };
        assert_eq!(
            house.open(Some(right)).unwrap().list_keys().len(),
            1,
            "{step:?}"
        );
        assert_eq!(
            code(house.open(Some(wrong))),
            "KMS_LOCAL_WRONG_PASSPHRASE",
            "{step:?}"
        );
    }
}

#[test]
fn a_process_that_dies_while_creating_leaves_nothing_or_a_whole_key_file() {
    for step in DurableStep::OF_WRITE {
        let house = House::new();
        let path = house.path();
        let dying = OsFiles::new().with_observer(Arc::new(move |done, at: &Path| {
            assert!(done != step || at != path, "the process dies here");
        }));
        let house = house.on(dying);
        let died = catch_unwind(AssertUnwindSafe(|| {
            house.create(&Protection::UnprotectedKeyFile)
        }));
        assert!(died.is_err(), "{step:?} was not reached");
        let house = house.on(OsFiles::new());
        match house.open(None) {
            Ok(kms) => assert_eq!(kms.list_keys(), []),
            Err(LocalKmsError::KeyFileMissing { .. }) => drop(house.unprotected()),
            Err(other) => unreachable!("{step:?}: {other}"),
        }
    }
}
