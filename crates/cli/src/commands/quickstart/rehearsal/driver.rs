//! A driver over the embedded KMS, in this process.

use std::{path::Path, sync::Arc};

use strongroom_config::{DriverConfig, KmsProviderConfig};
use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_kms_driver::{DriverServer, bind_unix_socket};
use strongroom_kms_local::{LocalKms, Protection};
use tokio::task::JoinHandle;

use super::Stand;
use crate::session;

/// Ends with its owner.
struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) fn start(folder: &Path) -> anyhow::Result<Stand> {
    let socket = folder.join("run").join("kms.sock");
    let listener = bind_unix_socket(&socket)?;
    let kms = LocalKms::create(
        session::files(),
        folder.join("driver.key"),
        &Protection::UnprotectedKeyFile,
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    )?;
    let server = DriverServer::new(Arc::new(kms));
    let serving = tokio::spawn(server.serve(listener, std::future::pending()));
    Ok(Stand {
        works: Box::new(Serving(serving)),
        played_by: "a driver over the embedded KMS",
        provider: KmsProviderConfig::Driver(DriverConfig::Socket { socket, user: None }),
    })
}
