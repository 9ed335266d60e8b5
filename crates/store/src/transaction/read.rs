use std::fmt;

use async_trait::async_trait;
use strongroom_crypto::Fingerprint;

use super::KeyRow;
use crate::{
    ApprovalRecord, AuditRow, BackupRecord, DataKeyId, DataKeyRecord, IdentityRecord,
    KmsJournalRecord, PrivateKeyRecord, PublicKeyRecord, RotationRecord, StoreError, TopologyRow,
    VaultRecord, WrapRecord,
};

/// Takes keys as they are read.
#[async_trait]
pub trait TakeKeys: Send {
    /// The next keys; false: no more of them are wanted.
    async fn take(&mut self, keys: Vec<KeyRow>) -> bool;
}

/// Reads of one consistent state. What is not there is `None` or an empty `Vec`, never an error.
///
/// Every method fails with [`StoreError::Corrupted`] if a row cannot be what the schema says, with
/// [`StoreError::TransactionClosed`] after the store was closed or after an earlier error of the same transaction,
/// and with [`StoreError::Io`].
///
/// The methods take `&mut self`: a transaction answers one question at a time, as connections do.
#[async_trait]
pub trait ReadTransaction: fmt::Debug + Send {
    /// The vault row; `None` before the vault was created.
    ///
    /// # Errors
    /// See the trait.
    async fn vault(&mut self) -> Result<Option<VaultRecord>, StoreError>;

    /// Every data key, oldest first.
    ///
    /// # Errors
    /// See the trait.
    async fn data_keys(&mut self) -> Result<Vec<DataKeyRecord>, StoreError>;

    /// Every wrap of one data key, oldest first.
    ///
    /// # Errors
    /// See the trait.
    async fn wraps(&mut self, data_key_id: DataKeyId) -> Result<Vec<WrapRecord>, StoreError>;

    /// One public key.
    ///
    /// # Errors
    /// See the trait.
    async fn public_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PublicKeyRecord>, StoreError>;

    /// One private key.
    ///
    /// # Errors
    /// See the trait.
    async fn private_key(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<PrivateKeyRecord>, StoreError>;

    /// The next `limit` keys after a fingerprint (`None`: from the first), in the order of fingerprints, each with
    /// its private half if there is one. Fewer than `limit` rows mean that these are the last.
    ///
    /// Each call is handed to another thread or to a server, so a page should hold some thousand rows.
    ///
    /// Private rows without a public row, which only tampering leaves, do not appear: nothing can be done with them.
    /// [`Store::check_integrity`](crate::Store::check_integrity) finds them.
    ///
    /// # Errors
    /// See the trait.
    async fn keys_after(
        &mut self,
        after: Option<Fingerprint>,
        limit: usize,
    ) -> Result<Vec<KeyRow>, StoreError>;

    /// Hands all keys to `to`, in the order of fingerprints and `page` at a time (the last page has fewer, perhaps none), each
    /// with its private half if there is one. A server goes on reading while `to` is busy, so whoever needs all keys has them
    /// sooner than by [`Self::keys_after`].
    ///
    /// If `to` wants no more, nothing else can be asked of the transaction.
    ///
    /// # Errors
    /// See the trait.
    async fn all_keys(&mut self, page: usize, to: &mut dyn TakeKeys) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let keys = self.keys_after(after, page).await?;
            after = keys.last().map(|(public, _)| public.fingerprint);
            let is_last = keys.len() < page;
            if !to.take(keys).await || is_last {
                return Ok(());
            }
        }
    }

    /// How many public keys there are.
    ///
    /// # Errors
    /// See the trait.
    async fn key_count(&mut self) -> Result<u64, StoreError>;

    /// The next `limit` audit records after a sequence number (0: from the first), in order.
    ///
    /// # Errors
    /// See the trait.
    async fn audit_after(
        &mut self,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError>;

    /// The last audit record; `None` if there is none.
    ///
    /// # Errors
    /// See the trait.
    async fn audit_head(&mut self) -> Result<Option<AuditRow>, StoreError>;

    /// The next `limit` topology transactions after a position (`None`: from the first), in the order of the names of
    /// their topology stores, byte by byte, and within one by ordinal. Fewer than `limit` rows mean that these are the
    /// last.
    ///
    /// The position need not be one of a stored row. A page should hold some thousand rows, as with
    /// [`Self::keys_after`].
    ///
    /// # Errors
    /// See the trait.
    async fn topology_after(
        &mut self,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Vec<TopologyRow>, StoreError>;

    /// How many topology transactions there are, in all topology stores.
    ///
    /// # Errors
    /// See the trait.
    async fn topology_count(&mut self) -> Result<u64, StoreError>;

    /// Which node's keys the vault keeps; `None` before it is a node's.
    ///
    /// # Errors
    /// See the trait.
    async fn identity(&mut self) -> Result<Option<IdentityRecord>, StoreError>;

    /// Every rotation that is under way, by position; those of the same position by their old keys.
    ///
    /// # Errors
    /// See the trait.
    async fn rotations(&mut self) -> Result<Vec<RotationRecord>, StoreError>;

    /// Every key of a KMS on its way into the vault or out of it, oldest entry first; of the same time by their ids.
    ///
    /// # Errors
    /// See the trait.
    async fn kms_journal(&mut self) -> Result<Vec<KmsJournalRecord>, StoreError>;

    /// Every backup that was made and is remembered, oldest first; of the same time by their ids.
    ///
    /// # Errors
    /// See the trait.
    async fn backups(&mut self) -> Result<Vec<BackupRecord>, StoreError>;

    /// Every approval that was asked for and neither used nor struck, by id.
    ///
    /// # Errors
    /// See the trait.
    async fn approvals(&mut self) -> Result<Vec<ApprovalRecord>, StoreError>;
}
