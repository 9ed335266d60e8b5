//! Kryoptic, a token in software that decrypts RSA-OAEP with SHA-256, as SoftHSM does not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{program::Program, workspace};

/// Pins kryoptic with all that it needs, and turns on what its own package cannot: linking to OpenSSL as a library.
const FOLDER: &str = "xtask/kryoptic";
const LOCK: &str = "Cargo.lock";

/// Finds the headers of OpenSSL and SQLite, and the libclang that reads the first. `libclang-cpp` is another library, which
/// machines have that do not have this one.
const PROBE: &str = "pkg-config --atleast-version=3.0 libcrypto && pkg-config --exists sqlite3 && \
                     for folder in \"$LIBCLANG_PATH\" /usr/lib/llvm-*/lib /usr/lib/* /usr/lib64; do \
                     for library in \"$folder\"/libclang.so* \"$folder\"/libclang-[0-9]*.so*; do \
                     if test -e \"$library\"; then echo \"$library\"; exit 0; fi; done; done; exit 1";

/// What it is built with.
pub(super) fn check_headers() -> Result<String, String> {
    match Program::new("sh").args(["-c", PROBE]).try_output() {
        Some(library) => Ok(library.trim().to_owned()),
        None => {
            Err("pkg-config does not know OpenSSL 3 and SQLite, or there is no libclang".to_owned())
        }
    }
}

/// The library, as the lock file asks for it.
pub(super) fn check_library() -> Result<String, String> {
    let target = target().map_err(|error| format!("{error:#}"))?;
    let library = target.join("release/libkryoptic_pkcs11.so");
    let wanted = fs::read(source(LOCK)).map_err(|error| format!("{FOLDER}/{LOCK}: {error}"))?;
    if library.is_file() && fs::read(target.join(LOCK)).is_ok_and(|built| built == wanted) {
        Ok(library.display().to_string())
    } else {
        Err(format!("{} is not what it should be", library.display()))
    }
}

/// Builds it, and notes last of all that it is complete.
pub(super) fn install() -> Result<()> {
    let target = target()?;
    Program::cargo()
        .args(["build", "--locked", "--release", "--package", "kryoptic"])
        .args([Path::new("--manifest-path"), &source("Cargo.toml")])
        .args([Path::new("--target-dir"), &target])
        .run()?;
    fs::copy(source(LOCK), target.join(LOCK))
        .with_context(|| format!("cannot write into {}", target.display()))?;
    Ok(())
}

fn source(file: &str) -> PathBuf {
    workspace::root().join(FOLDER).join(file)
}

/// A folder of its own, where the tests look for the library.
fn target() -> Result<PathBuf> {
    let target = workspace::metadata(&[])?.target_directory;
    Ok(target.join("kryoptic").into_std_path_buf())
}
