//! `Sign`, and what one item of the others is.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, KeyUsages, Signature};
use strongroom_vault::Vault;

use super::{content, key};
use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{
        SignItem, SignRequest, SignResponse,
        sign_item::{Content, Key},
    },
    failure::Failure,
};

const MESSAGE: &str = "SignItem";

pub(super) async fn sign(
    vault: Arc<Vault>,
    context: Context,
    message: SignRequest,
) -> Result<SignResponse, Failure> {
    let item = message.item.ok_or_else(|| Failure::not_set("item"))?;
    let signature = sign_item(&vault, &context, item).await?;
    Ok(SignResponse {
        signature: Some((&signature).into()),
    })
}

/// Signs one item.
pub(super) async fn sign_item(
    vault: &Vault,
    context: &Context,
    item: SignItem,
) -> Result<Signature, Failure> {
    let usages = content::usages(MESSAGE, &item.usages)?;
    let message = match item.content {
        Some(Content::Message(message)) => message,
        Some(Content::Hash(hash)) => content::hash(hash)?,
        None => return Err(Failure::not_set("content")),
    };
    let fingerprint = match item.key {
        Some(Key::Fingerprint(text)) => key::by_fingerprint(&text)?,
        Some(Key::Current(member)) => key::current_signing(vault, &member, usages).await?,
        None => return Err(Failure::not_set("key")),
    };
    let usages = granted(vault, context, &fingerprint, usages)?;
    Ok(vault.sign(&fingerprint, &message, usages).await?)
}

/// Those of `usages` for which the caller may sign with the key.
fn granted(
    vault: &Vault,
    context: &Context,
    fingerprint: &Fingerprint,
    usages: KeyUsages,
) -> Result<KeyUsages, Failure> {
    let key = vault.key(fingerprint)?;
    let granted = context.subject.may_sign_for(&key, usages);
    if granted.is_empty() {
        let caller = context.subject.name();
        return Err(Failure::forbidden(Operation::Sign, caller)
            .with("key", fingerprint.to_string())
            .with("usages", usages.to_string()));
    }
    Ok(granted)
}
