//! Canton's `TopologyAggregationService` (reference: admin services, section 4): only stores of synchronizers are asked.

mod key_owners;
mod parties;
mod stores;

use tonic::{Request, Response, Status};

use crate::{
    context::Shared,
    contract::topology::{
        ListKeyOwnersRequest, ListKeyOwnersResponse, ListPartiesRequest, ListPartiesResponse,
        topology_aggregation_service_server::TopologyAggregationService,
    },
    failure::Face,
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct TopologyAggregationFace {
    pub(crate) shared: Shared,
}

#[tonic::async_trait]
impl TopologyAggregationService for TopologyAggregationFace {
    async fn list_parties(
        &self,
        request: Request<ListPartiesRequest>,
    ) -> Result<Response<ListPartiesResponse>, Status> {
        self.shared
            .answer(Face::Canton, request, parties::list_parties)
            .await
    }

    async fn list_key_owners(
        &self,
        request: Request<ListKeyOwnersRequest>,
    ) -> Result<Response<ListKeyOwnersResponse>, Status> {
        self.shared
            .answer(Face::Canton, request, key_owners::list_key_owners)
            .await
    }
}
