//! `Verify`.

use std::sync::Arc;

use strongroom_errors::Coded as _;
use strongroom_proto::read_signature;
use strongroom_vault::{Vault, VaultError};

use super::content;
use crate::{
    context::Context,
    contract::strongroom::{VerifyRequest, VerifyResponse, verify_request::Content},
    failure::Failure,
    usages,
};

pub(super) async fn verify(
    vault: Arc<Vault>,
    _context: Context,
    message: VerifyRequest,
) -> Result<VerifyResponse, Failure> {
    let usages = usages::required("VerifyRequest", "usages", &message.usages)?;
    let signed = match message.content {
        Some(Content::Message(message)) => message,
        Some(Content::Hash(hash)) => content::hash(hash)?,
        None => return Err(Failure::not_set("content")),
    };
    let signature = message
        .signature
        .ok_or_else(|| Failure::not_set("signature"))?;
    let signature = read_signature(signature)?;
    match vault.verify(&signed, &signature, usages) {
        Ok(()) => Ok(VerifyResponse {
            valid: true,
            reason: String::new(),
        }),
        Err(refused @ VaultError::Verify(_)) => Ok(VerifyResponse {
            valid: false,
            reason: refused.code().name().to_owned(),
        }),
        Err(error) => Err(error.into()),
    }
}
