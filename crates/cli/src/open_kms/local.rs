use std::sync::Arc;

use strongroom_config::{LocalConfig, Protection};
use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_kms_local::LocalKms;

use crate::{secrets, session};

/// Opens the embedded KMS that `config` describes.
pub(crate) fn open_local(config: &LocalConfig) -> anyhow::Result<LocalKms> {
    let passphrase = match &config.protection {
        Protection::UnprotectedKeyFile {} => None,
        Protection::Passphrase { from } => Some(secrets::read(
            from,
            &format!("Passphrase of the key file {}", config.key_file.display()),
        )?),
    };
    Ok(LocalKms::open(
        session::files(),
        &config.key_file,
        passphrase.as_ref(),
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    )?)
}
