//! A provider whose every call goes through one policy.

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
use crate::provider::{KmsHealth, KmsProvider};

mod answer;
mod call;
mod finder;
mod keys;
mod policy;
mod tags;
mod wrapper;

pub use answer::{Answer, Facts};
pub use call::{Attempt, Call, Subject};
pub use policy::{Next, Pending, Policy};

/// A provider whose every call goes through one [`Policy`].
///
/// The one place where the methods of all roles are written down a second time: what surrounds a provider is a policy and
/// never has to. All handles, and all clones, share the policy and its state.
pub struct Guarded<P> {
    provider: Arc<dyn KmsProvider>,
    policy: Arc<P>,
}

impl<P: Policy + 'static> Guarded<P> {
    /// Sends every call to `provider` through `policy`.
    #[must_use]
    pub fn around(provider: Arc<dyn KmsProvider>, policy: P) -> Self {
        Self {
            provider,
            policy: Arc::new(policy),
        }
    }

    /// The policy, to ask it for its state.
    #[must_use]
    pub fn policy(&self) -> &P {
        &self.policy
    }
}

impl<P> Clone for Guarded<P> {
    fn clone(&self) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            policy: Arc::clone(&self.policy),
        }
    }
}

impl<P: fmt::Debug> fmt::Debug for Guarded<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("provider", &self.provider)
            .field("policy", &self.policy)
            .finish()
    }
}

#[async_trait]
impl<P: Policy + 'static> KmsProvider for Guarded<P> {
    fn capabilities(&self) -> &Capabilities {
        self.provider.capabilities()
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        let inner = self.provider.key_wrapper()?;
        Some(Arc::new(wrapper::GuardedWrapper {
            inner,
            line: Line(Arc::clone(&self.policy)),
        }))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        let inner = self.provider.external_keys()?;
        Some(Arc::new(keys::GuardedKeys {
            inner,
            line: Line(Arc::clone(&self.policy)),
        }))
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        let inner = self.provider.key_finder()?;
        Some(Arc::new(finder::BoundedFinder(inner)))
    }

    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        let inner = self.provider.key_tags()?;
        Some(Arc::new(tags::GuardedTags {
            inner,
            line: Line(Arc::clone(&self.policy)),
        }))
    }

    async fn health(&self) -> KmsHealth {
        let felt = self.provider.health().await;
        match self.policy.health() {
            Some(seen) => felt.worse(seen),
            None => felt,
        }
    }
}

/// What a handle sends its calls through.
#[derive(Debug)]
struct Line<P>(Arc<P>);

impl<P: Policy> Line<P> {
    async fn call<T: Answer>(
        &self,
        operation: KmsOperation,
        subject: Subject,
        send: Next<'_, T>,
    ) -> Result<T, KmsError> {
        self.0.run(Call::new(operation, subject), send).await
    }
}
