//! `RegisterKmsSigningKey` and `RegisterKmsEncryptionKey`.

use std::sync::Arc;

use strongroom_vault::{Registration, Vault, VaultError};

use super::{
    filters::check_base,
    generate::{encryption_public, signing_public},
    names::{key_name, kms_key_id},
};
use crate::{
    context::Context,
    contract::vault::{
        RegisterKmsEncryptionKeyRequest, RegisterKmsEncryptionKeyResponse,
        RegisterKmsSigningKeyRequest, RegisterKmsSigningKeyResponse,
        register_kms_signing_key_response,
    },
    failure::{CantonCategory, Failure, in_words},
    usages,
};

pub(super) async fn signing(
    vault: Arc<Vault>,
    context: Context,
    message: RegisterKmsSigningKeyRequest,
) -> Result<RegisterKmsSigningKeyResponse, Failure> {
    check_base(message.base_request)?;
    let registration = Registration {
        kms: None,
        key: kms_key_id(&message.kms_key_id)?,
        usages: Some(usages::required(
            "RegisterKmsSigningKeyRequest",
            "usage",
            &message.usage_v30,
        )?),
        name: key_name(&message.name)?,
    };
    let registered = vault.register_key(&context.caller(), registration).await;
    let registered = registered.map_err(refused)?;
    Ok(RegisterKmsSigningKeyResponse {
        public_key: Some(register_kms_signing_key_response::PublicKey::V30(
            signing_public(&registered)?,
        )),
    })
}

pub(super) async fn encryption(
    vault: Arc<Vault>,
    context: Context,
    message: RegisterKmsEncryptionKeyRequest,
) -> Result<RegisterKmsEncryptionKeyResponse, Failure> {
    let registration = Registration {
        kms: None,
        key: kms_key_id(&message.kms_key_id)?,
        usages: None,
        name: key_name(&message.name)?,
    };
    let registered = vault.register_key(&context.caller(), registration).await;
    let registered = registered.map_err(refused)?;
    Ok(RegisterKmsEncryptionKeyResponse {
        public_key: Some(encryption_public(&registered)?),
    })
}

/// Canton has one id for everything.
fn refused(error: VaultError) -> Failure {
    let cause = match &error {
        VaultError::NoExternalKms => {
            "The private crypto API in use is not backed by a KMS".to_owned()
        }
        other => in_words(other),
    };
    Failure::coded(
        "REGISTER_KMS_KEY_INTERNAL_ERROR",
        CantonCategory::SystemInternalAssumptionViolated,
        cause,
    )
}
