//! What every test needs: a folder with a vault's database, key file and anchor, a clock and a KMS.

#[path = "house/hasty.rs"]
mod hasty;
#[path = "house/picture.rs"]
mod picture;
#[path = "house/postgres.rs"]
mod postgres;

use std::{
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use rusqlite::Connection;
use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeyName, KeyUsage, KeyUsages, PrivateKey, SecretBytes,
    SigningKeySpec, Timestamp, clock::Clock as _,
};
use strongroom_errors::Coded;
use strongroom_files::{Access, Files, OsFiles};
use strongroom_kms::{KmsProvider, Metered};
use strongroom_kms_local::{KeyKind, LocalKey, LocalKms, Protection};
use strongroom_store::{Custody, Sealing, Store, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::{FixedClock, SeededRandom, kms::AlteredKms};
use strongroom_vault::{
    Anchor, Caller, CustodyDefaults, Environment, FileAnchor, ImportedKey, KeyEntry, KeyFilter,
    NamedKms, NamedWrapper, NewEncryptionKey, NewSigningKey, NewVault, NoAnchor, Settings, Vault,
    VaultError,
};
use tempfile::TempDir;

pub(crate) use self::picture::{HalfPicture, KeyPicture, Picture};
use self::{hasty::Hasty, postgres::Postgres};

pub(crate) const VAULT_ID: VaultId = VaultId::from_bytes([0x5a; 16]);
pub(crate) const KMS_NAME: &str = "local";

/// The surroundings of one vault.
#[derive(Debug)]
pub(crate) struct House {
    root: PathBuf,
    /// Removes the folder at the end; none if another process does.
    _folder: Option<TempDir>,
    /// Where the database is, if it is not on files.
    postgres: Option<Postgres>,
    pub(crate) kms: Arc<LocalKms>,
    pub(crate) metered: Arc<Metered>,
    pub(crate) clock: Arc<FixedClock>,
    seed: i64,
    neighbours: AtomicI64,
    /// The KMS destroys external keys at once when it is told to.
    is_hasty: AtomicBool,
    random: Arc<SeededRandom>,
    pub(crate) anchor: Arc<dyn Anchor>,
    pub(crate) settings: Settings,
}

impl House {
    /// An empty house, with an anchor.
    pub(crate) fn new() -> Self {
        Self::numbered(1)
    }

    /// An empty house whose keys are not those of other numbers.
    pub(crate) fn numbered(number: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self::at(folder.path(), &Arc::new(OsFiles::new()), number);
        Self {
            _folder: Some(folder),
            ..house
        }
    }

    /// An empty house, with an anchor, whose database is in PostgreSQL.
    pub(crate) fn on_postgres() -> Self {
        let house = Self::new();
        let postgres = Postgres::new(&house.root).make();
        Self {
            postgres: Some(postgres),
            ..house
        }
    }

    /// Makes a place in the folder of this house that the vault can move into. Another process finds it too.
    pub(crate) fn build_annex(&self, on_postgres: bool) -> Self {
        let root = self.root.join("annex");
        private_folder(&root);
        let postgres = on_postgres.then(|| Postgres::new(&root).make());
        let annex = self.annex();
        Self { postgres, ..annex }
    }

    /// The place that [`Self::build_annex`] made.
    pub(crate) fn annex(&self) -> Self {
        let root = self.root.join("annex");
        Self::at(&root, &Arc::new(OsFiles::new()), self.seed)
    }

    /// The house in a folder that others made or will remove; its key file is made if it is not there.
    pub(crate) fn at(root: &Path, files: &Arc<OsFiles>, number: i64) -> Self {
        let clock = Arc::new(FixedClock::default());
        let kms = key_file(root, files, number, &clock);
        Self::over(root, files, kms, clock, number)
    }

    /// The house in a folder that others made, with a KMS that was opened already.
    pub(crate) fn with_kms(root: &Path, kms: LocalKms, number: i64) -> Self {
        let clock = Arc::new(FixedClock::default());
        let files = Arc::new(OsFiles::new());
        Self::over(root, &files, Arc::new(kms), clock, number)
    }

    /// An empty house that has the KMS of this one.
    pub(crate) fn neighbour(&self) -> Self {
        let neighbour = self.neighbour_without_database();
        Self {
            postgres: neighbour.postgres.map(Postgres::make),
            ..neighbour
        }
    }

    fn neighbour_without_database(&self) -> Self {
        let (kms, clock) = (Arc::clone(&self.kms), Arc::clone(&self.clock));
        // Odd, so that houses that differ keep differing however many neighbours of neighbours there are.
        let neighbour = self.neighbours.fetch_add(1, Ordering::SeqCst);
        let seed = self.seed.wrapping_mul(1009).wrapping_add(neighbour);
        let folder = tempfile::tempdir().unwrap();
        let files = Arc::new(OsFiles::new());
        let neighbour = Self::over(folder.path(), &files, kms, clock, seed);
        let postgres = self.postgres.as_ref().map(|_| Postgres::new(folder.path()));
        let neighbour = Self {
            _folder: Some(folder),
            postgres,
            settings: self.settings.clone(),
            is_hasty: AtomicBool::new(self.is_hasty.load(Ordering::SeqCst)),
            ..neighbour
        };
        if self.anchor.location().is_some() {
            neighbour
        } else {
            neighbour.without_anchor()
        }
    }

    fn over(
        root: &Path,
        files: &Arc<OsFiles>,
        kms: Arc<LocalKms>,
        clock: Arc<FixedClock>,
        seed: i64,
    ) -> Self {
        let provider: Arc<dyn KmsProvider> = Arc::<LocalKms>::clone(&kms);
        let anchor = Arc::new(FileAnchor::new(
            Arc::<OsFiles>::clone(files),
            root.join("anchor.json"),
        ));
        Self {
            root: root.to_owned(),
            _folder: None,
            postgres: Postgres::of(root),
            kms,
            metered: Arc::new(Metered::new(provider)),
            clock,
            seed,
            neighbours: AtomicI64::new(1),
            is_hasty: AtomicBool::new(false),
            random: Arc::new(SeededRandom::new(seed)),
            anchor,
            settings: Settings::default(),
        }
    }

    /// The same house without an anchor: nothing outside of the database remembers anything.
    pub(crate) fn without_anchor(self) -> Self {
        Self {
            anchor: Arc::new(NoAnchor),
            ..self
        }
    }

    pub(crate) fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// A house of its own with what a crash at this moment would leave of this one; the KMS is the same.
    pub(crate) fn copy(&self) -> Self {
        let copy = self.neighbour_without_database();
        copy.put_back(self);
        copy.take_anchor_of(self);
        copy
    }

    /// The same, with a key file of its own: another process can open the vault there.
    pub(crate) fn copy_with_key_file(&self) -> Self {
        let copy = self.copy();
        fs::copy(self.root.join("kms.key"), copy.root.join("kms.key")).unwrap();
        copy
    }

    /// Replaces the database by the one of `other`.
    pub(crate) fn put_back(&self, other: &Self) {
        if let (Some(own), Some(other)) = (&self.postgres, &other.postgres) {
            return own.put_back(other);
        }
        let _ = fs::remove_dir_all(self.vault_folder());
        private_folder(&self.vault_folder());
        for entry in fs::read_dir(other.vault_folder()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            // The index of the log is shared memory; a crash may leave it in any state.
            if name != "lock" && !name.ends_with("-shm") {
                fs::copy(&path, self.vault_folder().join(name)).unwrap();
            }
        }
    }

    /// Replaces the anchor by the one of `other`.
    pub(crate) fn take_anchor_of(&self, other: &Self) {
        let _ = fs::remove_file(self.anchor_path());
        if other.anchor_path().exists() {
            // With its rights: an anchor that others can read is refused.
            fs::copy(other.anchor_path(), self.anchor_path()).unwrap();
        }
    }

    /// The time by the clock of the house.
    pub(crate) fn clock_time(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn vault_folder(&self) -> PathBuf {
        self.root.join("vault")
    }

    pub(crate) fn anchor_path(&self) -> PathBuf {
        self.root.join("anchor.json")
    }

    /// The same house with the key file that is in its folder, which another process may have written.
    pub(crate) fn with_key_file_again(mut self) -> Self {
        let files = Arc::new(OsFiles::new());
        let house = Self::at(&self.root, &files, self.seed);
        Self {
            _folder: self._folder.take(),
            // The same one, but this is what it goes with.
            postgres: self.postgres.take().or(house.postgres),
            settings: self.settings,
            ..house
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The database, past the store and with its rules switched off: what its operator has.
    pub(crate) fn database(&self) -> Connection {
        let connection = Connection::open(self.vault_folder().join("vault.db")).unwrap();
        connection
            .execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
            .unwrap();
        connection
    }

    /// The bytes of every file of the database.
    pub(crate) fn database_bytes(&self) -> Vec<u8> {
        let files = fs::read_dir(self.vault_folder()).unwrap();
        files
            .flat_map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .collect()
    }

    /// From now on whoever opens the vault finds a KMS that says that it destroys at once.
    pub(crate) fn make_hasty(&self) {
        self.is_hasty.store(true, Ordering::SeqCst);
    }

    fn provider(&self) -> Arc<dyn KmsProvider> {
        let kms = Arc::<Metered>::clone(&self.metered);
        match self.is_hasty.load(Ordering::SeqCst) {
            true => Arc::new(AlteredKms::around(kms, Hasty)),
            false => kms,
        }
    }

    pub(crate) fn environment(&self, store: Arc<dyn Store>) -> Environment {
        Environment {
            store,
            wrappers: vec![NamedWrapper {
                name: KMS_NAME.to_owned(),
                wrapper: self.metered.key_wrapper().unwrap(),
            }],
            kms: vec![NamedKms {
                name: KMS_NAME.to_owned(),
                provider: self.provider(),
            }],
            anchor: Arc::clone(&self.anchor),
            clock: Arc::<FixedClock>::clone(&self.clock),
            random: Arc::<SeededRandom>::clone(&self.random),
        }
    }

    /// Whether `bytes` stand anywhere in the database: in its files, or in its rows where the files are the server's.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        match &self.postgres {
            Some(postgres) => postgres.holds(bytes),
            None => self
                .database_bytes()
                .windows(bytes.len())
                .any(|window| window == bytes),
        }
    }

    /// What the rows of private keys hold, past the store.
    pub(crate) fn stored_keys(&self) -> Vec<Vec<u8>> {
        if let Some(postgres) = &self.postgres {
            return postgres.stored_keys();
        }
        let database = self.database();
        let mut statement = database
            .prepare("SELECT stored_key FROM private_keys")
            .unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Whether a process that is gone holds the lease: whoever writes next has to take it over. There is none on files.
    pub(crate) fn has_dead_writer(&self) -> bool {
        self.postgres
            .as_ref()
            .is_some_and(Postgres::has_dead_writer)
    }

    pub(crate) const fn is_on_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    pub(crate) async fn has_vault(&self) -> bool {
        match &self.postgres {
            Some(postgres) => postgres.has_vault().await,
            None => SqliteStore::exists(&self.vault_folder()),
        }
    }

    pub(crate) async fn new_store(&self) -> Arc<dyn Store> {
        if let Some(postgres) = &self.postgres {
            return Arc::new(postgres.create_store().await.unwrap());
        }
        Arc::new(SqliteStore::create(&self.vault_folder()).await.unwrap())
    }

    pub(crate) async fn store(&self) -> Result<Arc<dyn Store>, VaultError> {
        if let Some(postgres) = &self.postgres {
            return Ok(Arc::new(postgres.open_store().await?));
        }
        Ok(Arc::new(SqliteStore::open(&self.vault_folder()).await?))
    }

    /// What is left where the vault was moved away from.
    pub(crate) async fn left_store(&self) -> Arc<dyn Store> {
        match &self.postgres {
            Some(postgres) => Arc::new(postgres.open_left().await.unwrap()),
            None => {
                let left = SqliteStore::open_left(&self.vault_folder()).await;
                Arc::new(left.unwrap())
            }
        }
    }

    pub(crate) async fn try_create(&self, store: Arc<dyn Store>) -> Result<Vault, VaultError> {
        // As the command line does: a wrapper key that an interrupted attempt left behind is taken up.
        let is_wrapper = |key: &LocalKey| key.kind == KeyKind::Wrapper && key.state.is_usable();
        let left_behind = self.kms.list_keys().into_iter().find(is_wrapper);
        let new = NewVault {
            id: VAULT_ID,
            wrapper_key: left_behind.map(|key| key.id),
        };
        let environment = self.environment(store);
        Vault::create(environment, self.settings.clone(), &caller(), new).await
    }

    pub(crate) async fn create(&self) -> Vault {
        self.try_create(self.new_store().await).await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Vault, VaultError> {
        let environment = self.environment(self.store().await?);
        Vault::open(environment, self.settings.clone()).await
    }

    pub(crate) async fn open(&self) -> Vault {
        self.try_open().await.unwrap()
    }

    /// Opens the vault although the anchor contradicts it.
    pub(crate) async fn accept(&self) -> Result<Vault, VaultError> {
        let environment = self.environment(self.store().await?);
        let settings = self.settings.clone();
        Vault::danger_accept_state(environment, settings, &caller(), VAULT_ID).await
    }

    /// The code with which opening is refused.
    #[track_caller]
    pub(crate) fn refusal(&self) -> impl Future<Output = &'static str> {
        let place = std::panic::Location::caller();
        async move {
            match self.try_open().await {
                Err(error) => error.code().name(),
                Ok(vault) => panic!("{vault:?} was opened at {place}"),
            }
        }
    }

    /// What a crash at this moment would leave: seen by another vault over a copy of all files.
    pub(crate) async fn picture_after_crash(&self) -> Picture {
        let copy = self.copy();
        let vault = copy.open().await;
        let picture = Picture::of(&vault).await;
        vault.close().await.unwrap();
        picture
    }
}

/// A folder that a vault accepts.
pub(crate) fn private_folder(path: &Path) {
    OsFiles::new()
        .create_folder(path, Access::OwnerOnly)
        .unwrap();
}

/// The KMS in `root`, opened or made.
fn key_file(
    root: &Path,
    files: &Arc<OsFiles>,
    number: i64,
    clock: &Arc<FixedClock>,
) -> Arc<LocalKms> {
    let path = root.join("kms.key");
    let files = Arc::<OsFiles>::clone(files);
    let random = Arc::new(SeededRandom::new(-number));
    let clock = Arc::<FixedClock>::clone(clock);
    let kms = if path.exists() {
        LocalKms::open(files, path, None, random, clock)
    } else {
        LocalKms::create(files, path, &Protection::UnprotectedKeyFile, random, clock)
    };
    Arc::new(kms.unwrap())
}

pub(crate) fn all_keys(vault: &Vault) -> Vec<Arc<KeyEntry>> {
    let filter = KeyFilter {
        public_only: true,
        ..KeyFilter::default()
    };
    vault.list(&filter).unwrap()
}

pub(crate) fn caller() -> Caller {
    Caller::new("test")
}

pub(crate) fn name(text: &str) -> Option<KeyName> {
    Some(KeyName::try_new(text).unwrap())
}

pub(crate) fn protocol() -> KeyUsages {
    KeyUsages::try_new([KeyUsage::Protocol]).unwrap()
}

pub(crate) const ALLOW_PROTOCOL: KeyUsages = KeyUsages::only(KeyUsage::Protocol);

pub(crate) fn new_protocol_key() -> NewSigningKey {
    NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: protocol(),
        name: None,
    }
}

/// A new Ed25519 key for protocol messages.
pub(crate) async fn signing_key(vault: &Vault) -> Fingerprint {
    let key = vault
        .generate_signing_key(&caller(), new_protocol_key())
        .await;
    key.unwrap().fingerprint()
}

/// A new P-256 key to encrypt to.
pub(crate) async fn encryption_key(vault: &Vault) -> Fingerprint {
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: None,
    };
    let key = vault.generate_encryption_key(&caller(), new).await;
    key.unwrap().fingerprint()
}

/// Signs with a protocol key, and checks the signature.
pub(crate) async fn check_signs(vault: &Vault, key: &Fingerprint) {
    let signature = vault.sign(key, b"message", ALLOW_PROTOCOL).await.unwrap();
    vault
        .verify(b"message", &signature, ALLOW_PROTOCOL)
        .unwrap();
}

pub(crate) async fn sign(vault: &Vault, key: &Fingerprint) -> Result<(), VaultError> {
    vault.sign(key, b"message", ALLOW_PROTOCOL).await.map(drop)
}

/// A private Ed25519 key that is in no vault, ready to be imported.
pub(crate) fn foreign_key(seed: i64) -> ImportedKey {
    let random = SeededRandom::new(seed);
    let private = PrivateKey::generate(SigningKeySpec::EcCurve25519.into(), &random).unwrap();
    let public = private.public_key(Some(protocol())).unwrap();
    ImportedKey {
        private,
        public,
        name: None,
    }
}

/// New keys of every purpose go into `custody`, sealed by `sealing`.
pub(crate) fn settings(custody: Custody, sealing: Sealing) -> Settings {
    Settings {
        custody: CustodyDefaults {
            by_usage: Vec::new(),
            signing: custody,
            encryption: custody,
            sealing,
            external_kms: None,
            ..CustodyDefaults::default()
        },
        ..Settings::default()
    }
}

/// The code of a failure.
#[track_caller]
pub(crate) fn code<T: Debug>(outcome: Result<T, VaultError>) -> &'static str {
    match outcome {
        Err(error) => error.code().name(),
        Ok(value) => panic!("this should have failed: {value:?}"),
    }
}

pub(crate) fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(bytes)
}
