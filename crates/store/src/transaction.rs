use std::fmt;

use async_trait::async_trait;
use strongroom_crypto::Fingerprint;

use crate::{
    AuditRow, DataKeyId, DataKeyRecord, PrivateKeyRecord, PublicKeyRecord, StoreError, VaultRecord,
    WrapRecord,
};

/// A public key with its private half, if that is stored.
pub type KeyRow = (PublicKeyRecord, Option<PrivateKeyRecord>);

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
}

/// A unit of work: all of it is stored, or nothing. It sees its own changes.
///
/// After the first error, of whichever method, the transaction is dead: every further call, [`Self::commit`]
/// included, fails with [`StoreError::TransactionClosed`], and nothing of it is stored. So an error that was
/// overlooked cannot leave half a change, and stores whose engine works like that anyway (PostgreSQL) agree with
/// those whose engine would go on. Ask before writing (`public_key(..)`) where "exists already" is no failure.
///
/// Dropping the transaction rolls it back.
#[async_trait]
pub trait WriteTransaction: ReadTransaction {
    /// Stores the vault row. Its data key must be stored before.
    ///
    /// # Errors
    /// [`StoreError::VaultExists`]; [`StoreError::DataKeyMissing`]; those of every write:
    /// [`StoreError::RecordRefused`], [`StoreError::Full`], [`StoreError::TransactionClosed`], [`StoreError::Io`].
    async fn insert_vault(&mut self, vault: VaultRecord) -> Result<(), StoreError>;

    /// Replaces `state` and `current_data_key` of the vault row if its state is still `expected_state`, the one that
    /// this change was built on.
    ///
    /// # Errors
    /// [`StoreError::WriteConflict`] if another writer has changed the state; [`StoreError::VaultMissing`] if no
    /// vault of this id is stored; [`StoreError::DataKeyMissing`]; those of every write.
    async fn update_vault(
        &mut self,
        expected_state: &[u8],
        vault: VaultRecord,
    ) -> Result<(), StoreError>;

    /// Stores a data key.
    ///
    /// # Errors
    /// [`StoreError::DataKeyExists`]; those of every write.
    async fn insert_data_key(&mut self, data_key: DataKeyRecord) -> Result<(), StoreError>;

    /// Replaces state and MAC of a data key; its id, commitment and time stay.
    ///
    /// # Errors
    /// [`StoreError::DataKeyMissing`]; those of every write.
    async fn update_data_key(&mut self, data_key: DataKeyRecord) -> Result<(), StoreError>;

    /// Stores a wrap of a stored data key.
    ///
    /// # Errors
    /// [`StoreError::WrapExists`] for the same data key, provider and wrapper key;
    /// [`StoreError::DataKeyMissing`]; those of every write.
    async fn insert_wrap(&mut self, wrap: WrapRecord) -> Result<(), StoreError>;

    /// Deletes one wrap.
    ///
    /// # Errors
    /// [`StoreError::WrapMissing`]; those of every write.
    async fn delete_wrap(
        &mut self,
        data_key_id: DataKeyId,
        kms: &str,
        wrapper_key_id: &str,
    ) -> Result<(), StoreError>;

    /// Stores a public key.
    ///
    /// # Errors
    /// [`StoreError::KeyExists`]; [`StoreError::DataKeyMissing`]; those of every write.
    async fn insert_public_key(&mut self, key: PublicKeyRecord) -> Result<(), StoreError>;

    /// Stores a private key beside its public key, which must be stored before.
    ///
    /// # Errors
    /// [`StoreError::KeyExists`]; [`StoreError::KeyMissing`] without the public key;
    /// [`StoreError::DataKeyMissing`]; those of every write.
    async fn insert_private_key(&mut self, key: PrivateKeyRecord) -> Result<(), StoreError>;

    /// Stores any number of keys at once; much faster than one by one.
    ///
    /// # Errors
    /// As [`Self::insert_public_key`] and [`Self::insert_private_key`].
    async fn insert_keys(&mut self, keys: Vec<KeyRow>) -> Result<(), StoreError>;

    /// Replaces the rows of stored public keys (all columns but the fingerprint).
    ///
    /// # Errors
    /// [`StoreError::KeyMissing`]; [`StoreError::DataKeyMissing`]; those of every write.
    async fn update_public_keys(&mut self, keys: Vec<PublicKeyRecord>) -> Result<(), StoreError>;

    /// Replaces the rows of stored private keys (all columns but the fingerprint).
    ///
    /// # Errors
    /// [`StoreError::KeyMissing`]; [`StoreError::DataKeyMissing`]; those of every write.
    async fn update_private_keys(&mut self, keys: Vec<PrivateKeyRecord>) -> Result<(), StoreError>;

    /// Deletes a private key; its public key stays.
    ///
    /// # Errors
    /// [`StoreError::KeyMissing`]; those of every write.
    async fn delete_private_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError>;

    /// Deletes a public key.
    ///
    /// # Errors
    /// [`StoreError::KeyMissing`]; [`StoreError::PrivateKeyRemains`]; those of every write.
    async fn delete_public_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError>;

    /// Appends a record to the audit log. Its sequence number is the head's plus one, and 1 for the first.
    ///
    /// # Errors
    /// [`StoreError::AuditOutOfOrder`]; those of every write.
    async fn append_audit(&mut self, row: AuditRow) -> Result<(), StoreError>;

    /// Makes everything durable: once this returns `Ok`, no crash takes it back.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] if the answer was lost: read again before deciding. A store that cannot tell
    /// either takes no more writes from then on ([`StoreError::InDoubt`]). After any other error nothing was stored.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// Gives everything up. Dropping the transaction does the same without waiting for it.
    ///
    /// # Errors
    /// [`StoreError::Io`]; nothing was stored in any case.
    async fn rollback(self: Box<Self>) -> Result<(), StoreError>;
}
