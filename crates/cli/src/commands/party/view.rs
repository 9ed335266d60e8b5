//! How keys of a party are shown.

use std::io::{self, Write};

use serde::Serialize;
use strongroom_crypto::{PublicKey, SigningPublicKey};

use crate::{
    client::{Labels, ShownKey},
    commands::AnnouncedKey,
    output,
};

/// A key of a party.
#[derive(Serialize)]
pub(super) struct KeyView {
    #[serde(flatten)]
    key: AnnouncedKey,
    /// Of the private half in this vault: active or retired; none if it is not here.
    private_key: Option<&'static str>,
}

impl KeyView {
    /// A key that topology names, of which the vault may know more.
    pub(super) fn announced(key: &SigningPublicKey, labels: &Labels) -> Self {
        Self {
            key: AnnouncedKey::of(&PublicKey::Signing(key.clone())),
            private_key: labels.of(&key.fingerprint()).private_key,
        }
    }
}

impl From<&ShownKey> for KeyView {
    fn from(key: &ShownKey) -> Self {
        Self {
            key: AnnouncedKey::of(&key.public),
            private_key: key.view.state,
        }
    }
}

pub(super) fn write_keys(keys: &[KeyView], out: &mut dyn Write) -> io::Result<()> {
    let rows = keys.iter().map(|view| {
        [
            view.key.fingerprint.clone(),
            view.key.usage.join(","),
            view.key.spec.to_owned(),
            view.private_key.unwrap_or("-").to_owned(),
        ]
    });
    let header = ["FINGERPRINT", "USAGE", "SPEC", "PRIVATE KEY"];
    writeln!(out, "{}", output::table(header, rows))
}
