//! The operations that there are.

use serde_json::Value;

use super::error::AwsError;
use super::session::Session;
use super::{
    aliases, encryption, generation, import, lifecycle, replication, rotation, signing, tags,
};

/// Answers one operation: members of the request in, members of the answer out. `Null` is an empty answer.
pub(super) type Handler = fn(&Session<'_>, Value) -> Result<Value, AwsError>;

/// What an operation costs the cloud.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    Administers,
    Computes,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) work: Work,
    pub(super) handler: Handler,
}

impl Operation {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }
}

const fn administers(name: &'static str, handler: Handler) -> Operation {
    Operation {
        name,
        work: Work::Administers,
        handler,
    }
}

const fn computes(name: &'static str, handler: Handler) -> Operation {
    Operation {
        name,
        work: Work::Computes,
        handler,
    }
}

const OPERATIONS: &[Operation] = &[
    administers("CancelKeyDeletion", lifecycle::cancel_key_deletion),
    administers("CreateAlias", aliases::create_alias),
    administers("CreateKey", lifecycle::create_key),
    computes("Decrypt", encryption::decrypt),
    administers("DeleteAlias", aliases::delete_alias),
    administers(
        "DeleteImportedKeyMaterial",
        import::delete_imported_key_material,
    ),
    administers("DescribeKey", lifecycle::describe_key),
    administers("DisableKey", lifecycle::disable_key),
    administers("DisableKeyRotation", rotation::disable_key_rotation),
    administers("EnableKey", lifecycle::enable_key),
    administers("EnableKeyRotation", rotation::enable_key_rotation),
    computes("Encrypt", encryption::encrypt),
    computes("GenerateDataKey", generation::generate_data_key),
    computes("GenerateRandom", generation::generate_random),
    administers("GetKeyRotationStatus", rotation::get_key_rotation_status),
    administers("GetParametersForImport", import::get_parameters_for_import),
    administers("GetPublicKey", signing::get_public_key),
    administers("ImportKeyMaterial", import::import_key_material),
    administers("ListAliases", aliases::list_aliases),
    administers("ListKeyRotations", rotation::list_key_rotations),
    administers("ListKeys", lifecycle::list_keys),
    administers("ListResourceTags", tags::list_resource_tags),
    computes("ReEncrypt", encryption::re_encrypt),
    administers("ReplicateKey", replication::replicate_key),
    administers("RotateKeyOnDemand", rotation::rotate_key_on_demand),
    administers("ScheduleKeyDeletion", lifecycle::schedule_key_deletion),
    computes("Sign", signing::sign),
    administers("TagResource", tags::tag_resource),
    administers("UntagResource", tags::untag_resource),
    administers("UpdateAlias", aliases::update_alias),
    administers("UpdateKeyDescription", lifecycle::update_key_description),
    computes("Verify", signing::verify),
];
