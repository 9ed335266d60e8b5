//! A vault inside of your program: made once, opened every time, used, closed.
//!
//! ```sh
//! cargo run -p strongroom-vault --example embed
//! ```
//!
//! Keys of real value want a KMS that is another machine: put its adapter in the place of `LocalKms`, and leave the rest. For a
//! vault that several processes share, `PostgresStore` of `strongroom-store-postgres` takes the place of `SqliteStore`.

use std::{error::Error, path::Path, sync::Arc};

use strongroom_crypto::{
    Fingerprint, KeyUsage, KeyUsages, Random as _, SecretBytes, SigningKeySpec, SystemRandom,
    clock::SystemClock,
};
use strongroom_files::OsFiles;
use strongroom_kms::{KmsProvider, Surrounded, SurroundingsSettings};
use strongroom_kms_local::{DEFAULT_COST, LocalKms, Protection};
use strongroom_store::{Store, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{
    Caller, Environment, FileAnchor, NamedKms, NamedWrapper, NewSigningKey, NewVault, Settings,
    Vault, VaultError,
};

/// What the vault calls its KMS. It is stored with every wrap, so it stays the same for the life of the vault.
const KMS: &str = "local";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In real life these are three places, and they stay: whoever copies the database must get neither the key file, which opens
    // it, nor be able to write the anchor, which notices a database that was put back to an earlier day.
    let folder = tempfile::tempdir()?;
    let (database, key_file, anchor) = (
        folder.path().join("vault"),
        folder.path().join("kms.key"),
        folder.path().join("anchor.json"),
    );
    // From a person, or from a file that only this service may read; never from the source.
    let passphrase = || SecretBytes::from_slice(b"correct horse battery staple");
    // Whom the audit log names.
    let operator = Caller::new("operator");

    // Once: the key file with its wrapper key, the database, and the vault in it.
    let protection = Protection::Passphrase(passphrase(), DEFAULT_COST);
    let kms = LocalKms::create(
        Arc::new(OsFiles::new()),
        &key_file,
        &protection,
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    )?;
    let store = Arc::new(SqliteStore::create(&database).await?);
    let mut id = [0; 16];
    SystemRandom.fill(&mut id)?;
    let id = VaultId::from_bytes(id);
    let vault = Vault::create(
        environment(kms, store, &anchor),
        Settings::default(),
        &operator,
        NewVault {
            id,
            // One is made.
            wrapper_key: None,
        },
    )
    .await?;
    let new = NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::only(KeyUsage::Protocol),
        name: None,
    };
    let key = vault.generate_signing_key(&operator, new).await?;
    let key = key.fingerprint();
    vault.close().await?;

    // Every other time. Opening asks the KMS once, and authenticates every row.
    let kms = LocalKms::open(
        Arc::new(OsFiles::new()),
        &key_file,
        Some(&passphrase()),
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    )?;
    let store = Arc::new(SqliteStore::open(&database).await?);
    let vault = Vault::open(environment(kms, store, &anchor), Settings::default()).await?;
    // The database could hold another vault that this KMS opens.
    vault.expect_id(id)?;

    // A vault that stays open is tended beside what it is used for.
    tokio::select! {
        () = vault.tend(&operator) => {}
        used = sign_and_verify(&vault, &key) => used?,
    }

    // Writes down what is still counted, and wipes the opened keys.
    vault.close().await?;
    Ok(())
}

/// What a program has a vault for.
async fn sign_and_verify(vault: &Vault, key: &Fingerprint) -> Result<(), VaultError> {
    // The key must be one for any of these usages; so must the one that verifies.
    let allowed = KeyUsages::only(KeyUsage::Protocol);
    let signature = vault.sign(key, b"a message", allowed).await?;
    assert_eq!(signature.signed_by, *key);
    vault.verify(b"a message", &signature, allowed)?;
    assert!(vault.verify(b"another", &signature, allowed).is_err());
    Ok(())
}

/// What the vault stands on. It chooses none of it.
fn environment(kms: LocalKms, store: Arc<dyn Store>, anchor: &Path) -> Environment {
    // Around any KMS: deadlines, repetition within bounds, a circuit breaker, numbers.
    let kms: Arc<dyn KmsProvider> = Arc::new(Surrounded::surround(
        Arc::new(kms),
        &SurroundingsSettings::default(),
        Arc::new(SystemRandom),
        None,
    ));
    let wrapper = kms.key_wrapper().map(|wrapper| NamedWrapper {
        name: KMS.to_owned(),
        wrapper,
    });
    Environment {
        store,
        // Those that hold wrapper keys, in the order in which opening asks them.
        wrappers: wrapper.into_iter().collect(),
        // Those that hold private keys themselves (custody `external`), if any key is to be there.
        kms: vec![NamedKms {
            name: KMS.to_owned(),
            provider: kms,
        }],
        anchor: Arc::new(FileAnchor::new(Arc::new(OsFiles::new()), anchor)),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_the_example_does_works() {
        super::main().unwrap();
    }
}
