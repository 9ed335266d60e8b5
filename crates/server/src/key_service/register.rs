//! `RegisterKey`.

use std::sync::Arc;

use strongroom_crypto::KeyUsages;
use strongroom_kms::KmsKeyId;
use strongroom_vault::{Registration, Vault, VaultError};

use super::{read, view};
use crate::{
    context::Context,
    contract::strongroom::{KeyResponse, RegisterKeyRequest},
    failure::{Failure, in_words},
};

pub(super) async fn register(
    vault: Arc<Vault>,
    context: Context,
    message: RegisterKeyRequest,
) -> Result<KeyResponse, Failure> {
    let key = KmsKeyId::try_new(message.kms_key_id).map_err(|error| {
        Failure::unreadable(format!("Field `kms_key_id`: {}", in_words(&error)))
    })?;
    let usages = read::usages("RegisterKeyRequest", &message.usages)?;
    let usages = usages.map(|usages| KeyUsages::try_new(usages.iter()));
    let registration = Registration {
        kms: Some(message.kms).filter(|name| !name.is_empty()),
        key,
        usages: usages.transpose().map_err(VaultError::from)?,
        name: read::name(&message.name)?,
    };
    let registered = vault.register_key(&context.caller(), registration).await?;
    view::came(&vault, &registered).await
}
