//! A driver as a provider, and what both of its roles need.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prost::Message;
use strongroom_crypto::{KeyName, KeySpec};
use strongroom_kms::{
    Capabilities, ExternalKeys, FoundKey, KeyFinder, KeyState, KeyWrapper, KmsError, KmsHealth,
    KmsKeyId, KmsOperation, KmsProvider, MAX_MESSAGE_BYTES, MAX_PLAINTEXT_BYTES, check_size,
};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::contract::{
    self, CapabilitiesRequest, CapabilitiesResponse, FindKeysRequest, GenerateKeyResponse,
    HealthRequest, HealthState, KeyRole, KeyStateRequest, Pair, kms_driver_client::KmsDriverClient,
};
use crate::endpoint::DriverSettings;
use crate::error::DriverError;
use crate::limits::{FOUND_KEYS, MAX_GRPC_BYTES, MAX_NAME_CHARS, invalid_answer};
use crate::{specs, status, trace};

pub(crate) type Client = KmsDriverClient<Channel>;

/// A KMS that a driver reaches for us. Clones share the connection, which is made anew when it broke: a call during that
/// fails with [`KmsError::Unavailable`], and the next one may succeed.
///
/// A call that its caller drops is cancelled: the driver is told, and other calls go on.
#[derive(Clone)]
pub struct DriverKms {
    client: Client,
    capabilities: Arc<Capabilities>,
    finds_keys: bool,
    answer_within: Duration,
    search_within: Duration,
}

impl fmt::Debug for DriverKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverKms")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

impl DriverKms {
    /// Connects and asks the driver what it can do. Call it inside of a tokio runtime, which then keeps the connection.
    ///
    /// # Errors
    /// [`KmsError::Unavailable`] if nobody listens there; in [`KmsError::Provider`], [`DriverError::Stranger`] or
    /// [`DriverError::Unknown`] if somebody else does, [`DriverError::NoAnswer`] if it does not answer in time,
    /// [`DriverError::InvalidAnswer`] if it has no proper name.
    pub async fn connect(settings: DriverSettings) -> Result<Self, KmsError> {
        let client = Client::new(settings.endpoint.channel()?)
            .max_decoding_message_size(MAX_GRPC_BYTES)
            .max_encoding_message_size(MAX_GRPC_BYTES);
        let mut asking = client.clone();
        let asked = asking.capabilities(traced(CapabilitiesRequest {}));
        let answer = within(settings.answer_within, asked).await?;
        // No operation of a KMS: what stands for it here is what is asked first of any.
        let answer = answer
            .map_err(|status| status::from_status(&status, KmsOperation::WrapperKeyState, None))?
            .into_inner();
        Ok(Self {
            client,
            finds_keys: answer.finds_keys,
            capabilities: Arc::new(capabilities(answer, settings.name)?),
            answer_within: settings.answer_within,
            search_within: settings.search_within,
        })
    }

    /// A handle for one call.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// What it can do, for checks before something travels.
    pub(crate) fn can(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(crate) async fn state_as(
        &self,
        role: KeyRole,
        operation: KmsOperation,
        key: &KmsKeyId,
    ) -> Result<KeyState, KmsError> {
        let asked = request(
            operation,
            KeyStateRequest {
                key_id: key.to_string(),
                role: role as i32,
            },
        )?;
        let answer = answer(operation, Some(key), self.client().key_state(asked).await)?;
        specs::read_state(answer.state).ok_or_else(|| invalid_answer(operation, "state"))
    }
}

#[async_trait]
impl KeyFinder for DriverKms {
    async fn find_keys(&self, name: &str, value: &str) -> Result<Vec<FoundKey>, KmsError> {
        // The operation that comes nearest.
        let operation = KmsOperation::KeyState;
        let tag = Pair {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let tag = Some(tag.clone());
            let asked = request(operation, FindKeysRequest { tag, after })?;
            let mut client = self.client();
            let page = within(self.search_within, client.find_keys(asked)).await?;
            let page = answer(operation, None, page)?.keys;
            let is_last = page.len() < FOUND_KEYS;
            let last = page.last().map(|key| key.key_id.clone());
            for key in page {
                found.extend(found_key(operation, key)?);
            }
            match last {
                Some(last) if !is_last => after = last,
                _ => return Ok(found),
            }
        }
    }
}

/// None for a key of a kind that this version does not know.
fn found_key(
    operation: KmsOperation,
    key: contract::FoundKey,
) -> Result<Option<FoundKey>, KmsError> {
    let Some(kind) = key.kind.and_then(specs::read_kind_of_found) else {
        return Ok(None);
    };
    let state = specs::read_state(key.state);
    Ok(Some(FoundKey {
        id: read_key(operation, key.key_id)?,
        kind,
        state: state.ok_or_else(|| invalid_answer(operation, "state"))?,
    }))
}

/// For what no policy surrounds: nobody waits for ever.
async fn within<T>(waited: Duration, asked: impl Future<Output = T>) -> Result<T, DriverError> {
    let answer = tokio::time::timeout(waited, asked).await;
    answer.map_err(|_elapsed| DriverError::NoAnswer { waited })
}

/// A request with the trace of the caller.
///
/// # Errors
/// [`KmsError::PayloadTooLarge`] if labels, tags or a context make it longer than a message may be: gRPC would blame the
/// connection.
pub(crate) fn request<T: Message>(
    operation: KmsOperation,
    message: T,
) -> Result<Request<T>, KmsError> {
    check_size(operation, message.encoded_len(), MAX_GRPC_BYTES)?;
    Ok(traced(message))
}

fn traced<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    trace::write(request.metadata_mut());
    request
}

