//! A KMS that keeps nothing and answers as a test wants it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use strongroom_crypto::{EncryptionKeySpec, KeySpec, Random, SigningKeySpec};
use strongroom_kms::{
    Answer, Backoff, Call, Capabilities, ExternalKeyRequest, ExternalKeys, ExternalPublicKey,
    Guarded, KeyState, KeyTags, KeyWrapper, KmsError, KmsHealth, KmsKeyId, KmsOperation,
    KmsProvider, Next, Policy, RetrySettings, WrapContext, WrappedKey, WrapperKeyRequest,
};
use strongroom_memory::SecretBytes;
use strongroom_test_support::SeededRandom;
use tokio::time::{Instant, sleep};

/// What happens to one call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// It succeeds after a time.
    Ok(Duration),
    /// It fails after a time, with what the function makes.
    Fail(Duration, fn(KmsOperation) -> KmsError),
    /// No answer ever comes.
    Silence,
}

pub(crate) const OK: Step = Step::Ok(Duration::ZERO);
pub(crate) const TIMED_OUT: Step = fail(|operation| KmsError::TimedOut { operation });
pub(crate) const UNAVAILABLE: Step = fail(|_| KmsError::Unavailable {
    source: "no route".into(),
});
pub(crate) const THROTTLED: Step = fail(|_| KmsError::Throttled { retry_after: None });
pub(crate) const NOT_FOUND: Step = fail(|_| KmsError::KeyNotFound { id: key() });
pub(crate) const NOT_READY: Step = fail(|_| KmsError::KeyNotReady { id: key() });
pub(crate) const DENIED: Step = fail(|operation| KmsError::Denied {
    operation,
    id: None,
});

pub(crate) const fn fail(error: fn(KmsOperation) -> KmsError) -> Step {
    Step::Fail(Duration::ZERO, error)
}

/// The line to the KMS: each call takes the next step, or the usual one when there is none; each is written down.
#[derive(Clone, Debug)]
pub(crate) struct Script(Arc<Mutex<Steps>>);

#[derive(Debug)]
struct Steps {
    coming: VecDeque<Step>,
    usual: Step,
    calls: Vec<(KmsOperation, Instant)>,
}

impl Script {
    pub(crate) fn new(coming: impl IntoIterator<Item = Step>, usual: Step) -> Self {
        Self(Arc::new(Mutex::new(Steps {
            coming: coming.into_iter().collect(),
            usual,
            calls: Vec::new(),
        })))
    }

    /// From now on every call takes this step.
    pub(crate) fn always(&self, step: Step) {
        let mut steps = self.0.lock();
        steps.coming.clear();
        steps.usual = step;
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.lock().calls.len()
    }

    pub(crate) fn operations(&self) -> Vec<KmsOperation> {
        let steps = self.0.lock();
        steps
            .calls
            .iter()
            .map(|(operation, _)| *operation)
            .collect()
    }

    /// When each call was sent.
    pub(crate) fn times(&self) -> Vec<Instant> {
        self.0.lock().calls.iter().map(|(_, time)| *time).collect()
    }

    /// The provider at the end of this line.
    pub(crate) fn provider(&self) -> Arc<dyn KmsProvider> {
        Arc::new(Guarded::around(Arc::new(Toy::new()), self.clone()))
    }

    /// The same behind a policy.
    pub(crate) fn behind<P: Policy + 'static>(&self, policy: P) -> House<P> {
        House(Guarded::around(self.provider(), policy))
    }
}

impl Policy for Script {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let step = {
            let mut steps = self.0.lock();
            steps.calls.push((call.operation(), Instant::now()));
            let usual = steps.usual;
            steps.coming.pop_front().unwrap_or(usual)
        };
        match step {
            Step::Silence => std::future::pending().await,
            Step::Ok(time) => {
                sleep(time).await;
                next(call).await
            }
            Step::Fail(time, error) => {
                sleep(time).await;
                Err(error(call.operation()))
            }
        }
    }
}

/// The toy KMS behind a policy.
#[derive(Debug)]
pub(crate) struct House<P>(pub(crate) Guarded<P>);

