//! What the tests need beside cargo: checked, installed where that is possible, never skipped.

mod installer;
mod kryoptic;
mod openssl;
mod postgres;
mod python;

use std::path::Path;

use anyhow::{Result, bail};

use crate::program::Program;
use installer::Installer;

/// Something that must be there.
struct Requirement {
    name: &'static str,
    /// Says what was found, or what is wrong.
    check: fn() -> Result<String, String>,
    installer: Installer,
    advice: &'static str,
}

const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        name: "a C compiler",
        check: c_compiler,
        installer: Installer::Apt(&["gcc", "libc6-dev"]),
        advice: "AWS-LC and SQLite are compiled from source. Install gcc or clang with the headers of the C library \
                 (Debian: apt-get install gcc libc6-dev), or name a compiler in the environment variable CC.",
    },
    Requirement {
        name: "the program openssl",
        check: || {
            openssl::check(
                Program::new("openssl")
                    .args(["version"])
                    .try_output()
                    .as_deref(),
            )
        },
        installer: Installer::Apt(&["openssl"]),
        advice: "The interoperability tests run OpenSSL 3.0 or newer. Install it (Debian: apt-get install openssl) and \
                 put it into PATH.",
    },
    Requirement {
        name: "Python",
        check: python::check_system,
        installer: Installer::Apt(&["python3", "python3-venv"]),
        advice: "Clients of the cloud and a simulator that others wrote judge ours, in Python 3.9 or newer. Install it \
                 (Debian: apt-get install python3 python3-venv) and put it into PATH.",
    },
    Requirement {
        name: "the Python packages of the tests",
        check: python::check_packages,
        installer: Installer::Python,
        advice: "cargo xtask setup installs those of xtask/python/requirements.txt from pypi.org, or from the index that pip \
                 is told of.",
    },
    Requirement {
        name: "SoftHSM",
        check: || softhsm(Path::new(SOFTHSM)),
        installer: Installer::Apt(&["softhsm2"]),
        advice: "The tests of PKCS#11 tokens run on SoftHSM 2.6. Install it (Debian: apt-get install softhsm2) so that its \
                 library is /usr/lib/softhsm/libsofthsm2.so.",
    },
    Requirement {
        name: "PostgreSQL",
        check: || postgres::check(Path::new(postgres::DEBIAN)),
        installer: Installer::Apt(&["postgresql"]),
        advice: "Tests start servers of their own. Install PostgreSQL 15 or newer (Debian: apt-get install postgresql) in \
                 /usr/lib/postgresql, or put initdb, pg_ctl and psql into PATH.",
    },
    Requirement {
        name: "the headers that kryoptic is built with",
        check: kryoptic::check_headers,
        installer: Installer::Apt(&["libclang-dev", "libsqlite3-dev", "libssl-dev", "pkg-config"]),
        advice: "The tests of PKCS#11 tokens run on kryoptic too. Install OpenSSL 3 and SQLite with their headers, libclang and \
                 pkg-config (Debian: apt-get install libclang-dev libsqlite3-dev libssl-dev pkg-config); LIBCLANG_PATH may \
                 name the folder of libclang.",
    },
    Requirement {
        name: "kryoptic",
        check: kryoptic::check_library,
        installer: Installer::Kryoptic,
        advice: "cargo xtask setup installs it into the target folder, built from crates.io as xtask/kryoptic pins it.",
    },
    Requirement {
        name: "rustfmt",
        check: || cargo_component("fmt"),
        installer: Installer::Rustup("rustfmt"),
        advice: "Install it with 'rustup component add rustfmt', or the package rustfmt of your system.",
    },
    Requirement {
        name: "clippy",
        check: || cargo_component("clippy"),
        installer: Installer::Rustup("clippy"),
        advice: "Install it with 'rustup component add clippy', or the package of your system that has cargo-clippy.",
    },
];

/// Where Debian and its relatives have it; the tests look nowhere else.
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Checks every requirement, and installs what is missing if this user can.
pub(crate) fn run() -> Result<()> {
    for requirement in REQUIREMENTS {
        requirement.fulfil()?;
    }
    Ok(())
}

impl Requirement {
    fn fulfil(&self) -> Result<()> {
        let found = match (self.check)() {
            Ok(found) => found,
            Err(wrong) => {
                println!("{}: {wrong}", self.name);
                self.install(&wrong)?
            }
        };
        println!("{}: {found}", self.name);
        Ok(())
    }

    fn install(&self, wrong: &str) -> Result<String> {
        if !self.installer.is_usable() {
            bail!("{} is needed, but {wrong}. {}", self.name, self.advice);
        }
        println!("{}: installing it", self.name);
        if let Err(error) = self.installer.install() {
            bail!(
                "{} could not be installed: {error}. {}",
                self.name,
                self.advice
            );
        }
        (self.check)()
            .or_else(|wrong| bail!("{} was installed, but {wrong}. {}", self.name, self.advice))
    }
}

fn c_compiler() -> Result<String, String> {
    let compiler = std::env::var("CC").unwrap_or_else(|_unset| "cc".to_owned());
    // CC may carry arguments, as in "ccache gcc". The headers of the C library are as needful as the compiler.
    let script = format!(
        "printf '#include <stdlib.h>\\n' | {compiler} -fsyntax-only -x c - && {compiler} --version"
    );
    match Program::new("sh").args(["-c", &script]).try_output() {
        Some(version) => Ok(first_line(&version)),
        None => Err(format!("'{compiler}' does not compile a C program")),
    }
}

fn softhsm(library: &Path) -> Result<String, String> {
    if library.is_file() {
        Ok(library.display().to_string())
    } else {
        Err(format!("there is no {}", library.display()))
    }
}

fn cargo_component(subcommand: &str) -> Result<String, String> {
    match Program::cargo()
        .args([subcommand, "--version"])
        .try_output()
    {
        Some(version) => Ok(first_line(&version)),
        None => Err(format!("'cargo {subcommand}' does not run")),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(check: fn() -> Result<String, String>) -> Requirement {
        Requirement {
            name: "a thing",
            check,
            installer: Installer::Rustup("no-such-component"),
            advice: "Get one.",
        }
    }

    #[test]
    fn what_is_there_is_not_installed_again() {
        requirement(|| Ok("version 1".to_owned())).fulfil().unwrap();
    }

    #[test]
    fn what_is_missing_and_cannot_be_installed_fails_with_advice() {
        let missing = Requirement {
            installer: Installer::None,
            ..requirement(|| Err("it is not there".to_owned()))
        };
        let error = missing.fulfil().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a thing is needed, but it is not there. Get one."
        );
    }

    #[test]
    fn a_library_that_is_not_there_is_named() {
        let wrong = softhsm(Path::new("/nowhere/libsofthsm2.so")).unwrap_err();
        assert_eq!(wrong, "there is no /nowhere/libsofthsm2.so");
        assert!(softhsm(Path::new("/")).is_err(), "a folder is no library");
    }

    #[test]
    fn every_requirement_says_how_to_get_it() {
        for requirement in REQUIREMENTS {
            assert!(
                requirement.advice.to_lowercase().contains("install"),
                "{}",
                requirement.name
            );
        }
    }
}
