//! Telling the other processes that this one lives.

use std::sync::{Arc, Weak};

use strongroom_store::Store;
use tokio::task::JoinHandle;

use super::exchange::Exchange;
use crate::environment::Environment;

/// Beats for as long as the store is in use, whatever else the vault is at: somebody who is busy is not dead, unless it takes
/// too long.
pub(super) fn spawn(environment: &Environment, exchange: &Arc<Exchange>) -> JoinHandle<()> {
    let store: Weak<dyn Store> = Arc::downgrade(&environment.store);
    let (clock, exchange) = (Arc::clone(&environment.clock), Arc::clone(exchange));
    tokio::spawn(async move {
        while let Some(store) = store.upgrade() {
            let Some(replicas) = store.replicas() else {
                return;
            };
            match exchange.beat(replicas, clock.elapsed()).await {
                Ok(Some(lease)) => *exchange.lease.lock() = Some((lease, clock.elapsed())),
                Ok(None) => {}
                Err(error) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the other processes could not be told that this one lives"
                ),
            }
            let pause = replicas.beat_every();
            drop(store);
            tokio::time::sleep(pause).await;
        }
    })
}
