//! A key as callers see it.

use strongroom_proto::{NamedPublicKey, v30};
use strongroom_vault::{KeyEntry, PrivateHalf, Vault};

use crate::{
    contract::strongroom::{HeldKey, Key, KeyResponse, PrivateHalf as Half},
    failure::Failure,
};

/// A key that came into the vault.
pub(super) async fn came(vault: &Vault, entry: &KeyEntry) -> Result<KeyResponse, Failure> {
    let announced = vault.announced_keys().await?.remove(&entry.fingerprint());
    Ok(KeyResponse {
        key: Some(key(entry, announced.unwrap_or_default())),
    })
}

/// A key, and where topology refers to it.
pub(super) fn key(entry: &KeyEntry, announced: Vec<String>) -> Key {
    let named = NamedPublicKey {
        key: entry.public.clone(),
        name: entry.name.clone(),
    };
    Key {
        public_key: Some(v30::PublicKeyWithName::from(&named)),
        created_at: entry.created_at.as_micros(),
        private_half: entry.private.as_ref().map(half),
        announced,
    }
}

fn half(half: &PrivateHalf) -> Half {
    let wrapper_key_id = half.wrapper_key_id.as_deref();
    let held = half.external.as_ref().map(|held| HeldKey {
        kms: held.kms.clone(),
        key_id: held.key_id.clone(),
    });
    Half {
        custody: half.custody.name().to_owned(),
        sealing: half.sealing.name().to_owned(),
        state: half.state.name().to_owned(),
        exposed: half.exposed,
        wrapper_key_id: wrapper_key_id.unwrap_or_default().to_owned(),
        held,
        copy: half.has_copy(),
    }
}
