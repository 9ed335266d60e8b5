//! The configured key management systems, opened.

use std::sync::Arc;

use strongroom_config::{AwsConfig, Config, KmsProviderConfig, LocalConfig, Protection};
use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_kms::{KmsProvider, Metered, Surrounded, SurroundingsSettings};
use strongroom_kms_aws::{AwsKms, AwsKmsSettings, Credentials};
use strongroom_kms_local::LocalKms;
use strongroom_store::Store;
use strongroom_vault::{Environment, NamedWrapper};

use crate::{secrets, session};

/// The opened key management systems, in configured order.
pub(crate) struct OpenKms(Vec<OpenedKms>);

/// One of them.
pub(crate) struct OpenedKms {
    pub(crate) name: String,
    pub(crate) adapter: Adapter,
    /// Counts what is really sent.
    metered: Arc<Metered>,
    surrounded: Arc<Surrounded>,
}

/// What a command asks of one kind only.
pub(crate) enum Adapter {
    Aws(AwsConfig, AwsKms),
    Local(Arc<LocalKms>),
}

impl OpenedKms {
    fn new(name: String, adapter: Adapter, provider: Arc<dyn KmsProvider>) -> Self {
        let metered = Arc::new(Metered::new(provider));
        let counted: Arc<dyn KmsProvider> = Arc::<Metered>::clone(&metered);
        let settings = SurroundingsSettings::default();
        let surrounded = Surrounded::surround(counted, &settings, Arc::new(SystemRandom), None);
        Self {
            name,
            adapter,
            metered,
            surrounded: Arc::new(surrounded),
        }
    }

    /// The embedded one, if it is one.
    pub(crate) fn local(&self) -> Option<&LocalKms> {
        match &self.adapter {
            Adapter::Local(local) => Some(local),
            Adapter::Aws(..) => None,
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
            let (adapter, provider): (_, Arc<dyn KmsProvider>) = match &kms.provider {
                KmsProviderConfig::Aws(aws) => {
                    let connected = AwsKms::connect(aws_settings(aws)).await?;
                    let adapter = Adapter::Aws(aws.clone(), connected.clone());
                    (adapter, Arc::new(connected))
                }
                KmsProviderConfig::Local(local) => {
                    let local = Arc::new(open_local(local)?);
                    (Adapter::Local(Arc::clone(&local)), local)
                }
            };
            opened.push(OpenedKms::new(kms.name.clone(), adapter, provider));
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

/// Opens the embedded KMS that `config` describes.
pub(crate) fn open_local(config: &LocalConfig) -> anyhow::Result<LocalKms> {
    let passphrase = match &config.protection {
        Protection::UnprotectedKeyFile {} => None,
        Protection::Passphrase { from } => Some(secrets::read(
            from,
            &format!("Passphrase of the key file {}", config.key_file.display()),
        )?),
    };
    Ok(LocalKms::open(
        session::files(),
        &config.key_file,
        passphrase.as_ref(),
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    )?)
}

fn aws_settings(config: &AwsConfig) -> AwsKmsSettings {
    let tags = config.tags.iter();
    AwsKmsSettings {
        region: config.region.clone(),
        endpoint: config.endpoint.clone(),
        tags: tags
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        credentials: if config.rehearsal {
            Credentials::Rehearsal
        } else {
            Credentials::StandardChain
        },
    }
}
