//! Providers on this machine: the embedded one, a driver in front of it, and a token.

use std::{future, path::Path, sync::Arc};

use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_files::OsFiles;
use strongroom_kms::KmsProvider;
use strongroom_kms_driver::{DriverKms, DriverServer, DriverSettings, bind_unix_socket};
use strongroom_kms_local::{LocalKms, Protection};
use tokio::runtime::Builder;

use crate::{act::Act, softhsm, sweep::sweep};

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
    let socket = folder.path().join("run").join("kms.sock");
    let listener = bind_unix_socket(&socket).unwrap();
    let server = DriverServer::new(local(folder.path()));
    let serving = tokio::spawn(server.serve(listener, future::pending()));
    let kms = DriverKms::connect(DriverSettings::unix_socket(socket)).await;
    let kms: Arc<dyn KmsProvider> = Arc::new(kms.unwrap());
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
