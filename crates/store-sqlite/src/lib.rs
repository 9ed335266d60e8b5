//! The embedded store: a vault in one SQLite file, for one process.
//!
//! Write-ahead log, fully synchronous: a commit that has returned survives a loss of power. The connection that
//! writes and those that read each have a thread of their own, so a read sees one moment and never waits for a writer.
//! Deleted bytes are overwritten (`secure_delete`), and nothing is ever written to temporary files.
//!
//! Opening looks at the header and the schema only, so that a vault with many keys opens fast: who opens it reads every
//! row anyway, and damage shows there. The structure of the whole database is checked (`quick_check`) before the first
//! write, since writing into a damaged one is what loses data; while that check fails, every
//! [`begin`](strongroom_store::Store::begin) does, and the file stays as it is. A process that crashed has left a log to be
//! written back: then opening itself checks first. After a commit of unknown outcome nothing is written until the vault is opened again.
//!
//! Folder and database must belong to the user (or to root) and to nobody else: with rights for the group or others they
//! are refused.
//!
//! What it is not: it protects nothing from whoever can read or change the file. Sealing and authenticating rows is
//! the vault's work. It is not for network file systems, where locks do not hold.
//!
//! ```
//! use strongroom_store::{AuditRow, Store};
//! use strongroom_store_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let store = SqliteStore::create(&folder.path().join("vault")).await?;
//! let mut transaction = store.begin().await?;
//! transaction.append_audit(AuditRow { sequence: 1, body: b"created".to_vec(), hash: [7; 32] }).await?;
//! transaction.commit().await?;
//!
//! let head = store.read().await?.audit_head().await?;
//! assert_eq!(head.map(|row| row.sequence), Some(1));
//! store.close().await?;
//! # Ok(())
//! # }
//! ```

mod approvals;
mod audit;
mod backups;
mod condition;
mod connection;
mod data_keys;
mod error;
mod identity;
mod integrity;
mod keys;
mod kms_journal;
mod moved;
mod open;
mod private_keys;
mod public_keys;
mod readers;
mod rotations;
mod row;
mod schema;
mod session;
mod store;
mod topology;
mod transaction;
mod vault;
mod worker;
mod wraps;
#[doc(hidden)]
pub mod yardstick;

pub use open::DATABASE;
pub use store::{Limits, SqliteStore};
