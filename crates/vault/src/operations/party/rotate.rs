//! Putting a new key of a party into the place of another one.

use strongroom_crypto::{Fingerprint, KeyName, KeyPurpose, KeyUsages, PublicKey, SigningPublicKey};
use strongroom_topology::{
    At, Mapping, PartyId, PartyToParticipant, SigningKeysWithThreshold, StoreId,
};

use super::{PartySigning, hosting};
use crate::{
    caller::Caller,
    error::{AnnouncementError, PartyError, SignatureCheckError, VaultError},
    operations::{
        generate::NewSigningKey,
        topology::{
            authorize::{Authorized, Proposal},
            rotate::name::of_successor,
        },
    },
    vault::Vault,
};

/// The key that takes the place of a party's key.
#[derive(Clone, Debug)]
pub enum PartySuccessor {
    /// A new key of the old one's spec and usages.
    Generated {
        /// Its name; none derives it from the old one's.
        name: Option<KeyName>,
    },
    /// A key of this vault.
    Key(Fingerprint),
}

/// A rotated key of a party.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RotatedPartyKey {
    /// The key that left.
    pub old: Fingerprint,
    /// The key in its place.
    pub new: Fingerprint,
    /// The statement that says so.
    pub authorized: Authorized,
}

impl Vault {
    /// Puts a key into the place of one of a party's, beside its participants, in one statement: the party needs as many
    /// signatures as before. The old key stays in the vault and is not retired, since submissions may be under way.
    ///
    /// The new key is durable before it is announced. Interrupted in between, it is there without being announced, and can be
    /// named as the successor.
    ///
    /// # Errors
    /// [`PartyError::NotHosted`]; [`PartyError::KeysDeprecated`], which [`Vault::migrate_party_keys`] mends; [`SignatureCheckError::NoPartyKeys`], [`SignatureCheckError::NoKeyOfParty`];
    /// [`VaultError::PermanentKey`] for the key whose fingerprint is the party's namespace;
    /// [`AnnouncementError::AlreadyAnnounced`] for a successor that the party has; [`VaultError::NoPrivateKey`],
    /// [`VaultError::KeyRetired`] for one that could not prove itself; otherwise as [`Vault::authorize`].
    pub async fn rotate_party_key(
        &self,
        caller: &Caller,
        store: &StoreId,
        party: &PartyId,
        (old, successor): (Fingerprint, PartySuccessor),
        signing: &PartySigning,
    ) -> Result<RotatedPartyKey, VaultError> {
        let view = self.topology(store).await?;
        let hosted = hosting(&view, party)?.clone();
        let has_keys = view.party_signing_keys(party, At::Head).is_some();
        drop(view);
        if hosted.signing_keys().is_none() && has_keys {
            let party = party.clone();
            return Err(PartyError::KeysDeprecated { party }.into());
        }
        let (keys, leaves) = outgoing(&hosted, &old)?;
        let new = match successor {
            PartySuccessor::Key(fingerprint) => self.usable_key(&fingerprint)?,
            PartySuccessor::Generated { name } => {
                self.party_successor(caller, leaves, name).await?
            }
        };
        let PublicKey::Signing(new) = new else {
            return Err(VaultError::WrongPurpose {
                fingerprint: new.fingerprint(),
                wanted: KeyPurpose::Signing,
            });
        };
        let fingerprint = new.fingerprint();
        let mapping = exchanged(&hosted, keys, &old, new)?;
        let proposal = signing.of(Proposal::announce(Mapping::PartyToParticipant(mapping)));
        let authorized = self.authorize(caller, store, proposal).await?;
        Ok(RotatedPartyKey {
            old,
            new: fingerprint,
            authorized,
        })
    }

    async fn party_successor(
        &self,
        caller: &Caller,
        outgoing: &SigningPublicKey,
        name: Option<KeyName>,
    ) -> Result<PublicKey, VaultError> {
        let entry = self.directory().entry(&outgoing.fingerprint());
        let old_name = entry.as_ref().and_then(|entry| entry.name.as_ref());
        let name = match name {
            Some(name) => Some(name),
            None => of_successor(old_name, self.now())?,
        };
        let new = NewSigningKey {
            spec: outgoing.spec(),
            usages: KeyUsages::try_new(outgoing.usages().iter())?,
            name,
        };
        Ok(self.generate_signing_key(caller, new).await?.public.clone())
    }
}

/// The keys of the party, and the one among them that leaves. The root of the party's own namespace stays for ever.
fn outgoing<'m>(
    hosted: &'m PartyToParticipant,
    old: &Fingerprint,
) -> Result<(&'m SigningKeysWithThreshold, &'m SigningPublicKey), VaultError> {
    let party = hosted.party();
    let keys = hosted.signing_keys();
    let keys = keys.ok_or_else(|| SignatureCheckError::NoPartyKeys {
        party: party.clone(),
    })?;
    if party.namespace().is_root(old) {
        return Err(VaultError::PermanentKey { fingerprint: *old });
    }
    let key = keys.key(old);
    let key = key.ok_or_else(|| SignatureCheckError::NoKeyOfParty {
        party: party.clone(),
        key: *old,
    })?;
    Ok((keys, key))
}

/// What is stated of the party with `new` in the place of `old`.
fn exchanged(
    hosted: &PartyToParticipant,
    keys: &SigningKeysWithThreshold,
    old: &Fingerprint,
    new: SigningPublicKey,
) -> Result<PartyToParticipant, VaultError> {
    let fingerprint = new.fingerprint();
    if keys.key(&fingerprint).is_some() {
        return Err(AnnouncementError::AlreadyAnnounced { fingerprint }.into());
    }
    let others = keys.keys().iter().filter(|key| key.fingerprint() != *old);
    let all = others.cloned().chain([new]).collect();
    let keys = SigningKeysWithThreshold::try_new(all, keys.threshold())?;
    let participants = hosted.participants().to_vec();
    let party = hosted.party().clone();
    Ok(PartyToParticipant::try_new(
        party,
        hosted.threshold(),
        participants,
        Some(keys),
    )?)
}
