//! Many at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use strongroom_crypto::{KeyUsages, Signature, SigningKeySpec, SigningPublicKey};
use strongroom_kms::{ExternalKeyRequest, ExternalKeys, KmsError};
use strongroom_kms_pkcs11::{Pkcs11Kms, Settings};

use crate::house::{House, new_wrapper_key, unwraps, wrap};

const SPEC: SigningKeySpec = SigningKeySpec::EcP256;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(4).enable_all().build().unwrap()
}

async fn new_key(kms: &Pkcs11Kms) -> (strongroom_kms::KmsKeyId, SigningPublicKey) {
    let request = ExternalKeyRequest::default();
    let mut made = kms.generate_signing_key(SPEC, &request).await;
    for _again in 0..4 {
        // SoftHSM answers CKR_GENERAL_ERROR now and then to one of several threads that make objects.
        if !matches!(made, Err(KmsError::Unavailable { .. })) {
            break;
        }
        made = kms.generate_signing_key(SPEC, &request).await;
    }
    let id = made.unwrap();
    let spki = kms.public_key(&id).await.unwrap().spki;
    let public = SigningPublicKey::from_spki(SPEC, &spki, KeyUsages::ALL).unwrap();
    (id, public)
}

fn verifies(public: &SigningPublicKey, message: &[u8], bytes: Vec<u8>) -> bool {
    let signature = Signature {
        bytes,
        format: SPEC.algorithm().format(),
        signed_by: public.fingerprint(),
        algorithm: Some(SPEC.algorithm()),
    };
    public.verify(message, &signature, KeyUsages::ALL).is_ok()
}

/// More calls than sessions, each with a message of its own: nobody gets the signature of another.
#[test]
fn each_of_many_calls_gets_its_own_signature_while_keys_come_and_go() {
    let house = House::new();
    let kms = house
        .open_with(Settings {
            sessions: 3,
            ..house.settings()
        })
        .unwrap();
    runtime().block_on(async {
        let keys = Arc::new([new_key(&kms).await, new_key(&kms).await]);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..120_u32 {
            let (kms, keys) = (kms.clone(), Arc::clone(&keys));
            tasks.spawn(async move {
                if number % 20 == 0 {
                    let (id, _public) = new_key(&kms).await;
                    kms.delete_key(&id).await.unwrap();
                }
                let (id, public) = &keys[number as usize % 2];
                let message = number.to_be_bytes();
                let signature = kms.sign(id, SPEC, &message).await.unwrap();
                assert!(verifies(public, &message, signature), "{number}");
                number
            });
        }
        let mut done = BTreeSet::new();
        while let Some(number) = tasks.join_next().await {
            done.insert(number.unwrap());
        }
        assert_eq!(done.len(), 120);
    });
}

/// With a single session, one that got lost would stop everything.
#[test]
fn a_caller_who_goes_away_takes_no_session_along() {
    let house = House::new();
    let kms = house
        .open_with(Settings {
            sessions: 1,
            ..house.settings()
        })
        .unwrap();
    runtime().block_on(async {
        let (id, public) = new_key(&kms).await;
        for patience in [0, 1, 10, 100] {
            let patience = Duration::from_micros(patience);
            for _ in 0..10 {
                let _gone = tokio::time::timeout(patience, kms.sign(&id, SPEC, b"m")).await;
            }
        }
        let signature = kms.sign(&id, SPEC, b"m").await.unwrap();
        assert!(verifies(&public, b"m", signature));
    });
}

#[test]
fn failures_use_no_sessions_up() {
    let house = House::new();
    let kms = house
        .open_with(Settings {
            sessions: 1,
            ..house.settings()
        })
        .unwrap();
    let key = new_wrapper_key(&kms);
    let sound = wrap(&kms, &key).unwrap();
    let mut changed = sound.clone();
    if let Some(last) = changed.ciphertext.last_mut() {
        *last ^= 1;
    }
    for _ in 0..50 {
        assert!(unwraps(&kms, &changed).is_err());
    }
    unwraps(&kms, &sound).unwrap();
}
