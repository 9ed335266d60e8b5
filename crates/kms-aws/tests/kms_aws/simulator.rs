//! Our simulator, which Amazon's own client judges: everything that AWS has, and its bad days.

use std::sync::Arc;

use strongroom_crypto::{SigningKeySpec, SystemRandom};
use strongroom_errors::Coded;
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, KeyFinder, KeyState, KeyTags, KeyWrapper, KmsError, KmsKeyId,
    KmsProvider, Surrounded, SurroundingsSettings, WrapContext, WrappedKey, WrapperKeyRequest,
};
use strongroom_kms_aws::{AwsKms, AwsKmsSettings, Credentials};
use strongroom_kms_sim::{LostAnswer, Outage, OutageKind, Scenario, Simulator, Weather};
use strongroom_memory::SecretBytes;
use strongroom_test_support::kms::{Failure, run};

use crate::subject::{Subject, administrator};

mod keeps_the_rules {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        Subject::simulated().await
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, tagging, both);
}

/// A simulator, and a client of it.
pub(crate) struct Pair {
    pub(crate) simulator: Simulator,
    pub(crate) kms: AwsKms,
}

impl Pair {
    pub(crate) async fn new() -> Result<Self, Failure> {
        let simulator = Simulator::start(Scenario::default())?;
        let kms = Self::client(&simulator, "eu-central-1").await?;
        Ok(Self { simulator, kms })
    }

    async fn client(simulator: &Simulator, region: &str) -> Result<AwsKms, Failure> {
        let settings = AwsKmsSettings {
            region: Some(region.to_owned()),
            endpoint: Some(simulator.endpoint().to_owned()),
            tags: vec![("CreatedBy".to_owned(), "somebody".to_owned())],
            credentials: Credentials::Rehearsal,
            ..AwsKmsSettings::default()
        };
        Ok(AwsKms::connect(settings).await?)
    }

    async fn sign(&self) -> Result<Vec<u8>, KmsError> {
        let (spec, request) = (SigningKeySpec::EcP256, ExternalKeyRequest::default());
        let key = self.kms.generate_signing_key(spec, &request).await?;
        self.kms.sign(&key, spec, b"a message").await
    }
}

fn context() -> WrapContext {
    WrapContext::for_data_key(&[1; 16], &[2; 16])
}

#[test]
fn signing_and_unwrapping_take_one_call_each() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        pair.sign().await?;
        let key = pair
            .kms
            .generate_wrapper_key(&WrapperKeyRequest::default())
            .await?;
        let data_key = SecretBytes::from_slice(&[7; 32]);
        let wrapped = pair.kms.wrap_key(&key, &context(), &data_key).await?;
        pair.kms.unwrap_key(&wrapped, &context()).await?;
        let calls = pair.simulator.calls();
        for (operation, times) in [
            ("CreateKey", 2),
            ("Sign", 1),
            ("Encrypt", 1),
            ("Decrypt", 1),
        ] {
            assert_eq!(calls.of(operation).arrived, times, "{operation}");
        }
        assert_eq!(calls.total(), 5, "{calls:?}");
        Ok(())
    })
}

/// A node of Canton encrypts its rows so: there is no encryption context.
#[test]
fn what_was_encrypted_without_a_context_opens_without_one_and_with_none_other()
-> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let request = WrapperKeyRequest::default();
        let key = pair.kms.generate_wrapper_key(&request).await?;
        let row = vec![7; 200];
        let client = administrator(pair.simulator.endpoint());
        let encrypt = client.encrypt().key_id(key.as_str());
        let encrypted = encrypt.plaintext(row.clone().into()).send().await?;
        let ciphertext = encrypted.ciphertext_blob.ok_or("no ciphertext")?;
        let wrapped = WrappedKey {
            wrapper_key_id: key,
            ciphertext: ciphertext.into_inner(),
        };
        let opened = pair.kms.unwrap_key(&wrapped, &WrapContext::none()).await?;
        assert_eq!(opened, SecretBytes::from_slice(&row));
        let refused = pair.kms.unwrap_key(&wrapped, &context()).await.unwrap_err();
        assert!(
            matches!(refused, KmsError::UnwrapFailed { .. }),
            "{refused:?}"
        );
        Ok(())
    })
}

