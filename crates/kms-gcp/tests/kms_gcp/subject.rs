//! Google Cloud KMS at an endpoint of this machine, and its administrator.

use std::sync::Arc;

use async_trait::async_trait;
use google_cloud_auth::credentials::anonymous;
use google_cloud_kms_v1::client::KeyManagementService;
use google_cloud_kms_v1::model::{
    CryptoKeyVersion, crypto_key_version::CryptoKeyVersionState as State,
};
use strongroom_crypto::SystemRandom;
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_kms_gcp::{Credentials, GcpKms, GcpKmsSettings};
use strongroom_kms_sim::{Scenario, Simulator};
use strongroom_test_support::kms::{Failure, KmsUnderTest};

pub(crate) const PROJECT: &str = "ledger";
pub(crate) const LOCATION: &str = "europe-west3";
pub(crate) const RING: &str = "vaults";

/// A simulator with a key ring, a client of it, and its administrator.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) kms: GcpKms,
    pub(crate) administrator: KeyManagementService,
    pub(crate) simulator: Simulator,
}

impl Subject {
    pub(crate) async fn new() -> Result<Self, Failure> {
        Self::with(|_as_they_are| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut GcpKmsSettings)) -> Result<Self, Failure> {
        let simulator = Simulator::start(Scenario::default())?;
        let administrator = KeyManagementService::builder()
            .with_endpoint(simulator.endpoint())
            .with_credentials(anonymous::Builder::new().build())
            .build()
            .await?;
        let mut settings = GcpKmsSettings {
            endpoint: Some(simulator.endpoint().to_owned()),
            labels: vec![("created-by".to_owned(), "somebody".to_owned())],
            credentials: Credentials::Rehearsal,
            ..GcpKmsSettings::new(PROJECT, LOCATION, RING)
        };
        adjust(&mut settings);
        let at = format!("projects/{PROJECT}/locations/{}", settings.location);
        let ring = administrator.create_key_ring().set_parent(at);
        ring.set_key_ring_id(RING).send().await?;
        Ok(Self {
            kms: GcpKms::connect(settings, Arc::new(SystemRandom)).await?,
            administrator,
            simulator,
        })
    }

    /// Gives a key another version, and says which.
    pub(crate) async fn add_version(&self, crypto_key: &str) -> Result<String, Failure> {
        let request = self.administrator.create_crypto_key_version();
        let request = request.set_parent(crypto_key);
        let made = request.set_crypto_key_version(CryptoKeyVersion::new());
        Ok(made.send().await?.name)
    }

    /// The version that a key is: itself, or the primary one of a wrapper key.
    async fn version(&self, key: &KmsKeyId) -> Result<String, Failure> {
        if key.as_str().contains("/cryptoKeyVersions/") {
            return Ok(key.to_string());
        }
        let found = self.administrator.get_crypto_key().set_name(key.as_str());
        let primary = found.send().await?.primary;
        Ok(primary.ok_or("there is no primary version")?.name)
    }

    pub(crate) async fn set_state(&self, version: &str, state: State) -> Result<(), Failure> {
        let changed = CryptoKeyVersion::new().set_name(version).set_state(state);
        let request = self.administrator.update_crypto_key_version();
        let request = request.set_crypto_key_version(changed);
        let mask = google_cloud_wkt::FieldMask::default().set_paths(["state"]);
        request.set_update_mask(mask).send().await?;
        Ok(())
    }
}

#[async_trait]
impl KmsUnderTest for Subject {
    fn provider(&self) -> Arc<dyn KmsProvider> {
        Arc::new(self.kms.clone())
    }

    fn unknown_key(&self) -> KmsKeyId {
        let ring = format!("projects/{PROJECT}/locations/{LOCATION}/keyRings/{RING}");
        format!("{ring}/cryptoKeys/unknown").parse().unwrap()
    }

    async fn disable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        self.set_state(&self.version(key).await?, State::Disabled)
            .await
    }

    async fn enable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        self.set_state(&self.version(key).await?, State::Enabled)
            .await
    }

    async fn schedule_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let request = self.administrator.destroy_crypto_key_version();
        request.set_name(self.version(key).await?).send().await?;
        Ok(())
    }

    async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let request = self.administrator.restore_crypto_key_version();
        request.set_name(self.version(key).await?).send().await?;
        Ok(())
    }

    async fn rotate_wrapper_key(&self, wrapper_key: &KmsKeyId) -> Result<(), Failure> {
        let made = self.add_version(wrapper_key.as_str()).await?;
        let number = made.rsplit('/').next().unwrap();
        let request = self.administrator.update_crypto_key_primary_version();
        let request = request.set_name(wrapper_key.as_str());
        request.set_crypto_key_version_id(number).send().await?;
        Ok(())
    }
}
