//! Callers that sign, check what they get, and hang up now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use strongroom_crypto::SigningPublicKey;
use strongroom_proto::{read_signature, v30::SigningKeyUsage};
use strongroom_server::contract::strongroom::{
    SignItem, SignRequest, SignResponse,
    sign_item::{Content, Key},
    signing_service_client::SigningServiceClient,
};
use tokio::task::JoinSet;
use tonic::Code;

use super::house::House;
use crate::{commands::bench::serve::client::Client, failure::CliError};

/// Signatures over one connection.
const BEFORE_HANGING_UP: u32 = 500;

/// A call is answered within this time, whatever the KMS does.
const IN_TIME: Duration = Duration::from_secs(30);

/// How the calls of all callers ended.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) sealed: Calls,
    pub(super) held: Calls,
    connections: AtomicU64,
    /// Nobody calls any more.
    is_over: AtomicBool,
}

/// How calls with one key ended.
#[derive(Default)]
pub(super) struct Calls {
    signed: AtomicU64,
    refused: AtomicU64,
    wrong: AtomicU64,
    late: AtomicU64,
}

impl Calls {
    pub(super) fn signed(&self) -> u64 {
        self.signed.load(Ordering::Relaxed)
    }

    /// Calls that were answered with an error of what is out.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Signatures that do not verify, and errors that nothing explains.
    pub(super) fn wrong(&self) -> u64 {
        self.wrong.load(Ordering::Relaxed)
    }

    fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }
}

impl Tally {
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// # Errors
    /// If an answer was wrong or late, or a sealed key was refused; or if nobody signed.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let bad = |found| Err(CliError::SoakFailed { found });
        for (calls, key) in [(&self.sealed, "sealed key"), (&self.held, "key in the KMS")] {
            let (signed, wrong, late) = (calls.signed(), calls.wrong(), calls.late());
            if wrong > 0 {
                return bad(format!("{wrong} answers for the {key} were wrong"));
            }
            if late > 0 {
                return bad(format!("{late} calls for the {key} took over {IN_TIME:?}"));
            }
            if signed == 0 {
                return bad(format!("the {key} has signed nothing"));
            }
        }
        match self.sealed.refused() {
            0 => Ok(()),
            refused => bad(format!("the sealed key was refused {refused} times")),
        }
    }
}

/// The callers.
pub(super) struct Signers {
    calling: JoinSet<anyhow::Result<()>>,
    tally: Arc<Tally>,
}

impl Signers {
    /// So many with the sealed key, and half as many with the other.
    pub(super) fn start(house: &House, callers: u16) -> anyhow::Result<Self> {
        let tally = Arc::new(Tally::default());
        let mut calling = JoinSet::new();
        for (key, usage, is_held, callers) in [
            (&house.sealed, SigningKeyUsage::Protocol, false, callers),
            (
                &house.held,
                SigningKeyUsage::SequencerAuthentication,
                true,
                callers / 2,
            ),
        ] {
            for _caller in 0..callers {
                let caller = Caller {
                    client: house.client()?,
                    key: key.clone(),
                    usage,
                    is_held,
                    tally: Arc::clone(&tally),
                };
                calling.spawn(caller.call());
            }
        }
        Ok(Self { calling, tally })
    }

    /// Waits until all have ended.
    pub(super) async fn end(mut self) -> anyhow::Result<Arc<Tally>> {
        self.tally.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.calling.join_next().await {
            ended??;
        }
        Ok(self.tally)
    }
}

struct Caller {
    client: Client,
    key: SigningPublicKey,
    usage: SigningKeyUsage,
    is_held: bool,
    tally: Arc<Tally>,
}

impl Caller {
    async fn call(self) -> anyhow::Result<()> {
        let is_over = || self.tally.is_over.load(Ordering::Relaxed);
        let mut number = 0_u64;
        while !is_over() {
            let channel = self.client.connect().await?;
            self.tally.connections.fetch_add(1, Ordering::Relaxed);
            let mut client = SigningServiceClient::new(channel);
            for _signature in 0..BEFORE_HANGING_UP {
                if is_over() {
                    break;
                }
                number += 1;
                let message = number.to_be_bytes().repeat(8);
                let calls = if self.is_held {
                    &self.tally.held
                } else {
                    &self.tally.sealed
                };
                let sign = client.sign(self.request(&message));
                let counted = match tokio::time::timeout(IN_TIME, sign).await {
                    Err(_late) => &calls.late,
                    Ok(Ok(answer)) if self.is_right(&message, answer.get_ref()) => &calls.signed,
                    // What is out for a while, and too much at once, is told.
                    Ok(Err(status)) if is_explained(status.code()) => &calls.refused,
                    Ok(_) => &calls.wrong,
                };
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn request(&self, message: &[u8]) -> SignRequest {
        SignRequest {
            item: Some(SignItem {
                key: Some(Key::Fingerprint(self.key.fingerprint().to_string())),
                content: Some(Content::Message(message.to_vec())),
                usages: vec![self.usage.into()],
            }),
        }
    }

    fn is_right(&self, message: &[u8], answer: &SignResponse) -> bool {
        let signature = answer.signature.clone().map(read_signature);
        let Some(Ok(signature)) = signature else {
            return false;
        };
        let verified = self.key.verify(message, &signature, self.key.usages());
        verified.is_ok()
    }
}

/// Codes of a KMS that is out: it may come back, and nothing was done.
const fn is_explained(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted
    )
}
