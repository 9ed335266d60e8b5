//! `strongroom.v1.OperationsService`: what operators do with a vault that is served.

mod approvals;
mod audit;
mod backups;
mod custody;
mod facts;
mod fields;
mod following;
mod node_keys;
mod operations;
mod replicas;
mod wrapper_keys;
mod wraps;

use std::sync::Arc;

use strongroom_vault::FindingLimits;
use tonic::{Request, Response, Status};

pub(crate) use self::wrapper_keys::{done, progressed};
use crate::{
    context::Shared,
    contract::strongroom::{self as wire, operations_service_server::OperationsService},
    failure::Face,
    long_work::Events,
    spool::Spool,
    status::About,
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct OperationsFace {
    pub(crate) shared: Shared,
    pub(crate) spool: Option<Spool>,
    /// From when on something is told by whoever looks the vault over.
    pub(crate) limits: FindingLimits,
    /// What the server was started with.
    pub(crate) about: Arc<About>,
}

type Answer<A> = Result<Response<A>, Status>;
const FACE: Face = Face::Strongroom;

/// Hands each rpc to its function: `answer` what changes nothing, `change` what does, `begin` what takes long. `change_checked` and
/// `begin_checked` refuse by more than the rpc before anybody is asked to agree.
macro_rules! service {
    (
        streams { $($stream:ident = $event:ident;)+ }
        $($how:ident { $($rpc:ident($request:ident) -> $answer:ty = $function:path;)+ })+
    ) => {
        #[tonic::async_trait]
        impl OperationsService for OperationsFace {
            $(type $stream = Events<wire::$event>;)+

            $($(
                async fn $rpc(&self, request: Request<wire::$request>) -> Answer<$answer> {
                    service!(@ $how self request $function)
                }
            )+)+

            async fn create_backup(
                &self,
                request: Request<wire::CreateBackupRequest>,
            ) -> Answer<Self::CreateBackupStream> {
                let (spool, limit) = (self.spool.clone(), self.shared.concurrency.backups.clone());
                let create = |vault, context, message, telling| {
                    backups::create(vault, context, message, telling, spool, limit)
                };
                self.shared.begin(FACE, request, create)
            }

            async fn examine(
                &self,
                request: Request<wire::ExamineRequest>,
            ) -> Answer<Self::ExamineStream> {
                let limits = (self.limits, self.shared.concurrency.examinations.clone());
                let examine = |vault, context, message, telling| {
                    facts::examine(vault, context, message, telling, limits)
                };
                self.shared.begin(FACE, request, examine)
            }

            async fn check_wraps(
                &self,
                request: Request<wire::CheckWrapsRequest>,
            ) -> Answer<wire::CheckWrapsResponse> {
                let limit = self.shared.concurrency.examinations.clone();
                let check = |vault, context, message| wraps::check(vault, context, message, limit);
                self.shared.answer(FACE, request, check).await
            }

            async fn show_numbers(
                &self,
                request: Request<wire::ShowNumbersRequest>,
            ) -> Answer<wire::ShowNumbersResponse> {
                let limit = self.shared.concurrency.examinations.clone();
                let show = |vault, context, message| facts::numbers(vault, context, message, limit);
                self.shared.answer(FACE, request, show).await
            }

            async fn export_audit(
                &self,
                request: Request<wire::ExportAuditRequest>,
            ) -> Answer<Self::ExportAuditStream> {
                let limit = self.shared.concurrency.audits.clone();
                let export = |vault, context, message, telling| {
                    audit::export(vault, context, message, telling, limit)
                };
                self.shared.begin(FACE, request, export)
            }

            async fn list_audit(
                &self,
                request: Request<wire::ListAuditRequest>,
            ) -> Answer<wire::ListAuditResponse> {
                let limit = self.shared.concurrency.audits.clone();
                let list = |vault, context, message| audit::list(vault, context, message, limit);
                self.shared.answer(FACE, request, list).await
            }

            async fn show_configuration(
                &self,
                request: Request<wire::ShowConfigurationRequest>,
            ) -> Answer<wire::ShowConfigurationResponse> {
                let about = Arc::clone(&self.about);
                let show = |vault, context, message| {
                    facts::configuration(vault, context, message, about)
                };
                self.shared.answer(FACE, request, show).await
            }

            async fn follow_audit(
                &self,
                request: Request<wire::FollowAuditRequest>,
            ) -> Answer<Self::FollowAuditStream> {
                let concurrency = self.shared.concurrency.clone();
                let follow =
                    |vault, context, message| following::follow(vault, context, message, concurrency);
                self.shared.answer(FACE, request, follow).await
            }

            async fn list_operations(
                &self,
                request: Request<wire::ListOperationsRequest>,
            ) -> Answer<wire::ListOperationsResponse> {
                let ongoing = self.shared.ongoing.clone();
                let list = |vault, context, message| {
                    operations::list(vault, context, message, ongoing)
                };
                self.shared.answer(FACE, request, list).await
            }

            async fn watch_operation(
                &self,
                request: Request<wire::WatchOperationRequest>,
            ) -> Answer<Self::WatchOperationStream> {
                let ongoing = self.shared.ongoing.clone();
                let watch = |vault, context, message| {
                    operations::watch(vault, context, message, ongoing)
                };
                self.shared.answer(FACE, request, watch).await
            }

            async fn cancel_operation(
                &self,
                request: Request<wire::CancelOperationRequest>,
            ) -> Answer<wire::CancelOperationResponse> {
                let ongoing = self.shared.ongoing.clone();
                let cancel = |vault, context, message| {
                    operations::cancel(vault, context, message, ongoing)
                };
                self.shared.change(FACE, request, cancel).await
            }
        }
    };
    (@ answer $face:ident $request:ident $function:path) => {
        $face.shared.answer(FACE, $request, $function).await
    };
    (@ change $face:ident $request:ident $function:path) => {
        $face.shared.change(FACE, $request, $function).await
    };
    (@ change_checked $face:ident $request:ident $function:path) => {
        $face.shared.change_checked(FACE, $request, $function).await
    };
    (@ begin $face:ident $request:ident $function:path) => {
        $face.shared.begin(FACE, $request, $function)
    };
    (@ begin_checked $face:ident $request:ident $function:path) => {
        $face.shared.begin_checked(FACE, $request, $function)
    };
}

service! {
    streams {
        CreateBackupStream = CreateBackupEvent;
        ExamineStream = ExamineEvent;
        ExportAuditStream = ExportAuditEvent;
        FollowAuditStream = FollowAuditEvent;
        DropCopiesStream = DropCopiesEvent;
        MigrateKeysStream = MigrateKeysEvent;
        ResumeNodeKeyRotationStream = RotateNodeKeysEvent;
        ResumeWrapperKeyRotationStream = RotateWrapperKeyEvent;
        RotateNodeKeysStream = RotateNodeKeysEvent;
        RotateWrapperKeyStream = RotateWrapperKeyEvent;
        WatchOperationStream = WatchOperationResponse;
    }
    answer {
        list_approvals(ListApprovalsRequest) -> wire::ListApprovalsResponse = approvals::list;
        list_backups(ListBackupsRequest) -> wire::ListBackupsResponse = backups::list;
        list_node_key_rotations(ListNodeKeyRotationsRequest) -> wire::ListNodeKeyRotationsResponse = node_keys::list;
        list_replicas(ListReplicasRequest) -> wire::ListReplicasResponse = replicas::list;
        plan_migration(PlanMigrationRequest) -> wire::PlanMigrationResponse = custody::plan;
        plan_wrapper_key_rotation(PlanWrapperKeyRotationRequest) -> wire::PlanWrapperKeyRotationResponse = wrapper_keys::plan;
        show_audit_key(ShowAuditKeyRequest) -> wire::ShowAuditKeyResponse = following::key;
        show_replica(ShowReplicaRequest) -> wire::ShowReplicaResponse = replicas::show;
        show_wrapper_keys(ShowWrapperKeysRequest) -> wire::ShowWrapperKeysResponse = wrapper_keys::show;
    }
    change {
        acknowledge_break_glass(AcknowledgeBreakGlassRequest) -> wire::AcknowledgeBreakGlassResponse = approvals::acknowledge;
        propose_configuration(ProposeConfigurationRequest) -> wire::ProposeConfigurationResponse = approvals::propose;
        approve(ApproveRequest) -> wire::ApproveResponse = approvals::approve;
        reject(RejectRequest) -> wire::RejectResponse = approvals::reject;
        abandon_node_key_rotation(AbandonNodeKeyRotationRequest) -> wire::AbandonNodeKeyRotationResponse = node_keys::abandon;
        add_wrap(AddWrapRequest) -> wire::AddWrapResponse = wraps::add;
        forget_backup(ForgetBackupRequest) -> wire::ForgetBackupResponse = backups::forget;
        release_vault(ReleaseVaultRequest) -> wire::ReleaseVaultResponse = backups::release;
        remove_wrap(RemoveWrapRequest) -> wire::RemoveWrapResponse = wraps::remove;
        seal_keys(SealKeysRequest) -> wire::SealKeysResponse = custody::seal;
        step_down(StepDownRequest) -> wire::StepDownResponse = replicas::step_down;
    }
    change_checked {
        prune_data_keys(PruneDataKeysRequest) -> wire::PruneDataKeysResponse = wraps::prune;
        retire_key(RetireKeyRequest) -> wire::RetireKeyResponse = custody::retire;
        rewrap_data_key(RewrapDataKeyRequest) -> wire::RewrapDataKeyResponse = wrapper_keys::rewrap;
    }
    begin_checked {
        drop_copies(DropCopiesRequest) -> Self::DropCopiesStream = custody::drop_copies;
        migrate_keys(MigrateKeysRequest) -> Self::MigrateKeysStream = custody::migrate;
    }
    begin {
        resume_node_key_rotation(ResumeNodeKeyRotationRequest) -> Self::ResumeNodeKeyRotationStream = node_keys::resume;
        resume_wrapper_key_rotation(ResumeWrapperKeyRotationRequest) -> Self::ResumeWrapperKeyRotationStream = wrapper_keys::resume;
        rotate_node_keys(RotateNodeKeysRequest) -> Self::RotateNodeKeysStream = node_keys::rotate;
        rotate_wrapper_key(RotateWrapperKeyRequest) -> Self::RotateWrapperKeyStream = wrapper_keys::rotate;
    }
}
