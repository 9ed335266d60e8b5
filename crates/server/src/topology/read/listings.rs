//! The rpcs that list one kind of mapping each, with the filters of that kind.

use std::sync::Arc;

use strongroom_proto::topology::v30::topology_mapping::Mapping as Wire;
use strongroom_topology::Mapping;
use strongroom_vault::Vault;

use super::rows;
use crate::{
    context::Context,
    contract::topology::*,
    failure::Failure,
    topology::filters::{begins, is, member_code, uid},
};

/// Defines the handler of an rpc: its messages, the kind of mapping, and what its filters say of one.
macro_rules! listing {
    (
        $rpc:ident: $request:ident -> $response:ident, $module:ident, $mapping:ident, $wire:ident => $item:path,
        |$message:ident, $it:ident| $filter:expr
    ) => {
        pub(super) async fn $rpc(
            vault: Arc<Vault>,
            _context: Context,
            $message: $request,
        ) -> Result<$response, Failure> {
            let wants = |mapping: &Mapping| match mapping {
                Mapping::$mapping($it) => $filter,
                _ => false,
            };
            let query = $message.base_query.clone();
            let rows = rows::list(&vault, query, wants).await?;
            let results = rows
                .into_iter()
                .filter_map(|(context, mapping)| match mapping {
                    Wire::$wire(item) => Some($module::Result {
                        context: Some(context),
                        item: Some($item(item)),
                    }),
                    _ => None,
                });
            Ok($response {
                results: results.collect(),
            })
        }
    };
}

listing! {
    list_namespace_delegation: ListNamespaceDelegationRequest -> ListNamespaceDelegationResponse,
    list_namespace_delegation_response, NamespaceDelegation,
    NamespaceDelegation => list_namespace_delegation_response::result::Item::V30,
    |message, it| begins(&message.filter_namespace, it.namespace())
        && is(&message.filter_target_key_fingerprint, &it.target().fingerprint())
}

listing! {
    list_decentralized_namespace_definition: ListDecentralizedNamespaceDefinitionRequest
        -> ListDecentralizedNamespaceDefinitionResponse,
    list_decentralized_namespace_definition_response, DecentralizedNamespaceDefinition,
    DecentralizedNamespaceDefinition => same,
    |message, it| begins(&message.filter_namespace, it.namespace())
}

listing! {
    list_party_to_key_mapping: ListPartyToKeyMappingRequest -> ListPartyToKeyMappingResponse,
    list_party_to_key_mapping_response, PartyToKeyMapping,
    PartyToKeyMapping => list_party_to_key_mapping_response::result::Item::V30,
    |message, it| uid(&message.filter_party, &it.party)
}

listing! {
    list_synchronizer_trust_certificate: ListSynchronizerTrustCertificateRequest
        -> ListSynchronizerTrustCertificateResponse,
    list_synchronizer_trust_certificate_response, SynchronizerTrustCertificate,
    SynchronizerTrustCertificate => same,
    |message, it| uid(&message.filter_uid, &it.participant)
}

listing! {
    list_participant_synchronizer_permission: ListParticipantSynchronizerPermissionRequest
        -> ListParticipantSynchronizerPermissionResponse,
    list_participant_synchronizer_permission_response, ParticipantSynchronizerPermission,
    ParticipantPermission => same,
    |message, it| uid(&message.filter_uid, &it.participant)
}

listing! {
    list_party_hosting_limits: ListPartyHostingLimitsRequest -> ListPartyHostingLimitsResponse,
    list_party_hosting_limits_response, PartyHostingLimits,
    PartyHostingLimits => same,
    |message, it| uid(&message.filter_uid, &it.party)
}

listing! {
    list_vetted_packages: ListVettedPackagesRequest -> ListVettedPackagesResponse,
    list_vetted_packages_response, VettedPackages,
    VettedPackages => same,
    |message, it| uid(&message.filter_participant, &it.participant)
}

