//! Requests, field by field.

use strongroom_crypto::{EncryptionKeySpec, KeyName, KeySpec, SigningKeySpec};
use strongroom_kms::{KmsError, KmsKeyId, WrapContext};
use tonic::Status;

use crate::contract::{Pair, import_key_request};
use crate::limits::invalid_request;
use crate::{specs, status};

pub(super) fn key(id: &str) -> Result<KmsKeyId, Status> {
    KmsKeyId::try_new(id).map_err(|error| status::to_status(&error.into()))
}

pub(super) fn label(label: &str) -> Result<Option<KeyName>, Status> {
    KeyName::parse_optional(label).map_err(|_why| invalid_request("label"))
}

pub(super) fn tags(tags: Vec<Pair>) -> Result<Vec<(String, String)>, Status> {
    if tags.iter().any(|tag| tag.name.is_empty()) {
        return Err(invalid_request("tags"));
    }
    Ok(tags.into_iter().map(|tag| (tag.name, tag.value)).collect())
}

pub(super) fn tag(tag: Option<Pair>) -> Result<Pair, Status> {
    tag.filter(|tag| !tag.name.is_empty())
        .ok_or_else(|| invalid_request("tag"))
}

pub(super) fn context(pairs: Vec<Pair>) -> Result<WrapContext, Status> {
    let pairs = pairs.into_iter().map(|pair| (pair.name, pair.value));
    WrapContext::try_from_pairs(pairs).map_err(|error| status::to_status(&error.into()))
}

pub(super) fn signing(spec: i32) -> Result<SigningKeySpec, Status> {
    specs::read_signing(spec).ok_or_else(|| invalid_request("spec"))
}

pub(super) fn encryption(spec: i32) -> Result<EncryptionKeySpec, Status> {
    specs::read_encryption(spec).ok_or_else(|| invalid_request("spec"))
}

pub(super) fn spec_to_import(spec: Option<import_key_request::Spec>) -> Result<KeySpec, Status> {
    spec.and_then(specs::read_spec_to_import)
        .ok_or_else(|| invalid_request("spec"))
}

/// The sizes that every provider checks are checked before it is asked, so that no provider has to be trusted with it.
pub(super) fn size(checked: Result<(), KmsError>) -> Result<(), Status> {
    checked.map_err(|error| status::to_status(&error))
}
