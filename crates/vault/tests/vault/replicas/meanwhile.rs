//! What another process writes while this one waits for a KMS.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use strongroom_kms::{Answer, Call, Guarded, KmsError, KmsOperation, Next, Policy};
use strongroom_kms_local::LocalKms;
use strongroom_store::Replicas as _;
use strongroom_vault::{RotationRequest, Vault, VaultError};
use tokio::sync::Notify;

use super::company::{Company, Process};
use crate::{
    house::{KMS_NAME, caller, check_signs, code, signing_key},
    rotating::rotate,
    wraps::wraps,
};

/// Holds the first wrapping back until it is told to go on.
#[derive(Clone, Debug, Default)]
struct HeldBack {
    was_held: Arc<AtomicBool>,
    reached: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Policy for HeldBack {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let is_first = || !self.was_held.swap(true, Ordering::SeqCst);
        let wraps = [KmsOperation::WrapKey, KmsOperation::RewrapKey].contains(&call.operation());
        if wraps && is_first() {
            self.reached.notify_one();
            self.go_on.notified().await;
        }
        next(call).await
    }
}

/// What asks a KMS and then writes what it planned before.
#[derive(Clone, Copy, Debug)]
enum Act {
    Rotate,
    Rewrap,
    AddWrap,
}

impl Act {
    async fn run(self, vault: &Vault) -> Result<(), VaultError> {
        let request = RotationRequest::default();
        match self {
            Self::Rotate => rotate(vault).await.map(drop),
            Self::Rewrap => vault.rewrap_data_key(&caller(), &request).await.map(drop),
            Self::AddWrap => vault.add_wrap(&caller(), KMS_NAME, None).await.map(drop),
        }
    }
}

/// One process leaves the writing to another, which sees what that has left.
async fn hand_over(from: &Process, to: &Process) {
    from.store.give_lease().await.unwrap();
    to.store.take_lease().await.unwrap();
    to.vault.catch_up().await.unwrap();
}

#[tokio::test]
async fn what_was_planned_for_other_wraps_or_another_data_key_than_there_are_now_is_not_written() {
    for act in [Act::Rotate, Act::Rewrap, Act::AddWrap] {
        for meanwhile in [Act::Rotate, Act::Rewrap, Act::AddWrap] {
            let when = format!("{act:?}, and meanwhile {meanwhile:?}");
            let (company, one) = Company::new().await;
            let key = signing_key(&one.vault).await;
            one.store.give_lease().await.unwrap();
            drop(one);
            let held = HeldBack::default();
            let kms = Guarded::around(Arc::<LocalKms>::clone(&company.house.kms), held.clone());
            let one = company.open_over("one", Arc::new(kms)).await;
            let two = company.open("two").await;
            hand_over(&two, &one).await;

            let other = async {
                held.reached.notified().await;
                hand_over(&one, &two).await;
                meanwhile.run(&two.vault).await.unwrap();
                hand_over(&two, &one).await;
                held.go_on.notify_one();
            };
            let mut acting = std::pin::pin!(act.run(&one.vault));
            tokio::select! {
                outcome = &mut acting => panic!("{when}: it was not held: {outcome:?}"),
                () = other => {}
            }
            let outcome = acting.await;
            assert_eq!(code(outcome), "CHANGED_UNDERNEATH", "{when}");
            let sorted = |process: &Process| BTreeSet::from_iter(wraps(&process.vault));
            assert_eq!(sorted(&one), sorted(&two), "{when}");
            assert_eq!(one.vault.wrapper_key_rotation(), None, "{when}");

            // With two in one KMS it would have to say which is meant.
            if wraps(&one.vault).len() == 1 {
                act.run(&one.vault).await.unwrap();
            }
            assert!(one.vault.check_wraps().await.all_open(), "{when}");
            two.vault.catch_up().await.unwrap();
            check_signs(&two.vault, &key).await;
        }
    }
}
