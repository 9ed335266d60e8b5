//! Imports that end halfway.

use strongroom_crypto::{PrivateKey, SigningKeySpec, SystemRandom};
use strongroom_errors::Coded;
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, FoundKey, KeyFinder, KeyState, KmsError, KmsKeyId,
};
use strongroom_kms_sim::{Fault, FaultKind, LostAnswer, Weather};
use strongroom_test_support::kms::{Failure, run};

use crate::simulator::Pair;

const SPEC: SigningKeySpec = SigningKeySpec::EcCurve25519;
const TAG: (&str, &str) = ("strongroom-intent", "import-1");

impl Pair {
    async fn import(&self) -> Result<KmsKeyId, KmsError> {
        let private = PrivateKey::generate(SPEC.into(), &SystemRandom).unwrap();
        let request = ExternalKeyRequest {
            tags: vec![(TAG.0.to_owned(), TAG.1.to_owned())],
            ..ExternalKeyRequest::default()
        };
        let pkcs8 = private.to_pkcs8().unwrap();
        self.kms.import_key(SPEC.into(), &pkcs8, &request).await
    }

    /// The one key that the tags find.
    async fn left_behind(&self) -> Result<FoundKey, Failure> {
        let mut found = self.kms.find_keys(TAG.0, TAG.1).await?;
        assert_eq!(found.len(), 1, "{found:?}");
        found.pop().ok_or_else(|| "none".into())
    }

    fn losing(&self, operation: &str) -> Result<(), Failure> {
        Ok(self.simulator.set_weather(Weather {
            lost_answers: vec![LostAnswer::next(operation)],
            ..Weather::default()
        })?)
    }

    fn denying(&self, operations: &[&str]) -> Result<(), Failure> {
        let fault = |operation: &&str| Fault::of(FaultKind::AccessDenied, operation, 1);
        Ok(self.simulator.set_weather(Weather {
            faults: operations.iter().map(fault).collect(),
            ..Weather::default()
        })?)
    }
}

#[test]
fn an_import_takes_three_calls() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        let key = pair.import().await?;
        let calls = pair.simulator.calls();
        for operation in ["CreateKey", "GetParametersForImport", "ImportKeyMaterial"] {
            assert_eq!(calls.of(operation).arrived, 1, "{operation}");
        }
        assert_eq!(calls.total(), 3, "{calls:?}");
        pair.kms.sign(&key, SPEC, b"a message").await?;
        Ok(())
    })
}

#[test]
fn a_key_whose_maker_was_interrupted_before_its_material_came_is_found_and_not_usable()
-> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        pair.losing("CreateKey")?;
        let error = pair.import().await.unwrap_err();
        assert!(error.outcome_is_unknown(), "{error:?}");
        let found = pair.left_behind().await?;
        assert_eq!(found.state, KeyState::PendingCreation);
        let answer = pair.kms.sign(&found.id, SPEC, b"a message").await;
        assert!(matches!(answer, Err(KmsError::KeyNotReady { .. })));
        pair.kms.delete_key(&found.id).await?;
        assert_eq!(pair.left_behind().await?.state, KeyState::PendingDeletion);
        Ok(())
    })
}

#[test]
fn a_key_that_was_refused_its_material_is_deleted_and_the_refusal_told() -> Result<(), Failure> {
    run(async {
        for step in ["GetParametersForImport", "ImportKeyMaterial"] {
            let pair = Pair::new().await?;
            pair.denying(&[step])?;
            let error = pair.import().await.unwrap_err();
            assert_eq!(error.code().name(), "KMS_DENIED", "{step} {error:?}");
            assert_eq!(pair.left_behind().await?.state, KeyState::PendingDeletion);
        }
        Ok(())
    })
}

#[test]
fn a_key_whose_material_may_have_arrived_is_deleted_and_the_outcome_called_unknown()
-> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        pair.losing("ImportKeyMaterial")?;
        let error = pair.import().await.unwrap_err();
        assert!(error.outcome_is_unknown(), "{error:?}");
        assert_eq!(pair.left_behind().await?.state, KeyState::PendingDeletion);
        Ok(())
    })
}

#[test]
fn a_key_that_cannot_be_deleted_again_is_named() -> Result<(), Failure> {
    run(async {
        let pair = Pair::new().await?;
        pair.denying(&["GetParametersForImport", "ScheduleKeyDeletion"])?;
        let error = pair.import().await.unwrap_err();
        let found = pair.left_behind().await?;
        assert_eq!(found.state, KeyState::PendingCreation);
        assert!(
            matches!(&error, KmsError::ImportInterrupted { id, .. } if *id == found.id),
            "{error:?}"
        );
        assert!(error.outcome_is_unknown() && !error.is_retryable());
        Ok(())
    })
}
