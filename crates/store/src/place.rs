//! Where a vault is.

use std::{fmt, path::PathBuf};

/// Where a vault is, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A database of a server, with its schema and without a password.
    Database(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Database(name) => f.write_str(name),
        }
    }
}
