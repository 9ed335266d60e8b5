//! The configured key management systems, opened: the one place that picks their adapters.

#[cfg(feature = "kms-aws")]
mod aws;
#[cfg(feature = "kms-driver")]
mod driver;
#[cfg(feature = "kms-gcp")]
mod gcp;
mod local;
#[cfg(feature = "kms-pkcs11")]
mod pkcs11;
mod refused;
mod surroundings;
#[cfg(all(test, feature = "kms-aws"))]
mod tests;

use std::sync::Arc;

#[cfg(feature = "kms-driver")]
use strongroom_config::KmsLogConfig;
use strongroom_config::{Config, KmsConfig, KmsProviderConfig, LocalConfig};
use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_kms::{
    AuditFrame, Capabilities, FoundKey, KeyState, KmsError, KmsHealth, KmsKeyId, KmsMetrics,
    KmsProvider, MicroDollars, PerClass, PriceTable, Surrounded,
};
use strongroom_kms_local::LocalKms;
use strongroom_kms_recovery::RecoveryKms;
use strongroom_store::Store;
use strongroom_vault::{Environment, NamedKms, NamedWrapper, VAULT_TAG};

use crate::{
    kms_flags::{KmsFlags, RecoveryFlags},
    kms_log::KmsLog,
    session,
};

#[cfg(feature = "kms-driver")]
pub(crate) use self::driver::driver_identity;
pub(crate) use self::{local::open_local, refused::RefusedKms, surroundings::prices};

/// The configured key management systems, in their order: at least one of them is opened.
pub(crate) struct OpenKms(Vec<Configured>);

enum Configured {
    Opened(Box<OpenedKms>),
    Refused(RefusedKms),
}

/// One of them.
pub(crate) struct OpenedKms {
    pub(crate) name: String,
    /// As it is configured.
    pub(crate) config: KmsProviderConfig,
    adapter: Adapter,
    surrounded: Arc<Surrounded>,
    prices: Option<PriceTable>,
}

/// What can be asked of one kind only.
enum Adapter {
    #[cfg(feature = "kms-aws")]
    Aws(strongroom_kms_aws::AwsKms),
    #[cfg(feature = "kms-driver")]
    Driver(strongroom_kms_driver::DriverKms),
    #[cfg(feature = "kms-gcp")]
    Gcp(strongroom_kms_gcp::GcpKms),
    Local(Arc<LocalKms>),
    #[cfg(feature = "kms-pkcs11")]
    Pkcs11(strongroom_kms_pkcs11::Pkcs11Kms),
    Recovery(RecoveryKms),
}

impl Adapter {
    async fn open(
        config: &KmsProviderConfig,
        recovery: &RecoveryFlags,
        open_local: impl Fn(&LocalConfig) -> anyhow::Result<LocalKms>,
    ) -> anyhow::Result<Self> {
        match config {
            KmsProviderConfig::Local(local) => Ok(Self::Local(Arc::new(open_local(local)?))),
            KmsProviderConfig::Recovery(key) => Ok(Self::Recovery(recovery.open(&key.recipient)?)),
            #[cfg(feature = "kms-aws")]
            KmsProviderConfig::Aws(config) => Ok(Self::Aws(aws::connect(config).await?)),
            #[cfg(feature = "kms-driver")]
            KmsProviderConfig::Driver(config) => Ok(Self::Driver(driver::connect(config).await?)),
            #[cfg(feature = "kms-gcp")]
            KmsProviderConfig::Gcp(config) => Ok(Self::Gcp(gcp::connect(config).await?)),
            #[cfg(feature = "kms-pkcs11")]
            KmsProviderConfig::Pkcs11(config) => Ok(Self::Pkcs11(pkcs11::log_in(config).await?)),
            #[cfg(not(all(
                feature = "kms-aws",
                feature = "kms-driver",
                feature = "kms-gcp",
                feature = "kms-pkcs11"
            )))]
            left_out => Err(crate::failure::CliError::KmsNotBuiltIn {
                kind: left_out.kind(),
            }
            .into()),
        }
    }

    /// Canton has lines of its own for AWS, and the same for all others.
    fn audit_frame(&self) -> AuditFrame {
        match self {
            #[cfg(feature = "kms-aws")]
            Self::Aws(aws) => AuditFrame::Aws {
                endpoint: aws.endpoint().to_owned(),
            },
            _ => AuditFrame::Gcp,
        }
    }

    fn provider(&self) -> Arc<dyn KmsProvider> {
        match self {
            #[cfg(feature = "kms-aws")]
            Self::Aws(aws) => Arc::new(aws.clone()),
            #[cfg(feature = "kms-gcp")]
            Self::Gcp(gcp) => Arc::new(gcp.clone()),
            #[cfg(feature = "kms-driver")]
            Self::Driver(driver) => Arc::new(driver.clone()),
            Self::Local(local) => Arc::<LocalKms>::clone(local),
            #[cfg(feature = "kms-pkcs11")]
            Self::Pkcs11(token) => Arc::new(token.clone()),
            Self::Recovery(key) => Arc::new(key.clone()),
        }
    }
}

