//! `ListParties`.

use std::{collections::BTreeMap, sync::Arc};

use strongroom_proto::topology::v30::enums::ParticipantPermission as WirePermission;
use strongroom_topology::{Mapping, ParticipantPermission, StoreId, UniqueIdentifier};
use strongroom_vault::Vault;

use super::stores;
use crate::{
    context::Context,
    contract::topology::{
        ListPartiesRequest, ListPartiesResponse,
        list_parties_response::{
            Result as Party,
            result::{
                ParticipantSynchronizers, participant_synchronizers::SynchronizerPermissions,
            },
        },
    },
    failure::Failure,
    topology::filters::uid,
};

type Hosting = BTreeMap<UniqueIdentifier, Vec<SynchronizerPermissions>>;

pub(super) async fn list_parties(
    vault: Arc<Vault>,
    _context: Context,
    message: ListPartiesRequest,
) -> Result<ListPartiesResponse, Failure> {
    let at = stores::at(&vault, "ListPartiesRequest", message.as_of.as_ref())?;
    let limit = stores::limit(message.limit)?;
    let mut parties: BTreeMap<UniqueIdentifier, Hosting> = BTreeMap::new();
    for synchronizer in stores::wanted(&vault, &message.synchronizer_ids).await? {
        let store = vault
            .topology(&StoreId::Synchronizer(synchronizer.clone()))
            .await?;
        for row in store.in_force(at) {
            let Some(Mapping::PartyToParticipant(mapping)) = row.stated() else {
                continue;
            };
            if !uid(&message.filter_party, mapping.party()) {
                continue;
            }
            for host in mapping.participants() {
                if uid(&message.filter_participant, &host.participant) {
                    let hosting = parties.entry(mapping.party().clone()).or_default();
                    let on = hosting.entry(host.participant.clone()).or_default();
                    on.push(SynchronizerPermissions {
                        synchronizer_id: synchronizer.synchronizer.to_string(),
                        permission: permission(host.permission).into(),
                        physical_synchronizer_id: synchronizer.to_string(),
                    });
                }
            }
        }
    }
    let results = parties.into_iter().take(limit);
    Ok(ListPartiesResponse {
        results: results
            .map(|(party, hosting)| party_of(&party, hosting))
            .collect(),
    })
}

fn party_of(party: &UniqueIdentifier, hosting: Hosting) -> Party {
    let participants = hosting.into_iter();
    Party {
        party: party.to_string(),
        participants: participants
            .map(|(participant, synchronizers)| ParticipantSynchronizers {
                participant_uid: participant.to_string(),
                synchronizers,
            })
            .collect(),
    }
}

const fn permission(permission: ParticipantPermission) -> WirePermission {
    match permission {
        ParticipantPermission::Submission => WirePermission::Submission,
        ParticipantPermission::Confirmation => WirePermission::Confirmation,
        ParticipantPermission::Observation => WirePermission::Observation,
    }
}
