//! `VerifyProtocol` and `VerifyProtocolGroup`.

use std::{num::NonZeroU32, sync::Arc};

use strongroom_crypto::Timestamp;
use strongroom_errors::Coded as _;
use strongroom_proto::read_protocol_signature;
use strongroom_vault::{SigningGroup, Vault, VaultError, VerifyAt};

use super::{content, key};
use crate::{
    context::Context,
    contract::strongroom::{
        VerifyProtocolGroupRequest, VerifyProtocolGroupResponse, VerifyProtocolRequest,
        VerifyResponse, verify_protocol_group_request, verify_protocol_request::Content,
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

/// Members of a group, and signatures of them. Each signature is held against all members.
const MOST: usize = 256;
/// Bytes of the name of a group: it stands in the answer and in the log.
const LONGEST_NAME: usize = 200;

pub(super) async fn verify_protocol_group(
    vault: Arc<Vault>,
    context: Context,
    request: VerifyProtocolGroupRequest,
) -> Result<VerifyProtocolGroupResponse, Failure> {
    use verify_protocol_group_request::Content;
    for (field, sent) in [
        ("members", request.members.len()),
        ("signatures", request.signatures.len()),
    ] {
        Failure::check_items(field, sent, MOST)?;
    }
    if request.group.len() > LONGEST_NAME {
        return Err(Failure::unreadable(format!(
            "Field `group` has at most {LONGEST_NAME} bytes, here {}",
            request.group.len()
        )));
    }
    let synchronizer = key::read("synchronizer", &request.synchronizer)?;
    let members = request.members.iter();
    let members = members.map(|member| key::read("members", member));
    let threshold = NonZeroU32::new(request.threshold);
    let group = SigningGroup {
        name: request.group,
        members: members.collect::<Result<_, _>>()?,
        threshold: threshold.ok_or_else(|| Failure::not_set("threshold"))?,
    };
    let message = match request.content {
        Some(Content::Message(message)) => message,
        Some(Content::Hash(hash)) => content::hash(hash)?,
        None => return Err(Failure::not_set("content")),
    };
    // Each is verified, over all of the message.
    context.count(request.signatures.len())?;
    content::check_work(&message, request.signatures.len())?;
    let signatures = request.signatures.into_iter().map(read_protocol_signature);
    let signatures = signatures.collect::<Result<Vec<_>, _>>()?;
    let how = VerifyAt::protocol(synchronizer, Timestamp::from_micros(request.at));
    let verified = vault.verify_protocol_group(&how, &group, &message, &signatures);
    match verified.await {
        Ok(signed) => Ok(VerifyProtocolGroupResponse {
            valid: true,
            signed: u32::try_from(signed).unwrap_or(u32::MAX),
            ..VerifyProtocolGroupResponse::default()
        }),
        Err(VaultError::SignatureCheck(refused)) => Ok(VerifyProtocolGroupResponse {
            reason: refused.code().name().to_owned(),
            explanation: refused.to_string(),
            ..VerifyProtocolGroupResponse::default()
        }),
        Err(error) => Err(error.into()),
    }
}
