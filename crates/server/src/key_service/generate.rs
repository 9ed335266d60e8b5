//! `GenerateSigningKey` and `GenerateEncryptionKey`.

use std::sync::Arc;

use strongroom_crypto::{EncryptionKeySpec, KeyUsages, SigningKeySpec};
use strongroom_proto::enums::{read_encryption_key_spec, read_signing_key_spec};
use strongroom_vault::{NewEncryptionKey, NewSigningKey, Vault, VaultError};

use super::{read, view};
use crate::{
    context::Context,
    contract::strongroom::{GenerateEncryptionKeyRequest, GenerateSigningKeyRequest, KeyResponse},
    failure::Failure,
    usages,
};

pub(super) async fn signing(
    vault: Arc<Vault>,
    context: Context,
    message: GenerateSigningKeyRequest,
    default: SigningKeySpec,
) -> Result<KeyResponse, Failure> {
    const MESSAGE: &str = "GenerateSigningKeyRequest";
    let usages = usages::required(MESSAGE, "usages", &message.usages)?;
    let new = NewSigningKey {
        spec: match message.spec {
            0 => default,
            spec => read_signing_key_spec(MESSAGE, spec, 0)?,
        },
        usages: KeyUsages::try_new(usages.iter()).map_err(VaultError::from)?,
        name: read::name(&message.name)?,
    };
    let made = vault.generate_signing_key(&context.caller(), new).await?;
    view::came(&vault, &made).await
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
