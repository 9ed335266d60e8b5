//! AWS KMS at an endpoint of this machine, and its administrator.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_kms::{
    Client,
    config::{BehaviorVersion, Credentials as Keys, Region},
};
use strongroom_kms::{Capabilities, ExternalKeys, KmsKeyId, KmsProvider};
use strongroom_kms_aws::{AwsKms, AwsKmsSettings, Credentials};
use strongroom_kms_sim::{Scenario, Simulator};
use strongroom_test_support::kms::{Alteration, AlteredKms, Failure, KmsUnderTest};

const REGION: &str = "eu-central-1";

/// Whoever may do in AWS what a vault must not.
pub(crate) fn administrator(endpoint: &str) -> Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Keys::new("test", "test", None, None, "test"));
    Client::from_conf(config.build())
}

#[derive(Debug)]
pub(crate) struct Subject {
    provider: Arc<dyn KmsProvider>,
    administrator: Client,
    /// Lives as long as its keys are used.
    _simulator: Option<Simulator>,
}

impl Subject {
    /// The server at `endpoint`, of which only what `narrow` leaves is used.
    pub(crate) async fn at(
        endpoint: &str,
        narrow: impl FnOnce(&mut Capabilities),
    ) -> Result<Self, Failure> {
        let kms = AwsKms::connect(AwsKmsSettings {
            region: Some(REGION.to_owned()),
            endpoint: Some(endpoint.to_owned()),
            tags: vec![("environment".to_owned(), "test".to_owned())],
            credentials: Credentials::Rehearsal,
            ..AwsKmsSettings::default()
        })
        .await?;
        let mut capabilities = kms.capabilities().clone();
        narrow(&mut capabilities);
        Ok(Self {
            provider: Arc::new(AlteredKms::around(Arc::new(kms), Narrowed(capabilities))),
            administrator: administrator(endpoint),
            _simulator: None,
        })
    }

    /// A simulator of its own.
    pub(crate) async fn simulated() -> Result<Self, Failure> {
        let simulator = Simulator::start(Scenario::default())?;
        let subject = Self::at(simulator.endpoint(), |_all| {}).await?;
        Ok(Self {
            _simulator: Some(simulator),
            ..subject
        })
    }
}

impl Subject {
    pub(crate) fn keys(&self) -> Arc<dyn ExternalKeys> {
        self.provider.external_keys().unwrap()
    }
}

/// AWS KMS of which no more is promised than this, for a server that can do less.
#[derive(Debug)]
struct Narrowed(Capabilities);

impl Alteration for Narrowed {
    fn capabilities(&self, _there: Capabilities) -> Capabilities {
        self.0.clone()
    }
}

#[async_trait]
impl KmsUnderTest for Subject {
    fn provider(&self) -> Arc<dyn KmsProvider> {
        Arc::clone(&self.provider)
    }

    fn unknown_key(&self) -> KmsKeyId {
        "11111111-2222-3333-4444-555555555555".parse().unwrap()
    }

    async fn disable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let request = self.administrator.disable_key().key_id(key.as_str());
        request.send().await?;
        Ok(())
    }

    async fn enable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let request = self.administrator.enable_key().key_id(key.as_str());
        request.send().await?;
        Ok(())
    }

    async fn schedule_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let request = self.administrator.schedule_key_deletion();
        let request = request.key_id(key.as_str()).pending_window_in_days(7);
        request.send().await?;
        Ok(())
    }

    async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let request = self.administrator.cancel_key_deletion();
        request.key_id(key.as_str()).send().await?;
        Ok(())
    }

    async fn rotate_wrapper_key(&self, wrapper_key: &KmsKeyId) -> Result<(), Failure> {
        let request = self.administrator.rotate_key_on_demand();
        request.key_id(wrapper_key.as_str()).send().await?;
        Ok(())
    }
}
