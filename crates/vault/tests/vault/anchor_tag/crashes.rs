//! What a crash leaves between any two calls of the KMS, the tags of that moment included.

use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_kms::{Answer, Call, Guarded, KmsError, KmsProvider, Next, Policy};
use strongroom_kms_local::LocalKms;
use strongroom_vault::{Environment, NamedKms, NamedWrapper, RotationRequest, Vault};

use super::{Estate, generations, tagged};
use crate::{
    backups::try_back_up,
    house::{House, KMS_NAME, caller, signing_key},
    rotating::rotate,
};

/// Takes a picture of house and key file before and after each call.
struct Camera {
    house: Arc<House>,
    pictures: Mutex<Vec<House>>,
}

impl std::fmt::Debug for Camera {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Camera")
    }
}

impl Policy for Camera {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        self.pictures.lock().push(self.house.copy_with_key_file());
        let answer = next(call).await;
        self.pictures.lock().push(self.house.copy_with_key_file());
        answer
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Rotate,
    Rewrap,
    BackUp,
    Close,
}

async fn run(act: Act, vault: Vault, house: &House) {
    match act {
        Act::Rotate => drop(rotate(&vault).await.unwrap()),
        Act::Rewrap => {
            let request = RotationRequest {
                kms: Some(KMS_NAME.to_owned()),
                ..RotationRequest::default()
            };
            vault.rewrap_data_key(&caller(), &request).await.unwrap();
        }
        Act::BackUp => drop(try_back_up(house, &vault).await.unwrap()),
        Act::Close => drop(signing_key(&vault).await),
    }
    vault.close().await.unwrap();
}

#[tokio::test]
async fn a_crash_between_any_two_calls_locks_nobody_out_and_lets_no_past_in() {
    for act in [Act::Rotate, Act::Rewrap, Act::BackUp, Act::Close] {
        let estate = Estate::new().await;
        let vault = estate.open().await;
        signing_key(&vault).await;
        vault.close().await.unwrap();
        // Before the checkpoint that the act begins with.
        let long_ago = estate.house.copy();
        let vault = estate.open().await;
        signing_key(&vault).await;
        vault.close().await.unwrap();

        let house = Arc::new(estate.house);
        let camera = Camera {
            house: Arc::clone(&house),
            pictures: Mutex::default(),
        };
        let kms = Guarded::around(Arc::<LocalKms>::clone(&house.kms), camera);
        let environment = Environment {
            wrappers: vec![NamedWrapper {
                name: KMS_NAME.to_owned(),
                wrapper: kms.key_wrapper().unwrap(),
            }],
            kms: vec![NamedKms {
                name: KMS_NAME.to_owned(),
                provider: Arc::new(kms.clone()),
            }],
            ..house.environment(house.store().await.unwrap())
        };
        let vault = Vault::open(environment, house.settings.clone()).await;
        run(act, vault.unwrap(), &house).await;
        let pictures = std::mem::take(&mut *kms.policy().pictures.lock());
        assert!(pictures.len() >= 6, "{act:?}: {}", pictures.len());
        let count = pictures.len();
        for (number, picture) in pictures.into_iter().enumerate() {
            let when = format!("{act:?}, picture {number} of {count}");
            let picture = picture.with_key_file_again().without_anchor();
            let after = Estate::around(picture.with_settings(tagged(KMS_NAME, None)));
            let opened = after.try_open().await;
            let vault = opened.unwrap_or_else(|error| panic!("{when}: {error}"));
            let (generation, remembered) = generations(&vault).await;
            assert_eq!(Some(generation), remembered, "{when}");
            if vault.wrapper_key_rotation().is_some() {
                rotate(&vault).await.unwrap();
            }
            vault.close().await.unwrap();
            after.open().await.close().await.unwrap();
            after.house.put_back(&long_ago);
            assert_eq!(after.refusal().await, "ROLLED_BACK", "{when}");
        }
    }
}

/// The commit of a rotation is done and the process dies: the opening that follows closes the tag of the wrapper key that was
/// left, so that the moment before the commit does not come back.
#[tokio::test]
async fn the_opening_after_a_crash_closes_the_wrapper_key_that_was_left() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    signing_key(&vault).await;
    // The last calls: question and preparation, then question and closing of the old key, question and settling.
    let probe = {
        let house = estate.house.copy_with_key_file().with_key_file_again();
        let probe = Estate::around(house.without_anchor());
        let vault = probe.open().await;
        let (rotated, calls) = probe.asked(rotate(&vault)).await;
        rotated.unwrap();
        calls.len()
    };
    estate
        .first
        .fail_from(probe - 3, strongroom_test_support::kms::Fault::Unavailable);
    let store = estate.house.copy();
    rotate(&vault).await.unwrap();
    drop(vault);
    estate.first.heal();
    let vault = estate.open().await;
    let (generation, remembered) = generations(&vault).await;
    assert_eq!(Some(generation), remembered);
    vault.close().await.unwrap();
    estate.house.put_back(&store);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}
