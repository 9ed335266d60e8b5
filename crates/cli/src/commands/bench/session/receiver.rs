//! A node that receives messages, whose secrets are encrypted to its key.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::Context as _;
use strongroom_config::CustodyName;
use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionKeySpec, EncryptionPublicKey, PublicKey, Random as _,
    SymmetricKey, SystemRandom,
};
use strongroom_store::{Store, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{NewEncryptionKey, NewVault, Vault};
use tempfile::TempDir;

use super::crowd::{self, Round};
use crate::{
    commands::bench::kms::cloud::Cloud, environment, kms_flags::KmsFlags, open_kms::OpenKms,
    settings,
};

/// Whoever sends uses a secret for some time: so many senders, with a new secret each in every round.
pub(super) const SENDERS: usize = 16;

pub(super) struct Receiver {
    vault: Arc<Vault>,
    key: EncryptionPublicKey,
    _folder: TempDir,
}

impl Receiver {
    /// A vault whose KMS is the cloud, with an encryption key; `remembers`: secrets that came are kept for a while.
    pub(super) async fn make(
        cloud: &Cloud,
        (custody, spec): (CustodyName, EncryptionKeySpec),
        remembers: bool,
    ) -> anyhow::Result<Self> {
        cloud.clear_up()?;
        let mut config = cloud.config();
        config.custody.encryption = Some(custody);
        let folder = tempfile::tempdir()?;
        let kms = OpenKms::open(&config, &KmsFlags::default()).await?;
        let store = SqliteStore::create(&folder.path().join("vault")).await?;
        let store: Arc<dyn Store> = Arc::new(store);
        let mut settings = settings::settings(&config)?;
        settings.session_encryption.enabled = remembers;
        let caller = environment::caller()?;
        let new = NewVault {
            id: VaultId::from_bytes(config.vault.id_bytes()?),
            wrapper_key: None,
        };
        let environment = kms.environment(store, &config);
        let vault = Vault::create(environment, settings, &caller, new).await?;
        let new = NewEncryptionKey { spec, name: None };
        let made = vault.generate_encryption_key(&caller, new).await?;
        let PublicKey::Encryption(key) = made.public.clone() else {
            anyhow::bail!("an encryption key was generated");
        };
        Ok(Self {
            vault: Arc::new(vault),
            key,
            _folder: folder,
        })
    }

    /// Lets so many read what the senders send, for so long.
    pub(super) async fn read_for(
        &self,
        time: std::time::Duration,
        readers: u16,
    ) -> anyhow::Result<Round> {
        let mail = (0..SENDERS).map(|_| self.new_secret());
        let mail: Arc<[AsymmetricEncrypted]> = mail.collect::<anyhow::Result<_>>()?;
        let (vault, next) = (Arc::clone(&self.vault), Arc::new(AtomicUsize::new(0)));
        crowd::work(time, readers, move || {
            let (vault, mail) = (Arc::clone(&vault), Arc::clone(&mail));
            let number = next.fetch_add(1, Ordering::Relaxed);
            async move {
                let encrypted = mail.get(number % SENDERS).context("there is mail")?;
                vault.session_encryption().secret(encrypted).await?;
                Ok(())
            }
        })
        .await
    }

    fn new_secret(&self) -> anyhow::Result<AsymmetricEncrypted> {
        let mut secret = [0; SymmetricKey::LEN];
        SystemRandom.fill(&mut secret)?;
        Ok(self.key.encrypt(&secret, &SystemRandom)?)
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        if let Some(vault) = Arc::into_inner(self.vault) {
            vault.close().await?;
        }
        Ok(())
    }
}
