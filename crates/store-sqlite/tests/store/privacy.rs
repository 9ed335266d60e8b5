//! Who has rights on the files of a vault.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use strongroom_errors::Coded;
use strongroom_store::StoreError;
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::Storage;

use crate::common::{TemporaryFolder, all_keys, set_mode};

fn assert_refused(error: &StoreError, code: &str) {
    assert!(
        matches!(error, StoreError::Refused { .. }) && error.code().name() == code,
        "{error:?}"
    );
}

fn assert_not_private(error: &StoreError) {
    assert_refused(error, "FILE_NOT_PRIVATE");
}

fn assert_writable(error: &StoreError) {
    assert_refused(error, "FILE_WRITABLE_BY_OTHERS");
}

#[tokio::test]
async fn a_folder_that_others_can_write_is_refused() {
    let folder = TemporaryFolder::with_vault(2).await;
    let before = folder.files();
    for loose in [0o720, 0o702, 0o770, 0o777, 0o1777] {
        set_mode(folder.path(), loose);
        for refused in [
            SqliteStore::open(folder.path()).await,
            SqliteStore::create(folder.path()).await,
        ] {
            assert_writable(&refused.unwrap_err());
        }
    }
    assert!(folder.files() == before);
    for harmless in [0o700, 0o755] {
        set_mode(folder.path(), harmless);
        let store = folder.open().await;
        assert_eq!(all_keys(&*store).await.unwrap().len(), 2);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_folder_becomes_private_when_a_vault_is_made_in_it() {
    let folder = TemporaryFolder::new();
    set_mode(folder.path(), 0o777);
    SqliteStore::create(folder.path()).await.unwrap();
    let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_database_that_others_have_rights_on_is_refused() {
    let folder = TemporaryFolder::with_vault(2).await;
    for loose in [0o640, 0o604, 0o620, 0o602, 0o666] {
        set_mode(&folder.database(), loose);
        for refused in [
            SqliteStore::open(folder.path()).await,
            SqliteStore::create(folder.path()).await,
        ] {
            assert_not_private(&refused.unwrap_err());
        }
    }
    set_mode(&folder.database(), 0o600);
    assert_eq!(all_keys(&*folder.open().await).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_link_to_a_database_is_judged_by_where_it_leads() {
    let folder = TemporaryFolder::with_vault(2).await;
    let linked = TemporaryFolder::new();
    symlink(folder.database(), linked.database()).unwrap();
    let store = linked.open().await;
    assert_eq!(all_keys(&*store).await.unwrap().len(), 2);
    store.close().await.unwrap();

    set_mode(&folder.database(), 0o644);
    assert_not_private(&SqliteStore::open(linked.path()).await.unwrap_err());
    set_mode(&folder.database(), 0o600);
    // The log would be beside the file, where others may write.
    set_mode(folder.path(), 0o777);
    assert_writable(&SqliteStore::open(linked.path()).await.unwrap_err());
}

#[tokio::test]
async fn a_link_in_the_place_of_the_lock_is_refused_and_its_target_kept() {
    let folder = TemporaryFolder::with_vault(2).await;
    let target = TemporaryFolder::new();
    target.put("thesis", b"the only copy");
    fs::remove_file(folder.path().join("lock")).unwrap();
    symlink(target.path().join("thesis"), folder.path().join("lock")).unwrap();
    let error = SqliteStore::open(folder.path()).await.unwrap_err();
    assert_eq!(error.code().name(), "FILE_NOT_A_FILE", "{error:?}");
    assert_eq!(
        fs::read(target.path().join("thesis")).unwrap(),
        b"the only copy"
    );
}

#[tokio::test]
async fn deleting_the_lock_of_an_open_vault_lets_nobody_in() {
    let folder = TemporaryFolder::with_vault(2).await;
    let _open = folder.open().await;
    fs::remove_file(folder.path().join("lock")).unwrap();
    assert!(matches!(
        SqliteStore::open(folder.path()).await,
        Err(StoreError::Locked { .. })
    ));
}
