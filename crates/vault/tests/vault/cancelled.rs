//! Callers that give up waiting, at every moment at which they can.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use strongroom_crypto::Fingerprint;
use strongroom_test_support::store::CountingStore;
use strongroom_vault::{Settings, Vault, VaultError};

use crate::house::{House, caller, sign, signing_key};

/// Runs `operation` until it has waited `patience` times, then drops it; none if it was dropped.
async fn with_patience<T>(patience: usize, operation: impl Future<Output = T>) -> Option<T> {
    let mut operation = pin!(operation);
    let mut waited = 0;
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if waited == patience => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

/// Opens the vault over a store at which every call waits, before and after its work.
async fn open_over(house: &House) -> Vault {
    let store = CountingStore::new(house.store().await.unwrap());
    Vault::open(house.environment(Arc::new(store)), Settings::default())
        .await
        .unwrap()
}

/// Gives `operation` up at every moment in turn, and checks that the key is usable only if the store still has it active.
async fn check_given_up(operation: impl AsyncFn(&Vault, &Fingerprint) -> Result<(), VaultError>) {
    for patience in 0.. {
        let house = House::new();
        house.create().await.close().await.unwrap();
        let vault = open_over(&house).await;
        let key = signing_key(&vault).await;
        let other = signing_key(&vault).await;
        sign(&vault, &key).await.unwrap();

        let outcome = with_patience(patience, operation(&vault, &key)).await;

        let usable = sign(&vault, &key).await.is_ok();
        let active: i64 = house
            .database()
            .query_row(
                "SELECT count(*) FROM private_keys WHERE fingerprint = ?1 AND state = 0",
                [key.as_bytes()],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(
            usable,
            active == 1,
            "given up after waiting {patience} times"
        );
        sign(&vault, &other).await.unwrap();
        signing_key(&vault).await;
        vault.close().await.unwrap();
        let vault = house.open().await;
        assert_eq!(sign(&vault, &key).await.is_ok(), usable);

        if let Some(outcome) = outcome {
            outcome.unwrap();
            assert!(!usable && patience > 14, "{patience}");
            return;
        }
    }
}

#[tokio::test]
async fn a_deletion_given_up_at_any_moment_is_done_or_not_done() {
    check_given_up(async |vault, key| vault.delete_key(&caller(), key).await).await;
}

#[tokio::test]
async fn a_retirement_given_up_at_any_moment_is_done_or_not_done() {
    check_given_up(async |vault, key| vault.retire_key(&caller(), key).await.map(drop)).await;
}
