//! Verifying messages of the protocol.
//!
//! Source: reference, session keys, section A.4.

use std::{borrow::Cow, sync::Arc, time::Duration};

use strongroom_crypto::{
    KeyUsages, ProtocolSignature, SignatureDelegation, SigningPublicKey, Timestamp, VerifyError,
};
use strongroom_proto::topology::{ReactionTimeouts, decode_reaction_timeouts};
use strongroom_topology::{
    At, Mapping, Member, PhysicalSynchronizerId, StoreId, TopologyStore, UniqueKey,
};

use super::{PROTOCOL, knows_session_keys};
use crate::{
    error::{SignatureCheckError, UnsupportedDelegation, VaultError},
    schemes::RequiredSchemes,
    session_signing::Kept,
    vault::Vault,
};

/// A delegation is remembered for so long beyond everything that may still be verified with it.
const MARGIN: Duration = Duration::from_secs(30);

/// The state and the rules that a signature is held against.
#[derive(Clone, Debug)]
pub struct VerifyAt {
    /// The synchronizer, which the vault follows.
    pub synchronizer: PhysicalSynchronizerId,
    /// The time of its state.
    pub at: Timestamp,
    /// What the signer's key must be for.
    pub usages: KeyUsages,
    /// What is taken, of what the synchronizer takes by [`Vault::schemes`].
    pub schemes: RequiredSchemes,
}

impl VerifyAt {
    /// A message of the protocol, by whatever the synchronizer takes.
    #[must_use]
    pub fn protocol(synchronizer: PhysicalSynchronizerId, at: Timestamp) -> Self {
        Self {
            synchronizer,
            at,
            usages: PROTOCOL,
            schemes: RequiredSchemes::default(),
        }
    }

    /// The same, and no more than the synchronizer takes.
    pub(super) fn narrowed_by(&self, vault: &Vault) -> Cow<'_, Self> {
        let Some(known) = vault.schemes_on(&self.synchronizer) else {
            return Cow::Borrowed(self);
        };
        Cow::Owned(Self {
            schemes: known.signing.and(&self.schemes),
            ..self.clone()
        })
    }
}

impl Vault {
    /// Verifies that `member` signed a message of the protocol, as the synchronizer's state is at the time: itself, or by a
    /// session key that it delegated. A delegation is verified once and remembered.
    ///
    /// # Errors
    /// [`VaultError::SignatureCheck`] when the signature is refused;
    /// [`TopologyError::StoreNotFound`](strongroom_topology::TopologyError::StoreNotFound) for a synchronizer that the vault
    /// does not follow; errors of the store.
    pub async fn verify_protocol(
        &self,
        how: &VerifyAt,
        member: &Member,
        message: &[u8],
        signature: &ProtocolSignature,
    ) -> Result<(), VaultError> {
        let store = StoreId::Synchronizer(how.synchronizer.clone());
        let how = &how.narrowed_by(self);
        let signer = {
            let topology = self.topology(&store).await?;
            Signer::of(how, &topology, member, signature)?
        };
        Ok(self.check_signature(how, &signer, message, signature)?)
    }

    pub(super) fn check_signature(
        &self,
        how: &VerifyAt,
        signer: &Signer,
        message: &[u8],
        signature: &ProtocolSignature,
    ) -> Result<(), SignatureCheckError> {
        let Some(delegation) = signature.delegation() else {
            return check(how, &signer.long_term_key, message, signature);
        };
        self.check_delegation(how, signer, delegation)?;
        check(how, delegation.session_key(), message, signature)
    }

    fn check_delegation(
        &self,
        how: &VerifyAt,
        signer: &Signer,
        delegation: &Arc<SignatureDelegation>,
    ) -> Result<(), SignatureCheckError> {
        let long_term_key = &signer.long_term_key;
        let synchronizer = &how.synchronizer.synchronizer;
        let now = self.environment().clock.elapsed();
        let verified = &self.caches().verified;
        if verified.knows(synchronizer, delegation, &how.schemes, now) {
            return Ok(());
        }
        let format = delegation.signature().format;
        how.schemes.check(long_term_key, format)?;
        delegation
            .verify(long_term_key, synchronizer.as_str(), how.schemes.algorithms)
            .map_err(|source| SignatureCheckError::Delegation { source })?;
        let timeouts = signer.timeouts.as_ref().ok_or_else(|| no_parameters(how))?;
        let until = now.saturating_add(remembered_for(delegation, how.at, timeouts));
        if verified.keep(synchronizer, delegation, how.schemes.clone(), (until, now))
            == Kept::OtherKnown
        {
            tracing::warn!(
                session_key = %delegation.session_key().fingerprint(),
                "the session key has more than one delegation: that is not wrong, but suspicious"
            );
        }
        Ok(())
    }
}

