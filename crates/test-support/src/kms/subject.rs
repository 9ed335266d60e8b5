//! What a suite needs of a KMS beside what the vault needs.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_kms::{ExternalKeys, KeyWrapper, KmsError, KmsKeyId, KmsProvider};

/// Why a rule could not be checked to its end, or what the KMS answered instead of what it should. A rule that is
/// broken in another way panics with a sentence.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A rule has nothing to check, since the capabilities promise nothing that it is about.
#[derive(Debug)]
pub(crate) struct NotOffered(pub(crate) &'static str);

impl fmt::Display for NotOffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the KMS offers no {}", self.0)
    }
}

impl std::error::Error for NotOffered {}

/// A KMS with its administrator.
///
/// What an administrator does is not part of the traits of `strongroom-kms`, since the vault must not be able to; each
/// method takes effect before it returns, as far as the provider's own handles see it.
#[async_trait]
pub trait KmsUnderTest: fmt::Debug + Send + Sync {
    /// The provider to be tested.
    fn provider(&self) -> Arc<dyn KmsProvider>;

    /// A well-formed id of a key that does not exist.
    fn unknown_key(&self) -> KmsKeyId;

    /// Switches a key off.
    async fn disable_key(&self, key: &KmsKeyId) -> Result<(), Failure>;

    /// Switches a key on again.
    async fn enable_key(&self, key: &KmsKeyId) -> Result<(), Failure>;

    /// Schedules the deletion of a key, as far ahead as the provider wants it.
    async fn schedule_deletion(&self, key: &KmsKeyId) -> Result<(), Failure>;

    /// Cancels the deletion of a key. Whether it is enabled then is the provider's affair.
    async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), Failure>;

    /// Gives a wrapper key a new version, as the provider's automatic rotation does.
    async fn rotate_wrapper_key(&self, wrapper_key: &KmsKeyId) -> Result<(), Failure>;
}

/// The role of a wrapper, which the suite was told to test.
pub(crate) fn wrapper_of(kms: &dyn KmsUnderTest) -> Result<Arc<dyn KeyWrapper>, Failure> {
    kms.provider()
        .key_wrapper()
        .ok_or_else(|| "the provider has no wrapper keys".into())
}

/// The role of a holder of keys, which the suite was told to test.
pub(crate) fn keys_of(kms: &dyn KmsUnderTest) -> Result<Arc<dyn ExternalKeys>, Failure> {
    kms.provider()
        .external_keys()
        .ok_or_else(|| "the provider has no external keys".into())
}

/// Checks that a call failed in the way that `fits` recognizes.
#[track_caller]
pub(crate) fn assert_fails<T: fmt::Debug>(
    answer: Result<T, KmsError>,
    wanted: &str,
    fits: impl FnOnce(&KmsError) -> bool,
) {
    let fine = answer.as_ref().is_err_and(fits);
    assert!(fine, "{wanted} was expected, not {answer:?}");
}

/// Runs one rule on a runtime of its own, with a second thread so that calls really meet.
///
/// # Errors
/// What the rule answers, or that no runtime can be had.
pub fn run(rule: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(rule)
}
