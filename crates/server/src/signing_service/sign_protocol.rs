//! `SignProtocol`.

use std::time::Instant;

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, ProtocolSignature, Timestamp};
use strongroom_vault::SigningTime;

use super::{content, key, sign::Signer};
use crate::{
    contract::strongroom::{
        SignProtocolRequest, SignProtocolResponse,
        sign_protocol_request::{Content, Time},
    },
    failure::Failure,
};

pub(super) async fn sign_protocol(
    signer: Signer,
    message: SignProtocolRequest,
) -> Result<SignProtocolResponse, Failure> {
    let began = Instant::now();
    let signed = signer.sign_protocol(message).await;
    signer.calls.signed(began.elapsed());
    Ok(SignProtocolResponse {
        signature: Some((&signed?).into()),
    })
}

impl Signer {
    async fn sign_protocol(
        &self,
        request: SignProtocolRequest,
    ) -> Result<ProtocolSignature, Failure> {
        let synchronizer = key::read("synchronizer", &request.synchronizer)?;
        let time = match request.time {
            Some(Time::Exact(at)) => SigningTime::Exact(Timestamp::from_micros(at)),
            Some(Time::Approximate(about)) => SigningTime::Approximate {
                at: match about.at {
                    Some(at) => Timestamp::from_micros(at),
                    None => self.vault.current_time(),
                },
                until: about.until.map(Timestamp::from_micros),
            },
            None => return Err(Failure::not_set("time")),
        };
        let message = match request.content {
            Some(Content::Message(message)) => message,
            Some(Content::Hash(hash)) => content::hash(hash)?,
            None => return Err(Failure::not_set("content")),
        };
        // A session key is asked for in the name of the key that the node announces: whoever may sign with that one.
        let may = |long_term_key: &Fingerprint| {
            self.granted(long_term_key, KeyUsages::only(KeyUsage::Protocol))
                .map(drop)
        };
        self.vault
            .sign_protocol_for(&self.caller, &synchronizer, time, &message, may)
            .await
    }
}
