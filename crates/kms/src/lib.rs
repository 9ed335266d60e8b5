//! What a key management system (KMS) offers the vault: wrapper keys and external keys.
//!
//! A KMS plays one or both of two roles, each a narrow trait, and may play a third beside them:
//!
//! * [`KeyWrapper`] holds *wrapper keys*: symmetric keys that never leave it and wrap our own keys (custody
//!   `envelope`). A wrap is bound to a [`WrapContext`], so that it opens only where it was made for.
//! * [`ExternalKeys`] holds the private keys themselves (custody `external`): it signs and decrypts, and tells the
//!   public halves.
//! * [`KeyTags`] keeps short texts beside keys, out of reach of whoever writes the database.
//!
//! A [`KmsProvider`] hands out the roles it plays and says in its [`Capabilities`] what they can do, which is checked
//! at start-up; no method ever answers "not supported, sorry" where the capabilities promised it.
//!
//! What it is not: no KMS. Those are crates of their own (`strongroom-kms-local`, …) that depend on this one and never
//! on each other. Verifying signatures and encrypting to a public key need no KMS and are done by `strongroom-crypto`.
//!
//! # What surrounds a provider
//!
//! It is written once, as a [`Policy`] that every call goes through: [`Guarded`] is a provider behind a policy, and the only
//! other place that names all methods of all roles. A policy sees what a call is about and how it ended, never a payload.
//!
//! * [`Deadline`]: nobody waits for ever.
//! * [`Retry`]: what may succeed later is tried again, a stated number of times for a stated time, never what may have
//!   made a key; an [`Allowance`] of all callers bounds what is sent beyond what they asked for.
//! * [`Budget`]: no more calls than the KMS grants, use before administration.
//! * [`Hedge`]: a second call beside a slow one, if asked for.
//! * [`Breaker`]: a KMS that is down is left alone, and the provider's health says so.
//! * [`Spans`]: a span of OpenTelemetry for each attempt;
//! * [`Audit`]: every request and its outcome in Canton's lines, with the trace of the caller ([`in_trace`]).
//! * [`Meter`]: calls, errors, latencies, and with a [`PriceTable`] what they cost about.
//!
//! [`Surrounded`] is a provider with all of them, in the order that they need; [`Surroundings`] says why in that order.
//! [`Metered`] has the meter alone. Time is the runtime's (`tokio::time`) and randomness an argument, so tests repeat.
//!
//! # Writing a provider
//!
//! 1. A client type that implements [`KeyWrapper`], [`ExternalKeys`] or both. Bind the context (AWS: encryption context
//!    from [`WrapContext::pairs`]; GCP and PKCS#11: additional data from [`WrapContext::to_bytes`]), and map every
//!    failure of the backend to the [`KmsError`] that says whose fault it is; an error that only your backend knows goes
//!    into [`KmsError::Provider`] with a code of its own. Never retry, time out or cache inside: policies do. Tell the audit
//!    log what the KMS calls a request with [`report_request_id`].
//! 2. A [`KmsProvider`] that probes the backend once and then hands out `Arc`s of the client.
//! 3. The conformance suite of `strongroom-test-support`, run by its macro `kms_conformance!`.
//!
//! A provider of the first role, whose backend is a toy that must not be used:
//!
//! ```
//! use std::sync::Arc;
//! use async_trait::async_trait;
//! use strongroom_crypto::{DataKey, SystemRandom};
//! use strongroom_kms::*;
//! use strongroom_memory::SecretBytes;
//!
//! /// One wrapper key that lives and dies with the process.
//! #[derive(Debug)]
//! struct ToyWrapper { id: KmsKeyId, key: DataKey }
//!
//! impl ToyWrapper {
//!     fn check(&self, id: &KmsKeyId) -> Result<(), KmsError> {
//!         if *id == self.id { Ok(()) } else { Err(KmsError::KeyNotFound { id: id.clone() }) }
//!     }
//! }
//!
//! #[async_trait]
//! impl KeyWrapper for ToyWrapper {
//!     async fn generate_wrapper_key(&self, _request: &WrapperKeyRequest) -> Result<KmsKeyId, KmsError> {
//!         Ok(self.id.clone())
//!     }
//!     async fn wrapper_key_state(&self, id: &KmsKeyId) -> Result<KeyState, KmsError> {
//!         self.check(id)?;
//!         Ok(KeyState::Enabled)
//!     }
//!     async fn wrap_key(&self, id: &KmsKeyId, context: &WrapContext, key: &SecretBytes) -> Result<WrappedKey, KmsError> {
//!         self.check(id)?;
//!         check_size(KmsOperation::WrapKey, key.len(), MAX_PLAINTEXT_BYTES)?;
//!         // EXPOSE: the plaintext of the seal.
//!         let ciphertext = self.key.seal("toy", &context.to_bytes(), key.expose(), &SystemRandom)
//!             .map_err(|source| KmsError::AnswerInvalid { operation: KmsOperation::WrapKey, source: source.into() })?;
//!         Ok(WrappedKey { wrapper_key_id: id.clone(), ciphertext })
//!     }
//!     async fn unwrap_key(&self, wrapped: &WrappedKey, context: &WrapContext) -> Result<SecretBytes, KmsError> {
//!         self.check(&wrapped.wrapper_key_id)?;
//!         // Why it does not open is nobody's business: other key, other context and changed bytes look the same.
//!         self.key.open("toy", &context.to_bytes(), &wrapped.ciphertext)
//!             .map_err(|_why| KmsError::UnwrapFailed { id: self.id.clone() })
//!     }
//!     async fn rewrap_key(&self, wrapped: &WrappedKey, context: &WrapContext, to: &KmsKeyId) -> Result<WrappedKey, KmsError> {
//!         rewrap_outside(self, wrapped, context, to).await
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct Toy { capabilities: Capabilities, wrapper: Arc<ToyWrapper> }
//!
//! #[async_trait]
//! impl KmsProvider for Toy {
//!     fn capabilities(&self) -> &Capabilities { &self.capabilities }
//!     fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> { Some(self.wrapper.clone()) }
//!     fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> { None }
//!     async fn health(&self) -> KmsHealth { KmsHealth::Ok }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let wrapper = ToyWrapper { id: KmsKeyId::try_new("toy:1")?, key: DataKey::generate(&SystemRandom)? };
//! let capabilities = Capabilities { wrapper_keys: true, ..Capabilities::none("toy") };
//! let toy = Arc::new(Toy { capabilities, wrapper: Arc::new(wrapper) });
//! let settings = SurroundingsSettings { prices: Some(PriceTable::AWS_LIST_2026_06), ..Default::default() };
//! let kms = Surrounded::surround(toy, &settings, Arc::new(SystemRandom), None);
//! let metrics = kms.metrics();
//! assert_eq!(metrics.calls.total(), 0);
//! assert_eq!(metrics.breaker, Some(BreakerState::Closed));
//! assert_eq!(metrics.estimated_cost, Some(MicroDollars(0)));
//! # Ok(()) }
//! ```

