//! Keys of external parties, in a server's vault.

use strongroom_crypto::{Fingerprint, KeyName, Signature, Timestamp};
use strongroom_proto::{read_signature, v30};
use strongroom_server::contract::strongroom::{
    MigratePartyKeysRequest, NewPartyKey, RotatePartyKeyRequest, SignForPartyRequest,
    VerifyForPartyRequest, rotate_party_key_request::Successor, sign_for_party_request,
    verify_for_party_request,
};
use strongroom_topology::{PartyId, StoreId};
use strongroom_vault::{PartySigning, PartySuccessor};

use super::{RemoteError, Server, topology};
use crate::client::{PartyVerdict, Refused, SignedByVault, SignedForParty, Signing};

impl Server {
    pub(crate) async fn sign_for_party(
        &self,
        store: &StoreId,
        (party, at): (&PartyId, Option<Timestamp>),
        message: Vec<u8>,
        keys: &[Fingerprint],
    ) -> anyhow::Result<SignedForParty> {
        let request = SignForPartyRequest {
            at: at.map(Timestamp::as_micros),
            party: party.to_string(),
            store: store.to_string(),
            content: Some(sign_for_party_request::Content::Message(message)),
            keys: keys.iter().map(ToString::to_string).collect(),
        };
        let signed = self.signing().sign_for_party(request).await;
        let signed = signed.map_err(RemoteError::from)?.into_inner();
        let signatures = signed.signatures.into_iter().map(read_signature);
        let signatures = signatures.collect::<Result<_, _>>();
        Ok(SignedForParty {
            signatures: signatures.map_err(|error| RemoteError::unreadable(&error))?,
            threshold: signed.threshold,
        })
    }

    pub(crate) async fn verify_for_party(
        &self,
        store: &StoreId,
        party: &PartyId,
        at: Option<Timestamp>,
        message: Vec<u8>,
        signatures: &[Signature],
    ) -> anyhow::Result<PartyVerdict> {
        let request = VerifyForPartyRequest {
            party: party.to_string(),
            store: store.to_string(),
            at: at.map(Timestamp::as_micros),
            content: Some(verify_for_party_request::Content::Message(message)),
            signatures: signatures.iter().map(v30::Signature::from).collect(),
        };
        let verified = self.signing().verify_for_party(request).await;
        let verified = verified.map_err(RemoteError::from)?.into_inner();
        Ok(if verified.valid {
            Ok(usize::try_from(verified.signed)?)
        } else {
            Err(Refused {
                code: verified.reason,
                reason: verified.explanation,
            })
        })
    }

    pub(crate) async fn rotate_party_key(
        &self,
        store: &StoreId,
        party: &PartyId,
        (old, successor): (Fingerprint, PartySuccessor),
        signing: &PartySigning,
    ) -> anyhow::Result<SignedByVault> {
        let successor = match successor {
            PartySuccessor::Key(key) => Successor::Key(key.to_string()),
            PartySuccessor::Generated { name } => Successor::Generated(NewPartyKey {
                name: name.as_ref().map_or("", KeyName::as_str).to_owned(),
            }),
        };
        let request = RotatePartyKeyRequest {
            party: party.to_string(),
            store: store.to_string(),
            old: old.to_string(),
            successor: Some(successor),
            signing: Some(topology::message(of_party(signing))),
        };
        let rotated = self.topology().rotate_party_key(request).await;
        let rotated = rotated.map_err(RemoteError::from)?.into_inner();
        Ok(topology::signed(rotated)?)
    }

    pub(crate) async fn migrate_party_keys(
        &self,
        store: &StoreId,
        party: &PartyId,
        signing: &PartySigning,
    ) -> anyhow::Result<Vec<SignedByVault>> {
        let request = MigratePartyKeysRequest {
            party: party.to_string(),
            store: store.to_string(),
            signing: Some(topology::message(of_party(signing))),
        };
        let migrated = self.topology().migrate_party_keys(request).await;
        let migrated = migrated.map_err(RemoteError::from)?.into_inner().done;
        let done = migrated.into_iter().map(topology::signed);
        Ok(done.collect::<Result<_, _>>()?)
    }
}

const fn of_party(signing: &PartySigning) -> Signing<'_> {
    Signing {
        keys: signing.keys.as_slice(),
        must_fully_authorize: !signing.may_wait,
        force: signing.force,
    }
}
