//! Google Cloud KMS as a provider, and what both of its roles need.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use google_cloud_kms_v1::{
    client::KeyManagementService,
    model::{
        CryptoKey, CryptoKeyVersion, CryptoKeyVersionTemplate,
        crypto_key_version::{
            CryptoKeyVersionAlgorithm as Algorithm, CryptoKeyVersionState as State,
        },
    },
};
use strongroom_crypto::{KeyName, KeySpec, Random};
use strongroom_kms::{
    Capabilities, ExternalKeys, KeyFinder, KeyKind, KeyState, KeyTags, KeyWrapper, KmsError,
    KmsHealth, KmsKeyId, KmsOperation, KmsProvider,
};

use crate::{
    error::GcpKmsError,
    names::{self, Name},
    refusal::Refusal,
    settings::{GcpKmsSettings, ProtectionLevel},
    specs::{self, ENCRYPTION_SPECS},
};

/// The label by which our keys are told from others.
const CREATED_BY: (&str, &str) = ("created-by", "strongroom");

/// How much of a label is in the id of a key: with a hyphen and 32 random digits an id has 63 characters at most.
const MAX_PREFIX: usize = 30;

/// Where the material of a new key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    /// From Google, which makes the first version.
    Generated,
    /// From here, in versions that follow.
    Imported,
}

/// One key ring of Google Cloud KMS, reached with one identity. Clones share the connections.
#[derive(Clone, Debug)]
pub struct GcpKms {
    pub(crate) client: KeyManagementService,
    /// The resource name of the key ring.
    pub(crate) ring: String,
    pub(crate) level: ProtectionLevel,
    labels: Vec<(String, String)>,
    pub(crate) random: Arc<dyn Random>,
    capabilities: Capabilities,
}

impl GcpKms {
    /// Prepares the client; ids of new keys are drawn from `random`. The KMS is not called: tokens are fetched with the first
    /// use.
    ///
    /// # Errors
    /// [`GcpKmsError`] if project, location or key ring are no names, or the endpoint may not be talked to;
    /// [`KmsError::CredentialsRejected`] if there are no credentials, or they cannot be read.
    pub async fn connect(
        settings: GcpKmsSettings,
        random: Arc<dyn Random>,
    ) -> Result<Self, KmsError> {
        let client = settings.client().await?;
        Self::with_client(client, settings, random)
    }

    /// The same, with a client that is there.
    pub(crate) fn with_client(
        client: KeyManagementService,
        settings: GcpKmsSettings,
        random: Arc<dyn Random>,
    ) -> Result<Self, KmsError> {
        let (project, location) = (&settings.project, &settings.location);
        let ring = names::ring_name(project, location, &settings.key_ring);
        let ring = ring.ok_or_else(|| GcpKmsError::NameInvalid {
            what: "key ring",
            name: format!("{project}/{location}/{}", settings.key_ring),
        })?;
        Ok(Self {
            client,
            ring,
            level: settings.protection_level,
            labels: settings.labels,
            random,
            capabilities: Capabilities {
                wrapper_keys: true,
                // Locations of one region have names such as europe-west3; `europe`, `eur4` and `global` are several.
                multi_region: !location.contains('-'),
                signing_specs: specs::signing_specs(settings.protection_level),
                encryption_specs: ENCRYPTION_SPECS.to_vec(),
                import_specs: specs::import_specs(settings.protection_level),
                tags_keys: true,
                delays_deletion: true,
                ..Capabilities::none("gcp")
            },
        })
    }

    /// Makes a key of this kind, with its first version.
    pub(crate) async fn create_key(
        &self,
        operation: KmsOperation,
        (kind, algorithm): (KeyKind, Algorithm),
        label: Option<&KeyName>,
        tags: &[(String, String)],
    ) -> Result<CryptoKey, KmsError> {
        self.create_key_whose(
            Material::Generated,
            operation,
            (kind, algorithm),
            label,
            tags,
        )
        .await
    }

