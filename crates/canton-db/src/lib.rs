//! Reads the tables of keys in the PostgreSQL database of a node of Canton.
//!
//! One transaction, read only, sees all three tables at one moment; nothing is ever written. The node may run meanwhile: it
//! is not asked to wait, and keys that it makes later are not seen.
//!
//! What comes back is as it stands there ([`KeyTables`]); whoever takes it in distrusts it row by row. Databases of H2 are
//! not read.
//!
//! ```no_run
//! # async fn example(url: strongroom_memory::SecretBytes) -> Result<(), strongroom_canton_db::CantonDbError> {
//! let tables = strongroom_canton_db::Address::parse(&url)?.read_keys().await?;
//! println!("{} private keys", tables.private_keys.len());
//! # Ok(()) }
//! ```
//!
//! [`KeyTables`]: strongroom_proto::tables::KeyTables

mod address;
mod error;
mod tables;

pub use address::Address;
pub use error::CantonDbError;