listing! {
    list_party_to_participant: ListPartyToParticipantRequest -> ListPartyToParticipantResponse,
    list_party_to_participant_response, PartyToParticipant,
    PartyToParticipant => list_party_to_participant_response::result::Item::V30,
    |message, it| uid(&message.filter_party, it.party())
        && (message.filter_participant.is_empty()
            || it.participants().iter().any(|host| uid(&message.filter_participant, &host.participant)))
}

listing! {
    list_synchronizer_parameters_state: ListSynchronizerParametersStateRequest
        -> ListSynchronizerParametersStateResponse,
    list_synchronizer_parameters_state_response, SynchronizerParametersState,
    SynchronizerParametersState => same,
    |message, it| uid(&message.filter_synchronizer_id, &it.synchronizer)
}

listing! {
    list_sequencing_parameters_state: ListSequencingParametersStateRequest
        -> ListSequencingParametersStateResponse,
    list_sequencing_parameters_state_response, DynamicSequencingParametersState,
    SequencingDynamicParametersState => same,
    |message, it| uid(&message.filter_synchronizer_id, &it.synchronizer)
}

listing! {
    list_mediator_synchronizer_state: ListMediatorSynchronizerStateRequest
        -> ListMediatorSynchronizerStateResponse,
    list_mediator_synchronizer_state_response, MediatorSynchronizerState,
    MediatorSynchronizerState => same,
    |message, it| uid(&message.filter_synchronizer_id, &it.synchronizer)
}

listing! {
    list_sequencer_synchronizer_state: ListSequencerSynchronizerStateRequest
        -> ListSequencerSynchronizerStateResponse,
    list_sequencer_synchronizer_state_response, SequencerSynchronizerState,
    SequencerSynchronizerState => same,
    |message, it| uid(&message.filter_synchronizer_id, &it.synchronizer)
}

listing! {
    list_lsu_announcement: ListLsuAnnouncementRequest -> ListLsuAnnouncementResponse,
    list_lsu_announcement_response, LsuAnnouncement,
    SynchronizerUpgradeAnnouncement => same,
    |message, it| uid(&message.filter_synchronizer_id, &it.successor.synchronizer)
}

listing! {
    list_lsu_sequencer_connection_successor: ListLsuSequencerConnectionSuccessorRequest
        -> ListLsuSequencerConnectionSuccessorResponse,
    list_lsu_sequencer_connection_successor_response, LsuSequencerConnectionSuccessor,
    SequencerConnectionSuccessor => same,
    |message, it| uid(&message.filter_sequencer_id, &it.sequencer)
        && begins(&message.filter_successor_physical_synchronizer_id, &it.successor)
}

/// Its own, since a filter of it may be unreadable.
pub(super) async fn list_owner_to_key_mapping(
    vault: Arc<Vault>,
    _context: Context,
    message: ListOwnerToKeyMappingRequest,
) -> Result<ListOwnerToKeyMappingResponse, Failure> {
    use list_owner_to_key_mapping_response::{Result as Listed, result::Item};
    let code = member_code(&message.filter_key_owner_type)?;
    let wants = |mapping: &Mapping| match mapping {
        Mapping::OwnerToKeyMapping(it) => {
            let member = it.member();
            code.is_none_or(|code| code == member.code)
                && uid(&message.filter_key_owner_uid, &member.uid)
        }
        _ => false,
    };
    let rows = rows::list(&vault, message.base_query.clone(), wants).await?;
    let results = rows
        .into_iter()
        .filter_map(|(context, mapping)| match mapping {
            Wire::OwnerToKeyMapping(item) => Some(Listed {
                context: Some(context),
                item: Some(Item::V30(item)),
            }),
            _ => None,
        });
    Ok(ListOwnerToKeyMappingResponse {
        results: results.collect(),
    })
}

/// An item that is no alternative of several versions.
const fn same<T>(item: T) -> T {
    item
}
