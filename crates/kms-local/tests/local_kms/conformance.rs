//! The local KMS keeps the rules of every KMS.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_kms::{KmsKeyId, KmsProvider, Metered};
use strongroom_kms_local::LocalKms;
use strongroom_test_support::kms::{Failure, FlakyKms, KmsUnderTest};

use crate::house::{House, surrounded};

#[derive(Debug)]
struct Subject {
    kms: LocalKms,
    provider: Arc<dyn KmsProvider>,
    _house: House,
}

#[async_trait]
impl KmsUnderTest for Subject {
    fn provider(&self) -> Arc<dyn KmsProvider> {
        Arc::clone(&self.provider)
    }

    fn unknown_key(&self) -> KmsKeyId {
        "local:00000000000000000000000000000000".parse().unwrap()
    }

    async fn disable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.kms.disable_key(key)?)
    }

    async fn enable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.kms.enable_key(key)?)
    }

    async fn schedule_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        self.kms.schedule_deletion(key, 7)?;
        Ok(())
    }

    async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.kms.cancel_deletion(key)?)
    }

    async fn rotate_wrapper_key(&self, wrapper_key: &KmsKeyId) -> Result<(), Failure> {
        self.kms.rotate_wrapper_key_version(wrapper_key)?;
        Ok(())
    }
}

fn over(house: House, kms: LocalKms) -> Subject {
    Subject {
        provider: Arc::new(kms.clone()),
        kms,
        _house: house,
    }
}

mod with_a_passphrase {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        let house = House::new();
        let kms = house.with_passphrase();
        Ok(over(house, kms))
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, tagging, both);
}

/// Decorators must not change what a provider does.
mod behind_decorators {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        let house = House::new();
        let kms = house.unprotected();
        let provider = Arc::new(FlakyKms::new(Arc::new(Metered::new(Arc::new(kms.clone())))));
        Ok(Subject {
            provider,
            ..over(house, kms)
        })
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, tagging, both);
}

/// Neither does everything at once: deadlines, retries, hedge, budget, breaker, audit log, meter.
mod surrounded_by_everything {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        let house = House::new();
        let kms = house.unprotected();
        let provider = Arc::new(surrounded(Arc::new(kms.clone())));
        Ok(Subject {
            provider,
            ..over(house, kms)
        })
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, tagging, both);
}
