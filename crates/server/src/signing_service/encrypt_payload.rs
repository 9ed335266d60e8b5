//! `EncryptPayload`.

use std::{collections::VecDeque, mem, sync::Arc};

use strongroom_crypto::{KeyUsage, KeyUsages, PayloadSealer, Timestamp};
use strongroom_vault::{PayloadOrder, PlannedPayload, SealedPayload, Vault, VaultError};
use tonic::Streaming;

use super::{
    key,
    pieces::{Pieces, Work, answers},
};
use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{
        self as contract, EncryptPayloadRequest, EncryptPayloadResponse, PayloadRecipient,
        PayloadSeal,
    },
    failure::Failure,
};

pub(super) async fn encrypt_payload(
    vault: Arc<Vault>,
    context: Context,
    requests: Streaming<EncryptPayloadRequest>,
) -> Result<Pieces<EncryptPayloadResponse>, Failure> {
    let sealing = Sealing {
        vault,
        context: context.clone(),
        sealer: None,
        is_whole: false,
    };
    Ok(answers(sealing, context, requests))
}

struct Sealing {
    vault: Arc<Vault>,
    context: Context,
    /// None before the order.
    sealer: Option<PayloadSealer>,
    /// Whether the last piece came: a caller that was cut off ends its stream, too.
    is_whole: bool,
}

impl Work for Sealing {
    type Request = EncryptPayloadRequest;
    type Answer = EncryptPayloadResponse;

    async fn take(
        &mut self,
        mut request: EncryptPayloadRequest,
        ready: &mut VecDeque<EncryptPayloadResponse>,
    ) -> Result<(), Failure> {
        if self.is_whole {
            return Err(Failure::unreadable("something came behind the last piece"));
        }
        self.is_whole = request.last;
        match (request.order.take(), &self.sealer) {
            (Some(order), None) => {
                let mut sealed = self.begin(order).await?;
                ready.push_back(EncryptPayloadResponse {
                    payload: mem::take(&mut sealed.front),
                    seal: Some(seal(&sealed)),
                });
                self.sealer = Some(sealed.sealer);
            }
            (None, Some(_)) => {}
            (Some(_), Some(_)) => return Err(Failure::unreadable("a second order came")),
            (None, None) => return Err(Failure::not_set("order")),
        }
        let content = mem::take(&mut request.content);
        let mut content = strongroom_crypto::SecretBytes::take(content);
        match &mut self.sealer {
            // EXPOSE: sealed.
            Some(sealer) => Ok(sealer.push(content.expose_mut(), answering(ready))?),
            None => Ok(()),
        }
    }

    fn end(self, ready: &mut VecDeque<EncryptPayloadResponse>) -> Result<(), Failure> {
        let sealer = self.sealer.ok_or_else(|| Failure::not_set("order"))?;
        if !self.is_whole {
            return Err(Failure::not_set("last"));
        }
        Ok(sealer.finish(&mut [], answering(ready))?)
    }
}

fn seal(sealed: &SealedPayload) -> PayloadSeal {
    let recipients = sealed.recipients.iter();
    PayloadSeal {
        recipients: recipients
            .map(|(member, key)| PayloadRecipient {
                member: member.to_string(),
                fingerprint: key.to_string(),
            })
            .collect(),
        signed_by: sealed
            .signed_by
            .map(|key| key.to_string())
            .unwrap_or_default(),
        at: sealed.at.as_micros(),
    }
}

fn answering(
    ready: &mut VecDeque<EncryptPayloadResponse>,
) -> impl FnMut(&[u8], &[u8]) -> Result<(), VaultError> {
    |ciphertext, tag| {
        ready.push_back(EncryptPayloadResponse {
            payload: [ciphertext, tag].concat(),
            seal: None,
        });
        Ok(())
    }
}

impl Sealing {
    async fn begin(&self, order: contract::PayloadOrder) -> Result<SealedPayload, Failure> {
        let order = read_order(&order)?;
        if order.signed {
            self.context.check(Operation::Sign)?;
        }
        let planned = self.vault.plan_payload(&order).await?;
        self.check_grants(&planned)?;
        let caller = self.context.caller();
        Ok(self.vault.seal_planned_payload(&caller, planned).await?)
    }

    /// Before a key is used: a use without a grant would cost a call of a KMS, and be on record.
    fn check_grants(&self, planned: &PlannedPayload) -> Result<(), Failure> {
        for key in planned.recipients() {
            // Of keys that are not in the vault there are no grants.
            if let Ok(entry) = self.vault.key(&key) {
                self.context.check_key(Operation::Encrypt, &entry)?;
            }
        }
        if let Some(signed_by) = planned.signed_by() {
            let entry = key::allowed(&self.vault, &self.context, Operation::Sign, &signed_by)?;
            let protocol = KeyUsages::only(KeyUsage::Protocol);
            let subject = &self.context.subject;
            if subject.may_sign_for(&entry, protocol).is_empty() {
                let missing = subject.missing_to_sign_with(&entry, protocol);
                return Err(
                    Failure::forbidden(missing, subject.name()).with("key", signed_by.to_string())
                );
            }
        }
        Ok(())
    }
}

fn read_order(order: &contract::PayloadOrder) -> Result<PayloadOrder, Failure> {
    let recipients = order.recipients.iter();
    let recipients = recipients.map(|member| key::read("recipients", member));
    Ok(PayloadOrder {
        purpose: key::read("purpose", &order.purpose)?,
        recipients: recipients.collect::<Result<_, _>>()?,
        store: key::read("store", &order.store)?,
        at: order.at.map(Timestamp::from_micros),
        signed: order.signed,
    })
}
