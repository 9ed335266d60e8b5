//! A KMS that takes in some keys only, or uses other ones than it took in.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use strongroom_crypto::{KeySpec, SecretBytes, SigningKeySpec};
use strongroom_kms::{Capabilities, ExternalKeyRequest, ExternalKeys as _, KmsKeyId, KmsProvider};
use strongroom_kms_local::LocalKms;
use strongroom_store::Custody;
use strongroom_test_support::kms::{Alteration, AlteredKms};
use strongroom_vault::{NamedKms, Vault};

use super::{Act, Estate, IN_KMS, custody};
use crate::house::{House, KMS_NAME, caller, code};

/// Takes in keys of these specs, and may use keys of its own instead.
#[derive(Debug)]
pub(super) struct Choosy {
    specs: Vec<KeySpec>,
    own: Vec<(SigningKeySpec, KmsKeyId)>,
    deceives: AtomicBool,
}

impl Choosy {
    pub(super) fn deceive(&self, deceives: bool) {
        self.deceives.store(deceives, Ordering::SeqCst);
    }

    fn is_deceiving(&self) -> bool {
        self.deceives.load(Ordering::SeqCst)
    }
}

impl Alteration for Choosy {
    fn capabilities(&self, there: Capabilities) -> Capabilities {
        Capabilities {
            import_specs: self.specs.clone(),
            ..there
        }
    }

    fn signs_with(&self, key: &KmsKeyId, spec: SigningKeySpec) -> KmsKeyId {
        let mut own = self.own.iter();
        match own.find(|(own, _id)| self.is_deceiving() && *own == spec) {
            Some((_spec, own)) => own.clone(),
            None => key.clone(),
        }
    }

    fn decrypted(&self, mut plaintext: SecretBytes) -> SecretBytes {
        if self.is_deceiving() {
            // It answers, and something else.
            plaintext.expose_mut()[0] ^= 1;
        }
        plaintext
    }
}

/// Opens the vault of `house` with a KMS that takes in keys of `specs` only.
pub(super) async fn open_choosy(house: &House, specs: &[KeySpec]) -> (Vault, AlteredKms<Choosy>) {
    let mut own = Vec::new();
    for spec in specs {
        if let KeySpec::Signing(spec) = spec {
            let request = ExternalKeyRequest::default();
            let made = house.kms.generate_signing_key(*spec, &request).await;
            own.push((*spec, made.unwrap()));
        }
    }
    let choosy = Choosy {
        specs: specs.to_vec(),
        own,
        deceives: AtomicBool::new(false),
    };
    let kms = AlteredKms::around(Arc::<LocalKms>::clone(&house.kms), choosy);
    let vault = open_over(house, Arc::new(kms.clone())).await;
    (vault, kms)
}

async fn open_over(house: &House, provider: Arc<dyn KmsProvider>) -> Vault {
    let mut environment = house.environment(house.store().await.unwrap());
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider,
    }];
    let opened = Vault::open(environment, house.settings.clone()).await;
    opened.unwrap()
}

/// A KMS that cannot search.
#[derive(Debug)]
struct Blind;

impl Alteration for Blind {
    fn finds_keys(&self) -> bool {
        false
    }
}

/// Opens the vault of `house` with a KMS that cannot search.
pub(super) async fn open_without_finder(house: &House, kms: Arc<dyn KmsProvider>) -> Vault {
    open_over(house, Arc::new(AlteredKms::around(kms, Blind))).await
}

#[tokio::test]
async fn a_kms_that_does_not_do_the_work_of_a_key_does_not_get_it() {
    let estate = Estate::for_act(Act::Bring).await;
    let house = estate.copy();
    let (vault, kms) = open_choosy(&house, &KeySpec::ALL).await;
    kms.alteration().deceive(true);
    for key in crate::house::all_keys(&vault) {
        let key = key.fingerprint();
        let refused = vault.migrate_key(&caller(), &key, &IN_KMS).await;
        assert_eq!(code(refused), "MIGRATION_NOT_PROVED");
        assert_eq!(custody(&vault, &key), Custody::Envelope);
    }
    kms.alteration().deceive(false);
    estate.check(&vault, "deceived").await;
    // What it took in is not forgotten, and is taken up when it does its work.
    assert_eq!(vault.kms_journal().len(), 3);
    let before = house.kms.list_keys().len();
    Act::Bring.run(&vault).await.unwrap();
    assert_eq!(house.kms.list_keys().len(), before);

    // Nor is the copy given up to it.
    kms.alteration().deceive(true);
    for key in vault.copied_keys() {
        let refused = vault.drop_copy(&caller(), &key).await;
        assert_eq!(code(refused), "MIGRATION_NOT_PROVED");
    }
    assert_eq!(vault.copied_keys().len(), 3);
    kms.alteration().deceive(false);
    estate.check(&vault, "deceived again").await;
    let orphans = vault.find_orphans().await.unwrap();
    assert!(orphans.found.is_empty(), "{orphans:?}");
}

#[tokio::test]
async fn a_key_on_its_way_is_no_key_to_adopt_and_can_be_destroyed() {
    let estate = Estate::for_act(Act::Bring).await;
    let house = estate.copy();
    let (vault, kms) = open_choosy(&house, &KeySpec::ALL).await;
    kms.alteration().deceive(true);
    let refused = vault.migrate_key(&caller(), &estate.signing, &IN_KMS).await;
    assert_eq!(code(refused), "MIGRATION_NOT_PROVED");
    let orphans = vault.find_orphans().await.unwrap();
    let key = vault.kms_journal()[0].progress().key().cloned().unwrap();
    assert!(orphans.found.iter().any(|orphan| orphan.key.id == key));
    let refused = vault.adopt_orphan(&caller(), KMS_NAME, &key).await;
    assert_eq!(code(refused), "MIGRATION_UNDER_WAY");
    vault
        .delete_orphan(&caller(), KMS_NAME, &key)
        .await
        .unwrap();
    assert_eq!(vault.kms_journal(), []);
    kms.alteration().deceive(false);
    Act::Bring.run(&vault).await.unwrap();
    estate.check(&vault, "brought anew").await;
    let orphans = vault.find_orphans().await.unwrap();
    assert!(orphans.found.is_empty(), "{orphans:?}");
}
