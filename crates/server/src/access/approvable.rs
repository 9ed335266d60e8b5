//! What a request is, to whoever has to approve it.

use std::any::Any;

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
pub(crate) fn approvable(rpc: Rpc, message: &dyn Any) -> Vec<Operation> {
    if matches!(
        rpc,
        Rpc::OperationsServiceResumeWrapperKeyRotation | Rpc::OperationsServiceProposeConfiguration
    ) {
        return Vec::new();
    }
    let narrower = narrower(message);
    let operations = narrower.into_iter().chain([operation_of(rpc)]);
    operations
        .filter(|operation| operation.can_need_approval())
        .collect()
}

fn narrower(message: &dyn Any) -> Option<Operation> {
    if let Some(rotate) = message.downcast_ref::<RotateWrapperKeyRequest>() {
        return names_a_key(&rotate.to);
    }
    if let Some(rewrap) = message.downcast_ref::<RewrapDataKeyRequest>() {
        return rewrap.rotation.as_ref().and_then(|it| names_a_key(&it.to));
    }
    if let Some(rotate) = message.downcast_ref::<vault::RotateWrapperKeyRequest>() {
        return names_a_key(&rotate.new_wrapper_key_id);
    }
    let migrate = message.downcast_ref::<MigrateKeysRequest>()?;
    let place = migrate.to.as_ref()?;
    (place.custody() == Custody::Clear).then_some(Operation::KeysRevert)
}

fn names_a_key(id: &str) -> Option<Operation> {
    (!id.is_empty()).then_some(Operation::WrapperKeysRotateTo)
}
