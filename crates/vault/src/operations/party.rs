//! Keys of external parties: they sign with them what participants submit for them.

pub(crate) mod migrate;
pub(crate) mod rotate;
pub(crate) mod sign;
pub(crate) mod verify;

use strongroom_crypto::Fingerprint;
use strongroom_topology::{
    At, ForceFlags, Mapping, PartyId, PartyToParticipant, TopologyStore, UniqueKey,
};

use crate::{
    error::{PartyError, VaultError},
    operations::topology::authorize::Proposal,
};

/// How what is stated of a party gets signed; by default with keys of the vault's choice, which must suffice at once.
#[derive(Clone, Debug, Default)]
pub struct PartySigning {
    /// The keys to sign with; none lets the vault choose.
    pub keys: Vec<Fingerprint>,
    /// Whether it may wait for the signatures of others as a proposal.
    pub may_wait: bool,
    /// Dangers that the caller knows of.
    pub force: ForceFlags,
}

impl PartySigning {
    fn of(&self, proposal: Proposal) -> Proposal {
        Proposal {
            signing_keys: self.keys.clone(),
            must_fully_authorize: !self.may_wait,
            force: self.force,
            ..proposal
        }
    }

    /// Whether the next statement can be signed in the same way: keys that are named may sign one and not the other, and what
    /// waits is not yet in force.
    fn fits_several(&self) -> bool {
        self.keys.is_empty() && !self.may_wait
    }
}

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
