//! `AnnounceKey` and `WithdrawKey`.

use std::sync::Arc;

use strongroom_vault::Vault;

use super::read;
use crate::{
    context::Context,
    contract::strongroom::{
        AnnounceKeyRequest, AnnounceKeyResponse, WithdrawKeyRequest, WithdrawKeyResponse,
    },
    failure::Failure,
};

pub(super) async fn announce(
    vault: Arc<Vault>,
    context: Context,
    message: AnnounceKeyRequest,
) -> Result<AnnounceKeyResponse, Failure> {
    let key = read::fingerprint(&message.fingerprint)?;
    vault.announce_key(&context.caller(), &key).await?;
    Ok(AnnounceKeyResponse {})
}

pub(super) async fn withdraw(
    vault: Arc<Vault>,
    context: Context,
    message: WithdrawKeyRequest,
) -> Result<WithdrawKeyResponse, Failure> {
    let key = read::fingerprint(&message.fingerprint)?;
    vault.withdraw_key(&context.caller(), &key).await?;
    Ok(WithdrawKeyResponse {})
}
