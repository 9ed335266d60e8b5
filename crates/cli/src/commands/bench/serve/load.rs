//! Calls, as many at once as asked for, for a time.

use std::time::{Duration, Instant};

use strongroom_proto::v30::SigningKeyUsage;
use strongroom_server::contract::strongroom::{
    SignBatchRequest, SignItem, SignRequest,
    sign_item::{Content, Key},
    sign_result::Result as Outcome,
    signing_service_client::SigningServiceClient,
};
use tokio::task::JoinSet;
use tonic::transport::Channel;

const MESSAGE: [u8; 64] = [0x5a; 64];

/// Calls to one side.
pub(super) struct Load {
    clients: Vec<SigningServiceClient<Channel>>,
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
        let clients = channels.into_iter().map(SigningServiceClient::new);
        Self {
            clients: clients.collect(),
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
        let began = Instant::now();
        let mut calling = JoinSet::new();
        for (_number, client) in (0..self.in_flight).zip(self.clients.iter().cycle()) {
            let (client, item, batch) = (client.clone(), self.item.clone(), self.batch);
            calling.spawn(call(client, item, batch, began + time));
        }
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

/// One call after the other, until `end`; how long each took.
async fn call(
    mut client: SigningServiceClient<Channel>,
    item: SignItem,
    batch: Option<usize>,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::with_capacity(1 << 14);
    loop {
        let began = Instant::now();
        if began >= end {
            return Ok(took);
        }
        match batch {
            None => {
                let item = Some(item.clone());
                let answer = client.sign(SignRequest { item }).await?;
                anyhow::ensure!(answer.into_inner().signature.is_some(), "no signature");
            }
            Some(number) => {
                let items = vec![item.clone(); number];
                let answer = client.sign_batch(SignBatchRequest { items }).await?;
                let results = answer.into_inner().results.into_iter();
                let signed = results.filter(|it| matches!(it.result, Some(Outcome::Signature(_))));
                anyhow::ensure!(
                    signed.count() == number,
                    "a signature of a batch is missing"
                );
            }
        }
        took.push(began.elapsed());
    }
}
