//! Our simulator: everything that Google has, and its bad days.

use std::sync::Arc;

use google_cloud_gax::paginator::ItemPaginator as _;
use std::time::Duration;

use strongroom_crypto::{SigningKeySpec, SystemRandom};
use strongroom_errors::Coded;
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, FoundKey, KeyFinder, KeyState, KeyWrapper, KmsError,
    KmsProvider, Surrounded, SurroundingsSettings, WrapContext, WrappedKey, WrapperKeyRequest,
};
use strongroom_kms_gcp::ProtectionLevel;
use strongroom_kms_sim::{Fault, FaultKind, LostAnswer, Outage, OutageKind, Weather};
use strongroom_memory::SecretBytes;
use strongroom_test_support::kms::{Failure, KmsUnderTest, run};

use crate::subject::{LOCATION, PROJECT, RING, Subject};

mod keeps_the_rules {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        Subject::new().await
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, tagging, both);
}

mod keeps_the_rules_in_software_and_in_many_regions {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        Subject::with(|settings| {
            settings.protection_level = ProtectionLevel::Software;
            settings.location = "europe".to_owned();
        })
        .await
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, tagging, both);
}

fn context() -> WrapContext {
    WrapContext::for_data_key(&[1; 16], &[2; 16])
}

async fn sign(subject: &Subject) -> Result<Vec<u8>, KmsError> {
    let (spec, request) = (SigningKeySpec::EcP256, ExternalKeyRequest::default());
    let key = subject.kms.generate_signing_key(spec, &request).await?;
    subject.kms.sign(&key, spec, b"a message").await
}

#[test]
fn signing_and_unwrapping_take_one_call_each() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let kms = &subject.kms;
        subject.simulator.reset_calls();
        sign(&subject).await?;
        let key = kms
            .generate_wrapper_key(&WrapperKeyRequest::default())
            .await?;
        let data_key = SecretBytes::from_slice(&[7; 32]);
        let wrapped = kms.wrap_key(&key, &context(), &data_key).await?;
        kms.unwrap_key(&wrapped, &context()).await?;
        let calls = subject.simulator.calls();
        for (operation, times) in [
            ("CreateCryptoKey", 2),
            // Which version of a new key it is.
            ("ListCryptoKeyVersions", 1),
            ("AsymmetricSign", 1),
            ("Encrypt", 1),
            ("Decrypt", 1),
        ] {
            assert_eq!(calls.of(operation).arrived, times, "{operation}");
        }
        assert_eq!(calls.total(), 6, "{calls:?}");
        Ok(())
    })
}

/// A node of Canton encrypts its rows so: without additional authenticated data, and it keeps the last part of the name only.
#[test]
fn what_was_encrypted_without_a_context_opens_without_one_and_with_none_other()
-> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let kms = &subject.kms;
        let request = WrapperKeyRequest::default();
        let key = kms.generate_wrapper_key(&request).await?;
        let row = vec![7; 200];
        let encrypt = subject.administrator.encrypt().set_name(key.as_str());
        let encrypted = encrypt.set_plaintext(row.clone()).send().await?;
        let (_, last_part) = key.as_str().rsplit_once('/').ok_or("no name")?;
        let wrapped = WrappedKey {
            wrapper_key_id: last_part.parse()?,
            ciphertext: encrypted.ciphertext.to_vec(),
        };
        let opened = kms.unwrap_key(&wrapped, &WrapContext::none()).await?;
        assert_eq!(opened, SecretBytes::from_slice(&row));
        let refused = kms.unwrap_key(&wrapped, &context()).await.unwrap_err();
        assert!(
            matches!(refused, KmsError::UnwrapFailed { .. }),
            "{refused:?}"
        );
        Ok(())
    })
}