    /// Makes a key of this kind; without a version if its material is to be imported.
    pub(crate) async fn create_key_whose(
        &self,
        material: Material,
        operation: KmsOperation,
        (kind, algorithm): (KeyKind, Algorithm),
        label: Option<&KeyName>,
        tags: &[(String, String)],
    ) -> Result<CryptoKey, KmsError> {
        let template = CryptoKeyVersionTemplate::new()
            .set_protection_level(self.level.name())
            .set_algorithm(algorithm);
        let key = CryptoKey::new()
            .set_purpose(specs::purpose(kind))
            .set_version_template(template)
            .set_import_only(material == Material::Imported)
            .set_labels(self.labels(tags));
        let request = self.client.create_crypto_key().set_parent(&self.ring);
        let request = request.set_crypto_key_id(self.new_id(label)?);
        let request = request.set_skip_initial_version_creation(material == Material::Imported);
        let made = request.set_crypto_key(key).send().await;
        made.map_err(|error| Refusal::of(operation, &error).without_key(operation))
    }

    /// Ours win over those of the request, and those over the configured ones.
    fn labels<'l>(&'l self, requested: &'l [(String, String)]) -> BTreeMap<&'l str, &'l str> {
        let all = self.labels.iter().chain(requested);
        let all = all.map(|(name, value)| (name.as_str(), value.as_str()));
        // The last one of a name stays.
        all.chain([CREATED_BY]).collect()
    }

    /// An id that no key ever had: ids are not given again, not even after everything of a key was destroyed.
    pub(crate) fn new_id(&self, label: Option<&KeyName>) -> Result<String, KmsError> {
        let mut number = [0; 16];
        let filled = self.random.fill(&mut number);
        filled.map_err(|error| KmsError::Unavailable {
            source: error.into(),
        })?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let prefix = label.map_or("strongroom", KeyName::as_str).chars();
        let prefix = prefix.map(|c| if allowed(c) { c } else { '-' });
        let prefix: String = prefix.take(MAX_PREFIX).collect();
        Ok(format!("{prefix}-{:032x}", u128::from_be_bytes(number)))
    }

    /// Whether keys of this spec can be made here.
    pub(crate) fn holds(&self, spec: KeySpec) -> bool {
        self.capabilities.holds(spec)
    }

    /// The full name of a key.
    pub(crate) fn name(&self, key: &KmsKeyId) -> Result<Name, KmsError> {
        Name::read(&self.ring, key)
    }

    /// What Google knows of a crypto key.
    pub(crate) async fn describe(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
        crypto_key: &str,
    ) -> Result<CryptoKey, KmsError> {
        let answer = self.client.get_crypto_key().set_name(crypto_key).send();
        let answer = answer.await;
        answer.map_err(|error| Refusal::of(operation, &error).about(operation, key))
    }

    /// What Google knows of a version.
    pub(crate) async fn describe_version(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
        version: &str,
    ) -> Result<CryptoKeyVersion, KmsError> {
        let request = self.client.get_crypto_key_version().set_name(version);
        let answer = request.send().await;
        answer.map_err(|error| Refusal::of(operation, &error).about(operation, key))
    }
}

/// What may be done with a version.
pub(crate) fn state(key: &KmsKeyId, state: &State) -> Result<KeyState, KmsError> {
    match state {
        State::Enabled => Ok(KeyState::Enabled),
        State::PendingGeneration | State::PendingImport => Ok(KeyState::PendingCreation),
        // A version that will never have material is switched off.
        State::Disabled | State::ImportFailed | State::GenerationFailed => Ok(KeyState::Disabled),
        State::DestroyScheduled
        | State::PendingExternalDestruction
        | State::ExternalDestructionFailed => Ok(KeyState::PendingDeletion),
        State::Destroyed => Err(KmsError::KeyNotFound { id: key.clone() }),
        other => Err(KmsError::Unavailable {
            source: format!("the state of the key is {other:?}").into(),
        }),
    }
}

#[async_trait]
impl KmsProvider for GcpKms {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        Some(Arc::new(self.clone()))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        Some(Arc::new(self.clone()))
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        Some(Arc::new(self.clone()))
    }

    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        Some(Arc::new(self.clone()))
    }

    /// Always well: every call to Google is paid for, and whoever surrounds a provider sees how its calls end.
    async fn health(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}
