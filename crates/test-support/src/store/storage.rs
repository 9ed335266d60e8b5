use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use strongroom_store::Store;

/// A place in which one store can be made, and opened again later. Each test gets one of its own.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Makes the store; nothing is in it.
    async fn create(&self) -> Arc<dyn Store>;

    /// Opens the store that was made here, after the use of it has ended.
    async fn open(&self) -> Arc<dyn Store>;
}

/// Runs one rule of the suite to its end.
///
/// # Panics
/// If the rule is broken.
#[expect(clippy::expect_used, reason = "without a runtime there is no test")]
pub fn run(rule: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(rule);
}
