//! Units of work.

mod read;
mod write;

use crate::{PrivateKeyRecord, PublicKeyRecord};

pub use read::{ReadTransaction, TakeKeys};
pub use write::WriteTransaction;

/// A public key with its private half, if that is stored.
pub type KeyRow = (PublicKeyRecord, Option<PrivateKeyRecord>);
