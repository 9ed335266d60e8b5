//! Providers on this machine: the embedded one, a driver in front of it, and a token.

use std::{future, path::Path, sync::Arc};

use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_files::OsFiles;
use strongroom_kms::KmsProvider;
use strongroom_kms_driver::{DriverKms, DriverServer, DriverSettings, bind_unix_socket};
use strongroom_kms_local::{LocalKms, Protection};
use tokio::{runtime::Builder, task::JoinHandle};

use crate::{act::Act, session_keys::sign_with_one_call, softhsm, sweep::sweep};

fn local(folder: &Path) -> Arc<dyn KmsProvider> {
    let kms = LocalKms::create(
        Arc::new(OsFiles::new()),
        folder.join("kms.key"),
        &Protection::UnprotectedKeyFile,
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    );
    Arc::new(kms.unwrap())
}

/// A driver in front of the embedded one, and the task that serves it.
async fn driven(folder: &Path) -> (Arc<dyn KmsProvider>, JoinHandle<()>) {
    let socket = folder.join("run").join("kms.sock");
    let listener = bind_unix_socket(&socket).unwrap();
    let server = DriverServer::new(local(folder));
    let serving = tokio::spawn(server.serve(listener, future::pending()));
    let kms = DriverKms::connect(DriverSettings::unix_socket(socket)).await;
    (Arc::new(kms.unwrap()), serving)
}

#[tokio::test]
async fn whichever_call_of_the_embedded_kms_fails_no_key_is_lost_and_none_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let kms = local(folder.path());
    for act in Act::ALL {
        sweep(act, &kms).await;
    }
}

#[tokio::test]
async fn whichever_call_of_a_driver_fails_no_key_is_lost_and_none_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let (kms, serving) = driven(folder.path()).await;
    for act in Act::ALL {
        sweep(act, &kms).await;
    }
    serving.abort();
}

#[test]
fn whichever_call_of_a_token_fails_no_key_is_lost_and_none_is_unknown() {
    let name = "near::whichever_call_of_a_token_fails_no_key_is_lost_and_none_is_unknown";
    // SoftHSM has no RSA-OAEP with SHA-256, so it holds no keys that decrypt.
    let acts = Act::ALL.into_iter().filter(|act| !act.needs_decryption());
    let labelled: Vec<_> = acts.map(|act| (act, format!("{act:?}"))).collect();
    let labels: Vec<_> = labelled.iter().map(|(_, label)| label.clone()).collect();
    softhsm::with_tokens(name, &labels, || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        for (act, label) in labelled {
            // A token of its own for each act: SoftHSM reads all of its objects again and again.
            let kms: Arc<dyn KmsProvider> = Arc::new(softhsm::open(label));
            assert!(kms.capabilities().encryption_specs.is_empty());
            runtime.block_on(sweep(act, &kms));
        }
    });
}

#[tokio::test]
async fn session_keys_for_a_key_in_the_embedded_kms_or_behind_a_driver_cost_one_call_each() {
    let folder = tempfile::tempdir().unwrap();
    sign_with_one_call(&local(folder.path())).await;
    let folder = tempfile::tempdir().unwrap();
    let (kms, serving) = driven(folder.path()).await;
    sign_with_one_call(&kms).await;
    serving.abort();
}

#[test]
fn session_keys_for_a_key_in_a_token_cost_one_call_each() {
    let name = "near::session_keys_for_a_key_in_a_token_cost_one_call_each";
    softhsm::with_tokens(name, &["session".to_owned()], || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let kms: Arc<dyn KmsProvider> = Arc::new(softhsm::open("session".to_owned()));
        runtime.block_on(sign_with_one_call(&kms));
    });
}
