//! The methods of the contract, each one call to the provider.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::KeySpec;
use strongroom_kms::{
    Capabilities, ExternalKeyRequest, ExternalKeys, KeyWrapper, KmsError, KmsHealth, KmsOperation,
    KmsProvider, MAX_CIPHERTEXT_BYTES, WrappedKey, WrapperKeyRequest, check_size, in_trace,
};
use strongroom_memory::SecretBytes;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::read;
use crate::contract::{
    CapabilitiesRequest, CapabilitiesResponse, DecryptAsymmetricRequest, DecryptAsymmetricResponse,
    DecryptRequest, DecryptResponse, DeleteKeyRequest, DeleteKeyResponse, EncryptRequest,
    EncryptResponse, FindKeysRequest, FindKeysResponse, FoundKey, GenerateEncryptionKeyRequest,
    GenerateKeyResponse, GenerateSigningKeyRequest, GenerateWrapperKeyRequest, HealthRequest,
    HealthResponse, HealthState, ImportKeyRequest, KeyRole, KeyStateRequest, KeyStateResponse,
    PublicKeyRequest, PublicKeyResponse, RewrapRequest, SignRequest, SignResponse,
    kms_driver_server::KmsDriver,
};
use crate::error::DriverError;
use crate::limits::{FOUND_KEYS, MAX_PRIVATE_KEY_BYTES, invalid_request};
use crate::{specs, status, trace};

pub(super) struct Service {
    provider: Arc<dyn KmsProvider>,
}

type Answer<T> = Result<Response<T>, Status>;

impl Service {
    pub(super) fn new(provider: Arc<dyn KmsProvider>) -> Self {
        Self { provider }
    }

    fn can(&self) -> &Capabilities {
        self.provider.capabilities()
    }

    fn wrapper(&self) -> Result<Arc<dyn KeyWrapper>, Status> {
        let wrapper = self.provider.key_wrapper();
        wrapper.ok_or_else(|| not_offered("wrapper keys"))
    }

    fn keys(&self) -> Result<Arc<dyn ExternalKeys>, Status> {
        let keys = self.provider.external_keys();
        keys.ok_or_else(|| not_offered("signing and encryption keys"))
    }
}

fn not_offered(what: &str) -> Status {
    let what = what.to_owned();
    status::to_status(&DriverError::NotOffered { what }.into())
}

/// Runs a call in the trace of its caller.
async fn traced<T>(
    metadata: &MetadataMap,
    call: impl Future<Output = Result<T, KmsError>>,
) -> Result<T, Status> {
    let ended = match trace::read(metadata) {
        Some(id) => in_trace(id, call).await,
        None => call.await,
    };
    ended.map_err(|error| status::to_status(&error))
}

#[async_trait]
impl KmsDriver for Service {
    async fn health(&self, request: Request<HealthRequest>) -> Answer<HealthResponse> {
        let health = async { Ok(self.provider.health().await) };
        let (state, reason) = match traced(request.metadata(), health).await? {
            KmsHealth::Ok => (HealthState::Ok, String::new()),
            KmsHealth::Degraded { reason } => (HealthState::Degraded, reason),
            KmsHealth::Failed { reason } => (HealthState::Failed, reason),
            KmsHealth::Fatal { reason } => (HealthState::Fatal, reason),
            other => (HealthState::Unspecified, format!("{other:?}")),
        };
        Ok(Response::new(HealthResponse {
            state: state as i32,
            reason: status::plain(&reason),
        }))
    }

    async fn capabilities(
        &self,
        _request: Request<CapabilitiesRequest>,
    ) -> Answer<CapabilitiesResponse> {
        let can = self.can();
        let limit = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let signing = can.signing_specs.iter();
        let encryption = can.encryption_specs.iter();
        let (mut import_signing_specs, mut import_encryption_specs) = (Vec::new(), Vec::new());
        for spec in &can.import_specs {
            match spec {
                KeySpec::Signing(spec) => import_signing_specs.push(specs::signing(*spec) as i32),
                KeySpec::Encryption(spec) => {
                    import_encryption_specs.push(specs::encryption(*spec) as i32);
                }
            }
        }
        Ok(Response::new(CapabilitiesResponse {
            name: can.provider.clone(),
            wrapper_keys: can.wrapper_keys,
            multi_region: can.multi_region,
            rewraps_inside: can.rewraps_inside,
            max_wrap_bytes: limit(can.max_wrap_bytes),
            max_message_bytes: limit(can.max_message_bytes),
            signing_specs: signing.map(|it| specs::signing(*it) as i32).collect(),
            encryption_specs: encryption.map(|it| specs::encryption(*it) as i32).collect(),
            finds_keys: self.provider.key_finder().is_some(),
            import_signing_specs,
            import_encryption_specs,
            delays_deletion: can.delays_deletion,
        }))
    }

