//! The one path on which private keys leave, and its record.

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeyPurpose, OaepHash, PrivateKey, SecretBytes, SigningKeySpec,
    WrappingKey,
};
use strongroom_proto::{decode_encrypted_key_pair, decode_key_pair};
use strongroom_store::{Custody, Sealing};
use strongroom_vault::{
    AuditOperation, ExportForm, ImportedKey, NewEncryptionKey, NewSigningKey, Vault,
};

use crate::house::{
    House, caller, check_signs, code, new_protocol_key, secret, settings, signing_key,
};

fn forms() -> [ExportForm; 4] {
    [
        ExportForm::Pkcs8Pem,
        ExportForm::Pkcs8Der,
        ExportForm::KeyPair,
        ExportForm::EncryptedKeyPair(secret(b"a password of some length")),
    ]
}

/// Reads an export as its receiver does.
fn read(form: &ExportForm, exported: &SecretBytes, like: &ImportedKey) -> PrivateKey {
    // EXPOSE: what a receiver reads.
    let bytes = exported.expose();
    match form {
        ExportForm::KeyPair => decode_key_pair(bytes).unwrap().private,
        ExportForm::EncryptedKeyPair(password) => {
            decode_encrypted_key_pair(bytes, password).unwrap().private
        }
        _ => PrivateKey::from_file(exported, like.public.spec().purpose()).unwrap(),
    }
}

async fn keys_of_every_spec(vault: &Vault) -> Vec<Fingerprint> {
    let mut keys = Vec::new();
    for spec in SigningKeySpec::ALL {
        let new = NewSigningKey {
            spec,
            ..new_protocol_key()
        };
        keys.push(vault.generate_signing_key(&caller(), new).await.unwrap());
    }
    for spec in EncryptionKeySpec::ALL {
        let new = NewEncryptionKey { spec, name: None };
        keys.push(vault.generate_encryption_key(&caller(), new).await.unwrap());
    }
    keys.iter().map(|key| key.fingerprint()).collect()
}

/// An exported key, imported into an empty vault, is the same key there.
async fn check_round_trips(forms: &[ExportForm], keys: &[Fingerprint], vault: &Vault) {
    for form in forms {
        let house = House::numbered(77);
        let other = house.create().await;
        for key in keys {
            let entry = vault.key(key).unwrap();
            let exported = vault.export_key(&caller(), key, form).await.unwrap();
            let like = ImportedKey {
                private: PrivateKey::generate(SigningKeySpec::EcCurve25519.into(), &*random())
                    .unwrap(),
                public: entry.public.clone(),
                name: None,
            };
            let import = ImportedKey {
                private: read(form, &exported, &like),
                ..like
            };
            let imported = other.import_key(&caller(), import).await.unwrap();
            assert_eq!(imported.public, entry.public);
            if let Some(usages) = entry.usages() {
                let signature = other.sign(key, b"message", usages).await.unwrap();
                vault.verify(b"message", &signature, usages).unwrap();
            } else {
                let encrypted = vault.encrypt(key, b"message").unwrap();
                let opened = other.decrypt(&encrypted).await.unwrap();
                assert_eq!(opened, secret(b"message"));
            }
        }
    }
}

fn random() -> Box<dyn strongroom_crypto::Random> {
    Box::new(strongroom_crypto::SystemRandom)
}

#[tokio::test]
async fn every_spec_goes_out_in_every_plain_form_and_comes_back() {
    let house = House::new();
    let vault = house.create().await;
    let keys = keys_of_every_spec(&vault).await;
    check_round_trips(&forms()[..3], &keys, &vault).await;
}

#[tokio::test]
async fn a_key_goes_out_under_a_password_and_comes_back_with_it_only() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    check_round_trips(&forms()[3..], &[key], &vault).await;
    let exported = vault
        .export_key(&caller(), &key, &forms()[3])
        .await
        .unwrap();
    // EXPOSE: encrypted.
    let wrong = decode_encrypted_key_pair(exported.expose(), &secret(b"another password"));
    assert!(wrong.is_err());
    assert!(decode_key_pair(exported.expose()).is_err());
}

#[tokio::test]
async fn keys_of_every_custody_can_leave() {
    for (custody, sealing) in [
        (Custody::Clear, Sealing::DataKey),
        (Custody::Envelope, Sealing::Direct),
    ] {
        let house = House::new().with_settings(settings(custody, sealing));
        let vault = house.create().await;
        let key = signing_key(&vault).await;
        let exported = vault
            .export_key(&caller(), &key, &ExportForm::Pkcs8Der)
            .await
            .unwrap();
        let private = PrivateKey::from_file(&exported, KeyPurpose::Signing).unwrap();
        let public = private.public_key(vault.key(&key).unwrap().usages());
        assert_eq!(public.unwrap().fingerprint(), key);
    }
}

#[tokio::test]
async fn every_export_is_on_record_with_its_form_and_its_caller() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let alice = strongroom_vault::Caller::new("os-user:alice").with_trace_id("0af7651916cd43dd");
    let wrapping = PrivateKey::generate(EncryptionKeySpec::Rsa2048.into(), &*random()).unwrap();
    let wrapping = WrappingKey::detect(&wrapping.public_spki().unwrap()).unwrap();
    let wrapped = ExportForm::Wrapped(wrapping, OaepHash::Sha1);
    for form in forms().iter().chain([&wrapped]) {
        vault.export_key(&alice, &key, form).await.unwrap();
    }
    let mut records = Vec::new();
    vault.walk_audit(|entry| records.push(entry)).await.unwrap();
    let wrapped = records.pop().unwrap();
    assert_eq!(wrapped.details["wrapping_key"].len(), 64);
    assert_eq!(wrapped.details["oaep_hash"], "sha1");
    records.push(wrapped);
    let exports: Vec<_> = records
        .iter()
        .filter(|entry| entry.operation == AuditOperation::ExportKey)
        .collect();
    let forms: Vec<_> = exports
        .iter()
        .map(|entry| &*entry.details["form"])
        .collect();
    assert_eq!(
        forms,
        [
            "pkcs8-pem",
            "pkcs8-der",
            "key-pair",
            "encrypted-key-pair",
            "wrapped"
        ]
    );
    for export in exports {
        assert_eq!(export.caller, "os-user:alice");
        assert_eq!(export.trace_id.as_deref(), Some("0af7651916cd43dd"));
        assert_eq!(export.key, Some(key.to_string()));
    }
}

#[tokio::test]
async fn a_retired_key_can_leave_and_a_deleted_one_cannot() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.retire_key(&caller(), &key).await.unwrap();
    let form = ExportForm::Pkcs8Pem;
    vault.export_key(&caller(), &key, &form).await.unwrap();
    vault.delete_key(&caller(), &key).await.unwrap();
    let refused = vault.export_key(&caller(), &key, &form).await;
    assert_eq!(code(refused), "KEY_NOT_FOUND");
}

#[tokio::test]
async fn exporting_leaves_the_key_in_the_vault() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault
        .export_key(&caller(), &key, &ExportForm::Pkcs8Pem)
        .await
        .unwrap();
    check_signs(&vault, &key).await;
}
