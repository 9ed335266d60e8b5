//! A store in front of a store, with a hook before and after every call.

mod transaction;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use strongroom_store::{ReadTransaction, Replicas, Store, StoreError, WriteTransaction};

use transaction::Hooked;

/// Every call of a store and of its transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named after its method")]
pub enum StoreCall {
    Begin,
    Read,
    CheckIntegrity,
    Scrub,
    Close,
    Vault,
    DataKeys,
    Wraps,
    PublicKey,
    PrivateKey,
    KeysAfter,
    KeyCount,
    AuditAfter,
    AuditHead,
    TopologyAfter,
    TopologyCount,
    Identity,
    Rotations,
    KmsJournal,
    Backups,
    Approvals,
    InsertVault,
    UpdateVault,
    InsertDataKey,
    UpdateDataKey,
    DeleteDataKey,
    InsertWrap,
    DeleteWrap,
    InsertPublicKey,
    InsertPrivateKey,
    InsertKeys,
    UpdatePublicKeys,
    UpdatePrivateKeys,
    DeletePrivateKey,
    DeletePublicKey,
    AppendAudit,
    InsertTopology,
    ExpireTopology,
    UpdateTopologyTags,
    DeleteTopology,
    InsertIdentity,
    UpdateIdentity,
    InsertRotations,
    DeleteRotation,
    PutKmsJournal,
    DeleteKmsJournal,
    PutBackup,
    DeleteBackup,
    PutApproval,
    DeleteApproval,
    MarkMoved,
    Commit,
    Rollback,
}

/// What a [`HookedStore`] does besides calling the store behind it.
pub trait StoreHook: fmt::Debug + Send + Sync + 'static {
    /// Runs before the call; with an error the call is not made.
    ///
    /// # Errors
    /// What the caller is to get.
    fn before(&self, call: StoreCall) -> Result<(), StoreError>;

    /// Runs after a call that succeeded; with an error its answer is lost.
    ///
    /// # Errors
    /// What the caller is to get.
    fn after(&self, call: StoreCall) -> Result<(), StoreError>;
}

/// A store in front of another one.
#[derive(Debug)]
pub struct HookedStore<H> {
    inner: Arc<dyn Store>,
    hook: Arc<H>,
}

impl<H: StoreHook> HookedStore<H> {
    /// `hook` around every call of `inner`.
    #[must_use]
    pub fn around(inner: Arc<dyn Store>, hook: Arc<H>) -> Self {
        Self { inner, hook }
    }

    /// The hook, to look at or to change what it does.
    #[must_use]
    pub fn hook(&self) -> &H {
        &self.hook
    }

    async fn call<T>(
        &self,
        call: StoreCall,
        inner: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        // The caller waits at least once before the call and once after, and may give up there.
        tokio::task::yield_now().await;
        self.hook.before(call)?;
        let answer = inner.await?;
        tokio::task::yield_now().await;
        self.hook.after(call)?;
        Ok(answer)
    }
}

#[async_trait]
impl<H: StoreHook> Store for HookedStore<H> {
    async fn begin(&self) -> Result<Box<dyn WriteTransaction>, StoreError> {
        let inner = self.call(StoreCall::Begin, self.inner.begin()).await?;
        Ok(Box::new(Hooked::around(inner, &self.hook)))
    }

    async fn read(&self) -> Result<Box<dyn ReadTransaction>, StoreError> {
        let inner = self.call(StoreCall::Read, self.inner.read()).await?;
        Ok(Box::new(Hooked::around(inner, &self.hook)))
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        self.call(StoreCall::CheckIntegrity, self.inner.check_integrity())
            .await
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        self.call(StoreCall::Scrub, self.inner.scrub()).await
    }

    /// Past the hook: what is said among processes changes nothing that is stored.
    fn replicas(&self) -> Option<&dyn Replicas> {
        self.inner.replicas()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.call(StoreCall::Close, self.inner.close()).await
    }
}
