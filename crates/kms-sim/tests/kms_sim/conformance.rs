//! A client of the simulator can keep the rules of every KMS.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_kms_sim::{Scenario, Simulator};
use strongroom_test_support::kms::{Failure, KmsUnderTest};

use crate::client::Client;
use crate::house::{REGION, standing};

#[derive(Debug)]
struct Subject {
    simulator: Arc<Simulator>,
    provider: Arc<dyn KmsProvider>,
}

#[async_trait]
impl KmsUnderTest for Subject {
    fn provider(&self) -> Arc<dyn KmsProvider> {
        Arc::clone(&self.provider)
    }

    fn unknown_key(&self) -> KmsKeyId {
        "00000000-0000-4000-8000-000000000000".parse().unwrap()
    }

    async fn disable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let administrator = self.simulator.administrator(REGION);
        Ok(administrator.disable_key(key.as_str())?)
    }

    async fn enable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let administrator = self.simulator.administrator(REGION);
        Ok(administrator.enable_key(key.as_str())?)
    }

    async fn schedule_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let administrator = self.simulator.administrator(REGION);
        Ok(administrator.schedule_deletion(key.as_str(), 7)?)
    }

    async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        let administrator = self.simulator.administrator(REGION);
        Ok(administrator.cancel_deletion(key.as_str())?)
    }

    async fn rotate_wrapper_key(&self, wrapper_key: &KmsKeyId) -> Result<(), Failure> {
        let administrator = self.simulator.administrator(REGION);
        Ok(administrator.rotate_key(wrapper_key.as_str())?)
    }
}

async fn subject() -> Result<Subject, Failure> {
    let simulator = Arc::new(standing(Scenario::default()));
    Ok(Subject {
        provider: Arc::new(Client::of(Arc::clone(&simulator))),
        simulator,
    })
}

strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, both);
