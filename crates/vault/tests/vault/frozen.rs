//! Vaults of earlier releases, which must open for ever.

#[path = "frozen/topology.rs"]
mod topology;

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use strongroom_crypto::{
    Argon2Cost, AsymmetricEncrypted, EncryptionKeySpec, EncryptionPublicKey, Fingerprint,
    KeyUsages, PublicKey, Random, Signature, SigningKeySpec, SigningPublicKey, SystemRandom,
    clock::{Clock, SystemClock},
};
use strongroom_files::OsFiles;
use strongroom_kms_local::{LocalKms, Protection};
use strongroom_store::{Custody, Sealing};
use strongroom_vault::{KeyEntry, NewEncryptionKey, NewSigningKey, PublicKeyImport, Vault};
use tempfile::TempDir;

use crate::house::{
    House, Picture, all_keys, caller, check_signs, code, foreign_key, name, new_protocol_key,
    private_folder, secret, settings, signing_key,
};

const PASSPHRASE: &[u8] = b"frozen sample";
const MESSAGE: &[u8] = b"message";

fn system() -> (Arc<OsFiles>, Arc<dyn Random>, Arc<dyn Clock>) {
    (
        Arc::new(OsFiles::new()),
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    )
}

/// A copy of the sample, since opening a vault writes to its folder.
struct Sample {
    house: House,
    keys: Vec<FrozenKey>,
    _folder: TempDir,
}

impl Sample {
    fn folder(version: &str) -> PathBuf {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen");
        folders.join(version)
    }

