//! A key does what it was made for and nothing else.

use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionAlgorithm, Fingerprint, KeyUsage, KeyUsages, Signature,
};
use strongroom_vault::{NewSigningKey, PublicKeyImport};

use crate::house::{
    ALLOW_PROTOCOL, House, caller, check_signs, code, encryption_key, foreign_key,
    new_protocol_key, signing_key,
};

#[tokio::test]
async fn a_namespace_key_does_not_sign_protocol_messages() {
    let house = House::new();
    let vault = house.create().await;
    let new = NewSigningKey {
        usages: KeyUsages::try_new([KeyUsage::Namespace]).unwrap(),
        ..new_protocol_key()
    };
    let key = vault
        .generate_signing_key(&caller(), new)
        .await
        .unwrap()
        .fingerprint();
    for _cold_then_warm in 0..2 {
        let refused = vault.sign(&key, b"message", ALLOW_PROTOCOL).await;
        assert_eq!(code(refused), "KEY_USAGE_REFUSED");
    }
    let allowed = KeyUsages::only(KeyUsage::Namespace);
    let signature = vault.sign(&key, b"message", allowed).await.unwrap();
    vault.verify(b"message", &signature, allowed).unwrap();
    let refused = vault.verify(b"message", &signature, ALLOW_PROTOCOL);
    assert_eq!(code(refused), "KEY_USAGE_REFUSED");
}

#[tokio::test]
async fn a_caller_who_allows_nothing_gets_no_signature() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let refused = vault.sign(&key, b"message", KeyUsages::any_of(&[])).await;
    assert_eq!(code(refused), "KEY_USAGE_REFUSED");
}

#[tokio::test]
async fn a_key_of_the_other_purpose_is_refused() {
    let house = House::new();
    let vault = house.create().await;
    let (signing, encryption) = (signing_key(&vault).await, encryption_key(&vault).await);
    let signed = vault.sign(&encryption, b"message", KeyUsages::ALL).await;
    assert_eq!(code(signed), "WRONG_KEY_PURPOSE");
    assert_eq!(
        code(vault.encrypt(&signing, b"message")),
        "WRONG_KEY_PURPOSE"
    );
    let encrypted = AsymmetricEncrypted {
        encrypted_for: signing,
        ..vault.encrypt(&encryption, b"message").unwrap()
    };
    assert_eq!(code(vault.decrypt(&encrypted).await), "WRONG_KEY_PURPOSE");
    let signature = Signature {
        signed_by: encryption,
        ..vault.sign(&signing, b"m", KeyUsages::ALL).await.unwrap()
    };
    let verified = vault.verify(b"m", &signature, KeyUsages::ALL);
    assert_eq!(code(verified), "WRONG_KEY_PURPOSE");
}

#[tokio::test]
async fn an_unknown_key_is_not_found() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let unknown = Fingerprint::from_bytes([7; 32]);
    let signature = Signature {
        signed_by: unknown,
        ..vault.sign(&key, b"m", KeyUsages::ALL).await.unwrap()
    };
    let encrypted = AsymmetricEncrypted {
        ciphertext: vec![0; 100],
        algorithm: EncryptionAlgorithm::RsaOaepSha256,
        encrypted_for: unknown,
    };
    let form = strongroom_vault::ExportForm::Pkcs8Der;
    for outcome in [
        code(vault.sign(&unknown, b"m", KeyUsages::ALL).await),
        code(vault.verify(b"m", &signature, KeyUsages::ALL)),
        code(vault.encrypt(&unknown, b"m")),
        code(vault.decrypt(&encrypted).await),
        code(vault.key(&unknown)),
        code(vault.retire_key(&caller(), &unknown).await),
        code(vault.delete_key(&caller(), &unknown).await),
        code(vault.seal_clear_key(&caller(), &unknown).await),
        code(vault.export_key(&caller(), &unknown, &form).await),
    ] {
        assert_eq!(outcome, "KEY_NOT_FOUND");
    }
    check_signs(&vault, &key).await;
}

#[tokio::test]
async fn a_public_key_alone_verifies_but_does_not_sign() {
    let house = House::new();
    let vault = house.create().await;
    let foreign = foreign_key(9);
    let import = PublicKeyImport {
        public: foreign.public.clone(),
        name: None,
    };
    let key = vault.import_public_key(&caller(), import).await.unwrap();
    let fingerprint = key.fingerprint();
    let form = strongroom_vault::ExportForm::Pkcs8Der;
    for outcome in [
        code(vault.sign(&fingerprint, b"m", ALLOW_PROTOCOL).await),
        code(vault.retire_key(&caller(), &fingerprint).await),
        code(vault.seal_clear_key(&caller(), &fingerprint).await),
        code(vault.export_key(&caller(), &fingerprint, &form).await),
    ] {
        assert_eq!(outcome, "NO_PRIVATE_KEY");
    }
    let strongroom_crypto::PublicKey::Signing(public) = &foreign.public else {
        panic!("a signing key");
    };
    let signer = strongroom_crypto::SigningKey::new(&foreign.private, public).unwrap();
    let signature = signer.sign(b"m", ALLOW_PROTOCOL).unwrap();
    vault.verify(b"m", &signature, ALLOW_PROTOCOL).unwrap();
}
