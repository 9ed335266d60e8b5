//! Long work, for others than who began it: listing it, watching it, calling it off.

use std::sync::Arc;

use strongroom_vault::{ServerAct, Vault};

use crate::{
    context::Context,
    contract::strongroom::{
        CancelOperationRequest, CancelOperationResponse, ListOperationsRequest,
        ListOperationsResponse, WatchOperationRequest, WatchOperationResponse,
    },
    failure::Failure,
    long_work::{Events, Ongoing},
};

pub(super) async fn list(
    vault: Arc<Vault>,
    _context: Context,
    _message: ListOperationsRequest,
    ongoing: Ongoing,
) -> Result<ListOperationsResponse, Failure> {
    Ok(ListOperationsResponse {
        operations: ongoing.views(&vault),
    })
}

pub(super) async fn watch(
    _vault: Arc<Vault>,
    _context: Context,
    message: WatchOperationRequest,
    ongoing: Ongoing,
) -> Result<Events<WatchOperationResponse>, Failure> {
    Ok(ongoing.of(&message.id)?.watched())
}

pub(super) async fn cancel(
    vault: Arc<Vault>,
    context: Context,
    message: CancelOperationRequest,
    ongoing: Ongoing,
) -> Result<CancelOperationResponse, Failure> {
    let work = ongoing.of(&message.id)?;
    if work.is_running() {
        let act = ServerAct::CancelOperation {
            id: work.id().to_owned(),
            operation: work.operation().to_owned(),
            begun_by: work.caller().to_owned(),
        };
        vault.record(&context.caller(), act).await?;
        work.call_off(context.subject.name());
    }
    Ok(CancelOperationResponse {
        operation: Some(work.view()),
    })
}
