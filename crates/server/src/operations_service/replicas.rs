//! This process among those that have the vault open.

use std::{sync::Arc, time::Duration};

use strongroom_vault::Vault;

use crate::{
    context::Context,
    contract::strongroom::{
        ListReplicasRequest, ListReplicasResponse, Replica, ShowReplicaRequest,
        ShowReplicaResponse, StepDownRequest, StepDownResponse,
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
        silence: micros(standing.silence),
        degraded: standing.degraded.unwrap_or_default(),
        in_touch: standing.in_touch,
    })
}

pub(super) async fn list(
    vault: Arc<Vault>,
    _context: Context,
    _message: ListReplicasRequest,
) -> Result<ListReplicasResponse, Failure> {
    let listed = vault.list_replicas().await?;
    let shared = listed.is_some();
    let replicas = listed
        .unwrap_or_default()
        .into_iter()
        .map(|replica| Replica {
            id: replica.id.to_string(),
            name: replica.name,
            is_writer: replica.is_writer,
            degraded: replica.report.degraded.unwrap_or_default(),
            generation: replica.report.generation,
            silent_for: micros(replica.silent_for),
            version: replica.version,
            started_at: replica.started_at.as_micros(),
        });
    Ok(ListReplicasResponse {
        shared,
        replicas: replicas.collect(),
    })
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
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
    vault.step_down(&context.caller()).await?;
    Ok(StepDownResponse {})
}
