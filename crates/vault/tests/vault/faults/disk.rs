//! The disk is full indeed, not by injection.

use strongroom_store::Sealing;
use strongroom_store_sqlite::{Limits, SqliteStore};
use strongroom_vault::Vault;

use super::Trial;
use crate::{
    acts::{Act, Stage},
    house::{caller, code, new_protocol_key},
};

#[tokio::test]
async fn a_database_that_cannot_grow_refuses_and_keeps_what_it_has() {
    let stage = Stage::new(Sealing::DataKey).await;
    let house = stage.house.copy();
    let size = std::fs::metadata(house.vault_folder().join("vault.db")).unwrap();
    let limits = Limits {
        max_bytes: Some(size.len()),
    };
    let store = SqliteStore::open_within(&house.vault_folder(), limits).await;
    let environment = house.environment(std::sync::Arc::new(store.unwrap()));
    let vault = Vault::open(environment, stage.settings()).await.unwrap();
    let trial = Trial::new(&stage, house, vault).await;
    let too_many = vec![new_protocol_key(); 500];
    let refused = trial.vault.generate_signing_keys(&caller(), too_many).await;
    assert_eq!(code(refused), "STORE_FULL");
    assert!(!trial.was_done(Act::Generate, "disk full").await);
    // What makes room is possible.
    trial.run(Act::Delete).await.unwrap();
    assert!(trial.was_done(Act::Delete, "disk full").await);
}
