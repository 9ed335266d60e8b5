//! A rehearsal: what keeps the wrapper key is started for one run, and gone with it; so is the vault.

#[cfg(all(
    any(feature = "kms-aws", feature = "kms-gcp"),
    feature = "kms-simulate"
))]
mod cloud;
#[cfg(feature = "kms-driver")]
mod driver;
#[cfg(feature = "kms-pkcs11")]
mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use strongroom_config::KmsProviderConfig;
use tempfile::TempDir;

use crate::{
    args::Global,
    commands::init::{Keeper, KmsKind},
};

/// The stage of a rehearsal.
pub(super) struct Rehearsal {
    /// What works while it is there, first to be dropped.
    _works: Box<dyn Send>,
    pub(super) played_by: &'static str,
    provider: KmsProviderConfig,
    folder: Folder,
}

/// Ours, or of the program that started us and takes it away.
enum Folder {
    Ours(TempDir),
    #[cfg(feature = "kms-pkcs11")]
    OfStarter(PathBuf),
}

/// What a rehearsal of some kind plays with.
struct Stand {
    works: Box<dyn Send>,
    played_by: &'static str,
    provider: KmsProviderConfig,
}

/// How a rehearsal begins.
pub(super) enum Begun {
    /// Here it is.
    Here(Rehearsal),
    /// Another process did it all, and ended so.
    Elsewhere(ExitCode),
}

impl Rehearsal {
    /// Starts what plays the KMS. `module` is the library of a token, if one was named.
    pub(super) async fn begin(kind: KmsKind, module: Option<&Path>) -> anyhow::Result<Begun> {
        #[cfg(feature = "kms-pkcs11")]
        if let KmsKind::Pkcs11 = kind {
            return match token::begin(module)? {
                token::Begun::Elsewhere(code) => Ok(Begun::Elsewhere(code)),
                token::Begun::Here(stand, folder) => Ok(Self::on(stand, Folder::OfStarter(folder))),
            };
        }
        let folder = tempfile::Builder::new().prefix("rehearsal-").tempdir()?;
        let stand = match kind {
            #[cfg(all(feature = "kms-aws", feature = "kms-simulate"))]
            KmsKind::Aws => cloud::start(cloud::aws)?,
            #[cfg(all(feature = "kms-gcp", feature = "kms-simulate"))]
            KmsKind::Gcp => cloud::start(cloud::gcp)?,
            #[cfg(feature = "kms-driver")]
            KmsKind::Driver => driver::start(folder.path())?,
            _ => {
                let _of_tokens = module;
                let kind = "that is rehearsed";
                return Err(crate::failure::CliError::KmsNotBuiltIn { kind }.into());
            }
        };
        Ok(Self::on(stand, Folder::Ours(folder)))
    }

    fn on(stand: Stand, folder: Folder) -> Begun {
        Begun::Here(Self {
            _works: stand.works,
            played_by: stand.played_by,
            provider: stand.provider,
            folder,
        })
    }

    fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Ours(folder) => folder.path(),
            #[cfg(feature = "kms-pkcs11")]
            Folder::OfStarter(folder) => folder,
        }
    }

    /// `global`, with the vault in the folder of the rehearsal.
    pub(super) fn global(&self, global: &Global) -> Global {
        Global {
            dir: self.folder().join("vault"),
            config: None,
            ..global.clone()
        }
    }

    pub(super) fn key_dir(&self) -> PathBuf {
        self.folder().join("keys")
    }

    pub(super) fn keeper(&self) -> Keeper {
        Keeper::Kms(self.provider.clone(), None)
    }
}
