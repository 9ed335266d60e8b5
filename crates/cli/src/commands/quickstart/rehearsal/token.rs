//! A token of SoftHSM in a folder of its own.
//!
//! SoftHSM learns from the environment where its tokens are, and a process does not change its own environment safely. So
//! this program starts itself again, with the same arguments and another environment, and takes the folder away afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use data_encoding::HEXLOWER;
use strongroom_config::{KmsProviderConfig, Pkcs11Config, SecretSource};
use strongroom_crypto::{Random, SystemRandom};
use strongroom_files::Access;
use strongroom_kms_pkcs11::make_soft_token;
use strongroom_memory::SecretBytes;

use super::Stand;
use crate::{environment, failure::CliError, session};

/// Where distributions put the library.
const USUAL_PLACES: [&str; 6] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

const LABEL: &str = "rehearsal";

/// How a rehearsal with a token begins.
pub(super) enum Begun {
    /// With a token in this folder.
    Here(Stand, PathBuf),
    /// A process with another environment did it all, and ended so.
    Elsewhere(ExitCode),
}

pub(super) fn begin(module: Option<&Path>) -> anyhow::Result<Begun> {
    let module = find(module)?;
    match environment::rehearsal_folder() {
        Some(folder) => Ok(Begun::Here(token(module, &folder)?, folder)),
        None => start_again().map(Begun::Elsewhere),
    }
}

fn find(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let tried = match named {
        Some(module) => vec![std::path::absolute(module)?],
        None => USUAL_PLACES.map(PathBuf::from).to_vec(),
    };
    if let Some(found) = tried.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let tried: Vec<_> = tried.iter().map(|it| it.display().to_string()).collect();
    let tried = tried.join(" or ");
    Err(CliError::NoSoftHsm { tried }.into())
}

fn start_again() -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new().prefix("rehearsal-").tempdir()?;
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens)?;
    let configuration = folder.path().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::write(&configuration, text)?;
    let mut again = environment::this_rehearsal_again(folder.path(), &configuration)?;
    let status = tokio::task::block_in_place(|| again.status())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    // A process that a signal ended has no status.
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// Whoever sets our variables by hand gets no token of theirs wiped: one is made only where there is none.
fn token(module: PathBuf, folder: &Path) -> anyhow::Result<Stand> {
    let (officer_pin, user_pin) = (new_pin()?, new_pin()?);
    make_soft_token(&module, LABEL, &officer_pin, &user_pin)?;
    let pin = folder.join("pin");
    // EXPOSE: the file is the owner's alone, and gone with the token.
    session::files().write_new_durably(&pin, user_pin.expose(), Access::OwnerOnly)?;
    Ok(Stand {
        works: Box::new(()),
        played_by: "a token of SoftHSM",
        provider: KmsProviderConfig::Pkcs11(Pkcs11Config {
            module,
            token_label: Some(LABEL.to_owned()),
            token_serial: None,
            pin: SecretSource::File(pin),
        }),
    })
}

fn new_pin() -> anyhow::Result<SecretBytes> {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes)?;
    Ok(SecretBytes::take(HEXLOWER.encode(&bytes).into_bytes()))
}
