//! Calls that fail between the vault and a provider.

use std::sync::Arc;

use strongroom_errors::Coded as _;
use strongroom_kms::KmsProvider;
use strongroom_test_support::kms::Fault;
use strongroom_vault::VaultError;

use crate::{act::Act, scene::Scene};

const FAULTS: [(Fault, &str); 4] = [
    (Fault::AnswerLost, "KMS_TIMED_OUT"),
    (Fault::Denied, "KMS_DENIED"),
    (Fault::Throttled, "KMS_THROTTLED"),
    (Fault::Unavailable, "KMS_UNAVAILABLE"),
];

/// Lets each call of the act fail once in each way.
pub(crate) async fn sweep(act: Act, provider: &Arc<dyn KmsProvider>) {
    let mut scene = Scene::of(act, provider).await;
    let before = scene.house.flaky.calls();
    scene.run().await.unwrap();
    let calls = scene.house.flaky.calls() - before;
    assert_eq!(calls, act.calls(), "{act:?}");
    scene.check_done(&format!("{act:?}")).await;
    for (fault, cause) in FAULTS {
        for number in 1..=calls {
            let when = format!("{act:?}, {fault:?} at call {number}");
            let mut scene = Scene::of(act, provider).await;
            let kms = scene.house.flaky.clone();
            let before = kms.calls();
            kms.fail_at(number, fault);
            let outcome = scene.run().await;
            assert!(kms.calls() - before >= number, "{when}");
            kms.heal();
            judge(scene, outcome, &[cause], &when).await;
        }
    }
}

/// A call failed, and so did the act, for one of `causes`; it can be done again.
pub(crate) async fn judge(
    scene: Scene,
    outcome: Result<(), VaultError>,
    causes: &[&str],
    when: &str,
) {
    let Err(error) = outcome else {
        panic!("{when}: nobody noticed");
    };
    let cause = cause(scene.act, &error);
    assert!(causes.contains(&cause), "{when}: {cause}, {error:?}");
    scene.do_again(when).await;
}

/// The code of what the KMS answered, where the vault has more to say than that: only these acts have.
fn cause(act: Act, error: &VaultError) -> &'static str {
    match (act, error) {
        (Act::Open, VaultError::NoWrapOpens { attempts }) => {
            assert_eq!(attempts.len(), 1, "{attempts:?}");
            attempts.first().unwrap().code
        }
        (
            Act::GenerateSigning | Act::GenerateEncryption | Act::Bring,
            VaultError::ExternalKeyInDoubt { source, .. },
        ) => source.code().name(),
        (Act::Delete, VaultError::ExternalKeyRemains { source, .. }) => source.code().name(),
        (_, error) => error.code().name(),
    }
}
