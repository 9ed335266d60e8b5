//! `SignForParty` and `VerifyForParty`.

use std::{sync::Arc, time::Instant};

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, Timestamp};
use strongroom_errors::Coded as _;
use strongroom_proto::read_signature;
use strongroom_topology::At;
use strongroom_vault::{PartySignatures, Vault, VaultError};

use super::{content, key, sign::Signer};
use crate::{
    context::Context,
    contract::strongroom::{
        SignForPartyRequest, SignForPartyResponse, VerifyForPartyRequest, VerifyForPartyResponse,
        sign_for_party_request, verify_for_party_request,
    },
    failure::Failure,
};

pub(super) async fn sign(
    signer: Signer,
    request: SignForPartyRequest,
) -> Result<SignForPartyResponse, Failure> {
    let began = Instant::now();
    let signed = signer.sign_for_party(request).await;
    signer.calls.signed(began.elapsed());
    let signed = signed?;
    Ok(SignForPartyResponse {
        signatures: signed.signatures.iter().map(Into::into).collect(),
        threshold: signed.threshold,
    })
}

impl Signer {
    async fn sign_for_party(
        &self,
        request: SignForPartyRequest,
    ) -> Result<PartySignatures, Failure> {
        use sign_for_party_request::Content;
        let party = key::read("party", &request.party)?;
        let store = key::read("store", &request.store)?;
        let message = match request.content {
            Some(Content::Message(message)) => message,
            Some(Content::Hash(hash)) => content::hash(hash)?,
            None => return Err(Failure::not_set("content")),
        };
        let keys = read_keys(&request.keys)?;
        let may = |key: &Fingerprint| {
            self.granted(key, KeyUsages::only(KeyUsage::Protocol))
                .map(drop)
        };
        let party = (&party, point(request.at));
        let signers = self.vault.party_signers(&store, party, &keys, may).await?;
        // Each may cost a call of a KMS, and those in whose place they are asked have.
        self.context.count(signers.number())?;
        let passed_over = || self.context.owe_one();
        Ok(signers.sign(&self.caller, &message, passed_over).await?)
    }
}

/// The keys that are named, each once.
fn read_keys(sent: &[String]) -> Result<Vec<Fingerprint>, Failure> {
    Failure::check_items("keys", sent.len(), MOST)?;
    let mut keys = Vec::with_capacity(sent.len());
    for key in sent {
        let key = key::read("keys", key)?;
        if keys.contains(&key) {
            return Err(Failure::unreadable(format!(
                "Field `keys` has {key} more than once"
            )));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// A time, or after everything.
fn point(at: Option<i64>) -> At {
    at.map_or(At::Head, |at| At::Time(Timestamp::from_micros(at)))
}

/// A party has fewer keys than that, and of each one signature counts.
const MOST: usize = 64;

pub(super) async fn verify(
    vault: Arc<Vault>,
    context: Context,
    request: VerifyForPartyRequest,
) -> Result<VerifyForPartyResponse, Failure> {
    use verify_for_party_request::Content;
    let sent = request.signatures.len();
    Failure::check_items("signatures", sent, MOST)?;
    let party = key::read("party", &request.party)?;
    let store = key::read("store", &request.store)?;
    let at = point(request.at);
    let message = match request.content {
        Some(Content::Message(message)) => message,
        Some(Content::Hash(hash)) => content::hash(hash)?,
        None => return Err(Failure::not_set("content")),
    };
    // Each is verified, over all of the message.
    context.count(sent)?;
    content::check_work(&message, sent)?;
    let signatures = request.signatures.into_iter().map(read_signature);
    let signatures = signatures.collect::<Result<Vec<_>, _>>()?;
    let verified = vault.verify_for_party(&store, &party, at, &message, &signatures);
    match verified.await {
        Ok(signed) => Ok(VerifyForPartyResponse {
            valid: true,
            signed: u32::try_from(signed).unwrap_or(u32::MAX),
            ..VerifyForPartyResponse::default()
        }),
        Err(VaultError::SignatureCheck(refused)) => Ok(VerifyForPartyResponse {
            reason: refused.code().name().to_owned(),
            explanation: refused.to_string(),
            ..VerifyForPartyResponse::default()
        }),
        Err(error) => Err(error.into()),
    }
}