#[test]
fn rewrapping_never_shows_the_key() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let request = WrapperKeyRequest::default();
        let old = pair.kms.generate_wrapper_key(&request).await?;
        let new = pair.kms.generate_wrapper_key(&request).await?;
        let data_key = SecretBytes::from_slice(&[7; 32]);
        let wrapped = pair.kms.wrap_key(&old, &context(), &data_key).await?;
        pair.simulator.reset_calls();
        pair.kms.rewrap_key(&wrapped, &context(), &new).await?;
        let calls = pair.simulator.calls();
        assert_eq!((calls.of("ReEncrypt").arrived, calls.total()), (1, 1));
        Ok(())
    })
}

#[test]
fn a_wrapper_key_whose_maker_was_interrupted_is_found_by_its_tag() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let tagged = |vault: &str| WrapperKeyRequest {
            tags: vec![("strongroom-vault".to_owned(), vault.to_owned())],
            ..WrapperKeyRequest::default()
        };
        pair.simulator.set_weather(Weather {
            lost_answers: vec![LostAnswer::next("CreateKey")],
            ..Weather::default()
        })?;
        let lost = pair.kms.generate_wrapper_key(&tagged("1")).await;
        let error = lost.unwrap_err();
        assert!(error.outcome_is_unknown(), "{error:?}");
        pair.kms.generate_wrapper_key(&tagged("2")).await?;
        pair.kms
            .generate_signing_key(SigningKeySpec::EcP256, &ExternalKeyRequest::default())
            .await?;
        let found = pair.kms.find_keys("strongroom-vault", "1").await?;
        let [found] = &found[..] else {
            return Err(format!("one key, not {found:?}").into());
        };
        assert!(found.is_usable_wrapper());
        let data_key = SecretBytes::from_slice(&[7; 32]);
        pair.kms.wrap_key(&found.id, &context(), &data_key).await?;
        Ok(())
    })
}

#[test]
fn an_alias_has_the_tags_of_the_key_that_it_means() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let administrator = administrator(pair.simulator.endpoint());
        let request = WrapperKeyRequest::default();
        let key = pair.kms.generate_wrapper_key(&request).await?;
        let name = "alias/node-wrapping";
        let made = administrator.create_alias().alias_name(name);
        made.target_key_id(key.as_str()).send().await?;
        let alias: KmsKeyId = name.parse()?;
        pair.kms.set_tag(&alias, "anchor", "1").await?;
        assert_eq!(pair.kms.tag(&key, "anchor").await?.as_deref(), Some("1"));
        assert_eq!(pair.kms.tag(&alias, "anchor").await?.as_deref(), Some("1"));
        Ok(())
    })
}

#[test]
fn an_alias_is_completed_to_the_key_that_it_means_and_does_not_take_it_along_when_it_is_turned()
-> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let (spec, request) = (SigningKeySpec::EcP256, ExternalKeyRequest::default());
        let first = pair.kms.generate_signing_key(spec, &request).await?;
        let second = pair.kms.generate_signing_key(spec, &request).await?;
        let administrator = administrator(pair.simulator.endpoint());
        let name = "alias/node-signing";
        let made = administrator.create_alias().alias_name(name);
        made.target_key_id(first.as_str()).send().await?;
        let alias: KmsKeyId = name.parse()?;
        let complete = pair.kms.complete_id(&alias).await?;
        let turned = administrator.update_alias().alias_name(name);
        turned.target_key_id(second.as_str()).send().await?;
        let shown = async |key| pair.kms.public_key(key).await;
        assert_eq!(shown(&complete).await?, shown(&first).await?);
        assert_eq!(shown(&alias).await?, shown(&second).await?);
        assert_eq!(pair.kms.complete_id(&first).await?, first);
        Ok(())
    })
}