    fn of(version: &str) -> Self {
        let frozen = Self::folder(version);
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        private_folder(&root.join("vault"));
        for (from, to) in [
            ("vault.db", "vault/vault.db"),
            ("kms.key", "kms.key"),
            ("anchor.json", "anchor.json"),
        ] {
            fs::write(root.join(to), fs::read(frozen.join(from)).unwrap()).unwrap();
            // A checkout does not keep the rights of the original.
            fs::set_permissions(root.join(to), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let (files, random, clock) = system();
        let key_file = root.join("kms.key");
        let kms = LocalKms::open(files, key_file, Some(&secret(PASSPHRASE)), random, clock);
        let keys = fs::read_to_string(frozen.join("keys.txt")).unwrap();
        Self {
            house: House::with_kms(root, kms.unwrap(), 7000),
            keys: keys.lines().map(FrozenKey::parse).collect(),
            _folder: folder,
        }
    }
}

/// A line of `keys.txt`.
#[derive(Debug, PartialEq, Eq)]
struct FrozenKey {
    /// All that must not change: fingerprint, name, spec, usages, custody, sealing, state, exposed.
    looks: Vec<String>,
    spki: Vec<u8>,
    past: Vec<u8>,
}

impl FrozenKey {
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split(" | ").collect();
        let (looks, bytes) = fields.split_at(8);
        Self {
            looks: looks.iter().map(|field| (*field).to_owned()).collect(),
            spki: from_hex(bytes[0]),
            past: from_hex(bytes[1]),
        }
    }

    fn to_line(&self) -> String {
        let [spki, past] = [&self.spki, &self.past].map(|bytes| to_hex(bytes));
        format!("{} | {spki} | {past}", self.looks.join(" | "))
    }

    fn fingerprint(&self) -> Fingerprint {
        self.looks[0].parse().unwrap()
    }
}

fn looks_of(entry: &KeyEntry) -> Vec<String> {
    let half = entry.private.as_ref();
    vec![
        entry.fingerprint().to_string(),
        entry
            .name
            .as_ref()
            .map_or("-".to_owned(), |name| name.as_str().to_owned()),
        entry.spec().name().to_owned(),
        entry
            .usages()
            .map_or("-".to_owned(), |usages| usages.to_string()),
        half.map_or("-", |half| half.custody.name()).to_owned(),
        half.map_or("-", |half| half.sealing.name()).to_owned(),
        half.map_or("-", |half| half.state.name()).to_owned(),
        half.is_some_and(|half| half.exposed).to_string(),
    ]
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits = (0..hex.len()).step_by(2);
    digits
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// The signature of the key's past.
fn signature(key: &FrozenKey, spec: SigningKeySpec) -> Signature {
    let algorithm = spec.algorithm();
    Signature {
        bytes: key.past.clone(),
        format: algorithm.format(),
        signed_by: key.fingerprint(),
        algorithm: Some(algorithm),
    }
}

/// What the key did before it still proves, and what it may do it does: judged by the public key in `keys.txt` alone.
async fn check_key(vault: &Vault, key: &FrozenKey) {
    let entry = vault.key(&key.fingerprint()).unwrap();
    let is_retired = key.looks[6] == "retired";
    match &entry.public {
        PublicKey::Signing(stored) => {
            let (spec, usages) = (stored.spec(), stored.usages());
            let public = SigningPublicKey::from_spki(spec, &key.spki, usages).unwrap();
            assert_eq!(public.fingerprint(), key.fingerprint());
            if !key.past.is_empty() {
                let past = signature(key, spec);
                vault.verify(MESSAGE, &past, usages).unwrap();
                public.verify(MESSAGE, &past, usages).unwrap();
            }
            let signed = vault.sign(&key.fingerprint(), b"new", usages).await;
            if entry.private.is_none() {
                assert_eq!(code(signed), "NO_PRIVATE_KEY");
            } else if is_retired {
                assert_eq!(code(signed), "KEY_RETIRED");
            } else {
                public.verify(b"new", &signed.unwrap(), usages).unwrap();
            }
        }
        PublicKey::Encryption(stored) => {
            let public = EncryptionPublicKey::from_spki(stored.spec(), &key.spki).unwrap();
            let past = AsymmetricEncrypted {
                ciphertext: key.past.clone(),
                algorithm: stored.spec().algorithm(),
                encrypted_for: public.fingerprint(),
            };
            let new = public.encrypt(MESSAGE, &SystemRandom).unwrap();
            for encrypted in [past, new] {
                assert_eq!(vault.decrypt(&encrypted).await.unwrap(), secret(MESSAGE));
            }
        }
    }
}

async fn check_sample(version: &str) {
    let sample = Sample::of(version);
    let vault = sample.house.open().await;
    let looks: Vec<_> = all_keys(&vault).iter().map(|key| looks_of(key)).collect();
    let mut expected: Vec<_> = sample.keys.iter().map(|key| key.looks.clone()).collect();
    expected.sort();
    assert_eq!(looks, expected);
    for key in &sample.keys {
        check_key(&vault, key).await;
    }
    // It is a vault like any other: it goes on, and opens again.
    check_signs(&vault, &signing_key(&vault).await).await;
    let picture = Picture::of(&vault).await;
    vault.close().await.unwrap();
    assert_eq!(Picture::of(&sample.house.open().await).await, picture);
}

#[tokio::test]
async fn a_vault_of_version_1_opens_and_all_its_keys_do_what_they_did() {
    check_sample("v1").await;
}

#[tokio::test]
async fn a_vault_of_version_2_opens_and_all_its_keys_do_what_they_did() {
    check_sample("v2").await;
}

#[tokio::test]
async fn the_frozen_vault_does_not_open_with_another_passphrase() {
    let sample = Sample::of("v1");
    let (files, random, clock) = system();
    let wrong = secret(b"frozen samples");
    let key_file = sample.house.root().join("kms.key");
    assert!(LocalKms::open(files, key_file, Some(&wrong), random, clock).is_err());
}

/// Makes keys of every kind, of which some things can be checked for ever.
async fn furnish(house: House) -> House {
    let vault = house.create().await;
    for spec in SigningKeySpec::ALL {
        let new = NewSigningKey {
            spec,
            usages: KeyUsages::try_new([strongroom_crypto::KeyUsage::Protocol]).unwrap(),
            name: name(&format!("node-signing-{spec}")),
        };
        vault.generate_signing_key(&caller(), new).await.unwrap();
    }
    let namespace = NewSigningKey {
        usages: KeyUsages::try_new([strongroom_crypto::KeyUsage::Namespace]).unwrap(),
        name: name("node-namespace"),
        ..new_protocol_key()
    };
    vault
        .generate_signing_key(&caller(), namespace)
        .await
        .unwrap();
    for spec in EncryptionKeySpec::ALL {
        let new = NewEncryptionKey {
            spec,
            name: name(&format!("node-encryption-{spec}")),
        };
        vault.generate_encryption_key(&caller(), new).await.unwrap();
    }
    let import = PublicKeyImport {
        public: foreign_key(1).public,
        name: name("somebody"),
    };
    vault.import_public_key(&caller(), import).await.unwrap();
    vault.close().await.unwrap();

    let house = house.with_settings(settings(Custody::Envelope, Sealing::Direct));
    let vault = house.open().await;
    named(&vault, "sealed-by-the-kms").await;
    vault.close().await.unwrap();

    let house = house.with_settings(settings(Custody::Clear, Sealing::DataKey));
    let vault = house.open().await;
    named(&vault, "clear").await;
    let exposed = named(&vault, "exposed").await;
    vault.seal_clear_key(&caller(), &exposed).await.unwrap();
    vault.close().await.unwrap();
    house.with_settings(settings(Custody::Envelope, Sealing::DataKey))
}

async fn named(vault: &Vault, label: &str) -> Fingerprint {
    let new = NewSigningKey {
        name: name(label),
        ..new_protocol_key()
    };
    let key = vault.generate_signing_key(&caller(), new).await.unwrap();
    key.fingerprint()
}

/// Something that the key does while it is active.
async fn past_of(vault: &Vault, entry: &KeyEntry) -> Vec<u8> {
    let key = entry.fingerprint();
    match entry.usages() {
        _ if entry.private.is_none() => Vec::new(),
        Some(usages) => vault.sign(&key, MESSAGE, usages).await.unwrap().bytes,
        None => vault.encrypt(&key, MESSAGE).unwrap().ciphertext,
    }
}

#[tokio::test]
#[ignore = "makes a new frozen sample; run by hand when a stored form gets a new version"]
async fn make_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    let house = furnish(house_of_a_sample(folder.path(), 2027)).await;

    let vault = house.open().await;
    let signing = named(&vault, "retired-signing").await;
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: name("retired-encryption"),
    };
    let encryption = vault.generate_encryption_key(&caller(), new).await.unwrap();
    let pasts = pasts(&vault).await;
    for key in [signing, encryption.fingerprint()] {
        vault.retire_key(&caller(), &key).await.unwrap();
    }
    let sample = keep_sample(folder, vault, pasts).await;
    println!("the sample is in {}", sample.display());
}

