//! Imports that take their time, or end halfway.

use strongroom_crypto::{PrivateKey, SigningKeySpec, SystemRandom};
use strongroom_errors::Coded;
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, FoundKey, KeyFinder, KeyState, KmsError, KmsKeyId,
};
use strongroom_kms_sim::{Fault, FaultKind, LostAnswer, Weather};
use strongroom_test_support::kms::{Failure, run};

use crate::subject::Subject;

const SPEC: SigningKeySpec = SigningKeySpec::EcCurve25519;
const TAG: (&str, &str) = ("strongroom-intent", "import-1");

async fn import(subject: &Subject) -> Result<KmsKeyId, KmsError> {
    let private = PrivateKey::generate(SPEC.into(), &SystemRandom).unwrap();
    let request = ExternalKeyRequest {
        tags: vec![(TAG.0.to_owned(), TAG.1.to_owned())],
        ..ExternalKeyRequest::default()
    };
    let pkcs8 = private.to_pkcs8().unwrap();
    subject.kms.import_key(SPEC.into(), &pkcs8, &request).await
}

async fn left_behind(subject: &Subject) -> Result<Vec<FoundKey>, KmsError> {
    subject.kms.find_keys(TAG.0, TAG.1).await
}

fn denying(operations: &[&str]) -> Weather {
    let fault = |operation: &&str| Fault::of(FaultKind::AccessDenied, operation, 1);
    Weather {
        faults: operations.iter().map(fault).collect(),
        ..Weather::default()
    }
}

#[test]
fn a_second_import_uses_the_import_job_of_the_first() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        subject.simulator.reset_calls();
        for _ in 0..2 {
            let key = import(&subject).await?;
            subject.kms.sign(&key, SPEC, b"a message").await?;
        }
        let calls = subject.simulator.calls();
        for (operation, times) in [
            ("ListImportJobs", 2),
            ("CreateImportJob", 1),
            ("CreateCryptoKey", 2),
            ("ImportCryptoKeyVersion", 2),
            ("AsymmetricSign", 2),
        ] {
            assert_eq!(calls.of(operation).arrived, times, "{operation}");
        }
        assert_eq!(calls.total(), 9, "{calls:?}");
        Ok(())
    })
}

#[test]
fn an_import_waits_for_the_wrapping_key_and_for_the_version() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        subject.simulator.set_weather(Weather {
            visibility_delay_ms: 700,
            ..Weather::default()
        })?;
        let key = import(&subject).await?;
        assert_eq!(subject.kms.key_state(&key).await?, KeyState::Enabled);
        let calls = subject.simulator.calls();
        assert!(calls.of("GetImportJob").arrived > 0, "{calls:?}");
        assert!(calls.of("GetCryptoKeyVersion").arrived > 1, "{calls:?}");
        Ok(())
    })
}

#[test]
fn a_refusal_is_told_and_leaves_nothing_that_could_be_found() -> Result<(), Failure> {
    run(async {
        for step in [
            "ListImportJobs",
            "CreateImportJob",
            "CreateCryptoKey",
            "ImportCryptoKeyVersion",
        ] {
            let subject = Subject::new().await?;
            subject.simulator.set_weather(denying(&[step]))?;
            let error = import(&subject).await.unwrap_err();
            assert_eq!(error.code().name(), "KMS_DENIED", "{step} {error:?}");
            assert_eq!(left_behind(&subject).await?, [], "{step}");
        }
        Ok(())
    })
}

#[test]
fn a_version_that_arrived_although_no_answer_came_is_destroyed() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        subject.simulator.set_weather(Weather {
            lost_answers: vec![LostAnswer::next("ImportCryptoKeyVersion")],
            ..Weather::default()
        })?;
        let error = import(&subject).await.unwrap_err();
        assert!(error.outcome_is_unknown(), "{error:?}");
        let found = left_behind(&subject).await?;
        let states: Vec<_> = found.iter().map(|key| key.state).collect();
        assert_eq!(states, [KeyState::PendingDeletion]);
        Ok(())
    })
}

#[test]
fn a_version_that_cannot_be_destroyed_is_named_by_its_key() -> Result<(), Failure> {
    run(async {
        let subject = Subject::new().await?;
        subject.simulator.set_weather(Weather {
            lost_answers: vec![LostAnswer::next("ImportCryptoKeyVersion")],
            ..denying(&["DestroyCryptoKeyVersion"])
        })?;
        let error = import(&subject).await.unwrap_err();
        let found = left_behind(&subject).await?;
        let [found] = &found[..] else {
            return Err(format!("one key, not {found:?}").into());
        };
        assert_eq!(found.state, KeyState::Enabled);
        let KmsError::ImportInterrupted { id, .. } = &error else {
            return Err(error.into());
        };
        assert!(found.id.as_str().starts_with(id.as_str()), "{id}");
        assert!(error.outcome_is_unknown() && !error.is_retryable());
        Ok(())
    })
}
