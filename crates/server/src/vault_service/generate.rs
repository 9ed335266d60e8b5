//! `GenerateSigningKey` and `GenerateEncryptionKey`.

use std::sync::Arc;

use strongroom_crypto::{EncryptionKeySpec, PublicKey, SigningKeySpec};
use strongroom_proto::{
    enums::{read_encryption_key_spec, read_signing_key_spec},
    v30,
};
use strongroom_vault::{KeyEntry, NewEncryptionKey, NewSigningKey, Vault, VaultError};

use super::{filters::check_base, names::key_name};
use crate::{
    context::Context,
    contract::vault::{
        GenerateEncryptionKeyRequest, GenerateEncryptionKeyResponse, GenerateSigningKeyRequest,
        GenerateSigningKeyResponse, generate_signing_key_response,
    },
    failure::{CantonCategory, Failure, codes, in_words},
    usages,
};

pub(super) async fn signing(
    vault: Arc<Vault>,
    context: Context,
    message: GenerateSigningKeyRequest,
    default: SigningKeySpec,
) -> Result<GenerateSigningKeyResponse, Failure> {
    check_base(message.base_request)?;
    let spec = match message.key_spec {
        0 => default,
        spec => read_signing_key_spec("GenerateSigningKeyRequest", spec, 0)?,
    };
    let new = NewSigningKey {
        spec,
        usages: usages::required("GenerateSigningKeyRequest", "usage", &message.usage_v30)?,
        name: key_name(&message.name)?,
    };
    let made = vault.generate_signing_key(&context.caller(), new).await;
    let made = made.map_err(|error| refused("SIGNING_KEY_GENERATION_ERROR", error))?;
    Ok(GenerateSigningKeyResponse {
        public_key: Some(generate_signing_key_response::PublicKey::V30(
            signing_public(&made)?,
        )),
    })
}

pub(super) async fn encryption(
    vault: Arc<Vault>,
    context: Context,
    message: GenerateEncryptionKeyRequest,
    default: EncryptionKeySpec,
) -> Result<GenerateEncryptionKeyResponse, Failure> {
    let spec = match message.key_spec {
        0 => default,
        spec => read_encryption_key_spec("GenerateEncryptionKeyRequest", spec, 0)?,
    };
    let new = NewEncryptionKey {
        spec,
        name: key_name(&message.name)?,
    };
    let made = vault.generate_encryption_key(&context.caller(), new).await;
    let made = made.map_err(|error| refused("ENCRYPTION_KEY_GENERATION_ERROR", error))?;
    Ok(GenerateEncryptionKeyResponse {
        public_key: Some(encryption_public(&made)?),
    })
}

pub(super) fn signing_public(key: &KeyEntry) -> Result<v30::SigningPublicKey, Failure> {
    match &key.public {
        PublicKey::Signing(public) => Ok(public.into()),
        PublicKey::Encryption(_) => Err(wrong_kind()),
    }
}

pub(super) fn encryption_public(key: &KeyEntry) -> Result<v30::EncryptionPublicKey, Failure> {
    match &key.public {
        PublicKey::Encryption(public) => Ok(public.into()),
        PublicKey::Signing(_) => Err(wrong_kind()),
    }
}

fn wrong_kind() -> Failure {
    Failure::own(codes::SERVER_BUG, "the vault made a key of the other kind")
}

/// What is wrong with the key that was asked for has Canton's id; what passes by itself keeps its own, so that the caller
/// knows that it may try again.
fn refused(id: &'static str, error: VaultError) -> Failure {
    match error {
        VaultError::Usage(_) | VaultError::Key(_) | VaultError::CustodyUnsupported { .. } => {
            Failure::coded(
                id,
                CantonCategory::InvalidIndependentOfSystemState,
                in_words(&error),
            )
        }
        other => other.into(),
    }
}
