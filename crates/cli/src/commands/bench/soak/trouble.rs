//! What changes around a server that works: certificates, wrapper keys, and the cloud, which fails for a while.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use strongroom_server::contract::strongroom::{
    RotateWrapperKeyRequest, operations_service_client::OperationsServiceClient,
    rotate_wrapper_key_event::Event,
};
use tonic::{Code, Status};

use crate::commands::bench::{
    kms::cloud::Cloud,
    serve::{authority::Authority, client::Client},
};

/// At least so many rounds, if the time is short, and one in so long at least.
const ROUNDS: u32 = 6;
const LONGEST_ROUND: Duration = Duration::from_secs(20);

/// What was changed so far.
#[derive(Debug, Default)]
pub(super) struct Made {
    reloads: AtomicU64,
    rotations: AtomicU64,
    outages: AtomicU64,
    refused_rotations: AtomicU64,
}

impl Made {
    pub(super) fn told(&self) -> Map<String, Value> {
        let all = [
            ("reloads", &self.reloads),
            ("rotations", &self.rotations),
            ("kms_outages", &self.outages),
            ("rotations_refused_in_outages", &self.refused_rotations),
        ];
        let told = all.map(|(name, count)| (name.to_owned(), json!(count.load(Ordering::Relaxed))));
        told.into_iter().collect()
    }
}

/// By which what is around the server is changed.
pub(super) struct Changes {
    pub(super) address: SocketAddr,
    pub(super) process: u32,
    pub(super) authority: Arc<Authority>,
    pub(super) made: Arc<Made>,
}

/// Makes trouble, round by round, without an end.
pub(super) async fn make(
    changes: Changes,
    cloud: Arc<Cloud>,
    asked_for: Duration,
) -> anyhow::Result<()> {
    let round = (asked_for / ROUNDS).min(LONGEST_ROUND);
    loop {
        changes.reload()?;
        tokio::time::sleep(round / 3).await;
        cloud.break_down()?;
        changes.made.outages.fetch_add(1, Ordering::Relaxed);
        // Whoever rotates without the cloud is told so, and nothing has begun, or it is gone on with below.
        if changes.rotate().await.is_err() {
            changes
                .made
                .refused_rotations
                .fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(round / 3).await;
        cloud.clear_up()?;
        tokio::time::sleep(round / 3).await;
        match changes.rotate().await {
            Ok(()) => changes.made.rotations.fetch_add(1, Ordering::Relaxed),
            // It is still held back that there was an outage.
            Err(status) if status.code() == Code::Unavailable => continue,
            Err(status) => return Err(status.into()),
        };
    }
}

impl Changes {
    /// Puts another certificate in the place of the server's.
    fn reload(&self) -> anyhow::Result<()> {
        self.authority.renew_server()?;
        let process = i32::try_from(self.process).ok().and_then(Pid::from_raw);
        let process = process.ok_or_else(|| anyhow::anyhow!("the server is no process"))?;
        kill_process(process, Signal::HUP)?;
        self.made.reloads.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Rotates the wrapper key, to the end.
    async fn rotate(&self) -> Result<(), Status> {
        let channel = Client::channel(self.address, &self.authority).await;
        let channel = channel.map_err(|error| Status::unknown(error.to_string()))?;
        let mut client = OperationsServiceClient::new(channel);
        let request = RotateWrapperKeyRequest::default();
        let mut events = client.rotate_wrapper_key(request).await?.into_inner();
        while let Some(event) = events.message().await? {
            if matches!(event.event, Some(Event::Done(_))) {
                return Ok(());
            }
        }
        Err(Status::data_loss("a rotation ended without a last event"))
    }
}
