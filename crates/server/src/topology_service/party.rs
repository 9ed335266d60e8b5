//! Statements about the keys of external parties.

use std::sync::Arc;

use strongroom_crypto::KeyName;
use strongroom_vault::{PartySigning, PartySuccessor, Vault};

use super::{
    read, store_id,
    write::{force, keys, response},
};
use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{
        AuthorizeResponse, MigratePartyKeysRequest, MigratePartyKeysResponse,
        RotatePartyKeyRequest, Signing, rotate_party_key_request::Successor,
    },
    failure::{Failure, in_words},
};

pub(super) async fn rotate(
    vault: Arc<Vault>,
    context: Context,
    message: RotatePartyKeyRequest,
) -> Result<AuthorizeResponse, Failure> {
    let party = read("party", &message.party)?;
    let store = store_id(&message.store)?;
    let old = read("old", &message.old)?;
    let signing = signing(message.signing)?;
    let successor = match message.successor {
        Some(Successor::Key(key)) => PartySuccessor::Key(read("key", &key)?),
        Some(Successor::Generated(new)) => {
            context.check(Operation::KeysGenerate)?;
            let name = KeyName::parse_optional(&new.name).map_err(|error| {
                Failure::unreadable(format!("Field `name`: {}", in_words(&error)))
            })?;
            PartySuccessor::Generated { name }
        }
        None => return Err(Failure::not_set("successor")),
    };
    let caller = context.caller();
    let rotated = vault.rotate_party_key(&caller, &store, &party, (old, successor), &signing);
    Ok(response(&rotated.await?.authorized))
}

pub(super) async fn migrate(
    vault: Arc<Vault>,
    context: Context,
    message: MigratePartyKeysRequest,
) -> Result<MigratePartyKeysResponse, Failure> {
    let party = read("party", &message.party)?;
    let store = store_id(&message.store)?;
    let signing = signing(message.signing)?;
    let caller = context.caller();
    let done = vault.migrate_party_keys(&caller, &store, &party, &signing);
    Ok(MigratePartyKeysResponse {
        done: done.await?.iter().map(response).collect(),
    })
}

fn signing(message: Option<Signing>) -> Result<PartySigning, Failure> {
    let message = message.unwrap_or_default();
    Ok(PartySigning {
        keys: keys(&message)?,
        may_wait: !message.must_fully_authorize,
        force: force(&message.dangers)?,
    })
}
