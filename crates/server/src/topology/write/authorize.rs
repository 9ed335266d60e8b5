//! `Authorize`: build or find a transaction, sign it and add it.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_proto::topology::{
    read_mapping, signed_message,
    v30::{TopologyMapping, enums::TopologyChangeOp},
};
use strongroom_topology::{ForceFlags, Mapping, Operation, Serial, StoreId, TransactionHash};
use strongroom_vault::{Authorized, Caller, HashProposal, Proposal, Vault};

use super::force;
use crate::{
    context::Context,
    contract::topology::{
        AuthorizeRequest, AuthorizeResponse,
        authorize_request::{self, Type},
    },
    failure::{Failure, in_words},
    topology::store_id,
};

pub(super) async fn authorize(
    vault: Arc<Vault>,
    context: Context,
    message: AuthorizeRequest,
) -> Result<AuthorizeResponse, Failure> {
    let order = Order {
        store: store_id::required(&vault, message.store).await?,
        signing_keys: fingerprints(&message.signed_by)?,
        must_fully_authorize: message.must_fully_authorize,
        force: force::read(&message.force_changes)?,
    };
    let caller = context.caller();
    let authorized = match message.r#type {
        None => return Err(Failure::not_set("type")),
        Some(Type::Proposal(proposal)) => order.propose(&vault, &caller, proposal).await?,
        Some(Type::TransactionHash(hash)) => order.co_sign(&vault, &caller, &hash).await?,
    };
    Ok(AuthorizeResponse {
        transaction: Some(signed_message(&authorized.signed)?),
    })
}

/// What is asked for, whichever transaction it is.
struct Order {
    store: StoreId,
    signing_keys: Vec<Fingerprint>,
    must_fully_authorize: bool,
    force: ForceFlags,
}

impl Order {
    async fn propose(
        self,
        vault: &Vault,
        caller: &Caller,
        proposal: authorize_request::Proposal,
    ) -> Result<Authorized, Failure> {
        let authorize_request::Proposal {
            change,
            serial,
            mapping,
        } = proposal;
        let mapping = mapping.map(|authorize_request::proposal::Mapping::V30(mapping)| mapping);
        let proposal = Proposal {
            operation: operation("change", change)?,
            mapping: required_mapping(mapping)?,
            serial: self::serial(serial)?,
            signing_keys: self.signing_keys,
            must_fully_authorize: self.must_fully_authorize,
            force: self.force,
        };
        Ok(vault.authorize(caller, &self.store, proposal).await?)
    }

    async fn co_sign(
        self,
        vault: &Vault,
        caller: &Caller,
        hash: &str,
    ) -> Result<Authorized, Failure> {
        let hash: TransactionHash = hash
            .parse()
            .map_err(|error| Failure::unreadable(in_words(&error)))?;
        let proposal = HashProposal {
            hash,
            signing_keys: self.signing_keys,
            must_fully_authorize: self.must_fully_authorize,
            force: self.force,
        };
        let authorized = vault.authorize_hash(caller, &self.store, proposal);
        Ok(authorized.await?)
    }
}

/// The operation in a request, which must be set.
pub(super) fn operation(field: &str, number: i32) -> Result<Operation, Failure> {
    match TopologyChangeOp::try_from(number) {
        Ok(TopologyChangeOp::AddReplace) => Ok(Operation::AddReplace),
        Ok(TopologyChangeOp::Remove) => Ok(Operation::Remove),
        Ok(TopologyChangeOp::Unspecified) => Err(Failure::not_set(field)),
        Err(_unknown) => Err(Failure::unreadable(format!(
            "Unrecognized value `{number}` in enum field `{field}`"
        ))),
    }
}

/// The statement in a request, which must be there.
pub(super) fn required_mapping(mapping: Option<TopologyMapping>) -> Result<Mapping, Failure> {
    let mapping = mapping.ok_or_else(|| Failure::not_set("mapping"))?;
    Ok(read_mapping(&mapping)?)
}

/// 0: the vault takes the next one.
pub(super) fn serial(number: u32) -> Result<Option<Serial>, Failure> {
    let wanted = Some(number).filter(|number| *number != 0);
    let serial = wanted.map(Serial::try_new).transpose();
    serial.map_err(|error| Failure::unreadable(in_words(&error)))
}

/// The keys that a request names.
pub(super) fn fingerprints(texts: &[String]) -> Result<Vec<Fingerprint>, Failure> {
    let keys = texts.iter().map(|text| text.parse::<Fingerprint>());
    keys.collect::<Result<_, _>>()
        .map_err(|error| Failure::unreadable(in_words(&error)))
}
