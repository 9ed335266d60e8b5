//! A served vault, and the simulated cloud that is its KMS.

use std::{path::Path, sync::Arc};

use strongroom_config::{Config, CustodyName};
use strongroom_crypto::{KeyUsage, KeyUsages, PublicKey, SigningKeySpec, SigningPublicKey};
use strongroom_store::VaultId;
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{NewSigningKey, NewVault, Vault};
use tempfile::TempDir;

use super::growth::Numbers;
use crate::{
    commands::bench::{
        kms::cloud::Cloud,
        serve::{
            authority::Authority,
            client::Client,
            sides::{Running, Served},
        },
    },
    environment,
    kms_flags::KmsFlags,
    open_kms::OpenKms,
    settings,
};

/// Calls per second that the cloud takes: it is not what is short here.
const CAP: u32 = 10_000;

/// Signs with every key, and rotates the wrapper key.
const GRANTS: &str =
    "[[callers.grants]]\nrole = \"node\"\n[[callers.grants]]\nrole = \"key-administrator\"\n";

pub(super) struct House {
    pub(super) cloud: Cloud,
    pub(super) server: Running,
    pub(super) authority: Authority,
    /// A key that is sealed in the vault.
    pub(super) sealed: SigningPublicKey,
    /// A key that the KMS holds.
    pub(super) held: SigningPublicKey,
    _folder: TempDir,
}

impl House {
    pub(super) async fn build() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let cloud = Cloud::start(CAP)?;
        let vault = folder.path().join("vault");
        let mut config = cloud.config();
        config.vault.anchor = Some(folder.path().join("anchor.json"));
        config.server.http = Some(([127, 0, 0, 1], 0).into());
        let [sealed, held] = keys(config.clone(), &vault).await?;
        let authority = Authority::in_folder(folder.path())?;
        let served = Served {
            config: &config,
            vault: &vault,
            authority: &authority,
            grants: GRANTS,
        };
        let server = served.start(&folder.path().join("serve.toml"))?;
        Ok(Self {
            cloud,
            server,
            authority,
            sealed,
            held,
            _folder: folder,
        })
    }

    pub(super) fn client(&self) -> anyhow::Result<Client> {
        Client::of(self.server.grpc, &self.authority)
    }

    /// What the server says that it takes.
    pub(super) async fn numbers(&self) -> anyhow::Result<Numbers> {
        let Some(http) = self.server.http else {
            anyhow::bail!("the server has no pages");
        };
        let answer = reqwest::get(format!("http://{http}/metrics")).await?;
        let text = answer.error_for_status()?.text().await?;
        Numbers::of(&text)
            .ok_or_else(|| anyhow::anyhow!("the server does not say what it takes of the machine"))
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        self.server.end()
    }
}

/// Makes the vault, with a sealed key and one that the KMS holds.
async fn keys(mut config: Config, folder: &Path) -> anyhow::Result<[SigningPublicKey; 2]> {
    config.custody.sequencer_auth = Some(CustodyName::External);
    let kms = OpenKms::open(&config, &KmsFlags::default()).await?;
    let store = Arc::new(SqliteStore::create(folder).await?);
    let caller = environment::caller()?;
    let new = NewVault {
        id: VaultId::from_bytes(config.vault.id_bytes()?),
        wrapper_key: None,
    };
    let environment = kms.environment(store, &config);
    let vault = Vault::create(environment, settings::settings(&config)?, &caller, new).await?;
    let key = async |spec, usage| {
        let new = NewSigningKey {
            spec,
            usages: KeyUsages::try_new([usage])?,
            name: None,
        };
        let made = vault.generate_signing_key(&caller, new).await?;
        match &made.public {
            PublicKey::Signing(key) => Ok(key.clone()),
            PublicKey::Encryption(_) => anyhow::bail!("a signing key was generated"),
        }
    };
    let sealed = key(SigningKeySpec::EcCurve25519, KeyUsage::Protocol).await?;
    let held = key(SigningKeySpec::EcP256, KeyUsage::SequencerAuthentication).await?;
    vault.close().await?;
    Ok([sealed, held])
}
