//! The bare side: a tonic server behind TLS that makes signatures with the library, and nothing else.

use std::{
    path::PathBuf,
    pin::Pin,
    process::ExitCode,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use clap::Args;
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::json;
use strongroom_crypto::SigningKeySpec;
use strongroom_proto::v30::{Signature, SignatureFormat, SigningAlgorithmSpec};
use strongroom_server::contract::strongroom::{
    DecryptPayloadRequest, DecryptPayloadResponse, DecryptRequest, DecryptResponse,
    DecryptSessionKeyRequest, DecryptSessionKeyResponse, EncryptPayloadRequest,
    EncryptPayloadResponse, EncryptRequest, EncryptResponse, EncryptSessionKeysRequest,
    EncryptSessionKeysResponse, SignBatchRequest, SignBatchResponse, SignForPartyRequest,
    SignForPartyResponse, SignProtocolRequest, SignProtocolResponse, SignRequest, SignResponse,
    SignStreamRequest, SignStreamResponse, VerifyForPartyRequest, VerifyForPartyResponse,
    VerifyProtocolGroupRequest, VerifyProtocolGroupResponse, VerifyProtocolRequest, VerifyRequest,
    VerifyResponse,
    sign_item::{Content, Key},
    signing_service_server::{SigningService, SigningServiceServer},
};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig, crypto::aws_lc_rs as provider, server::WebPkiClientVerifier,
        version::TLS13,
    },
};
use tonic::{Request, Response, Status, Streaming, transport::Server};

use super::{
    authority::Pair,
    client::{certificate, private_key},
};

/// Serve signatures of the bare library: one side of a benchmark.
#[derive(Args, Debug)]
pub(crate) struct Options {
    certificate: PathBuf,
    private_key: PathBuf,
    authority: PathBuf,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let report = json!({ "grpc": listener.local_addr()?.to_string() });
    let acceptor = TlsAcceptor::from(Arc::new(tls(options)?));
    crate::output::write(format!("{report}\n").as_bytes())?;
    let accepted = stream::unfold((listener, acceptor), |(listener, acceptor)| async {
        let accept = async {
            let (stream, _address) = listener.accept().await?;
            stream.set_nodelay(true)?;
            acceptor.accept(stream).await
        };
        let connection = accept.await;
        Some((connection, (listener, acceptor)))
    });
    Server::builder()
        .add_service(SigningServiceServer::new(Bare::generate()?))
        .serve_with_incoming(accepted.boxed())
        .await?;
    Ok(ExitCode::SUCCESS)
}

fn tls(options: Options) -> anyhow::Result<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&options.authority)?)?;
    let provider = Arc::new(provider::default_provider());
    let roots = Arc::new(roots);
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
    let own = Pair {
        certificate: options.certificate,
        private_key: options.private_key,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate(&own.certificate)?], private_key(&own)?)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Keys of the bare library.
struct Bare {
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
    random: SystemRandom,
}

impl Bare {
    fn generate() -> anyhow::Result<Self> {
        Ok(Self {
            ed25519: Ed25519KeyPair::generate()?,
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            random: SystemRandom::new(),
        })
    }
}

/// Signatures per second of the bare library on two threads: Ed25519, 64 bytes.
pub(super) fn bare_rate(time: Duration) -> anyhow::Result<f64> {
    let bare = Bare::generate()?;
    let work = || {
        let began = Instant::now();
        let mut signatures = 0_u32;
        while began.elapsed() < time {
            for _signature in 0..64 {
                std::hint::black_box(bare.ed25519.sign(&[0x5a; 64]));
            }
            signatures += 64;
        }
        f64::from(signatures) / began.elapsed().as_secs_f64()
    };
    let rates = thread::scope(|scope| {
        let running = [scope.spawn(work), scope.spawn(work)];
        running.map(|thread| thread.join().unwrap_or(f64::NAN))
    });
    Ok(rates.into_iter().sum())
}

type Signed = Pin<Box<dyn Stream<Item = Result<SignStreamResponse, Status>> + Send>>;

type Nothing<A> = stream::Empty<Result<A, Status>>;

#[tonic::async_trait]
impl SigningService for Bare {
    type SignStreamStream = Signed;
    type EncryptPayloadStream = Nothing<EncryptPayloadResponse>;
    type DecryptPayloadStream = Nothing<DecryptPayloadResponse>;

