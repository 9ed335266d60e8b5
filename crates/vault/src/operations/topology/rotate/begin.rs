//! The beginning of a rotation: every new key is there, and durable, with a journal of what replaces what.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, KeyName, PublicKey};
use strongroom_kms::KmsKeyId;
use strongroom_store::KeyState;
use strongroom_topology::{Member, OwnerToKeyMapping, StoreId};

use super::{check_room, is_node_key, name};
use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::{AnnouncementError, VaultError},
    journal::JournalEntry,
    node::Rotation,
    operations::{external::register::HeldKey, generate::Generated, place::Place},
    topology::TopologyTurn,
    unit::Unit,
    vault::Vault,
};

/// Which keys of the node shall be rotated, and to what.
#[derive(Clone, Debug)]
pub enum Rotate {
    /// Every announced key but those that sign for namespaces only, each to a key that is generated.
    All {
        /// Where the new keys are to be; none leaves that to the settings.
        place: Option<Place>,
    },
    /// One of them.
    One {
        /// The key that leaves.
        old: Fingerprint,
        /// The key that takes its place.
        successor: Successor,
    },
}

/// The key that takes the place of another one.
#[derive(Clone, Debug)]
pub enum Successor {
    /// A new key, of the old one's spec and usages.
    Generated {
        /// Its name; none derives it from the old one's.
        name: Option<KeyName>,
        /// Where it is to be; none leaves that to the settings.
        place: Option<Place>,
    },
    /// A key that was made in a KMS beforehand, with the old one's usages. Its spec may be another one.
    Registered {
        /// The configured name of the KMS; none takes the one that makes new external keys.
        kms: Option<String>,
        /// The key, as its KMS calls it.
        key: KmsKeyId,
        /// Its name; none derives it from the old one's, unless the vault has the key already.
        name: Option<KeyName>,
    },
}

impl Rotate {
    /// Every key, to where the settings want new ones.
    #[must_use]
    pub const fn all() -> Self {
        Self::All { place: None }
    }

    /// One key, to where the settings want new ones.
    #[must_use]
    pub const fn one(old: Fingerprint) -> Self {
        let (name, place) = (None, None);
        let successor = Successor::Generated { name, place };
        Self::One { old, successor }
    }
}

/// A key that leaves, as it is announced: the vault may have lost it.
struct Outgoing {
    key: PublicKey,
    successor: Successor,
}

/// A key that takes the place of another one, and is not in the vault yet.
enum Incoming<'v> {
    Generated(Box<Generated<'v>>),
    Held {
        found: HeldKey<'v>,
        name: Option<KeyName>,
    },
}

impl Vault {
    /// Begins rotations: generates the new keys, or finds them in their KMS, and takes all of them in, in one unit of work.
    /// Announcing them is up to [`Vault::advance_rotation`]. Between the two is the moment for a backup: from the announcement
    /// on, others expect the new keys.
    ///
    /// A key that is announced and was lost is rotated away like any other; its public half comes into the vault again.
    ///
    /// # Errors
    /// [`VaultError::NotIdentified`]; [`VaultError::RotationUnderWay`] before the last one is over;
    /// [`VaultError::PermanentKey`], [`AnnouncementError::NotAnnounced`], [`AnnouncementError::NotAnnouncedHere`] and
    /// [`AnnouncementError::NotANodeKey`] for keys that are no node keys; [`VaultError::NoNamespaceSigner`] when the node cannot announce anything any more;
    /// [`AnnouncementError::TooManyAnnounced`] when no successor has room beside the old keys; for a registered successor those of
    /// [`Vault::register_key`], [`AnnouncementError::AlreadyAnnounced`] and [`VaultError::KeyRetired`]; errors of the store. Nothing
    /// has begun then.
    pub async fn begin_rotation(
        &self,
        caller: &Caller,
        which: Rotate,
    ) -> Result<Vec<Rotation>, VaultError> {
        self.check_released()?;
        let identity = self.identity().ok_or(VaultError::NotIdentified)?;
        if let Some(rotation) = self.rotations().into_iter().next() {
            return Err(VaultError::RotationUnderWay { old: rotation.old });
        }
        let member = identity.member;
        let announced = self.announced(&member).await?;
        let outgoing = self.keys_to_rotate(&member, announced.as_ref(), which)?;
        // Otherwise there would be keys and a journal, and no way to finish.
        check_room(announced.as_ref())?;
        self.check_can_announce(&*self.topology(&StoreId::Authorized).await?, &member)?;
        let mut exchanges = Vec::with_capacity(outgoing.len());
        for Outgoing { key, successor } in outgoing {
            let incoming = self.incoming(&key, successor).await?;
            exchanges.push((key, incoming));
        }
        // Held until the journal is written, so that nobody withdraws an old key meanwhile.
        let topology = TopologyTurn::begin(self).await?;
        let mut unit = Unit::begin(self).await?;
        if let Some(rotation) = self.rotations().into_iter().next() {
            return Err(VaultError::RotationUnderWay { old: rotation.old });
        }
        let announced = topology.owner_to_key(&member)?;
        let is_announced =
            |key: &Fingerprint| announced.is_some_and(|mapping| mapping.contains(key));
        let mut old_keys = exchanges.iter().map(|(old, _)| old.fingerprint());
        if let Some(gone) = old_keys.find(|old| !is_announced(old)) {
            return Err(self.not_announced(&member, gone));
        }
        check_room(announced)?;
        self.check_can_announce(topology.store(&StoreId::Authorized)?, &member)?;
        for (position, (old, incoming)) in (0..).zip(exchanges) {
            let old = self.known_again(caller, &mut unit, old).await?;
            let new = self.admit(caller, &mut unit, incoming).await?.fingerprint();
            if is_announced(&new) {
                return Err(AnnouncementError::AlreadyAnnounced { fingerprint: new }.into());
            }
            unit.begin_rotation(&member, old, new, position).await?;
            let details = [("new".to_owned(), new.to_string())].into();
            unit.audit(caller, AuditOperation::BeginRotation, Some(old), details)
                .await?;
        }
        unit.commit().await?;
        Ok(self.rotations())
    }