/// What the state says of who signed: enough to verify the signature without another look at it, and without keeping those waiting who
/// change it.
pub(super) struct Signer {
    long_term_key: SigningPublicKey,
    /// How long the synchronizer waits for its members; none: its state does not say.
    timeouts: Option<ReactionTimeouts>,
}

impl Signer {
    /// The key of the member that signed, or let a session key sign.
    pub(super) fn of(
        how: &VerifyAt,
        topology: &TopologyStore,
        member: &Member,
        signature: &ProtocolSignature,
    ) -> Result<Self, SignatureCheckError> {
        if let Some(delegation) = signature.delegation() {
            check_supported(how)?;
            check_validity(how, delegation)?;
        }
        Ok(Self {
            long_term_key: announced_key(how, topology, member, signature)?.clone(),
            timeouts: signature
                .delegation()
                .and_then(|_delegation| timeouts(how, topology)),
        })
    }
}

fn no_parameters(how: &VerifyAt) -> SignatureCheckError {
    SignatureCheckError::NoParameters {
        synchronizer: how.synchronizer.clone(),
        at: how.at,
    }
}

fn check_supported(how: &VerifyAt) -> Result<(), SignatureCheckError> {
    let why = if !knows_session_keys(how.synchronizer.protocol_version) {
        UnsupportedDelegation::ProtocolVersion(how.synchronizer.protocol_version)
    } else if how.usages != PROTOCOL {
        UnsupportedDelegation::Usages(how.usages)
    } else {
        return Ok(());
    };
    Err(SignatureCheckError::UnsupportedDelegation { why })
}

/// By the time of the state, never by a clock: everybody must come to the same answer.
fn check_validity(
    how: &VerifyAt,
    delegation: &SignatureDelegation,
) -> Result<(), SignatureCheckError> {
    let validity = delegation.validity();
    if validity.contains(how.at) {
        return Ok(());
    }
    Err(SignatureCheckError::OutsideValidity {
        session_key: delegation.session_key().fingerprint(),
        from: validity.from(),
        until: validity.until(),
        at: how.at,
    })
}

/// The key of the member that signed, or let a session key sign.
fn announced_key<'t>(
    how: &VerifyAt,
    topology: &'t TopologyStore,
    member: &Member,
    signature: &ProtocolSignature,
) -> Result<&'t SigningPublicKey, SignatureCheckError> {
    let mapping = topology.owner_to_key(member, At::Time(how.at));
    let keys = mapping
        .into_iter()
        .flat_map(|mapping| mapping.signing_keys());
    let valid = keys.filter(|key| key.usages().intersects_relevantly(how.usages));
    let mut valid = valid.peekable();
    if valid.peek().is_none() {
        return Err(SignatureCheckError::NoValidKeys {
            member: member.clone(),
            at: how.at,
        });
    }
    let key = signature.long_term_key();
    valid
        .find(|valid| valid.fingerprint() == key)
        .ok_or_else(|| SignatureCheckError::WrongKey {
            member: member.clone(),
            key,
        })
}

/// Checks the signature over the message with the key that made it.
fn check(
    how: &VerifyAt,
    key: &SigningPublicKey,
    message: &[u8],
    signature: &ProtocolSignature,
) -> Result<(), SignatureCheckError> {
    let signature = signature.signature();
    how.schemes.check(key, signature.format)?;
    key.verify_restricted(message, signature, how.usages, how.schemes.algorithms)
        .map_err(|source: VerifyError| SignatureCheckError::Signature { source })
}

/// How long the synchronizer waits for its members.
fn timeouts(how: &VerifyAt, topology: &TopologyStore) -> Option<ReactionTimeouts> {
    let synchronizer = &how.synchronizer.synchronizer;
    let about = UniqueKey::synchronizer_parameters(synchronizer);
    let parameters = match topology.mapping_of(&about, At::Time(how.at)) {
        Some(Mapping::SynchronizerParametersState(it)) => it.parameters.as_deref(),
        _ => None,
    };
    parameters.and_then(|parameters| decode_reaction_timeouts(parameters).ok())
}

/// Until nobody verifies with it any more.
fn remembered_for(
    delegation: &SignatureDelegation,
    at: Timestamp,
    timeouts: &ReactionTimeouts,
) -> Duration {
    let left = delegation
        .validity()
        .until()
        .as_micros()
        .saturating_sub(at.as_micros());
    let left = Duration::from_micros(u64::try_from(left).unwrap_or_default());
    left.saturating_add(timeouts.confirmation_response)
        .saturating_add(timeouts.mediator_reaction)
        .saturating_add(MARGIN)
}
