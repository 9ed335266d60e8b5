//! What a request is, to whoever has to approve it.

use std::any::Any;

use strongroom_vault::{RotationRequest, Vault};

use super::{Operation, operation_of};
use crate::{
    contract::{
        strongroom::{Custody, MigrateKeysRequest, RewrapDataKeyRequest, RotateWrapperKeyRequest},
        vault,
    },
    rpc::Rpc,
};

/// The operations that a request is and that may need a second person: the narrower one first. None for what goes on with
/// something that was approved when it began, and for what asks for an approval itself.
pub(crate) fn approvable(vault: &Vault, rpc: Rpc, message: &dyn Any) -> Vec<Operation> {
    if matches!(
        rpc,
        Rpc::OperationsServiceResumeWrapperKeyRotation | Rpc::OperationsServiceProposeConfiguration
    ) {
        return Vec::new();
    }
    let narrower = narrower(vault, message);
    let operations = narrower.into_iter().chain([operation_of(rpc)]);
    operations
        .filter(|operation| operation.can_need_approval())
        .collect()
}

fn narrower(vault: &Vault, message: &dyn Any) -> Option<Operation> {
    if let Some(rotate) = message.downcast_ref::<RotateWrapperKeyRequest>() {
        return rotation(vault, rotate);
    }
    if let Some(rewrap) = message.downcast_ref::<RewrapDataKeyRequest>() {
        return rewrap.rotation.as_ref().and_then(|it| rotation(vault, it));
    }
    if let Some(rotate) = message.downcast_ref::<vault::RotateWrapperKeyRequest>() {
        return names_a_key(&rotate.new_wrapper_key_id);
    }
    let migrate = message.downcast_ref::<MigrateKeysRequest>()?;
    let place = migrate.to.as_ref()?;
    (place.custody() == Custody::Clear).then_some(Operation::KeysRevert)
}

/// To another KMS is to a wrapper key of one's choice as well: it may be one that nobody else commands.
fn rotation(vault: &Vault, rotate: &RotateWrapperKeyRequest) -> Option<Operation> {
    let said = |text: &String| (!text.is_empty()).then(|| text.clone());
    let request = RotationRequest {
        kms: said(&rotate.kms),
        from: said(&rotate.from),
        ..RotationRequest::default()
    };
    let elsewhere = vault.rotates_elsewhere(&request);
    names_a_key(&rotate.to).or_else(|| elsewhere.then_some(Operation::WrapperKeysRotateTo))
}

fn names_a_key(id: &str) -> Option<Operation> {
    (!id.is_empty()).then_some(Operation::WrapperKeysRotateTo)
}
