//! Ways to install what is missing.

use std::path::Path;

use anyhow::Result;

use super::{kryoptic, python};
use crate::program::Program;

/// How to install something, where it can be done without asking.
pub(super) enum Installer {
    /// Packages of Debian and its relatives; needs root.
    Apt(&'static [&'static str]),
    /// The virtual environment of the tests.
    Python,
    /// The library of kryoptic, from source.
    Kryoptic,
    /// A component of the toolchain that rustup manages.
    Rustup(&'static str),
    /// There is no way.
    #[cfg(test)]
    None,
}

impl Installer {
    pub(super) fn is_usable(&self) -> bool {
        match self {
            Self::Apt(_) => {
                Path::new("/etc/debian_version").exists() && runs("apt-get") && is_root()
            }
            Self::Python => runs("python3"),
            Self::Kryoptic => true,
            Self::Rustup(_) => runs("rustup"),
            #[cfg(test)]
            Self::None => false,
        }
    }

    pub(super) fn install(&self) -> Result<()> {
        match self {
            // The package lists of a fresh container are empty, those of an old one stale.
            Self::Apt(packages) => apt_install(packages).or_else(|_stale| {
                Program::new("apt-get").args(["update"]).run()?;
                apt_install(packages)
            }),
            Self::Python => python::install(),
            Self::Kryoptic => kryoptic::install(),
            Self::Rustup(component) => Program::new("rustup")
                .args(["component", "add", component])
                .run(),
            #[cfg(test)]
            Self::None => Ok(()),
        }
    }
}

fn apt_install(packages: &[&str]) -> Result<()> {
    Program::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

fn runs(program: &str) -> bool {
    Program::new(program)
        .args(["--version"])
        .try_output()
        .is_some()
}

fn is_root() -> bool {
    Program::new("id")
        .args(["-u"])
        .try_output()
        .is_some_and(|id| id.trim() == "0")
}