    async fn sign(&self, request: Request<SignRequest>) -> Result<Response<SignResponse>, Status> {
        let item = request.into_inner().item.unwrap_or_default();
        let (Some(Key::Fingerprint(spec)), Some(Content::Message(message))) =
            (item.key, item.content)
        else {
            return Err(Status::invalid_argument("a spec and a message"));
        };
        let is_p256 = spec == SigningKeySpec::EcP256.name();
        let (bytes, format, algorithm) = if is_p256 {
            let signature = self.p256.sign(&self.random, &message);
            let signature = signature.map_err(|_failed| Status::internal("no signature"))?;
            let (der, algorithm) = (SignatureFormat::Der, SigningAlgorithmSpec::EcDsaSha256);
            (signature.as_ref().to_vec(), der, algorithm)
        } else {
            let signature = self.ed25519.sign(&message);
            let (concat, algorithm) = (SignatureFormat::Concat, SigningAlgorithmSpec::Ed25519);
            (signature.as_ref().to_vec(), concat, algorithm)
        };
        Ok(Response::new(SignResponse {
            signature: Some(Signature {
                format: format.into(),
                signature: bytes,
                // As long as a fingerprint.
                signed_by: "1220".repeat(17),
                signing_algorithm_spec: algorithm.into(),
                ..Signature::default()
            }),
        }))
    }

    async fn sign_batch(
        &self,
        _request: Request<SignBatchRequest>,
    ) -> Result<Response<SignBatchResponse>, Status> {
        Err(not_measured())
    }

    async fn sign_stream(
        &self,
        _request: Request<Streaming<SignStreamRequest>>,
    ) -> Result<Response<Signed>, Status> {
        Err(not_measured())
    }

    async fn verify(
        &self,
        _request: Request<VerifyRequest>,
    ) -> Result<Response<VerifyResponse>, Status> {
        Err(not_measured())
    }

    async fn sign_protocol(
        &self,
        _request: Request<SignProtocolRequest>,
    ) -> Result<Response<SignProtocolResponse>, Status> {
        Err(not_measured())
    }

    async fn verify_protocol(
        &self,
        _request: Request<VerifyProtocolRequest>,
    ) -> Result<Response<VerifyResponse>, Status> {
        Err(not_measured())
    }

    async fn encrypt(
        &self,
        _request: Request<EncryptRequest>,
    ) -> Result<Response<EncryptResponse>, Status> {
        Err(not_measured())
    }

    async fn decrypt(
        &self,
        _request: Request<DecryptRequest>,
    ) -> Result<Response<DecryptResponse>, Status> {
        Err(not_measured())
    }

    async fn encrypt_payload(
        &self,
        _request: Request<Streaming<EncryptPayloadRequest>>,
    ) -> Result<Response<Self::EncryptPayloadStream>, Status> {
        Err(not_measured())
    }

    async fn decrypt_payload(
        &self,
        _request: Request<Streaming<DecryptPayloadRequest>>,
    ) -> Result<Response<Self::DecryptPayloadStream>, Status> {
        Err(not_measured())
    }

    async fn verify_protocol_group(
        &self,
        _request: Request<VerifyProtocolGroupRequest>,
    ) -> Result<Response<VerifyProtocolGroupResponse>, Status> {
        Err(not_measured())
    }

    async fn encrypt_session_keys(
        &self,
        _request: Request<EncryptSessionKeysRequest>,
    ) -> Result<Response<EncryptSessionKeysResponse>, Status> {
        Err(not_measured())
    }

    async fn decrypt_session_key(
        &self,
        _request: Request<DecryptSessionKeyRequest>,
    ) -> Result<Response<DecryptSessionKeyResponse>, Status> {
        Err(not_measured())
    }

    async fn sign_for_party(
        &self,
        _request: Request<SignForPartyRequest>,
    ) -> Result<Response<SignForPartyResponse>, Status> {
        Err(not_measured())
    }

    async fn verify_for_party(
        &self,
        _request: Request<VerifyForPartyRequest>,
    ) -> Result<Response<VerifyForPartyResponse>, Status> {
        Err(not_measured())
    }
}

fn not_measured() -> Status {
    Status::unimplemented("the bare side signs one message at a time")
}