    async fn generate_wrapper_key(
        &self,
        request: Request<GenerateWrapperKeyRequest>,
    ) -> Answer<GenerateKeyResponse> {
        let (metadata, _, asked) = request.into_parts();
        let wrapper = self.wrapper()?;
        let wanted = WrapperKeyRequest {
            label: read::label(&asked.label)?,
            tags: read::tags(asked.tags)?,
            multi_region: asked.multi_region,
        };
        let made = traced(&metadata, wrapper.generate_wrapper_key(&wanted)).await?;
        let key_id = made.to_string();
        Ok(Response::new(GenerateKeyResponse { key_id }))
    }

    async fn generate_signing_key(
        &self,
        request: Request<GenerateSigningKeyRequest>,
    ) -> Answer<GenerateKeyResponse> {
        let (metadata, _, asked) = request.into_parts();
        let (keys, spec) = (self.keys()?, read::signing(asked.spec)?);
        let wanted = ExternalKeyRequest {
            label: read::label(&asked.label)?,
            tags: read::tags(asked.tags)?,
        };
        let made = traced(&metadata, keys.generate_signing_key(spec, &wanted)).await?;
        let key_id = made.to_string();
        Ok(Response::new(GenerateKeyResponse { key_id }))
    }

    async fn generate_encryption_key(
        &self,
        request: Request<GenerateEncryptionKeyRequest>,
    ) -> Answer<GenerateKeyResponse> {
        let (metadata, _, asked) = request.into_parts();
        let (keys, spec) = (self.keys()?, read::encryption(asked.spec)?);
        let wanted = ExternalKeyRequest {
            label: read::label(&asked.label)?,
            tags: read::tags(asked.tags)?,
        };
        let made = traced(&metadata, keys.generate_encryption_key(spec, &wanted)).await?;
        let key_id = made.to_string();
        Ok(Response::new(GenerateKeyResponse { key_id }))
    }

    async fn import_key(&self, request: Request<ImportKeyRequest>) -> Answer<GenerateKeyResponse> {
        let (metadata, _, mut asked) = request.into_parts();
        let private_key = SecretBytes::take(std::mem::take(&mut asked.private_key));
        let (keys, spec) = (self.keys()?, read::spec_to_import(asked.spec.take())?);
        let max = MAX_PRIVATE_KEY_BYTES;
        read::size(check_size(KmsOperation::ImportKey, private_key.len(), max))?;
        let wanted = ExternalKeyRequest {
            label: read::label(&asked.label)?,
            tags: read::tags(std::mem::take(&mut asked.tags))?,
        };
        let made = traced(&metadata, keys.import_key(spec, &private_key, &wanted)).await?;
        let key_id = made.to_string();
        Ok(Response::new(GenerateKeyResponse { key_id }))
    }

    async fn key_state(&self, request: Request<KeyStateRequest>) -> Answer<KeyStateResponse> {
        let (metadata, _, asked) = request.into_parts();
        let key = read::key(&asked.key_id)?;
        let state = match KeyRole::try_from(asked.role).unwrap_or_default() {
            KeyRole::Wrapper => traced(&metadata, self.wrapper()?.wrapper_key_state(&key)).await?,
            KeyRole::External => traced(&metadata, self.keys()?.key_state(&key)).await?,
            KeyRole::Unspecified => return Err(invalid_request("role")),
        };
        let state = specs::state(state) as i32;
        Ok(Response::new(KeyStateResponse { state }))
    }

    async fn find_keys(&self, request: Request<FindKeysRequest>) -> Answer<FindKeysResponse> {
        let (metadata, _, asked) = request.into_parts();
        let finder = self.provider.key_finder();
        let finder = finder.ok_or_else(|| not_offered("finding keys"))?;
        let tag = read::tag(asked.tag)?;
        let mut found = traced(&metadata, finder.find_keys(&tag.name, &tag.value)).await?;
        found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        found.retain(|key| *key.id.as_str() > *asked.after);
        let keys = found.into_iter().take(FOUND_KEYS).map(|key| FoundKey {
            key_id: key.id.to_string(),
            state: specs::state(key.state) as i32,
            kind: Some(specs::kind_of_found(key.kind)),
        });
        let keys = keys.collect();
        Ok(Response::new(FindKeysResponse { keys }))
    }

