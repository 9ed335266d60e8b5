//! `Encrypt`.

use std::sync::Arc;

use strongroom_vault::Vault;

use super::key;
use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{EncryptRequest, EncryptResponse, encrypt_request::Key},
    failure::Failure,
};

pub(super) async fn encrypt(
    vault: Arc<Vault>,
    context: Context,
    message: EncryptRequest,
) -> Result<EncryptResponse, Failure> {
    let fingerprint = match &message.key {
        Some(Key::Fingerprint(text)) => key::by_fingerprint(text)?,
        Some(Key::Current(member)) => key::current_encryption(&vault, member).await?,
        None => return Err(Failure::not_set("key")),
    };
    key::allowed(&vault, &context, Operation::Encrypt, &fingerprint)?;
    let encrypted = vault.encrypt(&fingerprint, &message.plaintext)?;
    Ok(EncryptResponse {
        encrypted: Some((&encrypted).into()),
    })
}
