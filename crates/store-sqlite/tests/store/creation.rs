//! Making a database, and telling what is one.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use strongroom_store::{Place, Store, StoreError};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::{Storage, samples};

use crate::common::{TemporaryFolder, all_keys, fill};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn refusal(folder: &TemporaryFolder) -> StoreError {
    SqliteStore::open(folder.path()).await.unwrap_err()
}

#[tokio::test]
async fn only_the_owner_may_read_the_files_of_a_vault() {
    let folder = TemporaryFolder::new();
    let vault = folder.path().join("new/vault");
    let store = SqliteStore::create(&vault).await.unwrap();
    let mut write = store.begin().await.unwrap();
    write.insert_data_key(samples::data_key(1)).await.unwrap();
    write.commit().await.unwrap();

    assert_eq!(mode(&vault), 0o700);
    for file in ["vault.db", "vault.db-wal", "vault.db-shm"] {
        assert_eq!(mode(&vault.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_folder_without_a_vault_is_told_so_and_left_alone() {
    let folder = TemporaryFolder::new();
    assert!(!SqliteStore::exists(folder.path()));
    assert!(
        matches!(refusal(&folder).await, StoreError::NotAVault { place: Place::Folder(path) } if path == folder.path())
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let missing = folder.path().join("missing");
    assert!(!SqliteStore::exists(&missing));
    assert!(matches!(
        SqliteStore::open(&missing).await,
        Err(StoreError::NotAVault { .. })
    ));
}

#[tokio::test]
async fn a_vault_exists_once_its_row_is_stored() {
    let folder = TemporaryFolder::new();
    let store = folder.create().await;
    assert!(!SqliteStore::exists(folder.path()));
    fill(&store, 1).await;
    assert!(
        SqliteStore::exists(folder.path()),
        "also while it is in use"
    );
    store.close().await.unwrap();
    assert!(SqliteStore::exists(folder.path()));
}

#[tokio::test]
async fn a_vault_is_not_created_over_another() {
    let folder = TemporaryFolder::with_vault(3).await;
    let before = fs::read(folder.database()).unwrap();
    assert!(matches!(
        SqliteStore::create(folder.path()).await,
        Err(StoreError::AlreadyAVault { .. })
    ));
    assert!(fs::read(folder.database()).unwrap() == before);
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_repeated() {
    // Before the schema, and after it but before the vault's row.
    let empty = TemporaryFolder::new();
    empty.put("vault.db", b"");
    let without_row = TemporaryFolder::new();
    without_row.create().await.close().await.unwrap();

    for folder in [empty, without_row] {
        assert!(!SqliteStore::exists(folder.path()));
        assert!(matches!(
            refusal(&folder).await,
            StoreError::NotAVault { .. }
        ));
        let store = folder.create().await;
        fill(&store, 2).await;
        store.close().await.unwrap();
        assert_eq!(all_keys(&*folder.open().await).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_schema_that_was_written_in_part_is_taken_back() {
    let working = TemporaryFolder::new();
    let connection = working.connection();
    connection
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; PRAGMA application_id = 1400002164; CREATE TABLE half_made (x);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO half_made SELECT randomblob(500) FROM n;",
        )
        .unwrap();
    // The cache was too small, so the file holds a part of the transaction already.
    let crashed = working.copy();
    assert!(fs::metadata(crashed.database()).unwrap().len() > 0);

    assert!(!SqliteStore::exists(crashed.path()));
    let store = crashed.create().await;
    fill(&store, 2).await;
    store.check_integrity().await.unwrap();
    assert_eq!(all_keys(&*store).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_file_that_is_not_a_vault_is_refused_and_not_changed() {
    let text = TemporaryFolder::new();
    text.put(
        "vault.db",
        "this is a letter to my bank\n".repeat(400).as_bytes(),
    );
    let one_byte = TemporaryFolder::new();
    one_byte.put("vault.db", b"S");
    let foreign = TemporaryFolder::new();
    foreign
        .connection()
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE songs (title)")
        .unwrap();
    let impostor = TemporaryFolder::new();
    impostor
        .connection()
        .execute_batch("PRAGMA application_id = 1400002164; CREATE TABLE songs (title)")
        .unwrap();

    for folder in [text, one_byte, foreign, impostor] {
        let before = fs::read(folder.database()).unwrap();
        assert!(matches!(
            refusal(&folder).await,
            StoreError::NotAVault { .. }
        ));
        assert!(matches!(
            SqliteStore::create(folder.path()).await,
            Err(StoreError::NotAVault { .. })
        ));
        assert!(!SqliteStore::exists(folder.path()));
        assert!(fs::read(folder.database()).unwrap() == before);
    }
}

#[tokio::test]
async fn a_vault_of_a_newer_version_is_refused_and_not_changed() {
    let folder = TemporaryFolder::with_vault(3).await;
    folder
        .connection()
        .execute_batch("PRAGMA user_version = 4711")
        .unwrap();
    let before = fs::read(folder.database()).unwrap();
    assert!(matches!(
        refusal(&folder).await,
        StoreError::NewerSchema {
            found: 4711,
            known: 8
        }
    ));
    assert!(fs::read(folder.database()).unwrap() == before);
    assert!(SqliteStore::exists(folder.path()));
}

#[tokio::test]
async fn a_new_database_has_the_whole_schema() {
    let folder = TemporaryFolder::with_vault(0).await;
    let connection = folder.connection();
    let number = |pragma| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(
        (number("application_id"), number("user_version")),
        (0x5372_5674, 8)
    );
    let tables: Vec<(String, bool)> = connection
        .prepare("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        .unwrap()
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let expected = [
        "approvals",
        "audit",
        "backups",
        "data_keys",
        "identity",
        "kms_journal",
        "moved",
        "private_keys",
        "public_keys",
        "rotations",
        "topology",
        "vault",
        "wraps",
    ];
    assert_eq!(tables, expected.map(|name| (name.to_owned(), true)));
}

#[tokio::test]
async fn a_vault_is_found_through_a_link_to_its_folder() {
    let folder = TemporaryFolder::with_vault(2).await;
    let elsewhere = TemporaryFolder::new();
    let link = elsewhere.path().join("link");
    symlink(folder.path(), &link).unwrap();
    let store = SqliteStore::open(&link).await.unwrap();
    assert_eq!(all_keys(&store).await.unwrap().len(), 2);
}
