//! Moving the keys of a party out of the deprecated mapping.

use strongroom_topology::{At, Mapping, PartyId, PartyToParticipant, StoreId, UniqueKey};

use super::{PartySigning, hosting};
use crate::{
    caller::Caller,
    error::{PartyError, VaultError},
    operations::topology::authorize::{Authorized, Proposal},
    vault::Vault,
};

impl Vault {
    /// States the keys of a party beside its participants, as its deprecated mapping has them, and then takes that back. At
    /// no moment is the party without keys. Interrupted in between, it goes on when it is called again.
    ///
    /// For a store of a synchronizer nothing is kept: the first statement is to be sequenced before the second can be made.
    /// Where `signing` names keys or lets a statement wait, there is one for each call as well.
    ///
    /// # Errors
    /// [`PartyError::NothingToMigrate`] without a deprecated mapping; [`PartyError::NotHosted`]; [`PartyError::KeysDiffer`] when
    /// other keys stand beside the participants; otherwise as [`Vault::authorize`].
    pub async fn migrate_party_keys(
        &self,
        caller: &Caller,
        store: &StoreId,
        party: &PartyId,
        signing: &PartySigning,
    ) -> Result<Vec<Authorized>, VaultError> {
        let view = self.topology(store).await?;
        let about = UniqueKey::party_to_key(party);
        let Some(Mapping::PartyToKeyMapping(deprecated)) =
            view.mapping_of(&about, At::Head).cloned()
        else {
            return Err(PartyError::NothingToMigrate {
                party: party.clone(),
            }
            .into());
        };
        let hosted = hosting(&view, party)?.clone();
        drop(view);
        let mut done = Vec::new();
        match hosted.signing_keys() {
            Some(keys) if *keys == deprecated.signing_keys => {}
            Some(_other) => {
                return Err(PartyError::KeysDiffer {
                    party: party.clone(),
                }
                .into());
            }
            None => {
                let mapping = PartyToParticipant::try_new(
                    party.clone(),
                    hosted.threshold(),
                    hosted.participants().to_vec(),
                    Some(deprecated.signing_keys.clone()),
                )?;
                let proposal = Proposal::announce(Mapping::PartyToParticipant(mapping));
                let proposal = signing.of(proposal);
                done.push(self.authorize(caller, store, proposal).await?);
                if matches!(store, StoreId::Synchronizer(_)) || !signing.fits_several() {
                    return Ok(done);
                }
            }
        }
        let proposal = signing.of(Proposal::revoke(Mapping::PartyToKeyMapping(deprecated)));
        done.push(self.authorize(caller, store, proposal).await?);
        Ok(done)
    }
}