#[test]
fn a_wrapper_key_whose_maker_was_interrupted_is_found_by_its_label() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let kms = &subject.kms;
        let tagged = |vault: &str| WrapperKeyRequest {
            tags: vec![("strongroom-vault".to_owned(), vault.to_owned())],
            ..WrapperKeyRequest::default()
        };
        subject.simulator.set_weather(Weather {
            lost_answers: vec![LostAnswer::next("CreateCryptoKey")],
            ..Weather::default()
        })?;
        let error = kms.generate_wrapper_key(&tagged("1")).await.unwrap_err();
        assert!(error.outcome_is_unknown(), "{error:?}");
        kms.generate_wrapper_key(&tagged("2")).await?;
        sign(&subject).await?;
        let found = kms.find_keys("strongroom-vault", "1").await?;
        let [found] = &found[..] else {
            return Err(format!("one key, not {found:?}").into());
        };
        assert!(found.is_usable_wrapper());
        let data_key = SecretBytes::from_slice(&[7; 32]);
        kms.wrap_key(&found.id, &context(), &data_key).await?;
        subject.disable_key(&found.id).await?;
        let found = kms.find_keys("strongroom-vault", "1").await?;
        let usable = found.iter().any(FoundKey::is_usable_wrapper);
        assert!(!usable, "a disabled key is of no use");
        Ok(())
    })
}

/// Google keeps the name and the labels of a key for ever.
#[test]
fn a_wrapper_key_whose_version_is_destroyed_does_not_end_a_search() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let kms = &subject.kms;
        let wanted = WrapperKeyRequest {
            tags: vec![("strongroom-vault".to_owned(), "1".to_owned())],
            ..WrapperKeyRequest::default()
        };
        let old = kms.generate_wrapper_key(&wanted).await?;
        let new = kms.generate_wrapper_key(&wanted).await?;
        subject.schedule_deletion(&old).await?;
        let leaving = kms.find_keys("strongroom-vault", "1").await?;
        assert_eq!(leaving.len(), 2, "{leaving:?}");
        subject
            .simulator
            .advance(Duration::from_secs(60 * 24 * 3600));
        let found = kms.find_keys("strongroom-vault", "1").await?;
        let ids: Vec<_> = found.into_iter().map(|key| key.id).collect();
        assert_eq!(ids, [new]);
        Ok(())
    })
}

#[test]
fn a_key_that_was_made_without_our_learning_its_version_is_named() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        subject.simulator.set_weather(Weather {
            faults: vec![Fault::of(FaultKind::Throttled, "ListCryptoKeyVersions", 1)],
            ..Weather::default()
        })?;
        let error = sign(&subject).await.unwrap_err();
        assert_eq!(error.code().name(), "KMS_GCP_KEY_UNNAMED");
        assert!(error.outcome_is_unknown() && !error.is_retryable());
        let ring = format!("projects/{PROJECT}/locations/{LOCATION}/keyRings/{RING}");
        let listed = subject.administrator.list_crypto_keys().set_parent(ring);
        let left = listed.by_item().next().await.ok_or("nothing was made")??;
        let KmsError::Provider(source) = error else {
            panic!("{error:?}");
        };
        assert!(source.to_string().contains(&left.name), "{source}");
        Ok(())
    })
}

#[test]
fn keys_tell_people_what_they_are_for() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let request = ExternalKeyRequest {
            label: Some("participant1: namespace root key of 2026".parse()?),
            tags: vec![("team".to_owned(), "ledger".to_owned())],
        };
        let spec = SigningKeySpec::EcP256;
        let key = subject.kms.generate_signing_key(spec, &request).await?;
        let (crypto_key, _version) = key.as_str().rsplit_once("/cryptoKeyVersions/").unwrap();
        let id = crypto_key.rsplit('/').next().unwrap();
        assert!(id.starts_with("participant1--namespace-root-k-"), "{id}");
        assert!(id.len() <= 63, "{id}");
        let found = subject.administrator.get_crypto_key().set_name(crypto_key);
        let labels = found.send().await?.labels;
        let wanted = [("team", "ledger"), ("created-by", "strongroom")];
        for (name, value) in wanted {
            assert_eq!(labels.get(name).map(String::as_str), Some(value));
        }
        assert_eq!(labels.len(), wanted.len(), "{labels:?}");
        Ok(())
    })
}

