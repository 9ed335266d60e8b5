//! Callers that sign without a pause, and verify what they get.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde_json::{Map, Value, json};
use strongroom_crypto::{KeyUsage, KeyUsages, PublicKey};
use strongroom_proto::{read_signature, v30::SigningKeyUsage};
use strongroom_server::contract::strongroom::{
    SignItem, SignRequest, SignResponse,
    sign_item::{Content, Key},
    signing_service_client::SigningServiceClient,
};
use strongroom_vault::KeyEntry;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::house::House;
use crate::commands::bench::serve::client::Client;

/// A caller that comes and goes makes so many calls over one connection.
const CALLS_OF_A_VISIT: u64 = 200;

/// What became of calls.
#[derive(Debug, Default)]
pub(super) struct Counts {
    signatures: AtomicU64,
    wrong: AtomicU64,
    refused: AtomicU64,
    connections: AtomicU64,
}

impl Counts {
    pub(super) fn told(&self) -> Map<String, Value> {
        let all = [
            ("signatures", &self.signatures),
            ("wrong_signatures", &self.wrong),
            ("refused_calls", &self.refused),
            ("connections", &self.connections),
        ];
        let told = all.map(|(name, count)| (name.to_owned(), json!(count.load(Ordering::Relaxed))));
        told.into_iter().collect()
    }

    /// Fails if something was wrong.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (signatures, wrong, refused) = (
            read(&self.signatures),
            read(&self.wrong),
            read(&self.refused),
        );
        anyhow::ensure!(signatures > 0, "nothing was signed");
        anyhow::ensure!(wrong == 0, "{wrong} of {signatures} signatures are wrong");
        anyhow::ensure!(
            refused == 0,
            "{refused} calls were refused: a log of the server says why"
        );
        Ok(())
    }

    fn add(&self, answer: Result<SignResponse, tonic::Status>, key: &KeyEntry, message: &[u8]) {
        let counted = match answer {
            Err(status) => {
                tracing::warn!(%status, "a call was refused");
                &self.refused
            }
            Ok(answer) if is_right(answer, key, message) => &self.signatures,
            Ok(_wrong) => &self.wrong,
        };
        counted.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_right(answer: SignResponse, key: &KeyEntry, message: &[u8]) -> bool {
    let signature = answer.signature.and_then(|it| read_signature(it).ok());
    let (Some(signature), PublicKey::Signing(public)) = (signature, &key.public) else {
        return false;
    };
    let usages = KeyUsages::only(KeyUsage::Protocol);
    public.verify(message, &signature, usages).is_ok()
}

/// Callers that go on until they are ended.
pub(super) struct Callers {
    ending: Arc<AtomicBool>,
    calling: JoinSet<anyhow::Result<()>>,
}

impl Callers {
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.ending.store(true, Ordering::Relaxed);
        while let Some(ended) = self.calling.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// So many callers. Every second one stays, the others come and go.
pub(super) async fn begin(
    house: &House,
    number: u16,
    counts: &Arc<Counts>,
) -> anyhow::Result<Callers> {
    let ending = Arc::new(AtomicBool::new(false));
    let mut calling = JoinSet::new();
    for caller in 0..u64::from(number) {
        let (address, authority) = (house.address(), Arc::clone(&house.authority));
        let (keys, counts, ending) = (house.keys.clone(), Arc::clone(counts), Arc::clone(&ending));
        calling.spawn(async move {
            let visit = if caller % 2 == 0 {
                u64::MAX
            } else {
                CALLS_OF_A_VISIT
            };
            let mut number = caller << 40;
            while !ending.load(Ordering::Relaxed) {
                counts.connections.fetch_add(1, Ordering::Relaxed);
                for mut client in Client::connect(address, &authority, 1).await? {
                    let mut calls = 0;
                    while calls < visit && !ending.load(Ordering::Relaxed) {
                        sign(&mut client, &keys, number, &counts).await;
                        calls += 1;
                        number += 1;
                    }
                }
            }
            Ok(())
        });
    }
    Ok(Callers { ending, calling })
}

/// Has a message signed that is like no other.
async fn sign(
    client: &mut SigningServiceClient<Channel>,
    keys: &[Arc<KeyEntry>],
    number: u64,
    counts: &Counts,
) {
    let chosen = usize::try_from(number)
        .ok()
        .and_then(|number| keys.get(number % keys.len()));
    let Some(key) = chosen else { return };
    let message = number.to_be_bytes().repeat(8);
    let item = SignItem {
        key: Some(Key::Fingerprint(key.fingerprint().to_string())),
        content: Some(Content::Message(message.clone())),
        usages: vec![SigningKeyUsage::Protocol.into()],
    };
    let answer = client.sign(SignRequest { item: Some(item) }).await;
    counts.add(answer.map(tonic::Response::into_inner), key, &message);
}
