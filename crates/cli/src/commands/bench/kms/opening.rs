//! Calls and time to open a vault, and to use each of its keys once.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use strongroom_config::{CacheConfig, CallBudgetConfig, Config, SealingName};
use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_kms::{WrapContext, WrapperKeyRequest};
use strongroom_memory::SecretBytes;
use strongroom_store::{Store, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{KeyFilter, NewSigningKey, NewVault, Vault};
use tempfile::TempDir;

use super::{cloud::Cloud, crowd, measurement};
use crate::{
    commands::bench::Measurement, environment, kms_flags::KmsFlags, open_kms::OpenKms, session,
    settings,
};

/// Keys generated in one transaction.
const BATCH: u32 = 1000;

/// As long as a sealed Ed25519 key in PKCS#8, as Canton stores it.
const SEALED_BYTES: usize = 83;

#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) keys: u32,
    /// Keys that are opened at once.
    pub(super) concurrency: u16,
}

pub(super) async fn run(
    cap: u32,
    size: Size,
    latencies: &[Duration],
) -> anyhow::Result<Vec<Measurement>> {
    let cloud = Cloud::start(cap)?;
    let mut vaults = Vec::new();
    for sealing in [SealingName::DataKey, SealingName::Direct] {
        vaults.push(CloudVault::make(&cloud, size, sealing).await?);
    }
    let mut results = Vec::new();
    for latency in latencies {
        let bare = open_bare(&cloud, size, *latency).await?;
        for vault in &vaults {
            let (opened, used) = vault.open_and_use(&cloud, size, *latency).await?;
            results.push(compare("open", vault, size, *latency, &opened, &bare));
            results.push(compare(
                "open and use all",
                vault,
                size,
                *latency,
                &used,
                &bare,
            ));
        }
    }
    Ok(results)
}

/// How long it took, and what it asked of the cloud.
struct Cost {
    time: Duration,
    calls: u64,
}

fn compare(
    what: &str,
    vault: &CloudVault,
    size: Size,
    latency: Duration,
    ours: &Cost,
    bare: &Cost,
) -> Measurement {
    let sealing = match vault.config.custody.sealing {
        SealingName::DataKey => "data-key",
        SealingName::Direct => "direct",
    };
    let (keys, latency) = (size.keys, latency.as_millis());
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    measurement(
        format!("{what}, {keys} keys, {sealing}, {latency} ms"),
        "ms",
        (millis(ours.time), millis(bare.time)),
        [
            ("kms_calls", ours.calls.into()),
            ("bare_kms_calls", bare.calls.into()),
            ("concurrency", size.concurrency.into()),
        ],
    )
}

/// Canton's way: each key is decrypted by the KMS at the start.
async fn open_bare(cloud: &Cloud, size: Size, latency: Duration) -> anyhow::Result<Cost> {
    cloud.clear_up()?;
    let kms = cloud.endless().await?;
    let wrapper = kms.key_wrapper();
    let wrapper = wrapper.ok_or_else(|| anyhow::anyhow!("the cloud has no wrapper keys"))?;
    let key = wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await?;
    let context = WrapContext::for_data_key(&[0; 16], &[0; 16]);
    let secret = SecretBytes::from_slice(&[0x5a; SEALED_BYTES]);
    let wrapped = Arc::new(wrapper.wrap_key(&key, &context, &secret).await?);
    cloud.begin(latency)?;
    let started = Instant::now();
    let unwrap_one = move |_key| {
        let (wrapper, wrapped) = (Arc::clone(&wrapper), Arc::clone(&wrapped));
        let context = context.clone();
        async move {
            wrapper.unwrap_key(&wrapped, &context).await?;
            Ok(())
        }
    };
    crowd::share(size.keys.into(), size.concurrency, unwrap_one).await?;
    Ok(Cost {
        time: started.elapsed(),
        calls: cloud.calls(),
    })
}

/// A vault in a temporary folder whose wrapper key is in the cloud.
struct CloudVault {
    folder: TempDir,
    config: Config,
}

impl CloudVault {
    async fn make(cloud: &Cloud, size: Size, sealing: SealingName) -> anyhow::Result<Self> {
        cloud.clear_up()?;
        let mut config = cloud.config();
        config.custody.sealing = sealing;
        config.cache = CacheConfig {
            capacity: usize::try_from(size.keys)?,
            ..CacheConfig::default()
        };
        // Making the keys is not measured, and need not wait for a budget.
        let mut unhurried = config.clone();
        for kms in &mut unhurried.kms {
            kms.calls.budget = CallBudgetConfig::default();
        }
        let made = Self {
            folder: tempfile::tempdir()?,
            config,
        };
        let kms = OpenKms::open(&unhurried, &KmsFlags::default()).await?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::create(&made.database()).await?);
        let new = NewVault {
            id: VaultId::from_bytes(made.config.vault.id_bytes()?),
            wrapper_key: None,
        };
        let environment = kms.environment(store, &unhurried);
        let caller = environment::caller()?;
        let settings = settings::settings(&unhurried)?;
        let vault = Vault::create(environment, settings, &caller, new).await?;
        let mut left = size.keys;
        while left > 0 {
            let batch = BATCH.min(left);
            vault.generate_signing_keys(&caller, keys(batch)?).await?;
            left -= batch;
        }
        vault.close().await?;
        Ok(made)
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    /// What it takes until the vault is open, and until each key signed once.
    async fn open_and_use(
        &self,
        cloud: &Cloud,
        size: Size,
        latency: Duration,
    ) -> anyhow::Result<(Cost, Cost)> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        cloud.begin(latency)?;
        let started = Instant::now();
        let so_far = || Cost {
            time: started.elapsed(),
            calls: cloud.calls(),
        };
        let store = session::open_store(&self.database()).await?;
        let environment = kms.environment(store, &self.config);
        let vault = Arc::new(Vault::open(environment, settings::settings(&self.config)?).await?);
        let opened = so_far();
        let listed = vault.list(&KeyFilter::default())?;
        let all: Arc<Vec<Fingerprint>> =
            Arc::new(listed.iter().map(|key| key.fingerprint()).collect());
        let signing = Arc::clone(&vault);
        let sign_once = move |key: u64| {
            let (vault, all) = (Arc::clone(&signing), Arc::clone(&all));
            async move {
                let key = usize::try_from(key).ok().and_then(|key| all.get(key));
                if let Some(key) = key {
                    vault.sign(key, b"used once", KeyUsages::ALL).await?;
                }
                Ok(())
            }
        };
        crowd::share(size.keys.into(), size.concurrency, sign_once).await?;
        let used = so_far();
        let open = u64::try_from(vault.opened_keys())?;
        anyhow::ensure!(open == u64::from(size.keys), "{open} keys are open");
        if let Some(vault) = Arc::into_inner(vault) {
            vault.close().await?;
        }
        Ok((opened, used))
    }
}

fn keys(count: u32) -> anyhow::Result<Vec<NewSigningKey>> {
    let usages = KeyUsages::try_new([KeyUsage::Protocol])?;
    let new = |_| NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages,
        name: None,
    };
    Ok((0..count).map(new).collect())
}
