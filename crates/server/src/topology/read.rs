//! Canton's `TopologyManagerReadService` (reference: admin services, sections 1 and 3).

mod everything;
mod listings;
mod query;
mod rows;

use std::pin::Pin;

use futures_util::stream;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{pieces::Pieces, store_id};
use crate::{
    context::Shared,
    contract::topology::{topology_manager_read_service_server::TopologyManagerReadService, *},
    failure::Face,
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct TopologyReadFace {
    pub(crate) shared: Shared,
}

type Answer<A> = Result<Response<A>, Status>;
type Chunks<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// The service: rpcs that answer with one kind of mapping, rpcs that answer with the bytes of a snapshot in pieces, and others.
macro_rules! service {
    (
        listings { $($rpc:ident($request:ident) -> $response:ident;)+ }
        exports {
            $($export:ident($export_request:ident) -> $stream:ident, $piece:ident, $make:expr;)+
        }
        others { $($others:tt)* }
    ) => {
        #[tonic::async_trait]
        impl TopologyManagerReadService for TopologyReadFace {
            $(async fn $rpc(&self, request: Request<$request>) -> Answer<$response> {
                self.shared.answer(Face::Canton, request, listings::$rpc).await
            })+

            $(async fn $export(&self, request: Request<$export_request>) -> Answer<Self::$stream> {
                let pieces = self.shared.answer(Face::Canton, request, $make).await?;
                Ok(pieces.map(|pieces: Pieces| -> Self::$stream {
                    let answers = pieces.map(|chunk| Ok($piece { chunk }));
                    Box::pin(stream::iter(answers))
                }))
            })+

            $($others)*
        }
    };
}

service! {
    listings {
        list_namespace_delegation(ListNamespaceDelegationRequest) -> ListNamespaceDelegationResponse;
        list_decentralized_namespace_definition(ListDecentralizedNamespaceDefinitionRequest) -> ListDecentralizedNamespaceDefinitionResponse;
        list_owner_to_key_mapping(ListOwnerToKeyMappingRequest) -> ListOwnerToKeyMappingResponse;
        list_party_to_key_mapping(ListPartyToKeyMappingRequest) -> ListPartyToKeyMappingResponse;
        list_synchronizer_trust_certificate(ListSynchronizerTrustCertificateRequest) -> ListSynchronizerTrustCertificateResponse;
        list_participant_synchronizer_permission(ListParticipantSynchronizerPermissionRequest) -> ListParticipantSynchronizerPermissionResponse;
        list_party_hosting_limits(ListPartyHostingLimitsRequest) -> ListPartyHostingLimitsResponse;
        list_vetted_packages(ListVettedPackagesRequest) -> ListVettedPackagesResponse;
        list_party_to_participant(ListPartyToParticipantRequest) -> ListPartyToParticipantResponse;
        list_synchronizer_parameters_state(ListSynchronizerParametersStateRequest) -> ListSynchronizerParametersStateResponse;
        list_sequencing_parameters_state(ListSequencingParametersStateRequest) -> ListSequencingParametersStateResponse;
        list_mediator_synchronizer_state(ListMediatorSynchronizerStateRequest) -> ListMediatorSynchronizerStateResponse;
        list_sequencer_synchronizer_state(ListSequencerSynchronizerStateRequest) -> ListSequencerSynchronizerStateResponse;
        list_lsu_announcement(ListLsuAnnouncementRequest) -> ListLsuAnnouncementResponse;
        list_lsu_sequencer_connection_successor(ListLsuSequencerConnectionSuccessorRequest) -> ListLsuSequencerConnectionSuccessorResponse;
    }
    exports {
        export_topology_snapshot(ExportTopologySnapshotRequest) -> ExportTopologySnapshotStream, ExportTopologySnapshotResponse, everything::export_v1;
        export_topology_snapshot_v2(ExportTopologySnapshotV2Request) -> ExportTopologySnapshotV2Stream, ExportTopologySnapshotV2Response, everything::export_v2;
    }
    others {
    type ExportTopologySnapshotStream = Chunks<ExportTopologySnapshotResponse>;
    type ExportTopologySnapshotV2Stream = Chunks<ExportTopologySnapshotV2Response>;
    type GenesisStateStream = Chunks<GenesisStateResponse>;
    type GenesisStateV2Stream = Chunks<GenesisStateV2Response>;
    type SequencerLsuStateStream = Chunks<SequencerLsuStateResponse>;


    async fn list_available_stores(
        &self,
        request: Request<ListAvailableStoresRequest>,
    ) -> Answer<ListAvailableStoresResponse> {
        self.shared
            .answer(
                Face::Canton,
                request,
                |vault, _context, _message| async move {
                    let stores = vault.topology_stores().await?;
                    Ok(ListAvailableStoresResponse {
                        store_ids: stores.iter().map(store_id::write).collect(),
                    })
                },
            )
            .await
    }

    async fn list_all(&self, request: Request<ListAllRequest>) -> Answer<ListAllResponse> {
        self.shared
            .answer(Face::Canton, request, everything::but)
            .await
    }

    async fn list_all_v2(&self, request: Request<ListAllV2Request>) -> Answer<ListAllV2Response> {
        self.shared
            .answer(Face::Canton, request, everything::only)
            .await
    }


    async fn genesis_state(
        &self,
        _request: Request<GenesisStateRequest>,
    ) -> Answer<Self::GenesisStateStream> {
        Err(for_synchronizers())
    }

    async fn genesis_state_v2(
        &self,
        _request: Request<GenesisStateV2Request>,
    ) -> Answer<Self::GenesisStateV2Stream> {
        Err(for_synchronizers())
    }

    async fn sequencer_lsu_state(
        &self,
        _request: Request<SequencerLsuStateRequest>,
    ) -> Answer<Self::SequencerLsuStateStream> {
        Err(for_synchronizers())
    }
    }
}

/// A vault keeps keys and the topology that announces them; it brings no synchronizer up.
fn for_synchronizers() -> Status {
    Status::unimplemented("the vault of a node does not bring a synchronizer up")
}
