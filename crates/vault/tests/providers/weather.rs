//! Requests that fail between a provider and its cloud.

use std::{sync::Arc, time::Duration};

use strongroom_kms::KmsProvider;
use strongroom_kms_sim::{Fault, FaultKind, LostAnswer, Simulator, Weather};

use crate::{act::Act, scene::Scene, sweep::judge};

/// A simulated cloud, and the provider over it.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) simulator: Simulator,
    pub(crate) provider: Arc<dyn KmsProvider>,
}

/// What the cloud answers, and the cause that the vault then names.
const FAULTS: [(FaultKind, &str); 5] = [
    (FaultKind::AccessDenied, "KMS_DENIED"),
    (FaultKind::ExpiredCredentials, "KMS_CREDENTIALS_REJECTED"),
    (FaultKind::Internal, "KMS_UNAVAILABLE"),
    (FaultKind::KeyUnavailable, "KMS_UNAVAILABLE"),
    (FaultKind::Throttled, "KMS_THROTTLED"),
];

impl Cloud {
    fn set(&self, weather: Weather) {
        self.simulator.set_weather(weather).unwrap();
    }

    /// Loses the answer to each request of the act in turn: the cloud has done what it was asked for.
    pub(crate) async fn lose_answers(&self, act: Act) -> u64 {
        for number in 1.. {
            let when = format!("{act:?}, answer {number} lost");
            let mut scene = Scene::of(act, &self.provider).await;
            self.set(Weather {
                lost_answers: vec![LostAnswer {
                    operation: None,
                    call: Some(number),
                }],
                ..Weather::default()
            });
            let outcome = scene.run().await;
            let has_struck = self.simulator.weather().lost_answers.is_empty();
            self.set(Weather::default());
            if !has_struck {
                outcome.unwrap();
                scene.check_done(&when).await;
                return number - 1;
            }
            judge(scene, outcome, &causes(act, "KMS_UNAVAILABLE"), &when).await;
        }
        unreachable!("an act ends")
    }

    /// Shows new keys to nobody for a while, as AWS may: whoever waits for them makes no second one.
    pub(crate) async fn hide_new_keys(&self, act: Act) {
        let when = format!("{act:?}, new keys are hidden");
        let mut scene = Scene::of(act, &self.provider).await;
        self.set(Weather {
            visibility_delay_ms: 30_000,
            ..Weather::default()
        });
        let outcome = scene.run().await;
        self.simulator.advance(Duration::from_secs(31));
        self.set(Weather::default());
        match outcome {
            Ok(()) => scene.check_done(&when).await,
            failed => judge(scene, failed, &causes(act, "KMS_KEY_NOT_READY"), &when).await,
        }
    }

    /// Refuses the first request of each operation that the act needs, in each way.
    pub(crate) async fn refuse(&self, act: Act) {
        // What only the first act in a cloud does, such as making an import job, is left out.
        self.operations_of(act).await;
        for operation in self.operations_of(act).await {
            for (kind, cause) in FAULTS {
                let when = format!("{act:?}, {kind:?} at {operation}");
                let mut scene = Scene::of(act, &self.provider).await;
                self.set(Weather {
                    faults: vec![Fault::of(kind, &operation, 1)],
                    ..Weather::default()
                });
                let outcome = scene.run().await;
                let mut faults = self.simulator.weather().faults.into_iter();
                let failed = faults.all(|fault| fault.times == Some(0));
                self.set(Weather::default());
                assert!(failed, "{when}: it did not come to that");
                judge(scene, outcome, &causes(act, cause), &when).await;
            }
        }
    }

    async fn operations_of(&self, act: Act) -> Vec<String> {
        let mut scene = Scene::of(act, &self.provider).await;
        self.simulator.reset_calls();
        scene.run().await.unwrap();
        let calls = self.simulator.calls();
        calls.iter().map(|(name, _)| name.to_owned()).collect()
    }
}

/// A new key of Google's has no name of its own before its versions were listed.
const fn causes(act: Act, cause: &str) -> [&str; 2] {
    match act {
        Act::GenerateSigning | Act::GenerateEncryption => [cause, "KMS_GCP_KEY_UNNAMED"],
        // A key was made, and its material did not arrive.
        Act::Bring => [cause, "KMS_IMPORT_INTERRUPTED"],
        _ => [cause, cause],
    }
}
