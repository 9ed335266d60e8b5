//! Fields that several requests have.

use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded;
use strongroom_kms::KmsKeyId;
use strongroom_store::Custody as Stored;
use strongroom_vault::{Place, Vault};

use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{Custody, KeySelection, Place as PlaceField, Problem, WrapperKeyName},
    failure::{CantonCategory, Failure, IN_THE_LOG, in_words},
};

/// A text that says something.
pub(super) fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

pub(super) fn fingerprint(text: &str) -> Result<Fingerprint, Failure> {
    text.parse()
        .map_err(|error| Failure::unreadable(format!("Field `fingerprint`: {}", in_words(&error))))
}

/// The id of a key in a key management system, if one is named.
pub(super) fn kms_key_id(text: String) -> Result<Option<KmsKeyId>, Failure> {
    let id = some(text).map(KmsKeyId::try_new).transpose();
    id.map_err(|error| Failure::unreadable(in_words(&error)))
}

/// The custody that a field names, if it names one.
pub(super) fn custody(field: i32) -> Result<Option<Stored>, Failure> {
    match Custody::try_from(field) {
        Ok(Custody::Unspecified) => Ok(None),
        Ok(Custody::Clear) => Ok(Some(Stored::Clear)),
        Ok(Custody::Envelope) => Ok(Some(Stored::Envelope)),
        Ok(Custody::External) => Ok(Some(Stored::External)),
        Err(_unknown) => Err(Failure::unreadable(format!(
            "Field `custody`: {field} is none"
        ))),
    }
}

pub(super) const fn custody_field(custody: Stored) -> Custody {
    match custody {
        Stored::Clear => Custody::Clear,
        Stored::Envelope => Custody::Envelope,
        Stored::External => Custody::External,
    }
}

/// The place that a field names.
pub(super) fn place(field: PlaceField) -> Result<Place, Failure> {
    let kms = some(field.kms);
    match custody(field.custody)?.ok_or_else(|| Failure::not_set("custody"))? {
        Stored::External => Ok(Place::External { kms }),
        _ if kms.is_some() => Err(Failure::unreadable(
            "Field `kms` is about keys in custody external",
        )),
        Stored::Envelope => Ok(Place::Envelope),
        Stored::Clear => Ok(Place::Clear),
    }
}

/// The keys that a request means, each of which the caller may do this with; `all` are those that it can be about.
pub(super) fn selected(
    vault: &Vault,
    context: &Context,
    operation: Operation,
    selection: Option<KeySelection>,
    all: impl FnOnce() -> Result<Vec<Fingerprint>, Failure>,
) -> Result<Vec<Fingerprint>, Failure> {
    let selection = selection.ok_or_else(|| Failure::not_set("keys"))?;
    match (selection.all, selection.fingerprints.as_slice()) {
        (true, []) => {
            let mut keys = all()?;
            keys.retain(|key| {
                vault
                    .key(key)
                    .is_ok_and(|entry| context.check_key(operation, &entry).is_ok())
            });
            Ok(keys)
        }
        (true, _) => Err(Failure::unreadable(
            "Field `keys`: either all, or these fingerprints",
        )),
        (false, []) => Err(Failure::not_set("fingerprints")),
        (false, named) => {
            let mut keys = Vec::with_capacity(named.len());
            for text in named {
                let key = fingerprint(text)?;
                context.check_key(operation, &*vault.key(&key)?)?;
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            Ok(keys)
        }
    }
}

/// What is wrong, as a field of an answer: no more of it than a failure would tell.
pub(super) fn problem<E: Coded + 'static>(error: &E) -> Problem {
    let code = error.code();
    let mut message = in_words(error);
    if CantonCategory::from(code.category()).is_redacted() {
        tracing::error!(code = code.name(), message, "a part of a call failed");
        message = IN_THE_LOG.to_owned();
    }
    Problem {
        code: code.name().to_owned(),
        message,
        advice: code.advice().to_owned(),
    }
}

pub(super) fn wrapper_key((kms, wrapper_key_id): (String, String)) -> WrapperKeyName {
    WrapperKeyName {
        kms,
        wrapper_key_id,
    }
}

pub(super) fn wrapper_keys(names: Vec<(String, String)>) -> Vec<WrapperKeyName> {
    names.into_iter().map(wrapper_key).collect()
}
