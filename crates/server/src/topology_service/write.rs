//! What is stated, signed and taken in.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_errors::Coded as _;
use strongroom_proto::topology::{
    decode_signed_transaction, encode_signed_transaction, read_mapping,
};
use strongroom_topology::{
    ForceFlag, ForceFlags, Operation, Outcome, Serial, SignedTransaction, StoreId, Times,
};
use strongroom_vault::{Added, Authorized, HashProposal, Proposal, Vault};

use super::{read, store_id};
use crate::{
    context::Context,
    contract::strongroom::{
        AddTransactionsRequest, AddTransactionsResponse, AuthorizeRequest, AuthorizeResponse,
        Decision, ProposeRequest, SignTransactionsRequest, SignTransactionsResponse, Signing,
    },
    failure::{Failure, in_words},
};

pub(super) async fn propose(
    vault: Arc<Vault>,
    context: Context,
    message: ProposeRequest,
) -> Result<AuthorizeResponse, Failure> {
    let signing = message.signing.unwrap_or_default();
    let mapping = message.mapping.ok_or_else(|| Failure::not_set("mapping"))?;
    let serial = Some(message.serial).filter(|serial| *serial != 0);
    let serial = serial.map(Serial::try_new).transpose();
    let proposal = Proposal {
        operation: if message.remove {
            Operation::Remove
        } else {
            Operation::AddReplace
        },
        mapping: read_mapping(&mapping)?,
        serial: serial.map_err(|error| Failure::unreadable(in_words(&error)))?,
        signing_keys: keys(&signing)?,
        must_fully_authorize: signing.must_fully_authorize,
        force: force(&signing.dangers)?,
    };
    let store = store_id(&message.store)?;
    let authorized = vault.authorize(&context.caller(), &store, proposal).await?;
    Ok(response(&authorized))
}

pub(super) async fn authorize(
    vault: Arc<Vault>,
    context: Context,
    message: AuthorizeRequest,
) -> Result<AuthorizeResponse, Failure> {
    let signing = message.signing.unwrap_or_default();
    let proposal = HashProposal {
        hash: read("hash", &message.hash)?,
        signing_keys: keys(&signing)?,
        must_fully_authorize: signing.must_fully_authorize,
        force: force(&signing.dangers)?,
    };
    let (store, caller) = (store_id(&message.store)?, context.caller());
    let authorized = vault.authorize_hash(&caller, &store, proposal).await?;
    Ok(response(&authorized))
}

pub(super) async fn sign(
    vault: Arc<Vault>,
    context: Context,
    message: SignTransactionsRequest,
) -> Result<SignTransactionsResponse, Failure> {
    let signing = message.signing.unwrap_or_default();
    let (store, keys) = (store_id(&message.store)?, keys(&signing)?);
    context.count_signatures(message.transactions.len(), &keys)?;
    let transactions = transactions(&message.transactions)?;
    let force = force(&signing.dangers)?;
    let caller = context.caller();
    let signed = vault.sign_transactions(&caller, &store, transactions, &keys, force);
    Ok(SignTransactionsResponse {
        transactions: signed
            .await?
            .iter()
            .map(encode_signed_transaction)
            .collect(),
    })
}

pub(super) async fn add(
    vault: Arc<Vault>,
    context: Context,
    message: AddTransactionsRequest,
) -> Result<AddTransactionsResponse, Failure> {
    let caller = context.caller();
    context.count_items("transactions", message.transactions.len(), 1)?;
    let transactions = transactions(&message.transactions)?;
    let force = force(&message.dangers)?;
    let added = match (store_id(&message.store)?, message.sequenced_at) {
        (StoreId::Authorized, None) if message.certificates => {
            vault.add_certificates(&caller, transactions).await?
        }
        (_, _) if message.certificates => {
            return Err(Failure::unreadable(
                "Field `certificates` is for the store of the node itself",
            ));
        }
        (StoreId::Synchronizer(id), Some(at)) => {
            let times = Times {
                sequenced: Timestamp::from_micros(at.sequenced),
                effective: Timestamp::from_micros(at.effective),
            };
            vault
                .add_sequenced(&caller, &id, times, transactions)
                .await?
        }
        (_, Some(_)) => {
            return Err(Failure::unreadable(
                "Field `sequenced_at` is for the store of a synchronizer",
            ));
        }
        (store, None) => {
            vault
                .add_transactions(&caller, &store, transactions, force)
                .await?
        }
    };
    Ok(AddTransactionsResponse {
        decisions: added.iter().map(decision).collect(),
    })
}

pub(super) fn keys(signing: &Signing) -> Result<Vec<Fingerprint>, Failure> {
    let keys = signing.signed_by.iter().map(|key| read("signed_by", key));
    keys.collect()
}

pub(super) fn force(dangers: &[String]) -> Result<ForceFlags, Failure> {
    let flags = dangers.iter().map(|danger| read("dangers", danger));
    Ok(ForceFlags::of(
        flags.collect::<Result<Vec<ForceFlag>, _>>()?,
    ))
}

fn transactions(bytes: &[Vec<u8>]) -> Result<Vec<SignedTransaction>, Failure> {
    let decoded = bytes.iter().map(|bytes| decode_signed_transaction(bytes));
    Ok(decoded.collect::<Result<_, _>>()?)
}

pub(super) fn response(authorized: &Authorized) -> AuthorizeResponse {
    AuthorizeResponse {
        signed: encode_signed_transaction(&authorized.signed),
        outcome: authorized.outcome.name().to_owned(),
    }
}

pub(super) fn decision(added: &Added) -> Decision {
    let (rejection, explanation) = match &added.outcome {
        Outcome::Rejected(why) => (why.code().name().to_owned(), why.explanation()),
        _ => (String::new(), String::new()),
    };
    Decision {
        hash: added.hash.to_string(),
        outcome: added.outcome.name().to_owned(),
        rejection,
        explanation,
    }
}
