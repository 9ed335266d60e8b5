//! Keys of external parties.

use strongroom_crypto::{Fingerprint, Signature, Timestamp};
use strongroom_errors::Coded as _;
use strongroom_topology::{At, PartyId, StoreId};
use strongroom_vault::{PartySigning, PartySuccessor, VaultError};

use super::{Client, SignedByVault};

/// Signatures for a party.
pub(crate) struct SignedForParty {
    pub(crate) signatures: Vec<Signature>,
    /// How many the party needs.
    pub(crate) threshold: u32,
}

impl SignedForParty {
    /// How many signatures others must still give.
    pub(crate) fn missing(&self) -> usize {
        (self.threshold as usize).saturating_sub(self.signatures.len())
    }
}

/// How many keys signed, or why the party did not sign.
pub(crate) type PartyVerdict = Result<usize, Refused>;

/// Why a party did not sign.
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) reason: String,
}

impl Client {
    /// Signs for a party: with these keys, or, if there are none, with as many of those that are there as it needs. Its keys are those of a
    /// time, or those after everything in the store.
    pub(crate) async fn sign_for_party(
        &self,
        store: &StoreId,
        party: (&PartyId, Option<Timestamp>),
        message: Vec<u8>,
        keys: &[Fingerprint],
    ) -> anyhow::Result<SignedForParty> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                return server.sign_for_party(store, party, message, keys).await;
            }
        };
        let (vault, caller) = (&session.vault, &session.caller);
        let (party, at) = party;
        let party = (party, at.map_or(At::Head, At::Time));
        let signed = vault.sign_for_party(caller, store, party, &message, keys);
        let signed = signed.await?;
        // Nobody has the signatures before they are on record.
        vault.flush_audit().await?;
        Ok(SignedForParty {
            signatures: signed.signatures,
            threshold: signed.threshold,
        })
    }

    /// Whether a party signed, by what a store says at a time, or after everything in it.
    pub(crate) async fn verify_for_party(
        &self,
        store: &StoreId,
        party: &PartyId,
        at: Option<Timestamp>,
        message: Vec<u8>,
        signatures: &[Signature],
    ) -> anyhow::Result<PartyVerdict> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                return server
                    .verify_for_party(store, party, at, message, signatures)
                    .await;
            }
        };
        let at = at.map_or(At::Head, At::Time);
        let verified = session
            .vault
            .verify_for_party(store, party, at, &message, signatures);
        match verified.await {
            Ok(signed) => Ok(Ok(signed)),
            Err(VaultError::SignatureCheck(refused)) => Ok(Err(Refused {
                code: refused.code().name().to_owned(),
                reason: refused.to_string(),
            })),
            Err(other) => Err(other.into()),
        }
    }

    /// Puts a key into the place of one of a party's.
    pub(crate) async fn rotate_party_key(
        &self,
        store: &StoreId,
        party: &PartyId,
        exchange: (Fingerprint, PartySuccessor),
        signing: &PartySigning,
    ) -> anyhow::Result<SignedByVault> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                return server
                    .rotate_party_key(store, party, exchange, signing)
                    .await;
            }
        };
        let (vault, caller) = (&session.vault, &session.caller);
        let rotated = vault.rotate_party_key(caller, store, party, exchange, signing);
        Ok(rotated.await?.authorized.into())
    }

    /// Moves the keys of a party out of the deprecated mapping; answers what was stated.
    pub(crate) async fn migrate_party_keys(
        &self,
        store: &StoreId,
        party: &PartyId,
        signing: &PartySigning,
    ) -> anyhow::Result<Vec<SignedByVault>> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.migrate_party_keys(store, party, signing).await,
        };
        let (vault, caller) = (&session.vault, &session.caller);
        let done = vault.migrate_party_keys(caller, store, party, signing);
        Ok(done.await?.into_iter().map(SignedByVault::from).collect())
    }
}