mod audit;
mod breaker;
mod bucket;
mod budget;
mod capabilities;
mod deadline;
mod error;
mod external_keys;
mod guarded;
mod hedge;
mod import;
mod key_finder;
mod key_id;
mod key_kind;
mod key_state;
mod key_tags;
mod key_wrapper;
mod loopback;
mod metered;
mod operation;
mod prices;
mod provider;
mod quota_class;
mod retry;
mod spans;
mod surroundings;
mod trace;
mod wrap_context;

pub use audit::{
    Audit, AuditFrame, AuditLine, AuditSeverity, AuditSink, RandomIds, RequestIds,
    report_request_id,
};
pub use breaker::{Breaker, BreakerSettings, BreakerState, CircuitOpen, Gate};
pub use budget::{Budget, Lane, Quota, in_background};
pub use capabilities::Capabilities;
pub use deadline::Deadline;
pub use error::{AnyError, KmsError, ProviderError};
pub use external_keys::{ExternalKeyRequest, ExternalKeys, ExternalPublicKey};
pub use guarded::{Answer, Attempt, Call, Facts, Guarded, Next, Pending, Policy, Subject};
pub use hedge::Hedge;
pub use import::importable;
pub use key_finder::{FoundKey, KeyFinder};
pub use key_id::{KmsKeyId, KmsKeyIdError};
pub use key_kind::KeyKind;
pub use key_state::KeyState;
pub use key_tags::{KeyTags, MAX_TAG_CHARS, check_tag};
pub use key_wrapper::{KeyWrapper, WrappedKey, WrapperKeyRequest, rewrap_outside};
pub use loopback::is_loopback;
pub use metered::{CallCounts, LATENCY_BOUNDS_MS, Latency, Meter, Metered};
pub use operation::KmsOperation;
pub use prices::{MicroDollars, PriceTable};
pub use provider::{
    KmsHealth, KmsProvider, MAX_CIPHERTEXT_BYTES, MAX_MESSAGE_BYTES, MAX_PLAINTEXT_BYTES,
    check_size,
};
pub use quota_class::{PerClass, QuotaClass};
pub use retry::{Allowance, AllowanceSettings, Backoff, Retry, RetrySettings};
pub use spans::Spans;
pub use surroundings::{
    BudgetSettings, KmsMetrics, Surrounded, Surroundings, SurroundingsSettings,
};
pub use trace::{SPANS, current_trace, in_trace};
pub use wrap_context::{WrapContext, WrapContextError};
