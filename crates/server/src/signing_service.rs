//! `strongroom.v1.SigningService`: what a node does with its keys all day.

mod content;
mod decrypt;
mod decrypt_payload;
mod encrypt;
mod encrypt_payload;
mod in_order;
mod key;
mod party;
mod pieces;
mod session_keys;
mod sign;
mod sign_batch;
mod sign_protocol;
mod sign_stream;
mod verify;
mod verify_protocol;

use std::{pin::Pin, time::Instant};

use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use self::{pieces::Pieces, sign::Signer};
use crate::{
    context::Shared,
    contract::strongroom::{
        DecryptPayloadRequest, DecryptPayloadResponse, DecryptRequest, DecryptResponse,
        DecryptSessionKeyRequest, DecryptSessionKeyResponse, EncryptPayloadRequest,
        EncryptPayloadResponse, EncryptRequest, EncryptResponse, EncryptSessionKeysRequest,
        EncryptSessionKeysResponse, SignBatchRequest, SignBatchResponse, SignForPartyRequest,
        SignForPartyResponse, SignProtocolRequest, SignProtocolResponse, SignRequest, SignResponse,
        SignStreamRequest, SignStreamResponse, VerifyForPartyRequest, VerifyForPartyResponse,
        VerifyProtocolGroupRequest, VerifyProtocolGroupResponse, VerifyProtocolRequest,
        VerifyRequest, VerifyResponse, signing_service_server::SigningService,
    },
    failure::{Face, Failure},
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct SigningFace {
    pub(crate) shared: Shared,
}

type Answer<A> = Result<Response<A>, Status>;
const FACE: Face = Face::Strongroom;

impl SigningFace {
    /// Answers by what signs on behalf of the caller.
    async fn signed<M, A, F>(
        &self,
        request: Request<M>,
        sign: impl FnOnce(Signer, M) -> F,
    ) -> Answer<A>
    where
        F: Future<Output = Result<A, Failure>>,
    {
        let calls = self.shared.calls.clone();
        let sign = |vault, context, message| sign(Signer::new(vault, context, calls), message);
        self.shared.answer(FACE, request, sign).await
    }
}

#[tonic::async_trait]
impl SigningService for SigningFace {
    type SignStreamStream = Pin<Box<dyn Stream<Item = Result<SignStreamResponse, Status>> + Send>>;

    type EncryptPayloadStream = Pieces<EncryptPayloadResponse>;
    type DecryptPayloadStream = Pieces<DecryptPayloadResponse>;

    async fn sign(&self, request: Request<SignRequest>) -> Answer<SignResponse> {
        self.signed(request, sign::sign).await
    }

    async fn sign_batch(&self, request: Request<SignBatchRequest>) -> Answer<SignBatchResponse> {
        self.signed(request, sign_batch::sign_batch).await
    }

    async fn sign_stream(
        &self,
        request: Request<Streaming<SignStreamRequest>>,
    ) -> Answer<Self::SignStreamStream> {
        self.signed(request, sign_stream::sign_stream).await
    }

    async fn verify(&self, request: Request<VerifyRequest>) -> Answer<VerifyResponse> {
        self.shared.answer(FACE, request, verify::verify).await
    }

    async fn sign_protocol(
        &self,
        request: Request<SignProtocolRequest>,
    ) -> Answer<SignProtocolResponse> {
        self.signed(request, sign_protocol::sign_protocol).await
    }

    async fn verify_protocol(
        &self,
        request: Request<VerifyProtocolRequest>,
    ) -> Answer<VerifyResponse> {
        let verify = verify_protocol::verify_protocol;
        self.shared.answer(FACE, request, verify).await
    }

    async fn verify_protocol_group(
        &self,
        request: Request<VerifyProtocolGroupRequest>,
    ) -> Answer<VerifyProtocolGroupResponse> {
        let verify = verify_protocol::verify_protocol_group;
        self.shared.answer(FACE, request, verify).await
    }

    async fn encrypt(&self, request: Request<EncryptRequest>) -> Answer<EncryptResponse> {
        self.shared.answer(FACE, request, encrypt::encrypt).await
    }

    async fn decrypt(&self, request: Request<DecryptRequest>) -> Answer<DecryptResponse> {
        let (calls, began) = (self.shared.calls.clone(), Instant::now());
        let answer = self.shared.answer(FACE, request, decrypt::decrypt).await;
        calls.decrypted(began.elapsed());
        answer
    }

    async fn encrypt_payload(
        &self,
        request: Request<Streaming<EncryptPayloadRequest>>,
    ) -> Answer<Self::EncryptPayloadStream> {
        let work = encrypt_payload::encrypt_payload;
        self.shared.answer(FACE, request, work).await
    }

    async fn decrypt_payload(
        &self,
        request: Request<Streaming<DecryptPayloadRequest>>,
    ) -> Answer<Self::DecryptPayloadStream> {
        let calls = self.shared.calls.clone();
        let work = |vault, context, requests| {
            decrypt_payload::decrypt_payload(vault, context, requests, calls)
        };
        self.shared.answer(FACE, request, work).await
    }

    async fn encrypt_session_keys(
        &self,
        request: Request<EncryptSessionKeysRequest>,
    ) -> Answer<EncryptSessionKeysResponse> {
        let work = session_keys::encrypt_session_keys;
        self.shared.answer(FACE, request, work).await
    }

    async fn decrypt_session_key(
        &self,
        request: Request<DecryptSessionKeyRequest>,
    ) -> Answer<DecryptSessionKeyResponse> {
        let (calls, began) = (self.shared.calls.clone(), Instant::now());
        let work = session_keys::decrypt_session_key;
        let answer = self.shared.answer(FACE, request, work).await;
        calls.decrypted(began.elapsed());
        answer
    }

    async fn sign_for_party(
        &self,
        request: Request<SignForPartyRequest>,
    ) -> Answer<SignForPartyResponse> {
        self.signed(request, party::sign).await
    }

    async fn verify_for_party(
        &self,
        request: Request<VerifyForPartyRequest>,
    ) -> Answer<VerifyForPartyResponse> {
        self.shared.answer(FACE, request, party::verify).await
    }
}
