//! `SignBatch`.

use strongroom_crypto::{KeySpec, SigningKeySpec};

use super::{in_order::in_order, key, sign::Signer};
use crate::{
    contract::strongroom::{
        ItemError, SignBatchRequest, SignBatchResponse, SignItem, SignResult, sign_item::Key,
        sign_result::Result as Outcome,
    },
    failure::{Face, Failure, MOST_CAUSE_CHARS},
    server::MOST_MESSAGE_BYTES,
    usages,
};

/// What a result has beside its signature, at most: the key's fingerprint, formats and lengths.
const AROUND: usize = 128;

/// The longest signature with what is around it.
const MOST_OF_RESULT: usize = SigningKeySpec::MlDsa65.longest_signature() + AROUND;

/// A result that says why not. A character has at most four bytes, and the id is in front.
const MOST_OF_ERROR: usize = 4 * MOST_CAUSE_CHARS + 2 * AROUND;

/// Items that are signed at once, which matters where a KMS signs; their results come in order.
pub(super) const AT_ONCE: usize = 32;

pub(super) async fn sign_batch(
    signer: Signer,
    message: SignBatchRequest,
) -> Result<SignBatchResponse, Failure> {
    let items = message.items;
    signer.context.count_items("items", items.len(), 1)?;
    check_answer(&signer, &items).await?;
    let results = items.into_iter().map(|item| result_of(&signer, item));
    Ok(SignBatchResponse {
        results: in_order(results, AT_ONCE).await,
    })
}

/// Refuses what would be signed for nothing: an answer that is larger than a message cannot be sent, and nothing of it would be.
async fn check_answer(signer: &Signer, items: &[SignItem]) -> Result<(), Failure> {
    // Most batches are shorter than one that need be looked at.
    if items.len() <= MOST_MESSAGE_BYTES / MOST_OF_RESULT {
        return Ok(());
    }
    let mut bytes = 0;
    for item in items {
        let signature = spec(signer, item)
            .await
            .map(SigningKeySpec::longest_signature);
        bytes += signature
            .map_or(0, |length| length + AROUND)
            .max(MOST_OF_ERROR);
    }
    if bytes <= MOST_MESSAGE_BYTES {
        return Ok(());
    }
    Err(Failure::unreadable(format!(
        "Field `items`: the signatures of {} items may be larger than an answer, which has at most {MOST_MESSAGE_BYTES} bytes; send fewer",
        items.len()
    )))
}

/// What the key of an item is; none: no signature will come of it.
async fn spec(signer: &Signer, item: &SignItem) -> Option<SigningKeySpec> {
    let fingerprint = match item.key.as_ref()? {
        Key::Fingerprint(text) => key::by_fingerprint(text).ok()?,
        Key::Current(member) => {
            let usages = usages::required("SignItem", "usages", &item.usages).ok()?;
            Box::pin(key::current_signing(&signer.vault, member, usages))
                .await
                .ok()?
        }
    };
    match signer.vault.key(&fingerprint).ok()?.public.spec() {
        KeySpec::Signing(spec) => Some(spec),
        KeySpec::Encryption(_) => None,
    }
}

/// What becomes of one item among others.
pub(super) async fn result_of(signer: &Signer, item: SignItem) -> SignResult {
    let outcome = match signer.sign(item).await {
        Ok(signature) => Outcome::Signature(signature.into()),
        Err(failure) => {
            let status = signer.context.status_of(failure, Face::Strongroom);
            Outcome::Error(ItemError {
                code: status.code().into(),
                message: status.message().to_owned(),
            })
        }
    };
    SignResult {
        result: Some(outcome),
    }
}
