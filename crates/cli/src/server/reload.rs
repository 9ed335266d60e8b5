//! Changed certificates and keys of token services are taken over while the server runs.

use std::{future, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// What files hold now.
pub(crate) struct Found {
    /// A sum over all of it, by which a change is noticed.
    pub(crate) sum: [u8; 32],
    /// Takes it over, if it is good.
    pub(crate) take: Box<dyn FnOnce() -> anyhow::Result<()>>,
}

/// Looks for changed files, and at once when it is told to: by SIGHUP.
pub(crate) struct Reload {
    told: Signal,
    watched: Vec<Watched>,
}

struct Watched {
    what: &'static str,
    /// The sum of the files when they were looked at last; none: they could not be read.
    seen: Option<[u8; 32]>,
    look: Box<dyn Fn() -> anyhow::Result<Found>>,
}

impl Reload {
    /// Listens for the signal: from now on it ends nobody.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            told: signal(SignalKind::hangup())?,
            watched: Vec::new(),
        })
    }

    /// Watches files that had this sum when they were taken over last.
    pub(crate) fn watch(
        &mut self,
        what: &'static str,
        sum: [u8; 32],
        look: impl Fn() -> anyhow::Result<Found> + 'static,
    ) {
        self.watched.push(Watched {
            what,
            seen: Some(sum),
            look: Box::new(look),
        });
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
            for watched in &mut self.watched {
                watched.look(told);
            }
        }
    }
}

impl Watched {
    /// What is broken is told once, and again whenever somebody asks.
    fn look(&mut self, told: bool) {
        let what = self.what;
        let refused = |error: anyhow::Error| {
            let error = format!("{error:#}");
            tracing::error!(error, "changed {what} are not used: the old ones stay");
        };
        match (self.look)() {
            Ok(found) => {
                let is_known = self.seen.replace(found.sum) == Some(found.sum);
                if is_known && !told {
                    return;
                }
                match (found.take)() {
                    Ok(()) => tracing::info!("the {what} that are there now are used"),
                    Err(error) => refused(error),
                }
            }
            Err(error) => {
                if self.seen.take().is_some() || told {
                    refused(error);
                }
            }
        }
    }
}
