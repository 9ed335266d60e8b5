//! What is left of private keys in the memory of a process, after they expired and after they were deleted.
//!
//! A child process uses a vault through the library and writes its own memory to files at chosen moments; only the
//! parent knows what to search them for, so the child's memory holds nothing but what the vault left there.

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use strongroom_config::Config;
use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionKeySpec, Fingerprint, KeyPurpose, KeySpec, KeyUsage, KeyUsages,
    PrivateKey, SigningKeySpec, SystemRandom, Timestamp,
    clock::{Clock, SystemClock},
};
use strongroom_files::{Files, OsFiles};
use strongroom_kms::KmsProvider;
use strongroom_kms_local::LocalKms;
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{
    Caller, Environment, ExportForm, FileAnchor, ImportedKey, KeyFilter, NamedWrapper,
    NewEncryptionKey, NewSigningKey, Settings, Vault,
};

use crate::{needles::Needles, support::Sandbox};

const FOLDER: &str = "STRONGROOM_TEST_MEMORY_FOLDER";
const EXPIRE_AFTER: Duration = Duration::from_secs(60);

const SIGNING: [&str; 5] = [
    "ec-curve-25519",
    "ec-p-256",
    "ec-p-384",
    "ec-secp-256k-1",
    "ml-dsa-65",
];
const ENCRYPTION: [&str; 2] = ["ec-p-256", "rsa-2048"];

#[test]
fn memory_holds_no_private_key_after_it_expired_or_was_deleted() {
    let sandbox = Sandbox::with_vault();
    let mut keys = Vec::new();
    for spec in SIGNING {
        keys.push((
            format!("signing {spec}"),
            sandbox.signing_key(spec, "protocol"),
        ));
    }
    for spec in ENCRYPTION {
        keys.push((format!("encryption {spec}"), sandbox.encryption_key(spec)));
    }
    // The KMS itself opens this one.
    sandbox.edit_config(|text| text.replace("data-key", "direct"));
    let direct = sandbox.signing_key("ec-p-384", "protocol");
    keys.push(("directly sealed ec-p-384".to_owned(), direct));
    let needles = |name: &str, fingerprint: &str| {
        let file = sandbox.export(fingerprint, "pkcs8-der", &format!("{fingerprint}.der"));
        Needles::of_pkcs8(name, &fs::read(file).unwrap())
    };
    let own: Vec<_> = keys.iter().map(|(name, key)| needles(name, key)).collect();
    let other = Sandbox::with_vault();
    let mut imported = Vec::new();
    for (index, spec) in SIGNING.iter().enumerate() {
        let key = other.signing_key(spec, "protocol");
        let file = other.export(&key, "pkcs8-pem", &format!("{index}.pem"));
        let pem = fs::read(file).unwrap();
        sandbox.write(&format!("import-{index}.pem"), &pem);
        let der = other.export(&key, "pkcs8-der", &format!("{index}.der"));
        imported.push(Needles::of_pkcs8(
            &format!("imported {spec}"),
            &fs::read(der).unwrap(),
        ));
    }

    let output = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "memory::child_process",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, sandbox.path(""))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );

    let generated: BTreeMap<String, String> =
        serde_json::from_slice(&sandbox.read("generated.json")).unwrap();
    let generated: Vec<_> = generated
        .iter()
        .map(|(name, key)| needles(&format!("generated {name}"), key))
        .collect();
    let counts = |phase: &str, needles: &[Needles]| {
        let dump = fs::read(sandbox.path(format!("{phase}.dump"))).unwrap();
        assert!(
            dump.len() > 1 << 20,
            "the dump has only {} bytes",
            dump.len()
        );
        needles
            .iter()
            .map(|key| {
                let count = key.count(&dump) + key.count_texts(&dump);
                (key.name.clone(), count)
            })
            .collect::<Vec<_>>()
    };
    // The control: while keys are cached they are found, so the search can fail.
    for (name, count) in counts("used", &own) {
        assert!(count > 0, "{name} should be in memory while it is cached");
    }
    let mut left = Vec::new();
    for (phase, needles) in [
        ("opened", &own),
        ("expired", &own),
        ("deleted", &own),
        ("generated", &generated),
        ("imported", &imported),
        ("exported", &imported),
    ] {
        for (name, count) in counts(phase, needles) {
            if count > 0 {
                left.push(format!("{phase}: {count} pieces of {name}"));
            }
        }
    }
    assert!(
        left.is_empty(),
        "private keys are left in memory:\n{}",
        left.join("\n")
    );
}

