//! Keys of external parties: they sign with them what participants submit for them.

pub(crate) mod migrate;
pub(crate) mod rotate;
pub(crate) mod sign;
pub(crate) mod verify;

use strongroom_topology::{At, Mapping, PartyId, PartyToParticipant, TopologyStore, UniqueKey};

use crate::error::{PartyError, VaultError};

/// Who hosts a party, and its keys there.
fn hosting<'t>(
    store: &'t TopologyStore,
    party: &PartyId,
) -> Result<&'t PartyToParticipant, VaultError> {
    match store.mapping_of(&UniqueKey::party_to_participant(party), At::Head) {
        Some(Mapping::PartyToParticipant(mapping)) => Ok(mapping),
        _ => Err(PartyError::NotHosted {
            party: party.clone(),
            store: Box::new(store.id().clone()),
        }
        .into()),
    }
}
