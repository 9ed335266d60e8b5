//! Sealing payloads.

use strongroom_crypto::{
    EncryptionPublicKey, Fingerprint, KeyUsage, KeyUsages, NewPayload, PayloadDraft,
    PayloadPurpose, PayloadSealer, Timestamp,
};
use strongroom_topology::{At, Member, StoreId, TopologyStore, current_signing_key};

use super::{after_everything, encryption_key};
use crate::{
    caller::Caller,
    error::{PayloadUseError, VaultError},
    vault::Vault,
};

/// A payload as somebody wants it.
#[derive(Clone, Debug)]
pub struct PayloadOrder {
    /// What it is for; whoever opens it says the same.
    pub purpose: PayloadPurpose,
    /// Who shall be able to open it.
    pub recipients: Vec<Member>,
    /// The topology store that knows their keys.
    pub store: StoreId,
    /// The time as of which it is asked; none: now, with everything that is in it.
    pub at: Option<Timestamp>,
    /// Whether the node signs it as its sender.
    pub signed: bool,
}

/// A payload that waits for its content.
#[derive(Debug)]
pub struct SealedPayload {
    /// What stands before all that the sealer gives.
    pub front: Vec<u8>,
    /// Seals the content.
    pub sealer: PayloadSealer,
    /// The recipients with the key of each, in the order in which they were named.
    pub recipients: Vec<(Member, Fingerprint)>,
    /// The key with which the node signed.
    pub signed_by: Option<Fingerprint>,
    /// The time as of which topology named the keys.
    pub at: Timestamp,
}

/// An order with the keys that topology named for it. It is sealed with these and no others: whoever asks who may use them
/// asks before that.
#[derive(Clone, Debug)]
pub struct PlannedPayload {
    purpose: PayloadPurpose,
    at: Timestamp,
    recipients: Vec<(Member, EncryptionPublicKey)>,
    sender: Option<(Member, Fingerprint)>,
}

impl PlannedPayload {
    /// The keys to which it will be encrypted.
    pub fn recipients(&self) -> impl Iterator<Item = Fingerprint> {
        self.recipients.iter().map(|(_, key)| key.fingerprint())
    }

    /// The key that will sign it.
    #[must_use]
    pub fn signed_by(&self) -> Option<Fingerprint> {
        self.sender.as_ref().map(|(_, key)| *key)
    }
}

impl Vault {
    /// Begins a payload for members. Its secret is new, encrypted to the current key of each, and wiped once the content is
    /// sealed. Signing it is a use of the node's protocol key on behalf of the caller, like [`Vault::sign_for`].
    ///
    /// # Errors
    /// [`PayloadUseError`](crate::PayloadUseError) when topology names no key, or one that the synchronizer does not take; [`VaultError::KeyRetired`], since nothing new is encrypted to a retired
    /// key; [`VaultError::Payload`] for no, too many or doubled recipients; [`VaultError::NotIdentified`] and those of [`Vault::sign`] when the node
    /// signs; errors of the store.
    pub async fn seal_payload(
        &self,
        caller: &Caller,
        order: &PayloadOrder,
    ) -> Result<SealedPayload, VaultError> {
        let planned = self.plan_payload(order).await?;
        self.seal_planned_payload(caller, planned).await
    }

    /// As [`Self::seal_payload`], of what was planned.
    ///
    /// # Errors
    /// As [`Self::seal_payload`].
    pub async fn seal_planned_payload(
        &self,
        caller: &Caller,
        planned: PlannedPayload,
    ) -> Result<SealedPayload, VaultError> {
        // Another process may have retired one of them.
        self.in_touch().await?;
        for key in planned.recipients() {
            self.check_not_retired(&key)?;
        }
        let signed_by = planned.signed_by();
        let (members, keys): (Vec<_>, Vec<_>) = planned.recipients.into_iter().unzip();
        let sender = planned.sender.map(|(member, _)| member.to_string());
        let new = NewPayload {
            purpose: planned.purpose,
            at: planned.at,
            sender: sender.as_deref(),
            recipients: &keys,
        };
        let draft = PayloadDraft::new(&new, self.random())?;
        let signature = match &signed_by {
            Some(key) => {
                let message = draft.header().signed_message();
                let protocol = KeyUsages::only(KeyUsage::Protocol);
                Some(self.sign_for(caller, key, &message, protocol).await?)
            }
            None => None,
        };
        let (front, sealer) = draft.seal(signature)?;
        let keys = keys.iter().map(EncryptionPublicKey::fingerprint);
        Ok(SealedPayload {
            front,
            sealer,
            recipients: members.into_iter().zip(keys).collect(),
            signed_by,
            at: new.at,
        })
    }

    /// The keys of an order, as topology names them.
    ///
    /// # Errors
    /// Those of [`Self::seal_payload`] where topology names no key, or one that the synchronizer does not take.
    pub async fn plan_payload(&self, order: &PayloadOrder) -> Result<PlannedPayload, VaultError> {
        self.in_touch().await?;
        if let Some(at) = order.at {
            self.check_not_of_the_future(at, &order.store).await?;
        }
        let store = self.topology(&order.store).await?;
        let at = order
            .at
            .unwrap_or_else(|| after_everything(self.now(), &store));
        let taken = self.schemes(&order.store).map(|it| &it.encryption);
        let recipients = order.recipients.iter().map(|member| {
            let key = encryption_key(&store, member, at)?;
            if let Some(taken) = taken {
                taken.check(&key, key.spec().algorithm())?;
            }
            Ok((member.clone(), key))
        });
        Ok(PlannedPayload {
            purpose: order.purpose.clone(),
            at,
            recipients: recipients.collect::<Result<_, PayloadUseError>>()?,
            sender: if order.signed {
                Some(self.sender(&store, at)?)
            } else {
                None
            },
        })
    }

    /// The node, and the key with which it signs at a time.
    fn sender(
        &self,
        store: &TopologyStore,
        at: Timestamp,
    ) -> Result<(Member, Fingerprint), VaultError> {
        let member = self.identity().ok_or(VaultError::NotIdentified)?.member;
        let holds = |key: &Fingerprint| self.may_sign(key);
        let key = store
            .owner_to_key(&member, At::Time(at))
            .and_then(|mapping| current_signing_key(mapping, KeyUsage::Protocol, &holds));
        match key {
            Some(key) => {
                self.check_signer(store.id(), key)?;
                Ok((member, key.fingerprint()))
            }
            None => Err(PayloadUseError::NoSigningKey {
                member,
                store: store.id().to_string(),
            }
            .into()),
        }
    }
}
