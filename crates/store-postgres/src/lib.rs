//! The store that several processes share: a vault in a schema of a PostgreSQL database.
//!
//! **Reading.** Every process reads, each time one moment (`REPEATABLE READ READ ONLY`), and never waits for the writer.
//!
//! **Writing.** One process writes: the holder of the *lease*, a row of a table with a token that counts the takeovers. A
//! transaction that writes first takes a lock of the vault, so that it waits behind a commit whose connection was lost; then it
//! locks the row of the lease `FOR SHARE` and compares holder and token. Whoever takes the lease over updates that row: it waits
//! for the transaction of the old holder or ends its connections. So one that was paused, cut off or declared dead can neither
//! write nor block. No clock but the server's is looked at.
//!
//! **Blocking.** Whoever does not hold the lease takes no lock. A process that is stopped with locks (it wrote, or lost the lease
//! while it waited to write, or was about to take it) is ended by whoever waits for it, or by the server: after
//! [`Settings::silent_after`] where it does not write, after [`Settings::idle_timeout`] where it does. A machine that is gone is
//! found out by keep-alives of TCP.
//!
//! **Committing.** With `synchronous_commit` at `on` or above, whatever the server's own setting: a commit that was answered
//! survives a crash of the server. Whether it survives the *loss* of the server is up to `synchronous_standby_names`.
//! When the connection breaks before the answer, [`StoreError::OutcomeUnknown`]; the next transaction waits until the server
//! knows.
//!
//! **Scrubbing.** [`scrub`](strongroom_store::Store::scrub) makes the server reclaim the space of deleted rows. What stood there
//! is not overwritten before something else is written to the same place, and it stays in the write-ahead log, in archives of it
//! and on standbys for as long as these are kept. A key that was ever of custody `clear` counts as exposed until it is replaced.
//! Its bytes also pass through buffers of the database library, which nobody wipes.
//!
//! What it is not: it protects nothing from whoever runs the database. Sealing and authenticating rows is the vault's work. It
//! cannot be used through a pooler that shares connections among transactions. It was tried with PostgreSQL 15.
//!
//! **Beware** of `pg_cancel_backend` on a commit that waits for a synchronous standby: the server answers it as done, although the
//! standby does not have it. The store itself never does that; it ends connections, whose commits are then in doubt.
//!
//! [`StoreError::OutcomeUnknown`]: strongroom_store::StoreError::OutcomeUnknown

mod address;
mod approvals;
mod audit;
mod backups;
mod connections;
mod data_keys;
mod durability;
mod error;
mod identity;
mod integrity;
mod keys;
mod kms_journal;
mod moved;
mod news;
mod open;
mod private_keys;
mod public_keys;
mod reach;
mod replicas;
mod rotations;
mod row;
mod schema;
mod session;
mod settings;
mod store;
mod topology;
mod transaction;
mod vault;
mod wire;
mod wraps;
mod writing;
#[doc(hidden)]
pub mod yardstick;

pub use address::Address;
pub use durability::Durability;
pub use error::PostgresError;
pub use settings::{SchemaName, Settings};
pub use store::PostgresStore;