    /// The key that shall take the place of `old`: made, or found where it is said to be.
    async fn incoming(
        &self,
        old: &PublicKey,
        successor: Successor,
    ) -> Result<Incoming<'_>, VaultError> {
        let entry = self.directory().entry(&old.fingerprint());
        let old_name = entry.as_ref().and_then(|entry| entry.name.as_ref());
        let name = |given: Option<KeyName>| match given {
            Some(name) => Ok(Some(name)),
            None => name::of_successor(old_name, self.now()),
        };
        match successor {
            Successor::Generated { name: given, place } => {
                let place = place.unwrap_or_else(|| self.custody_of(old).into());
                let new_name = match (&given, self.left_behind(old, old_name, &place)?) {
                    (None, Some(left)) => left,
                    _ => name(given)?,
                };
                let generated = self
                    .generate_key(old.spec(), old.usages(), new_name, &place)
                    .await?;
                Ok(Incoming::Generated(Box::new(generated)))
            }
            Successor::Registered {
                kms,
                key,
                name: given,
            } => {
                let found = self.find_held(kms.as_deref(), &key, old.usages()).await?;
                let known = self.directory().entry(&found.public.fingerprint());
                let name = match known {
                    Some(known) if given.is_none() => known.name.clone(),
                    _ => name(given)?,
                };
                Ok(Incoming::Held { found, name })
            }
        }
    }

    /// The name of a key that an earlier attempt had a KMS make for the same purpose, if there is one: under that name it is
    /// taken up.
    fn left_behind(
        &self,
        old: &PublicKey,
        old_name: Option<&KeyName>,
        place: &Place,
    ) -> Result<Option<Option<KeyName>>, VaultError> {
        let Place::External { kms } = place else {
            return Ok(None);
        };
        let kms = &self.maker(kms.as_deref())?.named.name;
        let is_it = |entry: &&JournalEntry| {
            entry.kms() == kms
                && (entry.spec(), entry.usages()) == (old.spec(), old.usages())
                && entry.fingerprint().is_none()
                && !entry.progress().is_leaving()
                && name::is_of_successor(entry.key_name(), old_name)
        };
        let entries = self.journal().unclaimed();
        let left = entries.iter().find(is_it);
        Ok(left.map(|entry| entry.key_name().cloned()))
    }

    /// The fingerprint of a key that leaves, whose public half is in the vault, again if it was lost: the journal refers to its
    /// row.
    async fn known_again(
        &self,
        caller: &Caller,
        unit: &mut Unit<'_>,
        public: PublicKey,
    ) -> Result<Fingerprint, VaultError> {
        let old = public.fingerprint();
        if self.directory().entry(&old).is_none() {
            let entry = unit.insert_key(public, None, None).await?;
            let details = key_details(&entry);
            unit.audit(caller, AuditOperation::ImportPublicKey, Some(old), details)
                .await?;
        }
        Ok(old)
    }

    async fn admit(
        &self,
        caller: &Caller,
        unit: &mut Unit<'_>,
        incoming: Incoming<'_>,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        match incoming {
            Incoming::Generated(generated) => unit.keep(caller, *generated).await,
            Incoming::Held { found, name } => {
                let taken = unit.take_in(&found, name).await?;
                let entry = taken.entry;
                if taken.is_new {
                    unit.audit_registration(caller, &entry).await?;
                }
                let half = entry.private.as_ref();
                if half.is_some_and(|half| half.state == KeyState::Retired) {
                    let fingerprint = entry.fingerprint();
                    return Err(VaultError::KeyRetired { fingerprint });
                }
                Ok(entry)
            }
        }
    }

    /// The keys that are announced and shall be rotated, each with what takes its place.
    fn keys_to_rotate(
        &self,
        member: &Member,
        announced: Option<&OwnerToKeyMapping>,
        which: Rotate,
    ) -> Result<Vec<Outgoing>, VaultError> {
        let keys = announced.map_or(&[][..], OwnerToKeyMapping::keys);
        match which {
            // Others made such announcements; no successor of such a key could be announced.
            Rotate::All { place } => {
                let node_keys = keys.iter().filter(|key| is_node_key(key));
                let outgoing = node_keys.map(|key| Outgoing {
                    key: key.clone(),
                    successor: Successor::Generated {
                        name: None,
                        place: place.clone(),
                    },
                });
                Ok(outgoing.collect())
            }
            Rotate::One { old, successor } => {
                let key = keys.iter().find(|key| key.fingerprint() == old);
                let key = key.ok_or_else(|| self.not_announced(member, old))?;
                if !is_node_key(key) {
                    return Err(AnnouncementError::NotANodeKey { fingerprint: old }.into());
                }
                let key = key.clone();
                Ok(vec![Outgoing { key, successor }])
            }
        }
    }
}
