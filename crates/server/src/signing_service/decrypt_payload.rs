//! `DecryptPayload`.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use strongroom_crypto::{Fingerprint, FrontReader, PayloadFront, PayloadOpener};
use strongroom_vault::{PayloadExpectation, Vault, VaultError};
use tonic::Streaming;
use zeroize::Zeroizing;

use super::{
    key,
    pieces::{Pieces, Work, answers},
};
use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{
        self as contract, DecryptPayloadRequest, DecryptPayloadResponse, PayloadOrigin,
    },
    failure::Failure,
    http::Calls,
};

pub(super) async fn decrypt_payload(
    vault: Arc<Vault>,
    context: Context,
    requests: Streaming<DecryptPayloadRequest>,
    calls: Calls,
) -> Result<Pieces<DecryptPayloadResponse>, Failure> {
    let opening = Opening {
        vault,
        context: context.clone(),
        calls,
        stage: Stage::Beginning,
    };
    Ok(answers(opening, context, requests))
}

struct Opening {
    vault: Arc<Vault>,
    context: Context,
    calls: Calls,
    stage: Stage,
}

/// How far a payload has been read.
enum Stage {
    /// Nothing came.
    Beginning,
    /// The front is not complete.
    Front(FrontReader, PayloadExpectation),
    /// Content comes.
    Content(PayloadOpener),
    /// It failed.
    Failed,
}

impl Work for Opening {
    type Request = DecryptPayloadRequest;
    type Answer = DecryptPayloadResponse;

    async fn take(
        &mut self,
        request: DecryptPayloadRequest,
        ready: &mut VecDeque<DecryptPayloadResponse>,
    ) -> Result<(), Failure> {
        let DecryptPayloadRequest { expected, payload } = request;
        // It is opened where it is.
        let mut payload = Zeroizing::new(payload);
        let stage = std::mem::replace(&mut self.stage, Stage::Failed);
        self.stage = match (stage, expected) {
            (Stage::Beginning, Some(expected)) => {
                let expected = read_expectation(&expected)?;
                self.read_front(FrontReader::default(), expected, &mut payload, ready)
                    .await?
            }
            (Stage::Front(reader, expected), None) => {
                self.read_front(reader, expected, &mut payload, ready)
                    .await?
            }
            (Stage::Content(mut opener), None) => {
                opener.push(&mut payload, answering(ready))?;
                Stage::Content(opener)
            }
            (Stage::Beginning, None) => return Err(Failure::not_set("expected")),
            (_, Some(_)) => return Err(Failure::unreadable("a second expectation came")),
            (Stage::Failed, None) => return Err(Failure::unreadable("the payload has failed")),
        };
        Ok(())
    }

    fn end(self, ready: &mut VecDeque<DecryptPayloadResponse>) -> Result<(), Failure> {
        match self.stage {
            Stage::Content(opener) => Ok(opener.finish(&mut [], answering(ready))?),
            Stage::Front(reader, _) => Err(VaultError::from(reader.ended()).into()),
            Stage::Beginning => Err(Failure::not_set("expected")),
            Stage::Failed => Err(Failure::unreadable("the payload has failed")),
        }
    }
}

impl Opening {
    async fn read_front(
        &self,
        mut reader: FrontReader,
        expected: PayloadExpectation,
        piece: &mut [u8],
        ready: &mut VecDeque<DecryptPayloadResponse>,
    ) -> Result<Stage, Failure> {
        let front = reader.push(piece).map_err(VaultError::from)?;
        let Some((front, length)) = front else {
            return Ok(Stage::Front(reader, expected));
        };
        let began = Instant::now();
        let opened = self.open(&front, &expected).await;
        self.calls.decrypted(began.elapsed());
        let (mut opener, origin) = opened?;
        ready.push_back(DecryptPayloadResponse {
            origin: Some(origin),
            content: Vec::new(),
        });
        let chunks = piece.get_mut(length..).unwrap_or_default();
        opener.push(chunks, answering(ready))?;
        Ok(Stage::Content(opener))
    }

    async fn open(
        &self,
        front: &PayloadFront,
        expected: &PayloadExpectation,
    ) -> Result<(PayloadOpener, PayloadOrigin), Failure> {
        let keys = self.granted(front)?;
        let caller = self.context.caller();
        let opened = self
            .vault
            .open_payload_with(&caller, front, expected, &keys)
            .await?;
        let sender = opened.sender.as_ref();
        let origin = PayloadOrigin {
            opened_by: opened.opened_by.to_string(),
            sender: sender.map(|it| it.member.to_string()).unwrap_or_default(),
            signed_by: sender.map(|it| it.key.to_string()).unwrap_or_default(),
            at: front.header().at().as_micros(),
        };
        Ok((opened.opener, origin))
    }

    /// The keys of the payload that the caller may decrypt with: at least one, or what stands against the first.
    fn granted(&self, front: &PayloadFront) -> Result<Vec<Fingerprint>, Failure> {
        let (mut granted, mut refused) = (Vec::new(), None);
        for key in self.vault.payload_keys(front)? {
            match key::allowed(&self.vault, &self.context, Operation::Decrypt, &key) {
                Ok(_) => granted.push(key),
                Err(failure) => {
                    refused.get_or_insert(failure);
                }
            }
        }
        match refused {
            Some(failure) if granted.is_empty() => Err(failure),
            _ => Ok(granted),
        }
    }
}

/// Each answer is wiped when it was sent.
fn answering(
    ready: &mut VecDeque<DecryptPayloadResponse>,
) -> impl FnMut(&[u8]) -> Result<(), VaultError> {
    |piece| {
        ready.push_back(DecryptPayloadResponse {
            origin: None,
            content: piece.to_vec(),
        });
        Ok(())
    }
}

fn read_expectation(
    expected: &contract::PayloadExpectation,
) -> Result<PayloadExpectation, Failure> {
    let sender = Some(expected.sender.as_str()).filter(|sender| !sender.is_empty());
    Ok(PayloadExpectation {
        purpose: key::read("purpose", &expected.purpose)?,
        sender: sender.map(|it| key::read("sender", it)).transpose()?,
        store: key::read("store", &expected.store)?,
    })
}
