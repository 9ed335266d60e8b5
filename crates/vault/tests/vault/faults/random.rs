//! The source of random bytes runs dry.

use std::sync::Arc;

use strongroom_store::Sealing;
use strongroom_test_support::{FlakyRandom, SeededRandom};
use strongroom_vault::Vault;

use super::Trial;
use crate::{
    acts::{Act, Stage},
    house::{House, VAULT_ID, caller, code},
};

#[tokio::test]
async fn a_failure_of_any_draw_leaves_the_old_state_and_a_vault_that_goes_on() {
    for sealing in [Sealing::DataKey, Sealing::Direct] {
        let stage = Stage::new(sealing).await;
        for act in Act::ALL {
            let house = stage.house.copy();
            let random = Arc::new(FlakyRandom::new(SeededRandom::new(999)));
            let mut environment = house.environment(house.store().await.unwrap());
            environment.random = Arc::<FlakyRandom<SeededRandom>>::clone(&random);
            let vault = Vault::open(environment, stage.settings()).await.unwrap();
            let trial = Trial::new(&stage, house, vault).await;
            for number in 1.. {
                let when = format!("draw {number}");
                random.fail_draw(number);
                let outcome = trial.run(act).await;
                let has_struck = random.has_struck();
                random.fail_draw(0);
                let done = trial.was_done(act, &when).await;
                if !has_struck {
                    outcome.unwrap();
                    assert!(done, "{act:?}, {when}");
                    trial.goes_on(&when).await;
                    break;
                }
                assert_eq!(code(outcome), "RANDOM_SOURCE_FAILED", "{act:?}, {when}");
                assert!(!done, "{act:?}, {when}");
            }
        }
    }
}

#[tokio::test]
async fn a_vault_without_random_bytes_is_not_made_and_can_be_made_afterwards() {
    for number in 1.. {
        let house = House::new();
        let random = Arc::new(FlakyRandom::new(SeededRandom::new(998)));
        let store = house.new_store().await;
        let create = async || {
            let mut environment = house.environment(Arc::clone(&store));
            environment.random = Arc::<FlakyRandom<SeededRandom>>::clone(&random);
            let new = strongroom_vault::NewVault {
                id: VAULT_ID,
                wrapper_key: None,
            };
            Vault::create(environment, house.settings.clone(), &caller(), new).await
        };
        random.fail_draw(number);
        let outcome = create().await;
        if !random.has_struck() {
            assert_eq!(number, 4, "id and bytes of the data key, salt of the state");
            outcome.unwrap();
            return;
        }
        assert_eq!(code(outcome), "RANDOM_SOURCE_FAILED");
        create().await.unwrap();
    }
}
