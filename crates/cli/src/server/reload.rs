//! Changed certificates are taken over while the server runs.

use std::{future, time::Duration};

use strongroom_config::ServerTlsConfig;
use strongroom_server::Tls;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{ServerSetupError, tls::Read};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Looks for changed files, and at once when it is told to: by SIGHUP.
pub(crate) struct Reload {
    told: Signal,
    watched: Option<Watched>,
}

struct Watched {
    tls: Tls,
    config: ServerTlsConfig,
    /// The sum of the files when they were looked at last; none: they could not be read.
    seen: Option<[u8; 32]>,
}

impl Reload {
    /// Listens for the signal: from now on it ends nobody.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            told: signal(SignalKind::hangup())?,
            watched: None,
        })
    }

    /// Watches the files that `tls` was made of, which had this sum.
    pub(crate) fn watch(&mut self, tls: Tls, config: ServerTlsConfig, sum: [u8; 32]) {
        let seen = Some(sum);
        self.watched = Some(Watched { tls, config, seen });
    }

    /// Never ends.
    pub(crate) async fn keep_up(mut self) {
        loop {
            let told = tokio::select! {
                told = self.told.recv() => match told {
                    Some(()) => true,
                    None => return future::pending().await,
                },
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            if let Some(watched) = &mut self.watched {
                watched.look(told);
            }
        }
    }
}

impl Watched {
    /// What is broken is told once, and again whenever somebody asks.
    fn look(&mut self, told: bool) {
        let read = match Read::from_files(&self.config) {
            Ok(read) => read,
            Err(error) => {
                if self.seen.take().is_some() || told {
                    refused(&error);
                }
                return;
            }
        };
        let sum = read.sum();
        if self.seen == Some(sum) && !told {
            return;
        }
        self.seen = Some(sum);
        match self.tls.replace(&read.material(&self.config)) {
            Ok(()) => tracing::info!("new connections get the certificates that are there now"),
            Err(error) => refused(&ServerSetupError::Tls(error).into()),
        }
    }
}

fn refused(error: &anyhow::Error) {
    let error = format!("{error:#}");
    tracing::error!(
        error,
        "changed certificates are not used: the old ones stay"
    );
}
