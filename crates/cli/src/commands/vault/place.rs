//! Places of vaults, as they are named on the command line.

use std::path::{Path, PathBuf};

use strongroom_config::{Config, StoreConfig};

use crate::failure::CliError;

/// Where a vault is or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `sqlite:DIR`, or a folder.
    Folder(PathBuf),
    /// `postgres://…`.
    Database(String),
}

impl Place {
    /// Reads a name; what has no scheme is a folder.
    pub(super) fn parse(text: &str) -> Result<Self, CliError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Database(text.to_owned()));
        }
        let (scheme, folder) = text.split_once(':').unwrap_or(("sqlite", text));
        let is_folder = scheme == "sqlite" && !folder.is_empty() && !folder.starts_with("//");
        // A wrong URL may have a password in it, so it is not repeated.
        is_folder
            .then(|| Self::Folder(PathBuf::from(folder)))
            .ok_or_else(|| CliError::BadArgument {
                value: format!("{scheme}:…"),
                expected: "postgres://USER@HOST:PORT/DATABASE or sqlite:DIR",
            })
    }

    /// Whether that is where a configuration has its vault, whose folder is `dir`.
    pub(super) fn is_of(&self, config: &Config, dir: &Path) -> bool {
        match (self, &config.store) {
            (Self::Folder(folder), None) => is_same(folder, dir),
            (Self::Database(url), Some(store)) => *url == store.url,
            _ => false,
        }
    }

    /// The section of a configuration, of which nothing else is said.
    pub(super) fn to_config(&self) -> Option<StoreConfig> {
        match self {
            Self::Folder(_) => None,
            Self::Database(url) => Some(StoreConfig::new(url)),
        }
    }
}

/// Whether two paths name one folder.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let real =
        |path: &Path| std::fs::canonicalize(path).or_else(|_missing| std::path::absolute(path));
    matches!((real(one), real(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_urls_and_folders() {
        let database = Place::Database("postgres://u@db/ledger".to_owned());
        assert_eq!(Place::parse("postgres://u@db/ledger").unwrap(), database);
        let folder = Place::Folder("my vault".into());
        assert_eq!(Place::parse("sqlite:my vault").unwrap(), folder);
        assert_eq!(Place::parse("my vault").unwrap(), folder);
    }

    #[test]
    fn other_databases_are_refused_and_not_repeated() {
        for wrong in ["mysql://u:hunter2@db/x", "sqlite:", "sqlite://hunter2"] {
            let error = Place::parse(wrong).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
