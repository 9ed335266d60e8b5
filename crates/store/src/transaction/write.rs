use async_trait::async_trait;
use strongroom_crypto::Fingerprint;

use super::{KeyRow, ReadTransaction};
use crate::{
    ApprovalId, ApprovalRecord, AuditRow, BackupId, BackupRecord, DataKeyId, DataKeyRecord,
    IdentityRecord, JournalId, KmsJournalRecord, PrivateKeyRecord, PublicKeyRecord, RotationRecord,
    StoreError, TopologyExpiry, TopologyRow, TopologyTag, VaultRecord, WrapRecord,
};

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
    /// The token of the lease under which it writes ([`Lease::token`](crate::Lease)): it grows with every takeover, so whoever
    /// was fenced off wrote nothing under a smaller one afterwards. None in a store that one process has at a time.
    fn lease_token(&self) -> Option<u64>;

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

    /// Deletes a data key that nothing names any more: neither the vault's row, nor a wrap, nor any other row.
    ///
    /// # Errors
    /// [`StoreError::DataKeyInUse`]; [`StoreError::DataKeyMissing`]; those of every write.
    async fn delete_data_key(&mut self, id: DataKeyId) -> Result<(), StoreError>;

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
    /// [`StoreError::KeyMissing`]; [`StoreError::KeyInRotation`] if a rotation names it, whether or not its private key
    /// is there too; [`StoreError::PrivateKeyRemains`]; those of every write.
    async fn delete_public_key(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError>;

    /// Appends a record to the audit log. Its sequence number is the head's plus one, and 1 for the first.
    ///
    /// # Errors
    /// [`StoreError::AuditOutOfOrder`]; those of every write.
    async fn append_audit(&mut self, row: AuditRow) -> Result<(), StoreError>;

    /// Stores any number of topology transactions at once; much faster than one by one.
    ///
    /// # Errors
    /// [`StoreError::TopologyRowExists`] if one is at the same position of the same topology store;
    /// [`StoreError::DataKeyMissing`]; [`StoreError::RecordRefused`] for values out of the ranges that
    /// [`TopologyRow`] states; those of every write.
    async fn insert_topology(&mut self, rows: Vec<TopologyRow>) -> Result<(), StoreError>;

    /// Ends the validity of stored topology transactions: replaces `valid_until` and the MAC; all else stays.
    ///
    /// # Errors
    /// [`StoreError::TopologyRowMissing`]; [`StoreError::RecordRefused`] for an end before the beginning; those of
    /// every write.
    async fn expire_topology(&mut self, expiries: Vec<TopologyExpiry>) -> Result<(), StoreError>;

    /// Puts stored topology transactions under another data key: replaces the data key's id and the MAC; all else stays.
    ///
    /// # Errors
    /// [`StoreError::TopologyRowMissing`]; [`StoreError::DataKeyMissing`]; those of every write.
    async fn update_topology_tags(&mut self, tags: Vec<TopologyTag>) -> Result<(), StoreError>;

    /// Deletes all transactions of one topology store, and answers how many there were; none is no error.
    ///
    /// # Errors
    /// Those of every write.
    async fn delete_topology(&mut self, store: &str) -> Result<u64, StoreError>;

    /// Makes the vault a node's.
    ///
    /// # Errors
    /// [`StoreError::IdentityExists`]; [`StoreError::DataKeyMissing`]; those of every write.
    async fn insert_identity(&mut self, identity: IdentityRecord) -> Result<(), StoreError>;

    /// Puts the identity under another data key: replaces the data key's id and the MAC; member and time stay.
    ///
    /// # Errors
    /// [`StoreError::IdentityMissing`]; [`StoreError::DataKeyMissing`]; those of every write.
    async fn update_identity(&mut self, identity: IdentityRecord) -> Result<(), StoreError>;

    /// Stores any number of rotations. The public keys that they name must be stored before.
    ///
    /// # Errors
    /// [`StoreError::RotationExists`] if a rotation has the same old or the same new key; [`StoreError::KeyMissing`]
    /// with the first public key that is not stored; [`StoreError::DataKeyMissing`]; [`StoreError::RecordRefused`] if
    /// both keys are the same; those of every write.
    async fn insert_rotations(&mut self, rotations: Vec<RotationRecord>) -> Result<(), StoreError>;

    /// Deletes the rotation of the key `old`; from then on both of its public keys can be deleted.
    ///
    /// # Errors
    /// [`StoreError::RotationMissing`]; those of every write.
    async fn delete_rotation(&mut self, old: Fingerprint) -> Result<(), StoreError>;

    /// Stores an entry of the journal of KMS keys, in the place of the one with its id if there is one.
    ///
    /// # Errors
    /// [`StoreError::DataKeyMissing`]; [`StoreError::RecordRefused`] if step and key id, or spec and usages, contradict
    /// each other; those of every write.
    async fn put_kms_journal(&mut self, entry: KmsJournalRecord) -> Result<(), StoreError>;

    /// Deletes an entry of the journal of KMS keys.
    ///
    /// # Errors
    /// [`StoreError::JournalEntryMissing`]; those of every write.
    async fn delete_kms_journal(&mut self, id: JournalId) -> Result<(), StoreError>;

    /// Stores a backup that was made, in the place of the one with its id if there is one.
    ///
    /// # Errors
    /// [`StoreError::DataKeyMissing`] for the data key that authenticates it; [`StoreError::RecordRefused`] if it needs no
    /// data key, or for generation 0 or from 2^63 on; those of every write.
    async fn put_backup(&mut self, backup: BackupRecord) -> Result<(), StoreError>;

    /// Removes what is remembered of a backup.
    ///
    /// # Errors
    /// [`StoreError::BackupMissing`]; those of every write.
    async fn delete_backup(&mut self, id: BackupId) -> Result<(), StoreError>;

    /// Stores an approval, in the place of the one with its id if there is one.
    ///
    /// # Errors
    /// [`StoreError::DataKeyMissing`]; [`StoreError::RecordRefused`] for a body that is empty or longer than
    /// [`ApprovalRecord::MOST_BYTES`]; those of every write.
    async fn put_approval(&mut self, approval: ApprovalRecord) -> Result<(), StoreError>;

    /// Removes an approval.
    ///
    /// # Errors
    /// [`StoreError::ApprovalMissing`]; those of every write.
    async fn delete_approval(&mut self, id: ApprovalId) -> Result<(), StoreError>;

    /// Marks the store as one whose vault was moved away. From the commit on, every beginning and every read of every process
    /// is refused with [`StoreError::Moved`], and so is opening it.
    ///
    /// # Errors
    /// Those of every write.
    async fn mark_moved(&mut self, target: &str) -> Result<(), StoreError>;

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
