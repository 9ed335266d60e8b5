//! A provider over the AWS face, the plainest that keeps the rules of every KMS: what the simulator answers must be enough
//! to tell every case apart. It is no adapter; it waits on the thread that asks.

mod failures;
mod keys;
mod wrapper;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};
use strongroom_kms::{
    Capabilities, ExternalKeys, KeyState, KeyWrapper, KmsError, KmsHealth, KmsKeyId, KmsOperation,
    KmsProvider,
};
use strongroom_kms_sim::Simulator;

use crate::house::call;
use failures::told;

/// The signing keys of the simulator with the names that AWS gives to them and to their algorithms.
const SIGNING: [(SigningKeySpec, &str, &str); 5] = [
    (SigningKeySpec::EcP256, "ECC_NIST_P256", "ECDSA_SHA_256"),
    (SigningKeySpec::EcP384, "ECC_NIST_P384", "ECDSA_SHA_384"),
    (
        SigningKeySpec::EcSecp256k1,
        "ECC_SECG_P256K1",
        "ECDSA_SHA_256",
    ),
    (
        SigningKeySpec::EcCurve25519,
        "ECC_NIST_EDWARDS25519",
        "ED25519_SHA_512",
    ),
    (SigningKeySpec::MlDsa65, "ML_DSA_65", "ML_DSA_SHAKE_256"),
];

#[derive(Clone)]
pub(crate) struct Client {
    simulator: Arc<Simulator>,
    capabilities: Arc<Capabilities>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    pub(crate) fn of(simulator: Arc<Simulator>) -> Self {
        let capabilities = Capabilities {
            wrapper_keys: true,
            multi_region: true,
            rewraps_inside: true,
            signing_specs: SIGNING.iter().map(|(spec, ..)| *spec).collect(),
            encryption_specs: vec![EncryptionKeySpec::Rsa2048],
            ..Capabilities::none("simulator")
        };
        Self {
            simulator,
            capabilities: Arc::new(capabilities),
        }
    }

    /// One call; an error is about `key`.
    fn ask(
        &self,
        operation: KmsOperation,
        key: Option<&KmsKeyId>,
        aws: &str,
        members: &Value,
    ) -> Result<Value, KmsError> {
        told(call(&self.simulator, aws, members), operation, key)
    }

    fn create(&self, operation: KmsOperation, wishes: &Value) -> Result<KmsKeyId, KmsError> {
        let answer = self.ask(operation, None, "CreateKey", wishes)?;
        Ok(answer["KeyMetadata"]["KeyId"].as_str().unwrap().parse()?)
    }

    /// Spec and state of a key; [`KmsError::WrongPurpose`] unless `fits` takes its spec.
    fn described(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
        fits: impl FnOnce(&str) -> bool,
    ) -> Result<(Option<KeySpec>, KeyState), KmsError> {
        let members = json!({"KeyId": key.as_str()});
        let answer = self.ask(operation, Some(key), "DescribeKey", &members)?;
        let metadata = &answer["KeyMetadata"];
        let name = metadata["KeySpec"].as_str().unwrap();
        if !fits(name) {
            return Err(KmsError::WrongPurpose {
                id: key.clone(),
                operation,
            });
        }
        let state = match metadata["KeyState"].as_str().unwrap() {
            "Enabled" => KeyState::Enabled,
            "Disabled" => KeyState::Disabled,
            _ => KeyState::PendingDeletion,
        };
        let signing = SIGNING.iter().find(|(_, of, _)| *of == name);
        let spec = match signing {
            Some((spec, ..)) => Some(KeySpec::Signing(*spec)),
            None if name == "RSA_2048" => Some(KeySpec::Encryption(EncryptionKeySpec::Rsa2048)),
            None => None,
        };
        Ok((spec, state))
    }
}

fn tags(tags: &[(String, String)]) -> Vec<Value> {
    tags.iter()
        .map(|(name, value)| json!({"TagKey": name, "TagValue": value}))
        .collect()
}

#[async_trait]
impl KmsProvider for Client {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        Some(Arc::new(self.clone()))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        Some(Arc::new(self.clone()))
    }

    async fn health(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}
