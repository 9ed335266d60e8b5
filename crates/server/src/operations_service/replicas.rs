//! This process among those that have the vault open.

use std::sync::Arc;

use strongroom_vault::Vault;

use crate::{
    context::Context,
    contract::strongroom::{
        ShowReplicaRequest, ShowReplicaResponse, StepDownRequest, StepDownResponse,
    },
    failure::Failure,
};

pub(super) async fn show(
    vault: Arc<Vault>,
    _context: Context,
    _message: ShowReplicaRequest,
) -> Result<ShowReplicaResponse, Failure> {
    let standing = vault.standing().await;
    Ok(ShowReplicaResponse {
        role: standing.role.name().to_owned(),
        generation: standing.generation,
        silence: u64::try_from(standing.silence.as_micros()).unwrap_or(u64::MAX),
        degraded: standing.degraded.unwrap_or_default(),
        in_touch: standing.in_touch,
    })
}

pub(super) async fn step_down(
    vault: Arc<Vault>,
    context: Context,
    _message: StepDownRequest,
) -> Result<StepDownResponse, Failure> {
    tracing::info!(
        caller = context.subject.name(),
        "this process is asked to leave writing to the others"
    );
    vault.step_down().await?;
    Ok(StepDownResponse {})
}
