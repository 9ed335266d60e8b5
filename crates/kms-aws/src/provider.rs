//! AWS KMS as a provider, and what both of its roles need.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_kms::{
    Client,
    config::Region,
    operation::create_key::builders::CreateKeyFluentBuilder,
    types::{KeyMetadata, KeySpec as AwsSpec, KeyState as AwsState, KeyUsageType, Tag},
};
use strongroom_crypto::KeyName;
use strongroom_kms::{
    Capabilities, ExternalKeys, KeyFinder, KeyState, KeyTags, KeyWrapper, KmsError, KmsHealth,
    KmsKeyId, KmsOperation, KmsProvider,
};

use crate::{
    error::AwsKmsError,
    refusal::Refusal,
    settings::AwsKmsSettings,
    specs::{ENCRYPTION_SPECS, IMPORT_SPECS, SIGNING_SPECS},
    young::YoungKeys,
};

/// The tag by which our keys are told from others.
const CREATED_BY: (&str, &str) = ("CreatedBy", "Strongroom");

/// One region of AWS KMS, reached with one identity. Clones share the connections.
#[derive(Clone, Debug)]
pub struct AwsKms {
    pub(crate) client: Client,
    tags: Vec<(String, String)>,
    endpoint: String,
    /// Whether new keys can be replicated to other regions.
    pub(crate) multi_region: bool,
    young: YoungKeys,
    capabilities: Capabilities,
}

impl AwsKms {
    /// Prepares the client. AWS is not called: credentials are fetched with the first use.
    ///
    /// # Errors
    /// [`AwsKmsError::NoRegion`], [`AwsKmsError::RehearsalElsewhere`], [`AwsKmsError::EndpointInsecure`].
    pub async fn connect(settings: AwsKmsSettings) -> Result<Self, AwsKmsError> {
        let config = settings.load().await?;
        Ok(Self {
            endpoint: settings.endpoint.unwrap_or_else(|| {
                let region = config.region().map_or("", Region::as_ref);
                format!("https://kms.{region}.amazonaws.com/")
            }),
            client: Client::from_conf(config),
            tags: settings.tags,
            multi_region: settings.multi_region,
            young: YoungKeys::default(),
            capabilities: Capabilities {
                wrapper_keys: true,
                multi_region: true,
                rewraps_inside: true,
                signing_specs: SIGNING_SPECS.to_vec(),
                encryption_specs: ENCRYPTION_SPECS.to_vec(),
                import_specs: IMPORT_SPECS.to_vec(),
                tags_keys: true,
                delays_deletion: true,
                ..Capabilities::none("aws")
            },
        })
    }

    /// Where requests go, for the audit log: the configured endpoint, or that of AWS for the region.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes a key of this spec and usage.
    pub(crate) async fn create_key(
        &self,
        operation: KmsOperation,
        (spec, usage): (AwsSpec, KeyUsageType),
        label: Option<&KeyName>,
        tags: &[(String, String)],
        adjust: impl FnOnce(CreateKeyFluentBuilder) -> CreateKeyFluentBuilder,
    ) -> Result<KmsKeyId, KmsError> {
        let request = self.client.create_key().key_spec(spec).key_usage(usage);
        let request = request.set_description(label.map(ToString::to_string));
        let request = request.set_tags(Some(self.tags(operation, tags)?));
        let request = request.multi_region(self.multi_region);
        let answer = adjust(request).send().await;
        let answer =
            answer.map_err(|error| Refusal::of(operation, error).without_key(operation))?;
        let made = answer.key_metadata.ok_or_else(|| {
            let missing = "AWS made a key and does not say which";
            KmsError::answer_invalid(operation, missing)
        })?;
        let key = KmsKeyId::try_new(made.key_id)?;
        self.young.born(&key);
        Ok(key)
    }

    /// Ours win over those of the request, and those over the configured ones.
    fn tags(
        &self,
        operation: KmsOperation,
        requested: &[(String, String)],
    ) -> Result<Vec<Tag>, KmsError> {
        let ours = [(CREATED_BY.0.to_owned(), CREATED_BY.1.to_owned())];
        let all = self.tags.iter().chain(requested).chain(&ours);
        // The last one of a name stays.
        let by_name: std::collections::BTreeMap<&String, &String> =
            all.map(|(name, value)| (name, value)).collect();
        by_name
            .into_iter()
            .map(|(name, value)| {
                let tag = Tag::builder().tag_key(name).tag_value(value).build();
                tag.map_err(|error| KmsError::answer_invalid(operation, error))
            })
            .collect()
    }

    /// What AWS knows of a key.
    pub(crate) async fn describe(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
    ) -> Result<KeyMetadata, KmsError> {
        let answer = self.client.describe_key().key_id(key.as_str()).send().await;
        let answer = answer.map_err(|error| {
            let refusal = Refusal::of(operation, error);
            self.young.explain(refusal.about(operation, key))
        })?;
        let known = answer.key_metadata;
        known.ok_or_else(|| KmsError::answer_invalid(operation, "AWS says nothing about the key"))
    }

    /// The error about `key`. Asks for the state of the key if that is what forbids the call.
    pub(crate) async fn explain(
        &self,
        refusal: Refusal,
        operation: KmsOperation,
        key: &KmsKeyId,
    ) -> KmsError {
        if !matches!(refusal, Refusal::State) {
            return self.young.explain(refusal.about(operation, key));
        }
        let id = key.clone();
        match self
            .describe(operation, key)
            .await
            .and_then(|it| state(&it))
        {
            Ok(KeyState::Disabled) => KmsError::KeyDisabled { id },
            Ok(KeyState::PendingDeletion) => KmsError::KeyPendingDeletion { id },
            // Usable again since, or soon.
            Ok(_) => KmsError::KeyNotReady { id },
            Err(error) => error,
        }
    }
}

/// What may be done with a key that AWS describes.
pub(crate) fn state(known: &KeyMetadata) -> Result<KeyState, KmsError> {
    match &known.key_state {
        Some(AwsState::Enabled | AwsState::Updating) => Ok(KeyState::Enabled),
        // A key that waits for its material is not whole yet.
        Some(AwsState::Creating | AwsState::PendingImport) => Ok(KeyState::PendingCreation),
        Some(AwsState::Disabled) => Ok(KeyState::Disabled),
        Some(AwsState::PendingDeletion | AwsState::PendingReplicaDeletion) => {
            Ok(KeyState::PendingDeletion)
        }
        other => Err(KmsError::Unavailable {
            source: format!("the state of the key is {other:?}").into(),
        }),
    }
}

#[async_trait]
impl KmsProvider for AwsKms {
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

    /// Always well: every call to AWS is paid for, and whoever surrounds a provider sees how its calls end.
    async fn health(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}
