//! Backup files of a vault: their format, their encryption, and a store to read them through.
//!
//! A backup is one moment of a vault, row by row, in a form that no engine has a part in: it restores into any store.
//! [`BackupWriter`] writes it as a stream; [`BackupStore`] is a backup that was read, as a store that cannot be written to,
//! so that verifying one is nothing else than opening a vault. [`Protection`] encrypts the file in the format of
//! [age](https://age-encryption.org/v1); [`decrypt`] reverses it.
//!
//! Rows stay as they were: sealed under the data key, with the tags that authenticate them. What the store holds readable is
//! sealed on its way ([`Seal`]), so no backup holds a private key that its reader could use without the vault's KMS.
//!
//! What this crate is not: it holds no data key, talks to no KMS, and decides nothing about what it reads.

mod codec;
mod contents;
mod error;
mod header;
mod manifest;
mod protection;
mod reader;
mod row;
mod seal;
mod section;
mod store;
mod writer;

pub use error::BackupError;
pub use header::Header;
pub use manifest::{Manifest, SectionSummary};
pub use protection::{Encrypted, Protection, Recipients, Unlock, decrypt};
pub use row::Row;
pub use seal::Seal;
pub use section::Section;
pub use store::BackupStore;
pub use writer::{BackupWriter, Written};
