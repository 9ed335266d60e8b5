use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use async_trait::async_trait;
use rusqlite::Connection;
use strongroom_store::{KeyRow, Store, StoreError};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::{
    CountingStore, CrashPlan, CrashingStore, FlakyStore, Storage, samples,
};

/// A folder for one vault, removed at the end of the test.
pub(crate) struct TemporaryFolder(tempfile::TempDir);

impl TemporaryFolder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o700);
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("vault.db")
    }

    /// The database, past the store.
    pub(crate) fn connection(&self) -> Connection {
        if !self.database().exists() {
            self.put("vault.db", b"");
        }
        Connection::open(self.database()).unwrap()
    }

    /// Puts a file there that only we may use, as the store's own are.
    pub(crate) fn put(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::write(&path, bytes).unwrap();
        set_mode(&path, 0o600);
    }

    /// The name and the bytes of every file, but for the lock, in the order of names.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut paths = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>();
        paths.retain(|path| path.file_name().unwrap() != "lock");
        paths.sort();
        paths
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    /// What a crash at this moment would leave behind, in a folder of its own.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        for (path, bytes) in self.files() {
            // The index of the log is in memory that processes share; a crash may leave it in any state.
            if !path.to_string_lossy().ends_with("-shm") {
                copy.put(path.file_name().unwrap(), &bytes);
            }
        }
        copy
    }

    /// A vault with `count` key pairs, closed.
    pub(crate) async fn with_vault(count: u32) -> Self {
        let folder = Self::new();
        let store = folder.create().await;
        fill(&store, count).await;
        store.close().await.unwrap();
        folder
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The vault's row, its data key and `count` key pairs, in one commit.
pub(crate) async fn fill(store: &Arc<dyn Store>, count: u32) {
    let mut write = store.begin().await.unwrap();
    write.insert_data_key(samples::data_key(1)).await.unwrap();
    write.insert_vault(samples::vault()).await.unwrap();
    write
        .insert_keys((0..count).map(samples::key_pair).collect())
        .await
        .unwrap();
    write.commit().await.unwrap();
}

pub(crate) async fn all_keys(store: &dyn Store) -> Result<Vec<KeyRow>, StoreError> {
    store.read().await?.keys_after(None, usize::MAX).await
}

#[async_trait]
impl Storage for TemporaryFolder {
    async fn create(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::create(self.path()).await.unwrap())
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.path()).await.unwrap())
    }
}

/// The same store behind every wrapper, none of which is armed.
pub(crate) struct HookedFolder(TemporaryFolder);

impl HookedFolder {
    pub(crate) fn new() -> Self {
        Self(TemporaryFolder::new())
    }
}

fn hooked(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let crashing = Arc::new(CrashingStore::new(store, CrashPlan::never()));
    let flaky = Arc::new(FlakyStore::new(crashing));
    Arc::new(CountingStore::new(flaky))
}

#[async_trait]
impl Storage for HookedFolder {
    async fn create(&self) -> Arc<dyn Store> {
        hooked(self.0.create().await)
    }

    async fn open(&self) -> Arc<dyn Store> {
        hooked(self.0.open().await)
    }
}

/// A test that runs again in a process of its own, with an argument.
pub(crate) struct OtherProcess;

const ARGUMENT: &str = "STRONGROOM_STORE_TEST_ARGUMENT";

impl OtherProcess {
    /// Runs the test `name` of this program in another process.
    pub(crate) fn running(name: &str, argument: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        Self::with_arguments(&mut command, name, argument);
        command
    }

    /// The same, after the shell has run `preparation`.
    pub(crate) fn running_after(preparation: &str, name: &str, argument: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{preparation}; exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap());
        Self::with_arguments(&mut command, name, argument);
        command
    }

    fn with_arguments(command: &mut Command, name: &str, argument: &str) {
        command
            .args([name, "--exact", "--nocapture", "--test-threads", "1"])
            .env(ARGUMENT, argument);
    }

    /// The argument, in the other process; `None` in the first.
    pub(crate) fn argument() -> Option<String> {
        std::env::var(ARGUMENT).ok()
    }
}
