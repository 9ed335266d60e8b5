//! What a server's vault states, signs and takes in.

use strongroom_proto::topology::{
    decode_signed_transaction, encode_signed_transaction, write_mapping,
};
use strongroom_server::contract::strongroom::{
    AddTransactionsRequest, AuthorizeRequest, AuthorizeResponse, Decision, ProposeRequest,
    SequencedAt, SignTransactionsRequest, Signing as Message,
};
use strongroom_topology::{
    ForceFlag, ForceFlags, Operation, SignedTransaction, StoreId, Times, TransactionHash,
};
use strongroom_vault::Proposal;

use super::super::{RemoteError, Server, known};
use crate::{
    client::{SignedByVault, Signing},
    commands::topology::outcome::{Decided, Rejected},
};

impl Server {
    pub(crate) async fn propose(
        &self,
        store: &StoreId,
        proposal: Proposal,
    ) -> anyhow::Result<SignedByVault> {
        let signing = Signing {
            keys: &proposal.signing_keys,
            must_fully_authorize: proposal.must_fully_authorize,
            force: proposal.force,
        };
        let request = ProposeRequest {
            store: store.to_string(),
            mapping: Some(write_mapping(&proposal.mapping)),
            remove: proposal.operation == Operation::Remove,
            serial: proposal
                .serial
                .map(|serial| serial.get())
                .unwrap_or_default(),
            signing: Some(message(signing)),
        };
        let answer = self.topology().propose(request).await;
        Ok(signed(answer.map_err(RemoteError::from)?.into_inner())?)
    }

    pub(crate) async fn authorize(
        &self,
        store: &StoreId,
        hash: TransactionHash,
        signing: Signing<'_>,
    ) -> anyhow::Result<SignedByVault> {
        let request = AuthorizeRequest {
            store: store.to_string(),
            hash: hash.to_string(),
            signing: Some(message(signing)),
        };
        let answer = self.topology().authorize(request).await;
        Ok(signed(answer.map_err(RemoteError::from)?.into_inner())?)
    }

    pub(crate) async fn sign_transactions(
        &self,
        store: &StoreId,
        transactions: Vec<SignedTransaction>,
        signing: Signing<'_>,
    ) -> anyhow::Result<Vec<SignedTransaction>> {
        let request = SignTransactionsRequest {
            store: store.to_string(),
            transactions: transactions.iter().map(encode_signed_transaction).collect(),
            signing: Some(message(signing)),
        };
        let answer = self.topology().sign_transactions(request).await;
        let answer = answer.map_err(RemoteError::from)?.into_inner();
        let decoded = answer.transactions.iter().map(|bytes| decoded(bytes));
        Ok(decoded.collect::<Result<_, _>>()?)
    }

    pub(crate) async fn add_transactions(
        &self,
        store: &StoreId,
        times: Option<Times>,
        transactions: Vec<SignedTransaction>,
        force: ForceFlags,
    ) -> anyhow::Result<Vec<Decided>> {
        let request = AddTransactionsRequest {
            store: store.to_string(),
            transactions: transactions.iter().map(encode_signed_transaction).collect(),
            dangers: dangers(force),
            sequenced_at: times.map(|times| SequencedAt {
                sequenced: times.sequenced.as_micros(),
                effective: times.effective.as_micros(),
            }),
        };
        let answer = self.topology().add_transactions(request).await;
        let answer = answer.map_err(RemoteError::from)?.into_inner();
        let decided = answer.decisions.into_iter().map(decided);
        Ok(decided.collect::<Result<_, _>>()?)
    }
}

pub(in crate::remote) fn message(signing: Signing<'_>) -> Message {
    Message {
        signed_by: signing.keys.iter().map(ToString::to_string).collect(),
        must_fully_authorize: signing.must_fully_authorize,
        dangers: dangers(signing.force),
    }
}

fn dangers(force: ForceFlags) -> Vec<String> {
    let taken = ForceFlag::ALL
        .into_iter()
        .filter(|flag| force.contains(*flag));
    taken.map(|flag| flag.name().to_owned()).collect()
}

const OUTCOMES: [&str; 4] = ["accepted", "proposed", "unchanged", "rejected"];

fn decoded(bytes: &[u8]) -> Result<SignedTransaction, RemoteError> {
    decode_signed_transaction(bytes).map_err(|error| RemoteError::unreadable(&error))
}

pub(in crate::remote) fn signed(answer: AuthorizeResponse) -> Result<SignedByVault, RemoteError> {
    Ok(SignedByVault {
        signed: decoded(&answer.signed)?,
        outcome: known(OUTCOMES, &answer.outcome)?,
    })
}

fn decided(decision: Decision) -> Result<Decided, RemoteError> {
    let hash = decision.hash.parse();
    let is_rejected = !decision.rejection.is_empty();
    Ok(Decided {
        hash: hash
            .map_err(|error: strongroom_crypto::HashError| RemoteError::unreadable(&error))?,
        outcome: known(OUTCOMES, &decision.outcome)?,
        rejection: is_rejected.then_some(Rejected {
            code: decision.rejection,
            text: decision.explanation,
        }),
    })
}
