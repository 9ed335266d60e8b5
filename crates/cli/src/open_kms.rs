//! The configured key management systems, opened: the one place that picks their adapters.

#[cfg(feature = "kms-aws")]
mod aws;
#[cfg(feature = "kms-driver")]
mod driver;
mod local;
#[cfg(feature = "kms-pkcs11")]
mod pkcs11;

use std::sync::Arc;

use strongroom_config::{Config, KmsConfig, KmsProviderConfig, LocalConfig};
use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_kms::{KmsHealth, KmsKeyId, KmsProvider, Metered, Surrounded, SurroundingsSettings};
use strongroom_kms_local::LocalKms;
use strongroom_store::Store;
use strongroom_vault::{Environment, NamedWrapper, VAULT_TAG};

use crate::session;

pub(crate) use self::local::open_local;

/// The opened key management systems, in configured order.
pub(crate) struct OpenKms(Vec<OpenedKms>);

/// One of them.
pub(crate) struct OpenedKms {
    pub(crate) name: String,
    /// As it is configured.
    pub(crate) config: KmsProviderConfig,
    adapter: Adapter,
    /// Counts what is really sent.
    metered: Arc<Metered>,
    surrounded: Arc<Surrounded>,
}

/// What can be asked of one kind only.
enum Adapter {
    #[cfg(feature = "kms-aws")]
    Aws(strongroom_kms_aws::AwsKms),
    #[cfg(feature = "kms-driver")]
    Driver(strongroom_kms_driver::DriverKms),
    Local(Arc<LocalKms>),
    #[cfg(feature = "kms-pkcs11")]
    Pkcs11(strongroom_kms_pkcs11::Pkcs11Kms),
}

impl Adapter {
    async fn open(
        config: &KmsProviderConfig,
        open_local: impl Fn(&LocalConfig) -> anyhow::Result<LocalKms>,
    ) -> anyhow::Result<Self> {
        match config {
            KmsProviderConfig::Local(local) => Ok(Self::Local(Arc::new(open_local(local)?))),
            #[cfg(feature = "kms-aws")]
            KmsProviderConfig::Aws(config) => Ok(Self::Aws(aws::connect(config).await?)),
            #[cfg(feature = "kms-driver")]
            KmsProviderConfig::Driver(config) => Ok(Self::Driver(driver::connect(config).await?)),
            #[cfg(feature = "kms-pkcs11")]
            KmsProviderConfig::Pkcs11(config) => Ok(Self::Pkcs11(pkcs11::log_in(config).await?)),
            #[cfg(not(all(feature = "kms-aws", feature = "kms-driver", feature = "kms-pkcs11")))]
            left_out => Err(crate::failure::CliError::KmsNotBuiltIn {
                kind: left_out.kind(),
            }
            .into()),
        }
    }

    fn provider(&self) -> Arc<dyn KmsProvider> {
        match self {
            #[cfg(feature = "kms-aws")]
            Self::Aws(aws) => Arc::new(aws.clone()),
            #[cfg(feature = "kms-driver")]
            Self::Driver(driver) => Arc::new(driver.clone()),
            Self::Local(local) => Arc::<LocalKms>::clone(local),
            #[cfg(feature = "kms-pkcs11")]
            Self::Pkcs11(token) => Arc::new(token.clone()),
        }
    }
}

impl OpenedKms {
    fn new(kms: &KmsConfig, adapter: Adapter) -> Self {
        let metered = Arc::new(Metered::new(adapter.provider()));
        let counted: Arc<dyn KmsProvider> = Arc::<Metered>::clone(&metered);
        let settings = SurroundingsSettings::default();
        let surrounded = Surrounded::surround(counted, &settings, Arc::new(SystemRandom), None);
        Self {
            name: kms.name.clone(),
            config: kms.provider.clone(),
            adapter,
            metered,
            surrounded: Arc::new(surrounded),
        }
    }

    /// The embedded one, if it is one.
    pub(crate) fn local(&self) -> Option<&LocalKms> {
        match &self.adapter {
            Adapter::Local(local) => Some(local),
            #[cfg(any(feature = "kms-aws", feature = "kms-driver", feature = "kms-pkcs11"))]
            _ => None,
        }
    }

    /// What is behind a driver, in the words of the KMS itself; for others what it is called here.
    pub(crate) fn provider_name(&self) -> String {
        self.adapter.provider().capabilities().provider.clone()
    }

    /// How it feels, as far as it knows without a call that is paid for.
    pub(crate) async fn health(&self) -> KmsHealth {
        self.surrounded.health().await
    }

    /// A usable wrapper key that was made for this vault.
    pub(crate) async fn find_wrapper_key(&self, vault: &str) -> anyhow::Result<Option<KmsKeyId>> {
        if let Some(local) = self.local() {
            return Ok(local::find_wrapper_key(local));
        }
        match self.adapter.provider().key_finder() {
            Some(finder) => Ok(finder.find_wrapper_key(VAULT_TAG, vault).await?),
            None => {
                tracing::warn!(
                    kms = self.name,
                    tag = VAULT_TAG,
                    value = vault,
                    "this KMS is not asked for keys: a wrapper key with this tag that an interrupted attempt made stays behind there"
                );
                Ok(None)
            }
        }
    }
}

impl OpenKms {
    /// Opens every configured KMS; asks for passphrases where they are to be typed.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        Self::open_with(config, open_local).await
    }

    /// The same, with another way to open an embedded one.
    pub(crate) async fn open_with(
        config: &Config,
        open_local: impl Fn(&LocalConfig) -> anyhow::Result<LocalKms>,
    ) -> anyhow::Result<Self> {
        let mut opened = Vec::with_capacity(config.kms.len());
        for kms in &config.kms {
            let adapter = Adapter::open(&kms.provider, &open_local).await?;
            opened.push(OpenedKms::new(kms, adapter));
        }
        Ok(Self(opened))
    }

    /// What a vault stands on, with these key management systems.
    pub(crate) fn environment(&self, store: Arc<dyn Store>, config: &Config) -> Environment {
        let wrapper = |kms: &OpenedKms| {
            kms.surrounded.key_wrapper().map(|wrapper| NamedWrapper {
                name: kms.name.clone(),
                wrapper,
            })
        };
        Environment {
            store,
            wrappers: self.0.iter().filter_map(wrapper).collect(),
            anchor: session::anchor(config),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &OpenedKms> {
        self.0.iter()
    }

    /// Calls made so far, all together.
    pub(crate) fn total_calls(&self) -> u64 {
        self.0.iter().map(|kms| kms.metered.calls().total()).sum()
    }
}
