//! A KMS that destroys at once.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_kms::{
    Capabilities, ExternalKeys, KeyFinder, KeyTags, KeyWrapper, KmsHealth, KmsProvider,
};

/// Says of another KMS that it destroys keys at once, as a token does.
#[derive(Debug)]
pub(super) struct Hasty {
    kms: Arc<dyn KmsProvider>,
    capabilities: Capabilities,
}

impl Hasty {
    pub(super) fn over(kms: Arc<dyn KmsProvider>) -> Self {
        let capabilities = Capabilities {
            delays_deletion: false,
            ..kms.capabilities().clone()
        };
        Self { kms, capabilities }
    }
}

#[async_trait]
impl KmsProvider for Hasty {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        self.kms.key_wrapper()
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        self.kms.external_keys()
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        self.kms.key_finder()
    }

    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        self.kms.key_tags()
    }

    async fn health(&self) -> KmsHealth {
        self.kms.health().await
    }
}