/// What the driver answered to `operation` on `key`.
pub(crate) fn answer<T>(
    operation: KmsOperation,
    key: Option<&KmsKeyId>,
    answer: Result<Response<T>, Status>,
) -> Result<T, KmsError> {
    match answer {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(status::from_status(&status, operation, key)),
    }
}

pub(crate) fn made_key(
    operation: KmsOperation,
    made: Result<Response<GenerateKeyResponse>, Status>,
) -> Result<KmsKeyId, KmsError> {
    let made = answer(operation, None, made)?;
    read_key(operation, made.key_id)
}

fn read_key(operation: KmsOperation, id: String) -> Result<KmsKeyId, KmsError> {
    KmsKeyId::try_new(id).map_err(|error| KmsError::answer_invalid(operation, error))
}

pub(crate) fn label(label: Option<&KeyName>) -> String {
    label.map(ToString::to_string).unwrap_or_default()
}

pub(crate) fn tags(tags: &[(String, String)]) -> Vec<Pair> {
    let pair = |(name, value): &(String, String)| Pair {
        name: name.clone(),
        value: value.clone(),
    };
    tags.iter().map(pair).collect()
}

fn capabilities(
    said: CapabilitiesResponse,
    name: Option<String>,
) -> Result<Capabilities, DriverError> {
    let provider = name.unwrap_or(said.name);
    let chars = provider.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&chars) || provider.contains(char::is_control) {
        return Err(DriverError::InvalidAnswer { field: "name" });
    }
    let limit = |said: u32, most: usize| match usize::try_from(said) {
        Ok(said) if (1..most).contains(&said) => said,
        _ => most,
    };
    let signing = said.signing_specs.into_iter();
    let encryption = said.encryption_specs.into_iter();
    let imported = said.import_signing_specs.into_iter();
    let imported = imported
        .filter_map(specs::read_signing)
        .map(KeySpec::Signing);
    let others = said.import_encryption_specs.into_iter();
    let others = others
        .filter_map(specs::read_encryption)
        .map(KeySpec::Encryption);
    Ok(Capabilities {
        wrapper_keys: said.wrapper_keys,
        multi_region: said.multi_region,
        rewraps_inside: said.rewraps_inside,
        max_wrap_bytes: limit(said.max_wrap_bytes, MAX_PLAINTEXT_BYTES),
        signing_specs: signing.filter_map(specs::read_signing).collect(),
        encryption_specs: encryption.filter_map(specs::read_encryption).collect(),
        import_specs: imported.chain(others).collect(),
        delays_deletion: said.delays_deletion,
        max_message_bytes: limit(said.max_message_bytes, MAX_MESSAGE_BYTES),
        ..Capabilities::none(provider)
    })
}

#[async_trait]
impl KmsProvider for DriverKms {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        let wraps = self.capabilities.wrapper_keys;
        wraps.then(|| Arc::new(self.clone()) as Arc<dyn KeyWrapper>)
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        let can = &self.capabilities;
        let holds = !can.signing_specs.is_empty() || !can.encryption_specs.is_empty();
        holds.then(|| Arc::new(self.clone()) as Arc<dyn ExternalKeys>)
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        let finds = self.finds_keys;
        finds.then(|| Arc::new(self.clone()) as Arc<dyn KeyFinder>)
    }

    /// What the driver says of itself; one that cannot be reached or says nothing in time has failed, and may come back.
    async fn health(&self) -> KmsHealth {
        let mut client = self.client();
        let asked = client.health(traced(HealthRequest {}));
        match tokio::time::timeout(self.answer_within, asked).await {
            Ok(Ok(said)) => {
                let said = said.into_inner();
                let reason = status::plain(&said.reason);
                match HealthState::try_from(said.state).unwrap_or_default() {
                    HealthState::Ok => KmsHealth::Ok,
                    HealthState::Degraded => KmsHealth::Degraded { reason },
                    HealthState::Fatal => KmsHealth::Fatal { reason },
                    HealthState::Failed | HealthState::Unspecified => KmsHealth::Failed { reason },
                }
            }
            Err(_late) => KmsHealth::Failed {
                reason: "the KMS driver says nothing".to_owned(),
            },
            Ok(Err(status)) => KmsHealth::Failed {
                reason: status::plain(&format!("the KMS driver does not answer: {status}")),
            },
        }
    }
}
