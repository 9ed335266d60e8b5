//! `VerifyProtocol`.

use std::sync::Arc;

use strongroom_crypto::Timestamp;
use strongroom_errors::Coded as _;
use strongroom_proto::read_protocol_signature;
use strongroom_vault::{Vault, VaultError, VerifyAt};

use super::{content, key};
use crate::{
    context::Context,
    contract::strongroom::{
        VerifyProtocolRequest, VerifyResponse, verify_protocol_request::Content,
    },
    failure::Failure,
};

pub(super) async fn verify_protocol(
    vault: Arc<Vault>,
    _context: Context,
    request: VerifyProtocolRequest,
) -> Result<VerifyResponse, Failure> {
    let synchronizer = key::read("synchronizer", &request.synchronizer)?;
    let member = key::read("member", &request.member)?;
    let signed = match request.content {
        Some(Content::Message(message)) => message,
        Some(Content::Hash(hash)) => content::hash(hash)?,
        None => return Err(Failure::not_set("content")),
    };
    let signature = request
        .signature
        .ok_or_else(|| Failure::not_set("signature"))?;
    let signature = read_protocol_signature(signature)?;
    let how = VerifyAt::protocol(synchronizer, Timestamp::from_micros(request.at));
    match vault
        .verify_protocol(&how, &member, &signed, &signature)
        .await
    {
        Ok(()) => Ok(VerifyResponse {
            valid: true,
            reason: String::new(),
        }),
        Err(refused @ VaultError::SignatureCheck(_)) => Ok(VerifyResponse {
            valid: false,
            reason: refused.code().name().to_owned(),
        }),
        Err(error) => Err(error.into()),
    }
}
