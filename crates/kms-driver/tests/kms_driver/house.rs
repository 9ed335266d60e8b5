//! What every test needs: a folder, a KMS, a driver in front of it, and a client.

use std::path::PathBuf;
use std::sync::Arc;

use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_files::OsFiles;
use strongroom_kms::{KmsKeyId, KmsProvider, WrapContext};
use strongroom_kms_driver::{DriverKms, DriverServer, DriverSettings, bind_unix_socket};
use strongroom_kms_local::{LocalKms, Protection};
use strongroom_memory::SecretBytes;
use tokio::task::JoinHandle;

/// A folder for a key file and a socket, gone after the test.
#[derive(Debug)]
pub(crate) struct House {
    folder: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("run").join("kms.sock")
    }

    pub(crate) fn local_kms(&self) -> LocalKms {
        let (files, random, clock) = (
            Arc::new(OsFiles::new()),
            Arc::new(SystemRandom),
            Arc::new(SystemClock),
        );
        let protection = Protection::UnprotectedKeyFile;
        LocalKms::create(files, self.path("kms.key"), &protection, random, clock).unwrap()
    }

    /// Serves until the task is aborted. Connections outlive it.
    pub(crate) fn serve(&self, provider: Arc<dyn KmsProvider>) -> JoinHandle<()> {
        let listener = bind_unix_socket(&self.socket()).unwrap();
        let server = DriverServer::new(provider);
        tokio::spawn(server.serve(listener, std::future::pending()))
    }

    pub(crate) async fn connect(&self) -> DriverKms {
        let settings = DriverSettings::unix_socket(self.socket());
        DriverKms::connect(settings).await.unwrap()
    }
}

pub(crate) fn key(id: &str) -> KmsKeyId {
    id.parse().unwrap()
}

pub(crate) fn context() -> WrapContext {
    WrapContext::for_data_key(&[1; 16], &[2; 16])
}

pub(crate) fn secret() -> SecretBytes {
    SecretBytes::from_slice(b"a data key of 32 bytes, or nearly")
}
