//! A KMS that signs with another key than the vault means.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_kms::{KeyState, KmsKeyId};
use strongroom_kms_local::LocalKms;
use strongroom_test_support::kms::{Alteration, AlteredKms};
use strongroom_vault::{NamedKms, Vault};

use super::{external_house, key_in_kms, state_in_kms};
use crate::house::{House, KMS_NAME, caller, code, sign, signing_key};

/// Uses this key whenever it is asked for any other one: an alias that somebody has turned.
#[derive(Debug)]
struct Turned(KmsKeyId);

impl Alteration for Turned {
    fn key_in_place_of(&self, _meant: &KmsKeyId) -> KmsKeyId {
        self.0.clone()
    }
}

/// A vault whose KMS uses the second key wherever the first is meant.
async fn turned(house: &House) -> (Vault, Fingerprint, KmsKeyId) {
    let vault = house.create().await;
    let (key, other) = (signing_key(&vault).await, signing_key(&vault).await);
    let other = key_in_kms(&vault, &other);
    vault.close().await.unwrap();
    let mut environment = house.environment(house.store().await.unwrap());
    let kms = Arc::<LocalKms>::clone(&house.kms);
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(AlteredKms::around(kms, Turned(other.clone()))),
    }];
    let opened = Vault::open(environment, house.settings.clone()).await;
    (opened.unwrap(), key, other)
}

#[tokio::test]
async fn a_key_that_took_the_place_of_a_deleted_one_is_not_destroyed() {
    let house = external_house();
    let (vault, key, other) = turned(&house).await;
    let meant = key_in_kms(&vault, &key);
    let refused = vault.delete_key(&caller(), &key).await;
    assert_eq!(code(refused), "EXTERNAL_KEY_REMAINS");
    for key in [&meant, &other] {
        assert_eq!(state_in_kms(&house, key), Some(KeyState::Enabled));
    }
    let [entry] = &vault.kms_journal()[..] else {
        panic!("one entry");
    };
    assert_eq!(entry.progress().key(), Some(&meant));
}

#[tokio::test]
async fn a_signature_of_another_key_never_leaves() {
    let house = external_house();
    let (vault, key, _other) = turned(&house).await;
    assert_eq!(code(sign(&vault, &key).await), "KMS_ANSWER_INVALID");
    let inspection = vault.inspect(|_, _| {}).await.unwrap();
    let codes = inspection.broken.into_iter();
    let codes: Vec<_> = codes.map(|(_, error)| code::<()>(Err(error))).collect();
    assert_eq!(codes, ["EXTERNAL_KEY_EXCHANGED"]);
}