    async fn public_key(&self, request: Request<PublicKeyRequest>) -> Answer<PublicKeyResponse> {
        let (metadata, _, asked) = request.into_parts();
        let (keys, key) = (self.keys()?, read::key(&asked.key_id)?);
        let known = traced(&metadata, keys.public_key(&key)).await?;
        Ok(Response::new(PublicKeyResponse {
            spec: Some(specs::spec_of_key(known.spec)),
            spki: known.spki.into_vec(),
        }))
    }

    async fn sign(&self, request: Request<SignRequest>) -> Answer<SignResponse> {
        let (metadata, _, asked) = request.into_parts();
        let (keys, key) = (self.keys()?, read::key(&asked.key_id)?);
        let (spec, message) = (read::signing(asked.spec)?, asked.message);
        let max = self.can().max_message_bytes;
        read::size(check_size(KmsOperation::Sign, message.len(), max))?;
        let signature = traced(&metadata, keys.sign(&key, spec, &message)).await?;
        Ok(Response::new(SignResponse { signature }))
    }

    async fn encrypt(&self, request: Request<EncryptRequest>) -> Answer<EncryptResponse> {
        let (metadata, _, mut asked) = request.into_parts();
        let plaintext = SecretBytes::take(std::mem::take(&mut asked.plaintext));
        let (wrapper, key) = (self.wrapper()?, read::key(&asked.wrapper_key_id)?);
        let context = read::context(std::mem::take(&mut asked.context))?;
        let max = self.can().max_wrap_bytes;
        read::size(check_size(KmsOperation::WrapKey, plaintext.len(), max))?;
        let wrapped = traced(&metadata, wrapper.wrap_key(&key, &context, &plaintext)).await?;
        let ciphertext = wrapped.ciphertext;
        Ok(Response::new(EncryptResponse { ciphertext }))
    }

    async fn decrypt(&self, request: Request<DecryptRequest>) -> Answer<DecryptResponse> {
        let (metadata, _, asked) = request.into_parts();
        let (wrapper, context) = (self.wrapper()?, read::context(asked.context)?);
        let wrapped = wrapped(
            KmsOperation::UnwrapKey,
            &asked.wrapper_key_id,
            asked.ciphertext,
        )?;
        let opened = traced(&metadata, wrapper.unwrap_key(&wrapped, &context)).await?;
        // EXPOSE: what was asked for; the message wipes its copy.
        let plaintext = opened.expose().to_vec();
        Ok(Response::new(DecryptResponse { plaintext }))
    }

    async fn decrypt_asymmetric(
        &self,
        request: Request<DecryptAsymmetricRequest>,
    ) -> Answer<DecryptAsymmetricResponse> {
        let (metadata, _, asked) = request.into_parts();
        let (keys, key) = (self.keys()?, read::key(&asked.key_id)?);
        let (spec, ciphertext) = (read::encryption(asked.spec)?, asked.ciphertext);
        let max = MAX_CIPHERTEXT_BYTES;
        read::size(check_size(KmsOperation::Decrypt, ciphertext.len(), max))?;
        let opened = traced(&metadata, keys.decrypt(&key, spec, &ciphertext)).await?;
        // EXPOSE: what was asked for; the message wipes its copy.
        let plaintext = opened.expose().to_vec();
        Ok(Response::new(DecryptAsymmetricResponse { plaintext }))
    }

    async fn rewrap(&self, request: Request<RewrapRequest>) -> Answer<EncryptResponse> {
        let (metadata, _, asked) = request.into_parts();
        let (wrapper, context) = (self.wrapper()?, read::context(asked.context)?);
        let old = wrapped(
            KmsOperation::RewrapKey,
            &asked.wrapper_key_id,
            asked.ciphertext,
        )?;
        let to = read::key(&asked.new_wrapper_key_id)?;
        let new = traced(&metadata, wrapper.rewrap_key(&old, &context, &to)).await?;
        let ciphertext = new.ciphertext;
        Ok(Response::new(EncryptResponse { ciphertext }))
    }

    async fn delete_key(&self, request: Request<DeleteKeyRequest>) -> Answer<DeleteKeyResponse> {
        let (metadata, _, asked) = request.into_parts();
        let (keys, key) = (self.keys()?, read::key(&asked.key_id)?);
        traced(&metadata, keys.delete_key(&key)).await?;
        Ok(Response::new(DeleteKeyResponse {}))
    }
}

fn wrapped(
    operation: KmsOperation,
    wrapper_key: &str,
    ciphertext: Vec<u8>,
) -> Result<WrappedKey, Status> {
    read::size(check_size(
        operation,
        ciphertext.len(),
        MAX_CIPHERTEXT_BYTES,
    ))?;
    Ok(WrappedKey {
        wrapper_key_id: read::key(wrapper_key)?,
        ciphertext,
    })
}
