use std::path::Path;
use std::sync::Arc;

use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_files::OsFiles;
use strongroom_kms::{Capabilities, ExternalKeys, KeyWrapper, KmsHealth, KmsOperation};
use strongroom_kms_local::{LocalKms, Protection};
use tonic::{Code, Request, Status};

use super::*;
use crate::contract::kms_driver_client::KmsDriverClient;
use crate::contract::kms_driver_server::KmsDriver;
use crate::contract::{
    DecryptAsymmetricRequest, DecryptRequest, EncryptRequest, GenerateSigningKeyRequest,
    KeyStateRequest, Pair, SignRequest,
};
use crate::endpoint::DriverSettings;
use crate::status::from_status;
use strongroom_errors::Coded;

fn local_kms(folder: &Path) -> Arc<LocalKms> {
    let path = folder.join("kms.key");
    let protection = Protection::UnprotectedKeyFile;
    let (files, random) = (Arc::new(OsFiles::new()), Arc::new(SystemRandom));
    let kms = LocalKms::create(files, path, &protection, random, Arc::new(SystemClock));
    Arc::new(kms.unwrap())
}

/// The code that a caller sees.
#[track_caller]
fn code<T: fmt::Debug>(answer: Result<T, Status>) -> &'static str {
    from_status(&answer.unwrap_err(), KmsOperation::Sign, None)
        .code()
        .name()
}

fn wrap(key: &str, context: Vec<Pair>, bytes: usize) -> Request<EncryptRequest> {
    Request::new(EncryptRequest {
        wrapper_key_id: key.to_owned(),
        context,
        plaintext: vec![7; bytes],
    })
}

#[tokio::test(flavor = "current_thread")]
async fn the_server_trusts_no_caller_with_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(local_kms(folder.path()));
    let key_id = "local:00000000000000000000000000000000".to_owned();
    let answer = service.encrypt(wrap(&key_id, Vec::new(), 4097)).await;
    assert_eq!(code(answer), "KMS_PAYLOAD_TOO_LARGE");
    let asked = DecryptRequest {
        wrapper_key_id: key_id.clone(),
        context: Vec::new(),
        ciphertext: vec![7; 6145],
    };
    let answer = service.decrypt(Request::new(asked)).await;
    assert_eq!(code(answer), "KMS_PAYLOAD_TOO_LARGE");
    let asked = SignRequest {
        key_id: key_id.clone(),
        spec: 1,
        message: vec![7; 4097],
    };
    let answer = service.sign(Request::new(asked)).await;
    assert_eq!(code(answer), "KMS_PAYLOAD_TOO_LARGE");
    let asked = DecryptAsymmetricRequest {
        key_id,
        spec: 2,
        ciphertext: vec![7; 6145],
    };
    let answer = service.decrypt_asymmetric(Request::new(asked)).await;
    assert_eq!(code(answer), "KMS_PAYLOAD_TOO_LARGE");
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_that_breaks_the_contract_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(local_kms(folder.path()));
    let long = "x".repeat(301);
    let answer = service.encrypt(wrap(&long, Vec::new(), 1)).await;
    assert_eq!(code(answer), "KMS_KEY_ID_INVALID");
    let twice = vec![
        Pair {
            name: "a".to_owned(),
            value: String::new(),
        };
        2
    ];
    let answer = service.encrypt(wrap("k", twice, 1)).await;
    assert_eq!(code(answer), "KMS_WRAP_CONTEXT_INVALID");
    let new_key = |spec, label: &str| {
        Request::new(GenerateSigningKeyRequest {
            spec,
            label: label.to_owned(),
            tags: Vec::new(),
        })
    };
    for (spec, label) in [(0, ""), (77, ""), (1, long.as_str()), (1, "a\nb")] {
        let answer = service.generate_signing_key(new_key(spec, label)).await;
        assert_eq!(code(answer), "KMS_DRIVER_INVALID_REQUEST");
    }
    let asked = KeyStateRequest {
        key_id: "k".to_owned(),
        role: 0,
    };
    let answer = service.key_state(Request::new(asked)).await;
    assert_eq!(code(answer), "KMS_DRIVER_INVALID_REQUEST");
}

/// A provider that plays no role.
#[derive(Debug)]
struct Idle(Capabilities);

#[async_trait::async_trait]
impl KmsProvider for Idle {
    fn capabilities(&self) -> &Capabilities {
        &self.0
    }
    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        None
    }
    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        None
    }
    async fn health(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_role_that_the_kms_does_not_play_is_not_offered() {
    let service = Service::new(Arc::new(Idle(Capabilities::none("idle"))));
    let answer = service.encrypt(wrap("k", Vec::new(), 1)).await;
    assert_eq!(code(answer), "KMS_DRIVER_NOT_OFFERED");
}

#[tokio::test(flavor = "current_thread")]
async fn a_message_over_the_limit_is_not_even_read() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run").join("kms.sock");
    let listener = bind_unix_socket(&socket).unwrap();
    let server = DriverServer::new(local_kms(folder.path()));
    tokio::spawn(server.serve(listener, std::future::pending()));
    // A caller without limits of its own.
    let channel = DriverSettings::unix_socket(socket)
        .endpoint
        .channel()
        .unwrap();
    let mut client = KmsDriverClient::new(channel);
    let answer = client.encrypt(wrap("k", Vec::new(), MAX_GRPC_BYTES)).await;
    assert_eq!(answer.unwrap_err().code(), Code::OutOfRange);
    let answer = client.encrypt(wrap("k", Vec::new(), 1)).await;
    assert_eq!(code(answer), "KMS_KEY_NOT_FOUND");
}
