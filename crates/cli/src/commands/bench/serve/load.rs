//! Calls, as many at once as asked for, for a time.

mod batch;

use std::time::{Duration, Instant};

use strongroom_proto::v30::SigningKeyUsage;
use strongroom_server::contract::strongroom::{
    SignItem, SignRequest,
    sign_item::{Content, Key},
    signing_service_client::SigningServiceClient,
};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use self::batch::Batches;

const MESSAGE: [u8; 64] = [0x5a; 64];

/// Calls to one side.
pub(super) struct Load {
    channels: Vec<Channel>,
    in_flight: usize,
    item: SignItem,
    batch: Option<usize>,
}

/// What a sample reached.
pub(super) struct Reached {
    /// Signatures per second.
    pub(super) rate: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

impl Load {
    /// Signatures by `key`, so many at once, spread over the connections.
    pub(super) fn of(channels: Vec<Channel>, in_flight: usize, key: &str) -> Self {
        Self {
            channels,
            in_flight,
            item: SignItem {
                key: Some(Key::Fingerprint(key.to_owned())),
                content: Some(Content::Message(MESSAGE.to_vec())),
                usages: vec![SigningKeyUsage::Protocol.into()],
            },
            batch: None,
        }
    }

    /// The same, but each call has so many signatures.
    pub(super) fn in_batches(self, items: usize) -> Self {
        Self {
            batch: Some(items),
            ..self
        }
    }

    /// Calls for this long.
    pub(super) async fn run(&self, time: Duration) -> anyhow::Result<Reached> {
        let mut callers = Vec::with_capacity(self.in_flight);
        for (_number, channel) in (0..self.in_flight).zip(self.channels.iter().cycle()) {
            let (channel, item) = (channel.clone(), self.item.clone());
            callers.push(match self.batch {
                None => Caller::One(SigningServiceClient::new(channel), item),
                Some(items) => Caller::Many(Batches::of(channel, item, items).await?),
            });
        }
        let began = Instant::now();
        let calls = callers.into_iter().map(|caller| caller.call(began + time));
        let mut calling: JoinSet<_> = calls.collect();
        let mut took = Vec::new();
        while let Some(called) = calling.join_next().await {
            took.extend(called??);
        }
        let elapsed = began.elapsed();
        took.sort_unstable();
        let at = |part: usize| took.get(took.len() * part / 100).copied();
        let signatures = took.len() * self.batch.unwrap_or(1);
        Ok(Reached {
            rate: signatures as f64 / elapsed.as_secs_f64(),
            p50: at(50).unwrap_or_default(),
            p99: at(99).unwrap_or_default(),
        })
    }
}

/// Who makes one call after the other.
enum Caller {
    One(SigningServiceClient<Channel>, SignItem),
    Many(Batches),
}

impl Caller {
    /// Calls until `end`; how long each took.
    async fn call(mut self, end: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::with_capacity(1 << 14);
        loop {
            let began = Instant::now();
            if began >= end {
                return Ok(took);
            }
            match &mut self {
                Self::One(client, item) => {
                    let item = Some(item.clone());
                    let answer = client.sign(SignRequest { item }).await?;
                    anyhow::ensure!(answer.into_inner().signature.is_some(), "no signature");
                }
                Self::Many(batches) => batches.sign().await?,
            }
            took.push(began.elapsed());
        }
    }
}
