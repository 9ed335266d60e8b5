//! Versions of keys: named by the operator, or found.

use google_cloud_kms_v1::model::crypto_key_version::CryptoKeyVersionState as State;
use strongroom_crypto::SigningKeySpec;
use strongroom_errors::Coded;
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, KeyState, KeyWrapper, KmsError, KmsKeyId, WrapContext,
    WrapperKeyRequest,
};
use strongroom_kms_sim::Weather;
use strongroom_memory::SecretBytes;
use strongroom_test_support::kms::{Failure, KmsUnderTest, run};

use crate::subject::Subject;

const SPEC: SigningKeySpec = SigningKeySpec::EcP256;

/// A signing key: its complete id, and the name of its crypto key.
async fn signing_key(subject: &Subject) -> Result<(KmsKeyId, String), Failure> {
    let request = ExternalKeyRequest::default();
    let key = subject.kms.generate_signing_key(SPEC, &request).await?;
    let (crypto_key, _) = key.as_str().rsplit_once("/cryptoKeyVersions/").unwrap();
    let crypto_key = crypto_key.to_owned();
    Ok((key, crypto_key))
}

#[test]
fn a_key_with_one_version_needs_no_number() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let (key, crypto_key) = signing_key(&subject).await?;
        let short = crypto_key.rsplit('/').next().unwrap();
        for name in [crypto_key.as_str(), short] {
            let name: KmsKeyId = name.parse()?;
            assert_eq!(subject.kms.external_key(&name).await?, key);
            assert_eq!(
                subject.kms.public_key(&name).await?,
                subject.kms.public_key(&key).await?
            );
            subject.kms.sign(&name, SPEC, b"a message").await?;
            assert_eq!(subject.kms.key_state(&name).await?, KeyState::Enabled);
        }
        Ok(())
    })
}

#[test]
fn of_several_versions_the_one_that_is_meant_is_named() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let (first, crypto_key) = signing_key(&subject).await?;
        let second: KmsKeyId = subject.add_version(&crypto_key).await?.parse()?;
        assert_ne!(
            subject.kms.public_key(&first).await?.spki,
            subject.kms.public_key(&second).await?.spki
        );
        let open: KmsKeyId = crypto_key.parse()?;
        let error = subject.kms.sign(&open, SPEC, b"a message").await;
        let error = error.unwrap_err();
        assert_eq!(error.code().name(), "KMS_GCP_VERSION_AMBIGUOUS");
        // A version that is only switched off may come back: still two can be meant.
        subject.set_state(second.as_str(), State::Disabled).await?;
        assert!(subject.kms.delete_key(&open).await.is_err());
        assert_eq!(subject.kms.key_state(&first).await?, KeyState::Enabled);
        assert_eq!(subject.kms.external_key(&open).await?, first);
        subject.set_state(second.as_str(), State::Enabled).await?;
        assert_eq!(subject.kms.external_key(&open).await?, second);
        subject.kms.delete_key(&second).await?;
        subject.kms.sign(&open, SPEC, b"a message").await?;
        assert_eq!(subject.kms.external_key(&first).await?, first);
        Ok(())
    })
}

#[test]
fn a_wrapper_key_tells_when_its_primary_version_took_over() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let request = WrapperKeyRequest::default();
        let key = subject.kms.generate_wrapper_key(&request).await?;
        assert_eq!(subject.kms.rotated_at(&key).await?, None);
        subject.rotate_wrapper_key(&key).await?;
        let rotated = subject.kms.rotated_at(&key).await?;
        assert!(rotated.is_some_and(|at| at.as_micros() > 0));
        let first: KmsKeyId = format!("{key}/cryptoKeyVersions/1").parse()?;
        assert_eq!(subject.kms.rotated_at(&first).await?, None);
        Ok(())
    })
}

#[test]
fn deleting_a_version_spares_the_others_and_ends_in_not_found() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let (first, crypto_key) = signing_key(&subject).await?;
        let second: KmsKeyId = subject.add_version(&crypto_key).await?.parse()?;
        subject.kms.delete_key(&first).await?;
        subject.kms.sign(&second, SPEC, b"a message").await?;
        let pending = subject.kms.key_state(&first).await?;
        assert_eq!(pending, KeyState::PendingDeletion);
        subject
            .simulator
            .advance(std::time::Duration::from_secs(31 * 86_400));
        for gone in [
            subject.kms.key_state(&first).await.map(drop),
            subject.kms.sign(&first, SPEC, b"a message").await.map(drop),
            subject.kms.public_key(&first).await.map(drop),
            subject.kms.delete_key(&first).await,
        ] {
            assert!(
                matches!(gone, Err(KmsError::KeyNotFound { .. })),
                "{gone:?}"
            );
        }
        Ok(())
    })
}

