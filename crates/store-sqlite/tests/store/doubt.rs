//! Commits of which nobody knows whether they are stored.

use std::path::Path;

use strongroom_errors::Coded;
use strongroom_store::{Store, StoreError};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::{Storage, samples};

use crate::common::{OtherProcess, TemporaryFolder, all_keys};

/// More than the limit below lets into the log.
const TOO_MANY: u32 = 2_000;

/// In a process that must not write large files: the engine cannot tell that from a disk that fails.
async fn fail_to_commit(folder: &Path) {
    let store = SqliteStore::open(folder).await.unwrap();
    let mut write = store.begin().await.unwrap();
    write
        .insert_keys((10..TOO_MANY).map(samples::key_pair).collect())
        .await
        .unwrap();
    let error = write.commit().await.unwrap_err();
    assert!(
        matches!(error, StoreError::OutcomeUnknown { .. }),
        "{error:?}"
    );

    for _attempt in 0..3 {
        let error = store.begin().await.unwrap_err();
        assert!(matches!(error, StoreError::InDoubt), "{error:?}");
        assert_eq!(error.code().name(), "STORE_IN_DOUBT");
    }
    let error = store.scrub().await.unwrap_err();
    assert!(matches!(error, StoreError::InDoubt), "{error:?}");
    assert_eq!(all_keys(&store).await.unwrap().len(), 10, "reads go on");
    store.check_integrity().await.unwrap();
    eprintln!("reads went on");
    store.close().await.unwrap();

    let store = SqliteStore::open(folder).await.unwrap();
    store.begin().await.unwrap().rollback().await.unwrap();
    eprintln!("writes go on");
}

#[tokio::test]
async fn after_a_commit_of_unknown_outcome_nothing_is_written_until_the_vault_is_opened_again() {
    const NAME: &str = "doubt::after_a_commit_of_unknown_outcome_nothing_is_written_until_the_vault_is_opened_again";
    if let Some(folder) = OtherProcess::argument() {
        fail_to_commit(Path::new(&folder)).await;
        return;
    }
    let folder = TemporaryFolder::with_vault(10).await;
    // 600 blocks of 512 or 1024 bytes. Without its signal a write beyond that fails.
    let output = OtherProcess::running_after(
        "trap '' XFSZ; ulimit -f 600",
        NAME,
        &folder.path().display().to_string(),
    )
    .output()
    .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("reads went on") && said.contains("writes go on"),
        "{output:?}"
    );
    let store = folder.open().await;
    assert_eq!(all_keys(&*store).await.unwrap().len(), 10);
    store.check_integrity().await.unwrap();
}
