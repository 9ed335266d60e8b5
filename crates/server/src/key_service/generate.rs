//! `GenerateSigningKey`, `GenerateSigningKeys` and `GenerateEncryptionKey`.

use std::sync::Arc;

use strongroom_crypto::{EncryptionKeySpec, KeyUsages, SigningKeySpec};
use strongroom_proto::enums::{read_encryption_key_spec, read_signing_key_spec};
use strongroom_vault::{NewEncryptionKey, NewSigningKey, Vault, VaultError};

use super::{read, view};
use crate::{
    context::Context,
    contract::strongroom::{
        GenerateEncryptionKeyRequest, GenerateSigningKeyRequest, GenerateSigningKeysRequest,
        GenerateSigningKeysResponse, KeyResponse,
    },
    failure::Failure,
    usages,
};

/// So many at once: all of them are in one transaction.
const MOST_AT_ONCE: usize = 20;

pub(super) async fn signing(
    vault: Arc<Vault>,
    context: Context,
    message: GenerateSigningKeyRequest,
    default: SigningKeySpec,
) -> Result<KeyResponse, Failure> {
    let new = new_signing_key(&message, default)?;
    let made = vault.generate_signing_key(&context.caller(), new).await?;
    view::came(&vault, &made).await
}

pub(super) async fn several(
    vault: Arc<Vault>,
    context: Context,
    message: GenerateSigningKeysRequest,
    default: SigningKeySpec,
) -> Result<GenerateSigningKeysResponse, Failure> {
    if message.keys.is_empty() {
        return Err(Failure::not_set("keys"));
    }
    Failure::check_items("keys", message.keys.len(), MOST_AT_ONCE)?;
    let new = message.keys.iter().map(|key| new_signing_key(key, default));
    let new = new.collect::<Result<Vec<_>, _>>()?;
    // Each is a key, whether it is asked for alone or not.
    context.count(new.len())?;
    let made = vault.generate_signing_keys(&context.caller(), new).await?;
    Ok(GenerateSigningKeysResponse {
        // New keys are announced nowhere.
        keys: made.iter().map(|key| view::key(key, Vec::new())).collect(),
    })
}

fn new_signing_key(
    message: &GenerateSigningKeyRequest,
    default: SigningKeySpec,
) -> Result<NewSigningKey, Failure> {
    const MESSAGE: &str = "GenerateSigningKeyRequest";
    let usages = usages::required(MESSAGE, "usages", &message.usages)?;
    Ok(NewSigningKey {
        spec: match message.spec {
            0 => default,
            spec => read_signing_key_spec(MESSAGE, spec, 0)?,
        },
        usages: KeyUsages::try_new(usages.iter()).map_err(VaultError::from)?,
        name: read::name(&message.name)?,
    })
}

pub(super) async fn encryption(
    vault: Arc<Vault>,
    context: Context,
    message: GenerateEncryptionKeyRequest,
    default: EncryptionKeySpec,
) -> Result<KeyResponse, Failure> {
    let new = NewEncryptionKey {
        spec: match message.spec {
            0 => default,
            spec => read_encryption_key_spec("GenerateEncryptionKeyRequest", spec, 0)?,
        },
        name: read::name(&message.name)?,
    };
    let made = vault
        .generate_encryption_key(&context.caller(), new)
        .await?;
    view::came(&vault, &made).await
}
