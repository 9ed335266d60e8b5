//! Canton's `TopologyManagerWriteService` (reference: admin services, section 2).

mod add;
mod authorize;
mod force;
mod generate;
mod sign;
mod snapshot;
mod temporary;

use tonic::{Request, Response, Status, Streaming};

use crate::{
    concurrency::ConcurrencyLimit,
    context::Shared,
    contract::topology::{topology_manager_write_service_server::TopologyManagerWriteService, *},
    failure::Face,
    tasks::Tasks,
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct TopologyWriteFace {
    pub(crate) shared: Shared,
}

impl TopologyWriteFace {
    fn for_snapshots(&self) -> (ConcurrencyLimit, Tasks) {
        let Shared {
            concurrency, tasks, ..
        } = &self.shared;
        (concurrency.snapshots.clone(), tasks.clone())
    }
}

type Answer<A> = Result<Response<A>, Status>;

#[tonic::async_trait]
impl TopologyManagerWriteService for TopologyWriteFace {
    async fn authorize(&self, request: Request<AuthorizeRequest>) -> Answer<AuthorizeResponse> {
        self.shared
            .change(Face::Canton, request, authorize::authorize)
            .await
    }

    async fn add_transactions(
        &self,
        request: Request<AddTransactionsRequest>,
    ) -> Answer<AddTransactionsResponse> {
        let rehearsal = self.shared.features.rehearsal_synchronizer.clone();
        let add =
            |vault, context, message| add::add_transactions(vault, context, message, rehearsal);
        self.shared.change(Face::Canton, request, add).await
    }

    async fn import_topology_snapshot(
        &self,
        request: Request<Streaming<ImportTopologySnapshotRequest>>,
    ) -> Answer<ImportTopologySnapshotResponse> {
        let (limit, tasks) = self.for_snapshots();
        let import =
            |vault, context, chunks| snapshot::import_v1(vault, context, chunks, limit, tasks);
        self.shared.answer(Face::Canton, request, import).await
    }

    async fn import_topology_snapshot_v2(
        &self,
        request: Request<Streaming<ImportTopologySnapshotV2Request>>,
    ) -> Answer<ImportTopologySnapshotV2Response> {
        let (limit, tasks) = self.for_snapshots();
        let import =
            |vault, context, chunks| snapshot::import_v2(vault, context, chunks, limit, tasks);
        self.shared.answer(Face::Canton, request, import).await
    }

    async fn sign_transactions(
        &self,
        request: Request<SignTransactionsRequest>,
    ) -> Answer<SignTransactionsResponse> {
        // It leaves a record, which is made to its end.
        self.shared
            .change(Face::Canton, request, sign::sign_transactions)
            .await
    }

    async fn generate_transactions(
        &self,
        request: Request<GenerateTransactionsRequest>,
    ) -> Answer<GenerateTransactionsResponse> {
        self.shared
            .answer(Face::Canton, request, generate::generate_transactions)
            .await
    }

    async fn create_temporary_topology_store(
        &self,
        request: Request<CreateTemporaryTopologyStoreRequest>,
    ) -> Answer<CreateTemporaryTopologyStoreResponse> {
        self.shared
            .answer(Face::Canton, request, temporary::create)
            .await
    }

    async fn drop_temporary_topology_store(
        &self,
        request: Request<DropTemporaryTopologyStoreRequest>,
    ) -> Answer<DropTemporaryTopologyStoreResponse> {
        self.shared
            .answer(Face::Canton, request, temporary::drop_store)
            .await
    }
}
