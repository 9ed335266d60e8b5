//! Bytes that nobody meant, for the decoder and the handler of every rpc.

mod samples;

use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use strongroom_crypto::{KeyUsage, KeyUsages, Random as _};
use strongroom_server::{Features, Rpc, ServerSettings};
use strongroom_test_support::SeededRandom;
use strongroom_topology::ForceFlag;
use tonic::Code;

use self::samples::Samples;
use crate::{
    house::{House, KMS, Plan},
    operations::RECIPIENT,
    raw::send,
    topology::identified,
    vault_service::key,
};

/// With another number the same test sends other bytes.
const SEED: i64 = 20_261_128;

/// Of each kind of input, for each rpc.
const ROUNDS: usize = 6;

/// Whoever is asked answers within this time; a bound on hanging, not on speed.
const ANSWERS_WITHIN: Duration = Duration::from_secs(120);

/// Repeats from the seed.
struct Bytes(SeededRandom);

impl Bytes {
    fn number(&self, below: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        usize::try_from(u64::from_le_bytes(bytes) % below as u64).unwrap()
    }

    fn random(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.number(200)];
        self.0.fill(&mut bytes).unwrap();
        bytes
    }

    /// The same with a few bytes changed, left out, doubled or cut off.
    fn mutated(&self, sample: &[u8]) -> Vec<u8> {
        let mut bytes = sample.to_vec();
        for _change in 0..=self.number(4) {
            if bytes.is_empty() {
                return self.random();
            }
            let place = self.number(bytes.len());
            match self.number(5) {
                0 => bytes[place] ^= 1 << self.number(8),
                1 => bytes[place] = 0xff,
                2 => drop(bytes.remove(place)),
                3 => bytes.insert(place, bytes[place]),
                _ => bytes.truncate(place),
            }
        }
        bytes
    }
}

/// Counts panics of this process from now on: a handler that falls over takes its call along, and perhaps nobody else notices.
fn count_panics() -> Arc<AtomicUsize> {
    let counted = Arc::new(AtomicUsize::new(0));
    let (counting, usual) = (Arc::clone(&counted), panic::take_hook());
    panic::set_hook(Box::new(move |what| {
        counting.fetch_add(1, Ordering::SeqCst);
        usual(what);
    }));
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rpc_falls_over_or_hangs_whatever_bytes_come() {
    println!("seed {SEED}");
    let panics = count_panics();
    let server = ServerSettings {
        features: Features {
            export_of_private_keys: true,
            identity_by_hand: true,
            rehearsal_synchronizer: None,
        },
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let node = identified(&house).await;
    let fingerprint = key(&house.vault, "one").await;
    let namespace = node.member.uid.namespace().to_string();
    let samples = Samples::new(vec![
        ("PayloadOrder.recipients", node.member.to_string()),
        ("fingerprint", fingerprint.to_string()),
        ("fingerprints", fingerprint.to_string()),
        ("SignForPartyRequest.keys", fingerprint.to_string()),
        ("RotatePartyKeyRequest.key", fingerprint.to_string()),
        ("RotatePartyKeyRequest.old", fingerprint.to_string()),
        ("signed_by", fingerprint.to_string()),
        ("namespace", namespace),
        ("member", node.member.to_string()),
        ("uid", node.member.uid.to_string()),
        ("party", node.member.uid.to_string()),
        ("version", "3.6.0".to_owned()),
        ("mappings", "otk".to_owned()),
        ("recipients", RECIPIENT.to_owned()),
        ("level", "INFO".to_owned()),
        ("password", String::new()),
        ("synchronizer_ids", String::new()),
        ("kms", KMS.to_owned()),
        ("store", "authorized".to_owned()),
        ("not_waiting_for", "authorized".to_owned()),
        ("purpose", "test".to_owned()),
        ("sender", node.member.to_string()),
        ("dangers", ForceFlag::ALL[0].name().to_owned()),
    ]);
    let bytes = Bytes(SeededRandom::new(SEED));
    let channel = house.channel().await;
    let mut sent = 0;
    for rpc in Rpc::ALL {
        let mut inputs = vec![Vec::new()];
        for round in 0..ROUNDS {
            inputs.push(bytes.random());
            if let Some(sample) = samples.of(rpc.path(), round) {
                inputs.extend((0..4).map(|_| bytes.mutated(&sample)));
                inputs.push(sample);
            }
        }
        for input in inputs {
            let answer = send(&channel, rpc.path(), input.clone());
            let answer = tokio::time::timeout(ANSWERS_WITHIN, answer).await;
            let Ok(answer) = answer else {
                panic!("{rpc:?} hangs: {input:02x?}");
            };
            let code = answer.err().map_or(Code::Ok, |status| status.code());
            let lost = [Code::Unknown, Code::DataLoss, Code::Unavailable];
            assert!(!lost.contains(&code), "{rpc:?} {code:?}: {input:02x?}");
            let fell = panics.load(Ordering::SeqCst);
            assert_eq!(fell, 0, "{rpc:?} fell over: {input:02x?}");
            sent += 1;
        }
    }
    println!("{sent} messages for {} rpcs", Rpc::ALL.len());
    // It is still whole, and works.
    house.vault.walk_audit(drop).await.unwrap();
    let usages = KeyUsages::only(KeyUsage::Protocol);
    let again = key(&house.vault, "two").await;
    house.vault.sign(&again, b"message", usages).await.unwrap();
}
