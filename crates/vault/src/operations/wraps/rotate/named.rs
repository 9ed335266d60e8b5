//! Whether a rotation goes to a wrapper key that somebody named.

use crate::{
    audit::AuditOperation, error::VaultError, operations::wraps::attempts::ATTEMPT, vault::Vault,
};

impl Vault {
    /// Whether the rotation that is under way goes to a wrapper key that whoever began it named, and not to one that was made for
    /// it; false without one. To finish such a rotation is to bring that key in.
    ///
    /// The audit log says it, of which all is read and verified.
    ///
    /// # Errors
    /// As [`Vault::walk_audit`].
    pub async fn rotates_to_a_named_wrapper_key(&self) -> Result<bool, VaultError> {
        let Some(rotation) = self.wrapper_key_rotation() else {
            return Ok(false);
        };
        let data_key = rotation.data_key_id.to_string();
        let mut made = false;
        self.walk_audit(|entry| {
            made |= entry.operation == AuditOperation::ReleaseDataKeys
                && entry.details.get("data_key_id") == Some(&data_key)
                && entry.details.contains_key(ATTEMPT);
        })
        .await?;
        Ok(!made)
    }
}
