//! A provider: who plays which role, and how well it feels.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::capabilities::Capabilities;
use crate::error::KmsError;
use crate::external_keys::ExternalKeys;
use crate::key_finder::KeyFinder;
use crate::key_tags::KeyTags;
use crate::key_wrapper::KeyWrapper;
use crate::operation::KmsOperation;

/// The largest plaintext of a wrap, in bytes (reference: kms, section 2).
pub const MAX_PLAINTEXT_BYTES: usize = 4096;

/// The largest ciphertext that is handed to a KMS, in bytes (reference: kms, section 2).
pub const MAX_CIPHERTEXT_BYTES: usize = 6144;

/// The largest message that a KMS signs, in bytes (reference: kms, section 2).
pub const MAX_MESSAGE_BYTES: usize = 4096;

/// One configured KMS: the roles it plays and what they can do.
///
/// Opening it (credentials, probing a token, reading a key file) is the constructor's business; from then on the
/// capabilities do not change. The handles may be used from many tasks at once and outlive the provider.
#[async_trait]
pub trait KmsProvider: fmt::Debug + Send + Sync {
    /// What it can do. [`Self::key_wrapper`], [`Self::external_keys`] and [`Self::key_tags`] answer `Some` exactly when it says
    /// so.
    fn capabilities(&self) -> &Capabilities;

    /// The role for custody `envelope`; `None`: it does not play it.
    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>>;

    /// The role for custody `external`; `None`: it does not play it.
    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>>;

    /// Finds keys by their tags; `None`: it cannot, and whoever was interrupted while making one must look for it in the KMS
    /// itself.
    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        None
    }

    /// Keeps tags of keys; `None`: it does not play this role.
    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        None
    }

    /// Whether it can work now, as far as it knows without a paid call. Never fails: an unreachable backend is
    /// [`KmsHealth::Failed`].
    async fn health(&self) -> KmsHealth;
}

/// How a KMS feels (reference: kms, section 6; `reason` is for people).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KmsHealth {
    /// It works, but somebody should look.
    Degraded {
        /// What is wrong.
        reason: String,
    },
    /// It does not work now, and may again.
    Failed {
        /// What is wrong.
        reason: String,
    },
    /// It will not work again in this process.
    Fatal {
        /// What is wrong.
        reason: String,
    },
    /// It works.
    Ok,
}

impl KmsHealth {
    /// The worse of the two; of two that are equally bad, `self`.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.severity() > self.severity() {
            other
        } else {
            self
        }
    }

    const fn severity(&self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Degraded { .. } => 1,
            Self::Failed { .. } => 2,
            Self::Fatal { .. } => 3,
        }
    }
}

/// Refuses what is too long for `operation` before it travels.
///
/// # Errors
/// [`KmsError::PayloadTooLarge`] if `actual` exceeds `max`, both in bytes.
pub const fn check_size(
    operation: KmsOperation,
    actual: usize,
    max: usize,
) -> Result<(), KmsError> {
    if actual > max {
        Err(KmsError::PayloadTooLarge {
            operation,
            max,
            actual,
        })
    } else {
        Ok(())
    }
}