#[test]
fn bad_days_of_the_service_are_told_apart() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let request = WrapperKeyRequest::default();
        let key = subject.kms.generate_wrapper_key(&request).await?;
        for kind in [
            OutageKind::InternalError,
            OutageKind::Reset,
            OutageKind::Refuse,
        ] {
            subject.simulator.set_weather(Weather {
                outages: vec![Outage::of(kind)],
                ..Weather::default()
            })?;
            let error = sign(&subject).await.unwrap_err();
            assert_eq!(error.code().name(), "KMS_UNAVAILABLE", "{kind:?} {error:?}");
            assert!(
                error.is_retryable() && error.outcome_is_unknown(),
                "{kind:?}"
            );
        }
        subject.simulator.set_weather(Weather::default())?;
        // It listens again a moment later, which whoever surrounds a provider bridges.
        let settings = SurroundingsSettings::default();
        let provider: Arc<dyn KmsProvider> = Arc::new(subject.kms.clone());
        let surrounded = Surrounded::surround(provider, &settings, Arc::new(SystemRandom), None);
        let wrapper = surrounded.key_wrapper().ok_or("no wrapper keys")?;
        assert_eq!(wrapper.wrapper_key_state(&key).await?, KeyState::Enabled);
        Ok(())
    })
}

#[test]
fn what_google_refuses_for_a_moment_or_for_good_is_told_apart() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        for (kind, code) in [
            (FaultKind::AccessDenied, "KMS_DENIED"),
            (FaultKind::ExpiredCredentials, "KMS_CREDENTIALS_REJECTED"),
            (FaultKind::Throttled, "KMS_THROTTLED"),
            (FaultKind::TimedOut, "KMS_TIMED_OUT"),
        ] {
            subject.simulator.set_weather(Weather {
                faults: vec![Fault::of(kind, "AsymmetricSign", 1)],
                ..Weather::default()
            })?;
            let error = sign(&subject).await.unwrap_err();
            assert_eq!(error.code().name(), code, "{kind:?} {error:?}");
        }
        Ok(())
    })
}

#[test]
fn who_may_not_look_at_a_key_still_hears_that_a_wrap_does_not_open() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let kms = &subject.kms;
        let request = WrapperKeyRequest::default();
        let key = kms.generate_wrapper_key(&request).await?;
        let data_key = SecretBytes::from_slice(&[7; 32]);
        let wrapped = kms.wrap_key(&key, &context(), &data_key).await?;
        let blind = || Weather {
            faults: vec![Fault::of(FaultKind::AccessDenied, "GetCryptoKey", 1)],
            ..Weather::default()
        };
        let other = WrapContext::for_data_key(&[3; 16], &[2; 16]);
        subject.simulator.set_weather(blind())?;
        let error = kms.unwrap_key(&wrapped, &other).await.unwrap_err();
        assert!(matches!(error, KmsError::UnwrapFailed { .. }), "{error:?}");
        subject.disable_key(&key).await?;
        subject.simulator.set_weather(blind())?;
        let error = kms.unwrap_key(&wrapped, &context()).await.unwrap_err();
        assert_eq!(error.code().name(), "KMS_GCP_REQUEST_REFUSED");
        let KmsError::Provider(source) = error else {
            panic!("{error:?}");
        };
        assert!(source.to_string().contains("DISABLED"), "{source}");
        Ok(())
    })
}

#[test]
fn a_key_ring_that_is_not_there_is_not_made() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        let elsewhere = Subject::with(|settings| settings.key_ring = "other".to_owned()).await?;
        let request = WrapperKeyRequest::default();
        let refused = elsewhere.kms.generate_wrapper_key(&request).await;
        let error = refused.unwrap_err();
        assert_eq!(error.code().name(), "KMS_GCP_REQUEST_REFUSED");
        assert!(subject.kms.generate_wrapper_key(&request).await.is_ok());
        Ok(())
    })
}

#[test]
fn a_wrong_level_is_not_asked_for() -> Result<(), Failure> {
    run(async {
        let software = |settings: &mut strongroom_kms_gcp::GcpKmsSettings| {
            settings.protection_level = ProtectionLevel::Software;
        };
        let subject = Subject::with(software).await?;
        subject.simulator.reset_calls();
        let (spec, request) = (SigningKeySpec::EcSecp256k1, ExternalKeyRequest::default());
        let refused = subject.kms.generate_signing_key(spec, &request).await;
        assert!(
            matches!(refused, Err(KmsError::UnsupportedSpec { .. })),
            "{refused:?}"
        );
        assert_eq!(subject.simulator.calls().total(), 0);
        Ok(())
    })
}
