//! `Sign`, and what one item of the others is.

use std::{sync::Arc, time::Instant};

use strongroom_crypto::{Fingerprint, KeyUsages, Signature};
use strongroom_vault::{Caller, Vault};

use super::{content, key};
use crate::{
    context::Context,
    contract::strongroom::{
        SignItem, SignRequest, SignResponse,
        sign_item::{Content, Key},
    },
    failure::Failure,
    http::Calls,
    usages,
};

const MESSAGE: &str = "SignItem";

/// Signs on behalf of a caller.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) vault: Arc<Vault>,
    pub(super) context: Context,
    /// Of the context, once for all items.
    pub(super) caller: Caller,
    pub(super) calls: Calls,
}

pub(super) async fn sign(signer: Signer, message: SignRequest) -> Result<SignResponse, Failure> {
    let item = message.item.ok_or_else(|| Failure::not_set("item"))?;
    let signature = signer.sign(item).await?;
    Ok(SignResponse {
        signature: Some(signature.into()),
    })
}

impl Signer {
    pub(super) fn new(vault: Arc<Vault>, context: Context, calls: Calls) -> Self {
        Self {
            vault,
            caller: context.caller(),
            context,
            calls,
        }
    }

    /// Signs one item.
    pub(super) async fn sign(&self, item: SignItem) -> Result<Signature, Failure> {
        let began = Instant::now();
        let signed = self.sign_untimed(item).await;
        self.calls.signed(began.elapsed());
        signed
    }

    async fn sign_untimed(&self, item: SignItem) -> Result<Signature, Failure> {
        let usages = usages::required(MESSAGE, "usages", &item.usages)?;
        let message = match item.content {
            Some(Content::Message(message)) => message,
            Some(Content::Hash(hash)) => content::hash(hash)?,
            None => return Err(Failure::not_set("content")),
        };
        let fingerprint = match item.key {
            Some(Key::Fingerprint(text)) => key::by_fingerprint(&text)?,
            Some(Key::Current(member)) => {
                Box::pin(key::current_signing(&self.vault, &member, usages)).await?
            }
            None => return Err(Failure::not_set("key")),
        };
        let usages = self.granted(&fingerprint, usages)?;
        Ok(self
            .vault
            .sign_for(&self.caller, &fingerprint, &message, usages)
            .await?)
    }

    /// Those of `usages` for which the caller may sign with the key.
    pub(super) fn granted(
        &self,
        fingerprint: &Fingerprint,
        usages: KeyUsages,
    ) -> Result<KeyUsages, Failure> {
        let key = self.vault.key(fingerprint)?;
        let subject = &self.context.subject;
        let granted = subject.may_sign_for(&key, usages);
        if granted.is_empty() {
            let missing = subject.missing_to_sign_with(&key, usages);
            return Err(Failure::forbidden(missing, subject.name())
                .with("key", fingerprint.to_string())
                .with("usages", usages.to_string()));
        }
        Ok(granted)
    }
}