/// An empty house whose key file is under the passphrase of samples.
fn house_of_a_sample(folder: &Path, number: i64) -> House {
    let least = Argon2Cost {
        memory_kib: 8,
        iterations: 1,
        lanes: 1,
    };
    let protection = Protection::Passphrase(secret(PASSPHRASE), least);
    let (files, random, clock) = system();
    let key_file = folder.join("kms.key");
    let kms = LocalKms::create(files, key_file, &protection, random, clock).unwrap();
    House::with_kms(folder, kms, number)
}

/// Something that each key does, while all are active.
async fn pasts(vault: &Vault) -> Vec<(Fingerprint, Vec<u8>)> {
    let mut pasts = Vec::new();
    for entry in all_keys(vault) {
        pasts.push((entry.fingerprint(), past_of(vault, &entry).await));
    }
    pasts
}

/// Writes what is true of the keys now, and closes the vault: the folder is the sample.
async fn keep_sample(folder: TempDir, vault: Vault, pasts: Vec<(Fingerprint, Vec<u8>)>) -> PathBuf {
    let mut lines = String::new();
    for (key, past) in pasts {
        let entry = vault.key(&key).unwrap();
        let frozen = FrozenKey {
            looks: looks_of(&entry),
            spki: entry.public.spki().to_vec(),
            past,
        };
        writeln!(lines, "{}", frozen.to_line()).unwrap();
    }
    vault.close().await.unwrap();
    fs::write(folder.path().join("keys.txt"), lines).unwrap();
    fs::rename(
        folder.path().join("vault/vault.db"),
        folder.path().join("vault.db"),
    )
    .unwrap();
    folder.keep()
}
