//! Every call of the KMS fails once, in every way, where rows are sealed by the KMS itself.

use std::sync::Arc;

use strongroom_crypto::SecretBytes;
use strongroom_kms::{KmsProvider as _, WrapContext};
use strongroom_kms_local::LocalKms;
use strongroom_store::Sealing;
use strongroom_test_support::kms::{Alteration, AlteredKms, Fault, FlakyKms};
use strongroom_vault::{ExportForm, NamedKms, NamedWrapper, Vault};

use super::Trial;
use crate::{
    acts::{Act, Stage},
    house::{House, KMS_NAME, caller, check_signs, code, secret, sign},
    rotating::tell,
};

const FAULTS: [(Fault, &str); 4] = [
    (Fault::AnswerLost, "KMS_TIMED_OUT"),
    (Fault::Denied, "KMS_DENIED"),
    (Fault::Throttled, "KMS_THROTTLED"),
    (Fault::Unavailable, "KMS_UNAVAILABLE"),
];

/// Opens the vault with a KMS that both wraps and holds keys.
pub(crate) async fn open_with(house: &House, kms: &FlakyKms) -> Vault {
    let mut environment = house.environment(house.store().await.unwrap());
    environment.wrappers = vec![NamedWrapper {
        name: KMS_NAME.to_owned(),
        wrapper: kms.key_wrapper().unwrap(),
    }];
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(kms.clone()),
    }];
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_failure_of_any_kms_call_leaves_the_old_state_and_a_vault_that_goes_on() {
    let stage = Stage::new(Sealing::Direct).await;
    let mut calls = 0;
    for act in Act::ALL {
        for (fault, expected) in FAULTS {
            let house = stage.house.copy();
            let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
            let vault = open_with(&house, &kms).await;
            let trial = Trial::new(&stage, house, vault).await;
            for number in 1.. {
                let when = format!("{expected} at call {number}");
                let before = kms.calls();
                kms.fail_at(number, fault);
                let outcome = trial.run(act).await;
                let has_struck = kms.calls() - before >= number;
                kms.heal();
                let done = trial.was_done(act, &when).await;
                if !has_struck {
                    outcome.unwrap();
                    assert!(done, "{act:?}, {when}");
                    trial.goes_on(&when).await;
                    break;
                }
                calls += 1;
                assert_eq!(code(outcome), expected, "{act:?}, {when}");
                assert!(!done, "{act:?}, {when}");
            }
        }
    }
    // One per new or sealed key, and one for the exported one; of what comes from Canton three are sealed, one was opened
    // before, and one that stays there is looked at: its id, its state, its public half.
    tell!("the KMS failed at {calls} calls of acts");
    assert_eq!(
        calls,
        FAULTS.len() * (1 + 1 + 3 + 1 + 1 + (3 + 1 + 3) + 1 + 1)
    );
}

#[tokio::test]
async fn an_act_that_waits_for_the_kms_forever_can_be_given_up() {
    let stage = Stage::new(Sealing::Direct).await;
    for act in [Act::Generate, Act::Import, Act::Export, Act::Seal] {
        let house = stage.house.copy();
        let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
        let vault = open_with(&house, &kms).await;
        let trial = Trial::new(&stage, house, vault).await;
        let before = kms.calls();
        kms.fail_at(1, Fault::Stalled);
        {
            let mut waiting = std::pin::pin!(trial.run(act));
            let mut reached = std::pin::pin!(async {
                while kms.calls() == before {
                    tokio::task::yield_now().await;
                }
            });
            tokio::select! {
                outcome = &mut waiting => panic!("{act:?} did not wait: {outcome:?}"),
                () = &mut reached => {}
            }
        }
        kms.heal();
        assert!(!trial.was_done(act, "given up").await, "{act:?}");
        trial.run(act).await.unwrap();
        assert!(trial.was_done(act, "given up").await, "{act:?}");
        trial.goes_on("given up").await;
    }
}

#[tokio::test]
async fn a_cold_key_that_the_kms_did_not_open_is_opened_when_it_does() {
    let stage = Stage::new(Sealing::Direct).await;
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&stage.house.kms));
    let vault = open_with(&stage.house, &kms).await;
    for (fault, expected) in FAULTS {
        kms.fail_at(1, fault);
        assert_eq!(code(sign(&vault, &stage.keys.witness).await), expected);
        assert_eq!(vault.opened_keys(), 0);
    }
    check_signs(&vault, &stage.keys.witness).await;
}

/// A KMS that opens every private key to the same other one.
#[derive(Debug)]
struct Liar;

impl Alteration for Liar {
    fn unwrapped(&self, context: &WrapContext, key: SecretBytes) -> SecretBytes {
        let of_private_key = context.pairs().any(|(_, value)| value == "private-key");
        if of_private_key {
            secret(&[7; 32])
        } else {
            key
        }
    }
}

#[tokio::test]
async fn a_private_key_that_does_not_fit_its_public_half_is_not_used_whoever_opened_it() {
    let stage = Stage::new(Sealing::Direct).await;
    let mut environment = stage.house.environment(stage.house.store().await.unwrap());
    let liar = AlteredKms::around(Arc::<LocalKms>::clone(&stage.house.kms), Liar);
    environment.wrappers = vec![NamedWrapper {
        name: KMS_NAME.to_owned(),
        wrapper: liar.key_wrapper().unwrap(),
    }];
    let vault = Vault::open(environment, stage.settings()).await.unwrap();
    let refused = sign(&vault, &stage.keys.witness).await;
    assert_eq!(code(refused), "KEY_HALVES_DIFFER");
    assert_eq!(vault.opened_keys(), 0);
    let form = ExportForm::Pkcs8Der;
    let refused = vault
        .export_key(&caller(), &stage.keys.to_export, &form)
        .await;
    assert_eq!(code(refused), "KEY_HALVES_DIFFER");
}