impl OpenedKms {
    /// Opens one KMS alone, with a log of its own.
    #[cfg(feature = "kms-driver")]
    pub(crate) async fn open(
        kms: &KmsConfig,
        configured: &KmsLogConfig,
        flags: &KmsFlags,
    ) -> anyhow::Result<Self> {
        let log = KmsLog::open(configured, &flags.log, std::slice::from_ref(kms))?;
        let adapter = Adapter::open(&kms.provider, &flags.recovery, open_local).await?;
        Ok(Self::new(kms, adapter, log.as_ref()))
    }

    fn new(kms: &KmsConfig, adapter: Adapter, log: Option<&Arc<KmsLog>>) -> Self {
        let settings = surroundings::settings(kms);
        let prices = settings.prices.clone();
        let provider = adapter.provider();
        let audit = log.and_then(|log| log.audit(kms, adapter.audit_frame()));
        let surrounded = Surrounded::surround(provider, &settings, Arc::new(SystemRandom), audit);
        Self {
            name: kms.name.clone(),
            config: kms.provider.clone(),
            adapter,
            surrounded: Arc::new(surrounded),
            prices,
        }
    }

    fn named(&self) -> NamedKms {
        NamedKms {
            name: self.name.clone(),
            provider: Arc::<Surrounded>::clone(&self.surrounded),
        }
    }

    /// What was sent to it in this run, and how it went.
    pub(crate) fn metrics(&self) -> KmsMetrics {
        self.surrounded.metrics()
    }

    /// It, with all that surrounds it.
    pub(crate) fn provider(&self) -> &dyn KmsProvider {
        &*self.surrounded
    }

