//! Rules for bringing private keys into a KMS. For every provider; one that takes in none has nothing to show but that it says
//! so.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use strongroom_crypto::{KeySpec, PrivateKey, SystemRandom};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, FoundKey, KeyKind, KeyState, KmsError, KmsKeyId,
};
use strongroom_memory::SecretBytes;

use super::external::{Decrypter, MESSAGE, Signer};
use super::finding::{TAG, finder_of, new_value, tags};
use super::subject::{Failure, KmsUnderTest, NotOffered, assert_fails, keys_of};

fn some_specs(kms: &dyn KmsUnderTest) -> Result<Vec<KeySpec>, NotOffered> {
    Some(kms.provider().capabilities().import_specs.clone())
        .filter(|specs| !specs.is_empty())
        .ok_or(NotOffered("import of private keys"))
}

fn new_key(spec: KeySpec) -> Result<PrivateKey, Failure> {
    Ok(PrivateKey::generate(spec, &SystemRandom)?)
}

fn tagged(value: &str) -> ExternalKeyRequest {
    ExternalKeyRequest {
        tags: tags(value),
        ..ExternalKeyRequest::default()
    }
}

/// Checks that the key of the KMS is `key`: it says so, and it signs or decrypts as it.
async fn assert_is(
    keys: &Arc<dyn ExternalKeys>,
    id: &KmsKeyId,
    key: &PrivateKey,
) -> Result<(), Failure> {
    let (keys, id) = (Arc::clone(keys), id.clone());
    let published = keys.public_key(&id).await?;
    assert_eq!(published.spec, key.spec());
    let given = key.public_spki()?;
    assert_eq!(
        *published.spki,
        *given,
        "{}: another public key",
        key.spec()
    );
    match key.spec() {
        KeySpec::Signing(spec) => {
            let signer = Signer::over(keys, spec, id).await?;
            assert!(signer.verifies(signer.sign().await?, MESSAGE), "{spec}");
        }
        KeySpec::Encryption(spec) => {
            Decrypter::over(keys, spec, id)
                .await?
                .assert_decrypts()
                .await?;
        }
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn an_imported_key_is_the_one_that_was_given(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let keys = keys_of(kms)?;
    for spec in some_specs(kms)? {
        let key = new_key(spec)?;
        let request = ExternalKeyRequest {
            label: Some("imported".parse()?),
            ..ExternalKeyRequest::default()
        };
        let id = keys.import_key(spec, &key.to_pkcs8()?, &request).await?;
        assert_is(&keys, &id, &key).await?;
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn an_imported_key_is_found_by_its_tags(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let keys = keys_of(kms)?;
    for spec in some_specs(kms)? {
        let value = new_value()?;
        let pkcs8 = new_key(spec)?.to_pkcs8()?;
        let id = keys.import_key(spec, &pkcs8, &tagged(&value)).await?;
        let kind = match spec {
            KeySpec::Signing(spec) => KeyKind::Signing(spec),
            KeySpec::Encryption(spec) => KeyKind::Encryption(spec),
        };
        let state = KeyState::Enabled;
        let found = finder_of(kms)?.find_keys(TAG, &value).await?;
        assert_eq!(found, [FoundKey { id, kind, state }], "{spec}");
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn an_imported_key_is_deleted_as_any_other(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let keys = keys_of(kms)?;
    for spec in some_specs(kms)? {
        let pkcs8 = new_key(spec)?.to_pkcs8()?;
        let id = keys
            .import_key(spec, &pkcs8, &ExternalKeyRequest::default())
            .await?;
        keys.delete_key(&id).await?;
        match keys.key_state(&id).await {
            Ok(state) => assert_eq!(state, KeyState::PendingDeletion, "{spec}"),
            gone => assert_fails(gone, "KeyNotFound", |error| {
                matches!(error, KmsError::KeyNotFound { .. })
            }),
        }
    }
    Ok(())
}

/// A sound RSA key of a size that no spec has.
fn rsa_3072() -> Result<SecretBytes, Failure> {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa3072)?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key)?;
    Ok(SecretBytes::from_slice(der.as_ref()))
}

/// What a spec of this name must not be fed with.
fn unsound(spec: KeySpec) -> Result<Vec<(&'static str, SecretBytes)>, Failure> {
    let sound = new_key(spec)?.to_pkcs8()?;
    let all_but_one = sound.expose().get(1..).unwrap_or_default();
    let mut all = vec![
        ("nothing", SecretBytes::from_slice(&[])),
        ("garbage", SecretBytes::from_slice(&[0x5a; 138])),
        ("a byte less", SecretBytes::from_slice(all_but_one)),
        ("an RSA key of 3072 bits", rsa_3072()?),
    ];
    for other in KeySpec::ALL
        .into_iter()
        .filter(|other| other.name() != spec.name())
    {
        all.push((other.name(), new_key(other)?.to_pkcs8()?));
    }
    Ok(all)
}

/// The rule that its name says: and nothing that could be used is there afterwards.
///
/// # Errors
/// See [`Failure`].
pub async fn what_is_no_sound_key_of_the_spec_is_refused(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let (keys, value) = (keys_of(kms)?, new_value()?);
    for spec in some_specs(kms)? {
        for (what, unsound) in unsound(spec)? {
            let answer = keys.import_key(spec, &unsound, &tagged(&value)).await;
            let wanted = format!("InvalidPrivateKey ({what} as {spec})");
            assert_fails(answer, &wanted, |error| {
                matches!(error, KmsError::InvalidPrivateKey { .. })
            });
        }
    }
    let mut left = finder_of(kms)?.find_keys(TAG, &value).await?;
    left.retain(|key| key.state.is_usable());
    assert_eq!(left, [], "left behind");
    Ok(())
}

/// The rule that its name says. A KMS that takes in every spec shows it with none.
///
/// # Errors
/// See [`Failure`].
pub async fn a_spec_that_cannot_be_imported_is_refused(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let Some(keys) = kms.provider().external_keys() else {
        return Err(NotOffered("external keys").into());
    };
    let provider = kms.provider();
    let capabilities = provider.capabilities();
    let mut others = KeySpec::ALL.to_vec();
    others.retain(|spec| !capabilities.imports(*spec));
    if others.is_empty() {
        return Err(NotOffered("spec that it does not take in").into());
    }
    for other in others {
        let pkcs8 = new_key(other)?.to_pkcs8()?;
        let answer = keys
            .import_key(other, &pkcs8, &ExternalKeyRequest::default())
            .await;
        assert_fails(
            answer,
            "ImportUnsupported",
            |error| matches!(error, KmsError::ImportUnsupported { spec, .. } if *spec == other),
        );
    }
    Ok(())
}

/// The rule that its name says: as two keys, or it is refused the second time. The first one stays what it is.
///
/// # Errors
/// See [`Failure`].
pub async fn a_key_that_is_imported_twice_works(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let (keys, request) = (keys_of(kms)?, ExternalKeyRequest::default());
    for spec in some_specs(kms)? {
        let key = new_key(spec)?;
        let pkcs8 = key.to_pkcs8()?;
        let first = keys.import_key(spec, &pkcs8, &request).await?;
        if let Ok(second) = keys.import_key(spec, &pkcs8, &request).await {
            assert_ne!(first, second, "{spec}");
            assert_is(&keys, &second, &key).await?;
            // Neither goes with the other.
            keys.delete_key(&second).await?;
        }
        assert_is(&keys, &first, &key).await?;
    }
    Ok(())
}
