//! One process, one vault.

use strongroom_errors::Coded;
use strongroom_store::StoreError;
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::Storage;

use crate::common::{OtherProcess, TemporaryFolder, all_keys};

#[tokio::test]
async fn a_second_process_is_refused_and_told_who_is_there() {
    const NAME: &str = "locks::a_second_process_is_refused_and_told_who_is_there";
    if let Some(folder) = OtherProcess::argument() {
        let error = SqliteStore::open(folder.as_ref()).await.unwrap_err();
        println!("{}: {error}", error.code().name());
        return;
    }
    let folder = TemporaryFolder::with_vault(5).await;
    let store = folder.open().await;
    let output = OtherProcess::running(NAME, &folder.path().display().to_string())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = format!(
        "STORE_LOCKED: the vault in {} is in use by process {}",
        folder.path().display(),
        std::process::id()
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(all_keys(&*store).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_vault_is_opened_once_in_a_process_too() {
    let folder = TemporaryFolder::with_vault(5).await;
    let store = folder.open().await;
    let holder = std::process::id();
    for refused in [
        SqliteStore::open(folder.path()).await,
        SqliteStore::create(folder.path()).await,
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(error, StoreError::Locked { holder_pid: Some(pid), .. } if pid == holder),
            "{error:?}"
        );
    }
    store.close().await.unwrap();
    let again = folder.open().await;
    assert_eq!(all_keys(&*again).await.unwrap().len(), 5);
    assert!(matches!(store.read().await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn a_vault_that_was_refused_is_not_locked() {
    let folder = TemporaryFolder::with_vault(5).await;
    folder
        .connection()
        .execute_batch("PRAGMA user_version = 4711")
        .unwrap();
    assert!(matches!(
        SqliteStore::open(folder.path()).await,
        Err(StoreError::NewerSchema { .. })
    ));
    folder
        .connection()
        .execute_batch("PRAGMA user_version = 8")
        .unwrap();
    folder.open().await;
}

#[tokio::test]
async fn a_vault_stays_locked_as_long_as_a_transaction_lives() {
    let folder = TemporaryFolder::with_vault(5).await;
    let store = folder.open().await;
    let mut read = store.read().await.unwrap();
    drop(store);
    assert!(matches!(
        SqliteStore::open(folder.path()).await,
        Err(StoreError::Locked { .. })
    ));
    assert_eq!(read.key_count().await.unwrap(), 5);
    drop(read);
    folder.open().await;
}
