use std::sync::Arc;

use strongroom_config::Pkcs11Config;
use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_kms_pkcs11::{Pkcs11Kms, Settings, TokenName};

use crate::secrets;

/// Logs in to the token; asks for its PIN where it is to be typed.
pub(super) async fn log_in(config: &Pkcs11Config) -> anyhow::Result<Pkcs11Kms> {
    let (token, name) = match (&config.token_label, &config.token_serial) {
        (Some(label), _) => (TokenName::Label(label.clone()), label.as_str()),
        (None, serial) => {
            let serial = serial.as_deref().unwrap_or_default();
            (TokenName::Serial(serial.to_owned()), serial)
        }
    };
    let pin = secrets::read(&config.pin, &format!("PIN of the token {name}"))?;
    let settings = Settings::new(&config.module, token, pin);
    // The library blocks.
    let opening = tokio::task::spawn_blocking(move || {
        Pkcs11Kms::open(settings, Arc::new(SystemRandom), Arc::new(SystemClock))
    });
    Ok(opening.await??)
}
