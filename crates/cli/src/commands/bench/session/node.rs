//! A node that signs messages of the protocol.

use std::{sync::Arc, time::Duration};

use strongroom_config::CustodyName;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec, Timestamp};
use strongroom_store::{Store, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_topology::{MemberCode, PhysicalSynchronizerId, StoreId, Times};
use strongroom_vault::{NewIdentity, NewVault, SessionSigningSettings, SigningTime, Vault};
use tempfile::TempDir;

use super::crowd::{self, Round};
use crate::{
    commands::bench::kms::cloud::Cloud, environment, kms_flags::KmsFlags, open_kms::OpenKms,
    settings,
};

/// As long as what a node signs: a multihash.
const MESSAGE: [u8; 34] = [0x5a; 34];

/// The node follows its synchronizer for so long already.
const FOLLOWED: i64 = 3_600_000_000;

pub(super) struct Node {
    vault: Arc<Vault>,
    synchronizer: PhysicalSynchronizerId,
    _folder: TempDir,
}

impl Node {
    /// A mediator with a vault whose KMS is the cloud, and which follows a synchronizer of its own.
    pub(super) async fn make(
        cloud: &Cloud,
        (custody, signing_spec): (CustodyName, SigningKeySpec),
        session_keys: Option<SessionSigningSettings>,
    ) -> anyhow::Result<Self> {
        cloud.clear_up()?;
        let mut config = cloud.config();
        config.custody.protocol = Some(custody);
        let folder = tempfile::tempdir()?;
        let kms = OpenKms::open(&config, &KmsFlags::default()).await?;
        let store = SqliteStore::create(&folder.path().join("vault")).await?;
        let store: Arc<dyn Store> = Arc::new(store);
        let mut settings = settings::settings(&config)?;
        settings.session_signing = session_keys;
        let caller = environment::caller()?;
        let new = NewVault {
            id: VaultId::from_bytes(config.vault.id_bytes()?),
            wrapper_key: None,
        };
        let environment = kms.environment(store, &config);
        let vault = Vault::create(environment, settings, &caller, new).await?;
        let identity = NewIdentity {
            code: MemberCode::Mediator,
            identifier: "bench".to_owned(),
            node: "bench".to_owned(),
            intermediate_key: false,
            signing_spec,
            encryption_spec: EncryptionKeySpec::EcP256,
        };
        let keys = vault.initialize(&caller, &identity).await?;
        let namespace = keys.member.uid.namespace();
        let synchronizer = format!("bench::{namespace}::35-0").parse()?;
        let now = vault.current_time().as_micros();
        let sequenced = Timestamp::from_micros(now - FOLLOWED);
        let times = Times {
            sequenced,
            effective: sequenced,
        };
        let own: Vec<_> = {
            let store = vault.topology(&StoreId::Authorized).await?;
            let rows = store.rows().iter();
            rows.map(|row| row.signed.as_ref().clone()).collect()
        };
        vault
            .add_sequenced(&caller, &synchronizer, times, own)
            .await?;
        Ok(Self {
            vault: Arc::new(vault),
            synchronizer,
            _folder: folder,
        })
    }

    /// Lets so many sign for so long.
    pub(super) async fn sign_for(&self, time: Duration, signers: u16) -> anyhow::Result<Round> {
        let (vault, synchronizer) = (Arc::clone(&self.vault), self.synchronizer.clone());
        crowd::work(time, signers, move || {
            let (vault, synchronizer) = (Arc::clone(&vault), synchronizer.clone());
            async move {
                let (at, until) = (vault.current_time(), None);
                let time = SigningTime::Approximate { at, until };
                vault.sign_protocol(&synchronizer, time, &MESSAGE).await?;
                Ok(())
            }
        })
        .await
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        if let Some(vault) = Arc::into_inner(self.vault) {
            vault.close().await?;
        }
        Ok(())
    }
}
