//! `ListKeys`.

use std::{iter, sync::Arc};

use strongroom_proto::enums::read_key_purpose;
use strongroom_vault::{KeyFilter, Vault};

use super::{read, view};
use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{ListKeysRequest, ListKeysResponse},
    failure::Failure,
};

const MESSAGE: &str = "ListKeysRequest";

/// So many keys are in one answer: with names and places as long as they can be, it stays below what a client takes.
const PAGE: usize = 500;

pub(super) async fn list(
    vault: Arc<Vault>,
    context: Context,
    message: ListKeysRequest,
) -> Result<impl Iterator<Item = ListKeysResponse> + Send + 'static, Failure> {
    let mut keys = vault.list(&filter(message)?)?;
    keys.retain(|key| context.subject.may_with(Operation::KeysList, key));
    let mut announced = vault.announced_keys().await?;
    let mut keys = keys.into_iter();
    // Nothing is written that nobody has read up to: the vault has the entries anyway.
    Ok(iter::from_fn(move || {
        let page = keys.by_ref().take(PAGE).map(|entry| {
            let places = announced.remove(&entry.fingerprint());
            view::key(&entry, places.unwrap_or_default())
        });
        let keys: Vec<_> = page.collect();
        (!keys.is_empty()).then_some(ListKeysResponse { keys })
    }))
}

fn filter(message: ListKeysRequest) -> Result<KeyFilter, Failure> {
    let wanted = Some(message.fingerprint.as_str()).filter(|text| !text.is_empty());
    let purposes = message.purposes.iter();
    let purposes = purposes.map(|purpose| read_key_purpose(MESSAGE, "purposes", *purpose));
    Ok(KeyFilter {
        fingerprint: wanted.map(read::fingerprint).transpose()?,
        name: message.name,
        purposes: purposes.collect::<Result<_, _>>()?,
        usages: read::usages(MESSAGE, &message.usages)?,
        public_only: message.public_only,
    })
}
