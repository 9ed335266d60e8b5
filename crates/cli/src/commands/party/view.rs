//! How keys of a party are shown.

use std::io::{self, Write};

use serde::Serialize;
use strongroom_crypto::{Fingerprint, PublicKey, SigningPublicKey};
use strongroom_vault::Vault;

use crate::{commands::AnnouncedKey, output};

/// A key of a party.
#[derive(Serialize)]
pub(super) struct KeyView {
    #[serde(flatten)]
    key: AnnouncedKey,
    /// Of the private half in this vault: active or retired; none if it is not here.
    private_key: Option<&'static str>,
}

impl KeyView {
    pub(super) fn of(vault: &Vault, key: &SigningPublicKey) -> Self {
        Self {
            key: AnnouncedKey::of(&PublicKey::Signing(key.clone())),
            private_key: private_state(vault, &key.fingerprint()),
        }
    }
}

fn private_state(vault: &Vault, key: &Fingerprint) -> Option<&'static str> {
    let entry = vault.key(key).ok()?;
    let private = entry.private.as_ref();
    private.map(|private| private.state.name())
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
