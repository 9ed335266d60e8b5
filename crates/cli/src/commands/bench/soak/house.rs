//! A vault whose wrapper key is in a simulated cloud, and a process that serves it.

use std::{net::SocketAddr, path::Path, sync::Arc};

use strongroom_config::Config;
use strongroom_crypto::SigningKeySpec;
use strongroom_store::VaultId;
use strongroom_vault::{KeyEntry, NewVault, Vault};
use tempfile::TempDir;

use super::trouble::{Changes, Made};
use crate::{
    commands::bench::{
        kms::cloud::Cloud,
        rehearsal::generate_in,
        serve::{authority::Authority, sides::Served},
    },
    environment,
    kms_flags::KmsFlags,
    open_kms::OpenKms,
    session,
    store::ConfiguredStore,
};

/// Keys of each spec: more than one batch of a rotation has few.
const KEYS: u64 = 500;

pub(super) struct House {
    _folder: TempDir,
    pub(super) authority: Arc<Authority>,
    pub(super) keys: Vec<Arc<KeyEntry>>,
    served: Served,
    made: Arc<Made>,
}

impl House {
    pub(super) async fn start(cloud: &Cloud) -> anyhow::Result<Self> {
        cloud.clear_up()?;
        let folder = tempfile::tempdir()?;
        let mut config = cloud.config();
        config.vault.anchor = Some(folder.path().join("anchor.json"));
        let database = folder.path().join("vault");
        let keys = vault(&config, &database).await?;
        let authority = Arc::new(Authority::in_folder(folder.path())?);
        // The second grant is for who rotates.
        let grants =
            "role = \"node\"\n[[callers.grants]]\noperations = [\"wrapper-keys.rotate\"]\n";
        let served = Served::start(folder.path(), &config, &database, &authority, grants)?;
        Ok(Self {
            _folder: folder,
            authority,
            keys,
            served,
            made: Arc::default(),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.served.address()
    }

    /// The number of the process that serves.
    pub(super) fn process(&self) -> u32 {
        self.served.process()
    }

    /// By which what is around the server is changed.
    pub(super) fn changes(&self) -> Changes {
        Changes {
            address: self.address(),
            process: self.process(),
            authority: Arc::clone(&self.authority),
            made: Arc::clone(&self.made),
        }
    }

    /// Asks the server to end, and waits until it has closed its vault.
    pub(super) fn end(self) -> anyhow::Result<Arc<Made>> {
        self.served.end()?;
        Ok(self.made)
    }
}

/// Makes a vault with keys, and closes it.
async fn vault(config: &Config, database: &Path) -> anyhow::Result<Vec<Arc<KeyEntry>>> {
    let kms = OpenKms::open(config, &KmsFlags::default()).await?;
    let store = ConfiguredStore::of(config, database)?.create().await?;
    let new = NewVault {
        id: VaultId::from_bytes(config.vault.id_bytes()?),
        wrapper_key: None,
    };
    let environment = kms.environment(store, config);
    let caller = environment::caller()?;
    let vault = Vault::create(environment, session::settings(config), &caller, new).await?;
    let mut keys = Vec::new();
    for spec in [SigningKeySpec::EcCurve25519, SigningKeySpec::EcP256] {
        keys.extend(generate_in(&vault, KEYS, spec).await?);
    }
    vault.close().await?;
    Ok(keys)
}