#[test]
fn a_multi_region_key_opens_from_where_it_was_copied_to() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let request = WrapperKeyRequest {
            multi_region: true,
            ..WrapperKeyRequest::default()
        };
        let key = pair.kms.generate_wrapper_key(&request).await?;
        assert!(key.as_str().starts_with("mrk-"), "{key}");
        let data_key = SecretBytes::from_slice(&[7; 32]);
        let wrapped = pair.kms.wrap_key(&key, &context(), &data_key).await?;
        let elsewhere = Pair::client(&pair.simulator, "eu-west-1").await?;
        let missing = elsewhere.unwrap_key(&wrapped, &context()).await;
        assert!(
            matches!(missing, Err(KmsError::KeyNotFound { .. })),
            "{missing:?}"
        );
        replicate(&pair.simulator, key.as_str(), "eu-west-1").await?;
        assert_eq!(elsewhere.unwrap_key(&wrapped, &context()).await?, data_key);
        Ok(())
    })
}

/// What an operator does in AWS.
async fn replicate(simulator: &Simulator, key: &str, region: &str) -> Result<(), Failure> {
    let administrator = administrator(simulator.endpoint());
    let request = administrator.replicate_key().key_id(key);
    request.replica_region(region).send().await?;
    Ok(())
}

#[test]
fn bad_days_of_the_service_are_told_apart() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let request = WrapperKeyRequest::default();
        let key = pair.kms.generate_wrapper_key(&request).await?;
        for (kind, code) in [
            (OutageKind::InternalError, "KMS_UNAVAILABLE"),
            (OutageKind::Reset, "KMS_UNAVAILABLE"),
            (OutageKind::Refuse, "KMS_UNAVAILABLE"),
        ] {
            pair.simulator.set_weather(Weather {
                outages: vec![Outage::of(kind)],
                ..Weather::default()
            })?;
            let error = pair.sign().await.unwrap_err();
            assert_eq!(error.code().name(), code, "{kind:?} {error:?}");
            assert!(
                error.is_retryable() && error.outcome_is_unknown(),
                "{kind:?}"
            );
        }
        pair.simulator.set_weather(Weather::default())?;
        // It listens again a moment later, which whoever surrounds a provider bridges.
        let settings = SurroundingsSettings::default();
        let provider: Arc<dyn KmsProvider> = Arc::new(pair.kms.clone());
        let surrounded = Surrounded::surround(provider, &settings, Arc::new(SystemRandom), None);
        let wrapper = surrounded.key_wrapper().ok_or("no wrapper keys")?;
        assert_eq!(wrapper.wrapper_key_state(&key).await?, KeyState::Enabled);
        Ok(())
    })
}

#[test]
fn a_clock_that_is_wrong_is_no_lack_of_permission() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        pair.simulator.advance(std::time::Duration::from_secs(3600));
        let error = pair.sign().await.unwrap_err();
        assert_eq!(error.code().name(), "KMS_CREDENTIALS_REJECTED");
        Ok(())
    })
}

#[test]
fn a_wrapper_key_tells_when_aws_rotated_it_last() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let request = WrapperKeyRequest::default();
        let key = pair.kms.generate_wrapper_key(&request).await?;
        assert_eq!(pair.kms.rotated_at(&key).await?, None);
        let administrator = pair.simulator.administrator("eu-central-1");
        administrator.rotate_key(key.as_str())?;
        let first = pair.kms.rotated_at(&key).await?.ok_or("no rotation")?;
        pair.simulator.advance(std::time::Duration::from_secs(60));
        pair.simulator
            .administrator("eu-central-1")
            .rotate_key(key.as_str())?;
        let second = pair.kms.rotated_at(&key).await?.ok_or("no rotation")?;
        assert!(second.as_micros() - first.as_micros() >= 60_000_000);
        let signing = ExternalKeyRequest::default();
        let spec = SigningKeySpec::EcP256;
        let signing = pair.kms.generate_signing_key(spec, &signing).await?;
        assert!(pair.kms.rotated_at(&signing).await.is_err());
        Ok(())
    })
}

#[test]
fn capabilities_are_those_of_aws() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let capabilities = pair.kms.capabilities();
        assert!(capabilities.rewraps_inside && capabilities.multi_region);
        assert_eq!(capabilities.signing_specs.len(), 5);
        Ok(())
    })
}