impl<P> Clone for House<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: Policy + 'static> House<P> {
    pub(crate) fn policy(&self) -> &P {
        self.0.policy()
    }

    pub(crate) async fn sign(&self) -> Result<Vec<u8>, KmsError> {
        let keys = self.0.external_keys().unwrap();
        keys.sign(&key(), SigningKeySpec::EcP256, b"message").await
    }

    pub(crate) async fn public_key(&self) -> Result<ExternalPublicKey, KmsError> {
        self.0.external_keys().unwrap().public_key(&key()).await
    }

    pub(crate) async fn delete(&self) -> Result<(), KmsError> {
        self.0.external_keys().unwrap().delete_key(&key()).await
    }

    pub(crate) async fn import(&self) -> Result<KmsKeyId, KmsError> {
        let keys = self.0.external_keys().unwrap();
        let (spec, private_key) = (
            SigningKeySpec::EcP256.into(),
            SecretBytes::from_slice(b"key"),
        );
        keys.import_key(spec, &private_key, &ExternalKeyRequest::default())
            .await
    }

    pub(crate) async fn generate(&self) -> Result<KmsKeyId, KmsError> {
        let keys = self.0.external_keys().unwrap();
        let request = ExternalKeyRequest::default();
        keys.generate_signing_key(SigningKeySpec::EcP256, &request)
            .await
    }
}

/// Everything it is asked for succeeds, and means nothing.
#[derive(Debug)]
pub(crate) struct Toy(Capabilities);

impl Toy {
    pub(crate) fn new() -> Self {
        Self(Capabilities {
            wrapper_keys: true,
            signing_specs: SigningKeySpec::ALL.to_vec(),
            encryption_specs: EncryptionKeySpec::ALL.to_vec(),
            ..Capabilities::none("toy")
        })
    }
}

#[async_trait]
impl KmsProvider for Toy {
    fn capabilities(&self) -> &Capabilities {
        &self.0
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        Some(Arc::new(Self::new()))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        Some(Arc::new(Self::new()))
    }

    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        Some(Arc::new(Self::new()))
    }

    async fn health(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}

#[async_trait]
impl KeyWrapper for Toy {
    async fn generate_wrapper_key(&self, _: &WrapperKeyRequest) -> Result<KmsKeyId, KmsError> {
        Ok(key())
    }

    async fn wrapper_key_state(&self, _: &KmsKeyId) -> Result<KeyState, KmsError> {
        Ok(KeyState::Enabled)
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        _: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        Ok(WrappedKey {
            wrapper_key_id: wrapper_key.clone(),
            ciphertext: key.expose().to_vec(),
        })
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        _: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        Ok(SecretBytes::from_slice(&wrapped.ciphertext))
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        _: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        Ok(WrappedKey {
            wrapper_key_id: new_wrapper_key.clone(),
            ciphertext: wrapped.ciphertext.clone(),
        })
    }
}

#[async_trait]
impl KeyTags for Toy {
    async fn tag(&self, _: &KmsKeyId, _: &str) -> Result<Option<String>, KmsError> {
        Ok(Some("value".to_owned()))
    }

    async fn set_tag(&self, _: &KmsKeyId, _: &str, _: &str) -> Result<(), KmsError> {
        Ok(())
    }
}

#[async_trait]
impl ExternalKeys for Toy {
    async fn generate_signing_key(
        &self,
        _: SigningKeySpec,
        _: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        Ok(key())
    }

    async fn generate_encryption_key(
        &self,
        _: EncryptionKeySpec,
        _: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        Ok(key())
    }

    async fn import_key(
        &self,
        _: KeySpec,
        _: &SecretBytes,
        _: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        Ok(key())
    }

    async fn key_state(&self, _: &KmsKeyId) -> Result<KeyState, KmsError> {
        Ok(KeyState::Enabled)
    }

    async fn public_key(&self, _: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        Ok(ExternalPublicKey {
            spec: KeySpec::Signing(SigningKeySpec::EcP256),
            spki: Box::from(*b"public"),
        })
    }

    async fn sign(
        &self,
        _: &KmsKeyId,
        _: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        Ok(message.to_vec())
    }

    async fn decrypt(
        &self,
        _: &KmsKeyId,
        _: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        Ok(SecretBytes::from_slice(ciphertext))
    }

    async fn delete_key(&self, _: &KmsKeyId) -> Result<(), KmsError> {
        Ok(())
    }
}

pub(crate) fn key() -> KmsKeyId {
    "key-1".parse().unwrap()
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn seeded() -> Arc<dyn Random> {
    Arc::new(SeededRandom::new(1))
}

/// Four attempts, at most 100, 200, 400 ms apart.
pub(crate) fn retries() -> RetrySettings {
    let backoff = Backoff {
        attempts: 4,
        base: millis(100),
        cap: secs(1),
    };
    RetrySettings {
        failures: backoff,
        not_ready: Backoff {
            attempts: 7,
            ..backoff
        },
        total: secs(30),
    }
}
