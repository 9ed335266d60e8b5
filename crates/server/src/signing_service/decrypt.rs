//! `Decrypt`.

use std::sync::Arc;

use strongroom_proto::read_asymmetric_encrypted;
use strongroom_vault::Vault;

use super::key;
use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{DecryptRequest, DecryptResponse},
    failure::Failure,
};

pub(super) async fn decrypt(
    vault: Arc<Vault>,
    context: Context,
    message: DecryptRequest,
) -> Result<DecryptResponse, Failure> {
    let encrypted = message
        .encrypted
        .ok_or_else(|| Failure::not_set("encrypted"))?;
    let encrypted = read_asymmetric_encrypted(&encrypted)?;
    key::allowed(
        &vault,
        &context,
        Operation::Decrypt,
        &encrypted.encrypted_for,
    )?;
    let plaintext = vault.decrypt_for(&context.caller(), &encrypted).await?;
    Ok(DecryptResponse {
        // EXPOSE: the answer, which is wiped when it was sent.
        plaintext: plaintext.expose().to_vec(),
    })
}
