//! `strongroom.v1.OperationsService`: what operators do with a vault that is served.

mod audit;
mod backups;
mod replicas;
mod wrapper_keys;

use tonic::{Request, Response, Status};

pub use self::backups::Spool;
use crate::{
    context::Shared,
    contract::strongroom::{
        CreateBackupEvent, CreateBackupRequest, ListAuditRequest, ListAuditResponse,
        ResumeWrapperKeyRotationRequest, RotateWrapperKeyEvent, RotateWrapperKeyRequest,
        ShowReplicaRequest, ShowReplicaResponse, ShowWrapperKeysRequest, ShowWrapperKeysResponse,
        StepDownRequest, StepDownResponse, operations_service_server::OperationsService,
    },
    failure::Face,
    long_work::Events,
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct OperationsFace {
    pub(crate) shared: Shared,
    pub(crate) spool: Option<Spool>,
}

type Answer<A> = Result<Response<A>, Status>;
const FACE: Face = Face::Strongroom;

#[tonic::async_trait]
impl OperationsService for OperationsFace {
    type CreateBackupStream = Events<CreateBackupEvent>;
    type RotateWrapperKeyStream = Events<RotateWrapperKeyEvent>;
    type ResumeWrapperKeyRotationStream = Events<RotateWrapperKeyEvent>;

    async fn show_wrapper_keys(
        &self,
        request: Request<ShowWrapperKeysRequest>,
    ) -> Answer<ShowWrapperKeysResponse> {
        self.shared.answer(FACE, request, wrapper_keys::show).await
    }

    async fn rotate_wrapper_key(
        &self,
        request: Request<RotateWrapperKeyRequest>,
    ) -> Answer<Self::RotateWrapperKeyStream> {
        self.shared.begin(FACE, request, wrapper_keys::rotate)
    }

    async fn resume_wrapper_key_rotation(
        &self,
        request: Request<ResumeWrapperKeyRotationRequest>,
    ) -> Answer<Self::ResumeWrapperKeyRotationStream> {
        self.shared.begin(FACE, request, wrapper_keys::resume)
    }

    async fn create_backup(
        &self,
        request: Request<CreateBackupRequest>,
    ) -> Answer<Self::CreateBackupStream> {
        let (spool, bound) = (self.spool.clone(), self.shared.bounds.backups.clone());
        let create = |vault, context, message, telling| {
            backups::create(vault, context, message, telling, spool, bound)
        };
        self.shared.begin(FACE, request, create)
    }

    async fn list_audit(&self, request: Request<ListAuditRequest>) -> Answer<ListAuditResponse> {
        self.shared.answer(FACE, request, audit::list).await
    }

    async fn show_replica(
        &self,
        request: Request<ShowReplicaRequest>,
    ) -> Answer<ShowReplicaResponse> {
        self.shared.answer(FACE, request, replicas::show).await
    }

    async fn step_down(&self, request: Request<StepDownRequest>) -> Answer<StepDownResponse> {
        self.shared.change(FACE, request, replicas::step_down).await
    }
}