#[test]
fn keys_of_other_projects_and_rings_are_used_by_their_full_names() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let at = "projects/other/locations/global";
        let ring = subject.administrator.create_key_ring().set_parent(at);
        let ring = ring.set_key_ring_id("elsewhere").send().await?.name;
        let template = google_cloud_kms_v1::model::CryptoKeyVersionTemplate::new().set_algorithm(
            google_cloud_kms_v1::model::crypto_key_version::CryptoKeyVersionAlgorithm::EcSignEd25519,
        );
        let purpose = google_cloud_kms_v1::model::crypto_key::CryptoKeyPurpose::AsymmetricSign;
        let key = google_cloud_kms_v1::model::CryptoKey::new()
            .set_purpose(purpose)
            .set_version_template(template);
        let request = subject.administrator.create_crypto_key().set_parent(ring);
        let made = request.set_crypto_key_id("k").set_crypto_key(key);
        let name: KmsKeyId = made.send().await?.name.parse()?;
        let signature = subject
            .kms
            .sign(&name, SigningKeySpec::EcCurve25519, b"a message")
            .await?;
        assert_eq!(signature.len(), 64);
        Ok(())
    })
}

#[test]
fn a_key_that_is_still_being_made_is_waited_for() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        subject.simulator.set_weather(Weather {
            visibility_delay_ms: 5_000,
            ..Weather::default()
        })?;
        let (key, _) = signing_key(&subject).await?;
        let pending = subject.kms.key_state(&key).await?;
        assert_eq!(pending, KeyState::PendingCreation);
        let error = subject.kms.sign(&key, SPEC, b"a message").await;
        let error = error.unwrap_err();
        assert!(matches!(error, KmsError::KeyNotReady { .. }), "{error:?}");
        subject.simulator.advance(std::time::Duration::from_secs(6));
        subject.kms.sign(&key, SPEC, b"a message").await?;
        Ok(())
    })
}

#[test]
fn a_wrap_whose_version_is_switched_off_says_so() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let kms = &subject.kms;
        let request = WrapperKeyRequest::default();
        let key = kms.generate_wrapper_key(&request).await?;
        let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
        let data_key = SecretBytes::from_slice(&[7; 32]);
        let old = kms.wrap_key(&key, &context, &data_key).await?;
        subject.rotate_wrapper_key(&key).await?;
        let new = kms.wrap_key(&key, &context, &data_key).await?;
        let first = format!("{key}/cryptoKeyVersions/1");
        subject.set_state(&first, State::Disabled).await?;
        let error = kms.unwrap_key(&old, &context).await.unwrap_err();
        assert_eq!(error.code().name(), "KMS_GCP_OLDER_VERSION_UNUSABLE");
        assert_eq!(kms.unwrap_key(&new, &context).await?, data_key);
        subject.set_state(&first, State::Enabled).await?;
        assert_eq!(kms.unwrap_key(&old, &context).await?, data_key);
        Ok(())
    })
}

#[test]
fn a_version_of_a_wrapper_key_can_be_named() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let kms = &subject.kms;
        let request = WrapperKeyRequest::default();
        let key = kms.generate_wrapper_key(&request).await?;
        subject.rotate_wrapper_key(&key).await?;
        let first: KmsKeyId = format!("{key}/cryptoKeyVersions/1").parse()?;
        let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
        let data_key = SecretBytes::from_slice(&[7; 32]);
        let wrapped = kms.wrap_key(&first, &context, &data_key).await?;
        assert_eq!(wrapped.wrapper_key_id, first);
        assert_eq!(kms.unwrap_key(&wrapped, &context).await?, data_key);
        subject.set_state(first.as_str(), State::Disabled).await?;
        assert_eq!(kms.wrapper_key_state(&first).await?, KeyState::Disabled);
        assert_eq!(kms.wrapper_key_state(&key).await?, KeyState::Enabled);
        Ok(())
    })
}
