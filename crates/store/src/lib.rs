//! Records and transactions of a vault's storage; no SQL.
//!
//! A [`Store`] hands out units of work: a [`WriteTransaction`] is committed or rolled back by value, a
//! [`ReadTransaction`] sees one moment. What goes in and out are plain [records](crate#structs) with public fields.
//!
//! What this crate is not: it seals nothing, authenticates nothing and decides nothing. Ciphertexts and MACs are
//! bytes here; the vault makes and checks them. It contains no adapter: SQLite is `strongroom-store-sqlite`, PostgreSQL
//! `strongroom-store-postgres`.
//!
//! ```
//! use strongroom_store::{AuditRow, Store, StoreError};
//!
//! /// Records an act; all of it is stored, or nothing.
//! async fn note(store: &dyn Store, body: Vec<u8>, hash: [u8; 32]) -> Result<u64, StoreError> {
//!     let mut transaction = store.begin().await?;
//!     let last = transaction.audit_head().await?.map_or(0, |row| row.sequence);
//!     transaction.append_audit(AuditRow { sequence: last + 1, body, hash }).await?;
//!     transaction.commit().await?; // without it, the transaction rolls back when it is dropped
//!     Ok(last + 1)
//! }
//! ```
//!
//! # How to write a store
//!
//! 1. Implement [`Store`], [`ReadTransaction`] and [`WriteTransaction`] over your engine. A transaction is one
//!    transaction of the engine, at an isolation that gives one snapshot; at most one writer runs at a time.
//! 2. Not found is `Ok(None)`. Check the number of affected rows: a change that hits no row is
//!    [`StoreError::KeyMissing`] or its like, never silence.
//! 3. Name the constraints of your schema and turn each into its variant of [`StoreError`]; what has no variant
//!    becomes [`StoreError::RecordRefused`] with the constraint's name.
//! 4. Write enums as the numbers of [`RowCode`], timestamps as microseconds, fingerprints as their 32 bytes. Read a
//!    row distrustfully: a value of the wrong type, length or range is [`StoreError::Corrupted`] with its place.
//! 5. A write transaction that saw an error stays dead; one that is dropped rolls back, also when it is dropped
//!    in the middle of a call.
//! 6. Only an error after which the change may be there is [`StoreError::OutcomeUnknown`].
//! 7. Run the conformance suite of `strongroom-test-support`: `store_conformance!(make_store)`.

mod codes;
mod damage;
mod error;
mod ids;
mod place;
mod records;
mod replicas;
mod store;
mod transaction;

pub use codes::RowCode;
pub use damage::{Damage, Row};
pub use error::{Cause, StoreError};
pub use ids::{ApprovalId, BackupId, DataKeyId, JournalId, NotAnId, ReplicaId, VaultId};
pub use place::Place;
pub use records::{
    ApprovalRecord, AuditRow, BackupRecord, Custody, DataKeyRecord, DataKeyState, IdentityRecord,
    JournalStep, KeyState, KmsJournalRecord, KmsKeyRef, PrivateKeyRecord, PublicKeyRecord,
    RotationRecord, Sealing, StoredKey, TopologyExpiry, TopologyRow, TopologyTag, VaultRecord,
    WrapRecord,
};
pub use replicas::{Holder, Lease, ReplicaRecord, ReplicaReport, Replicas};
pub use store::Store;
pub use transaction::{KeyRow, ReadTransaction, TakeKeys, WriteTransaction};