/// The process whose memory is looked at.
#[test]
#[ignore = "runs as a child of the test above, which sets it up"]
fn child_process() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(child(PathBuf::from(folder)));
}

/// A clock that is put forward by hand.
#[derive(Debug)]
struct Hand(AtomicI64);

impl Hand {
    fn forward(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

async fn child(folder: PathBuf) {
    let mut memory = Memory::of_this_process();
    let clock = Arc::new(Hand(AtomicI64::new(SystemClock.now().as_micros())));
    let vault = open(&folder, Arc::<Hand>::clone(&clock)).await;
    let caller = Caller::new("test");
    memory.dump(&folder.join("opened.dump"));

    let keys = use_keys(&vault).await;
    assert_eq!(vault.opened_keys(), keys.len());
    memory.dump(&folder.join("used.dump"));

    clock.forward(EXPIRE_AFTER);
    assert_eq!(vault.sweep(), keys.len());
    assert_eq!(vault.opened_keys(), 0);
    memory.dump(&folder.join("expired.dump"));

    assert_eq!(use_keys(&vault).await.len(), keys.len());
    for key in &keys {
        vault.delete_key(&caller, key).await.unwrap();
    }
    assert_eq!(vault.opened_keys(), 0);
    memory.dump(&folder.join("deleted.dump"));

    let generated = generate(&vault, &caller).await;
    fs::write(
        folder.join("generated.json"),
        serde_json::to_vec(&generated).unwrap(),
    )
    .unwrap();
    memory.dump(&folder.join("generated.dump"));

    let imported = import(&vault, &caller, &folder).await;
    memory.dump(&folder.join("imported.dump"));
    for key in &imported {
        for form in [
            ExportForm::Pkcs8Pem,
            ExportForm::Pkcs8Der,
            ExportForm::KeyPair,
        ] {
            drop(vault.export_key(&caller, key, &form).await.unwrap());
        }
    }
    memory.dump(&folder.join("exported.dump"));
    vault.close().await.unwrap();
}

async fn open(folder: &Path, clock: Arc<Hand>) -> Vault {
    let dir = folder.join("vault");
    let text = fs::read_to_string(dir.join("strongroom.toml")).unwrap();
    let config = Config::parse(&text).unwrap();
    let key_file = &config.kms[0].provider.local().unwrap().key_file;
    let files: Arc<dyn Files> = Arc::new(OsFiles::new());
    let random = Arc::new(SystemRandom);
    let system = Arc::new(SystemClock);
    let kms = LocalKms::open(Arc::clone(&files), key_file, None, random, system).unwrap();
    let mut settings = Settings::default();
    settings.cache.expire_after = EXPIRE_AFTER;
    let environment = Environment {
        store: Arc::new(SqliteStore::open(&dir).await.unwrap()),
        wrappers: vec![NamedWrapper {
            name: config.kms[0].name.clone(),
            wrapper: Arc::new(kms).key_wrapper().unwrap(),
        }],
        kms: Vec::new(),
        anchor: Arc::new(FileAnchor::new(files, config.vault.anchor.clone().unwrap())),
        clock,
        random: Arc::new(SystemRandom),
    };
    Vault::open(environment, settings).await.unwrap()
}

/// Signs or decrypts with every key.
async fn use_keys(vault: &Vault) -> Vec<Fingerprint> {
    let mut used = Vec::new();
    for entry in vault.list(&KeyFilter::default()).unwrap() {
        let key = entry.fingerprint();
        used.push(key);
        if let KeySpec::Encryption(spec) = entry.spec() {
            let ciphertext = vault.encrypt(&key, b"message").unwrap().ciphertext;
            let encrypted = AsymmetricEncrypted {
                ciphertext,
                algorithm: spec.algorithm(),
                encrypted_for: key,
            };
            assert_eq!(
                vault.decrypt(&encrypted).await.unwrap().expose(),
                b"message"
            );
        } else {
            let signature = vault.sign(&key, b"message", KeyUsages::ALL).await.unwrap();
            vault
                .verify(b"message", &signature, KeyUsages::ALL)
                .unwrap();
        }
    }
    used
}

async fn generate(vault: &Vault, caller: &Caller) -> BTreeMap<String, String> {
    let mut generated = BTreeMap::new();
    for spec in SIGNING {
        let new = NewSigningKey {
            spec: spec.parse::<SigningKeySpec>().unwrap(),
            usages: KeyUsages::try_new([KeyUsage::Protocol]).unwrap(),
            name: None,
        };
        let key = vault.generate_signing_key(caller, new).await.unwrap();
        generated.insert(format!("signing {spec}"), key.fingerprint().to_string());
    }
    for spec in ENCRYPTION {
        let new = NewEncryptionKey {
            spec: spec.parse::<EncryptionKeySpec>().unwrap(),
            name: None,
        };
        let key = vault.generate_encryption_key(caller, new).await.unwrap();
        generated.insert(format!("encryption {spec}"), key.fingerprint().to_string());
    }
    generated
}

async fn import(vault: &Vault, caller: &Caller, folder: &Path) -> Vec<Fingerprint> {
    let mut imported = Vec::new();
    for index in 0..SIGNING.len() {
        let path = folder.join(format!("import-{index}.pem"));
        let contents = OsFiles::new().read_private(&path).unwrap().unwrap();
        let private = PrivateKey::from_file(&contents, KeyPurpose::Signing).unwrap();
        let usages = KeyUsages::try_new([KeyUsage::Protocol]).unwrap();
        let public = private.public_key(Some(usages)).unwrap();
        let import = ImportedKey {
            private,
            public,
            name: None,
        };
        imported.push(
            vault
                .import_key(caller, import)
                .await
                .unwrap()
                .fingerprint(),
        );
    }
    imported
}

/// The memory of this process, read as a debugger would read it.
struct Memory {
    memory: File,
    /// In a mapping of its own, which is left out: it holds what was just read.
    buffer: Vec<u8>,
}

impl Memory {
    fn of_this_process() -> Self {
        Self {
            memory: File::open("/proc/self/mem").unwrap(),
            buffer: vec![0; 4 << 20],
        }
    }

    /// Writes every private mapping that can be read and could have been written to.
    fn dump(&mut self, path: &Path) {
        let own = self.buffer.as_ptr().addr();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut dump = File::create(path).unwrap();
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            if !rights.starts_with("rw") || !rights.ends_with('p') {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let start = usize::from_str_radix(start, 16).unwrap();
            let end = usize::from_str_radix(end, 16).unwrap();
            if !(start..end).contains(&own) {
                self.copy(start, end, &mut dump);
            } else {
                // The allocator may have put its neighbours into the same mapping.
                self.copy(start, own, &mut dump);
                self.copy(own + self.buffer.len(), end, &mut dump);
            }
        }
        self.buffer.fill(0);
    }

    fn copy(&mut self, start: usize, end: usize, dump: &mut File) {
        self.memory.seek(SeekFrom::Start(start as u64)).unwrap();
        let mut left = end - start;
        while left > 0 {
            let length = left.min(self.buffer.len());
            let read = self.memory.read(&mut self.buffer[..length]).unwrap();
            assert!(read > 0);
            dump.write_all(&self.buffer[..read]).unwrap();
            left -= read;
        }
    }
}