    /// The same, to be kept.
    #[cfg(any(
        feature = "kms-driver",
        all(feature = "kms-simulate", feature = "kms-aws")
    ))]
    pub(crate) fn shared(&self) -> Arc<dyn KmsProvider> {
        Arc::<Surrounded>::clone(&self.surrounded)
    }

    /// From when the configured prices are.
    pub(crate) fn prices_as_of(&self) -> Option<String> {
        let prices = self.prices.as_ref();
        prices.map(|prices| prices.as_of.clone().into_owned())
    }

    /// What so many calls would cost; none without configured prices.
    pub(crate) fn cost_of(&self, calls: &PerClass<u64>) -> Option<MicroDollars> {
        Some(self.prices.as_ref()?.calls(calls))
    }

    /// The embedded one, if it is one.
    pub(crate) fn local(&self) -> Option<&LocalKms> {
        match &self.adapter {
            Adapter::Local(local) => Some(local),
            _ => None,
        }
    }

    /// What is behind a driver, in the words of the KMS itself; for others what it is called here.
    pub(crate) fn provider_name(&self) -> String {
        self.surrounded.capabilities().provider.clone()
    }

    /// How it feels, as far as it knows without a call that is paid for.
    pub(crate) async fn health(&self) -> KmsHealth {
        self.surrounded.health().await
    }

    /// Whether a wrapper key that somebody named is there and may be used, as far as this KMS tells.
    ///
    /// # Errors
    /// That of the KMS; [`KmsError::KeyDisabled`] and [`KmsError::KeyPendingDeletion`].
    pub(crate) async fn check_wrapper_key(&self, id: &KmsKeyId) -> Result<(), KmsError> {
        let Some(wrapper) = self.surrounded.key_wrapper() else {
            return Ok(());
        };
        let id = id.clone();
        match wrapper.wrapper_key_state(&id).await {
            Ok(KeyState::Disabled) => Err(KmsError::KeyDisabled { id }),
            Ok(KeyState::PendingDeletion) => Err(KmsError::KeyPendingDeletion { id }),
            // Whoever may only wrap and unwrap may not ask for states.
            Ok(_) | Err(KmsError::Denied { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A usable wrapper key that was made for this vault.
    pub(crate) async fn find_wrapper_key(&self, vault: &str) -> anyhow::Result<Option<KmsKeyId>> {
        Ok(self.find_wrapper_keys(vault).await?.into_iter().next())
    }

    /// All of them.
    pub(crate) async fn find_wrapper_keys(&self, vault: &str) -> anyhow::Result<Vec<KmsKeyId>> {
        let Some(finder) = self.surrounded.key_finder() else {
            tracing::warn!(
                kms = self.name,
                tag = VAULT_TAG,
                value = vault,
                "this KMS is not asked for keys: a wrapper key with this tag that an interrupted attempt made stays behind there"
            );
            return Ok(Vec::new());
        };
        let mut found = finder.find_keys(VAULT_TAG, vault).await?;
        found.retain(FoundKey::is_usable_wrapper);
        Ok(found.into_iter().map(|key| key.id).collect())
    }
}

impl OpenKms {
    /// Opens every configured KMS; asks for passphrases where they are to be typed. One that cannot be opened is passed
    /// over aloud, if another one can: the vault may have a wrap there.
    pub(crate) async fn open(config: &Config, flags: &KmsFlags) -> anyhow::Result<Self> {
        Self::open_with(config, flags, open_local).await
    }

    /// The same, with another way to open an embedded one.
    pub(crate) async fn open_with(
        config: &Config,
        flags: &KmsFlags,
        open_local: impl Fn(&LocalConfig) -> anyhow::Result<LocalKms>,
    ) -> anyhow::Result<Self> {
        let log = KmsLog::open(&config.kms_log, &flags.log, &config.kms)?;
        let mut all = Vec::with_capacity(config.kms.len());
        for kms in &config.kms {
            all.push(
                match Adapter::open(&kms.provider, &flags.recovery, &open_local).await {
                    Ok(adapter) => {
                        let opened = OpenedKms::new(kms, adapter, log.as_ref());
                        Configured::Opened(Box::new(opened))
                    }
                    Err(error)
                        if flags.recovery.is_given()
                            && matches!(kms.provider, KmsProviderConfig::Recovery(_)) =>
                    {
                        return Err(error);
                    }
                    Err(error) => Configured::Refused(RefusedKms {
                        name: kms.name.clone(),
                        config: kms.provider.clone(),
                        error,
                    }),
                },
            );
        }
        let is_refused = |kms: &Configured| matches!(kms, Configured::Refused(_));
        if !all.is_empty()
            && all.iter().all(is_refused)
            && let Configured::Refused(first) = all.swap_remove(0)
        {
            return Err(first.error);
        }
        let open = Self(all);
        for refused in open.refused() {
            let reason = format!("{:#}", refused.error);
            tracing::warn!(
                kms = refused.name,
                reason,
                "a key management system could not be opened"
            );
        }
        Ok(open)
    }

    /// What a vault stands on, with these key management systems.
    pub(crate) fn environment(&self, store: Arc<dyn Store>, config: &Config) -> Environment {
        let wrapper = |kms: &Configured| match kms {
            Configured::Opened(kms) => kms.surrounded.key_wrapper().map(|wrapper| NamedWrapper {
                name: kms.name.clone(),
                wrapper,
            }),
            Configured::Refused(kms) => Some(NamedWrapper {
                name: kms.name.clone(),
                wrapper: Arc::new(kms.stand_in()),
            }),
        };
        let named = |kms: &Configured| match kms {
            Configured::Opened(kms) => kms.named(),
            Configured::Refused(kms) => NamedKms {
                name: kms.name.clone(),
                provider: Arc::new(kms.stand_in()),
            },
        };
        Environment {
            store,
            wrappers: self.0.iter().filter_map(wrapper).collect(),
            kms: self.0.iter().map(named).collect(),
            anchor: session::anchor(config),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }

    /// Those that were opened.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &OpenedKms> {
        self.0.iter().filter_map(|kms| match kms {
            Configured::Opened(kms) => Some(&**kms),
            Configured::Refused(_) => None,
        })
    }

    /// Those that could not be opened.
    pub(crate) fn refused(&self) -> impl Iterator<Item = &RefusedKms> {
        self.0.iter().filter_map(|kms| match kms {
            Configured::Opened(_) => None,
            Configured::Refused(kms) => Some(kms),
        })
    }

    /// What the KMS can do that makes external keys: the one of this name, or the first that holds any.
    pub(crate) fn maker(&self, name: Option<&str>) -> Option<Capabilities> {
        let mut all = self.iter();
        let found = all.find(|kms| match name {
            Some(name) => kms.name == name,
            None => kms.surrounded.external_keys().is_some(),
        });
        found.map(|kms| kms.surrounded.capabilities().clone())
    }

    /// Calls that are dropped from now on stand in the KMS log as ended by the end of this process.
    pub(crate) fn begin_shutdown(&self) {
        for kms in self.iter() {
            if let Some(audit) = kms.surrounded.policy().audit() {
                audit.begin_shutdown();
            }
        }
    }

    /// Calls made so far, all together.
    pub(crate) fn total_calls(&self) -> u64 {
        self.iter().map(|kms| kms.metrics().calls.total()).sum()
    }
}
