//! The end of a rotation: the new data key becomes the current one.

use super::WrapperKeyRotation;
use crate::{
    audit::{AuditKey, AuditOperation, introduction},
    caller::Caller,
    error::VaultError,
    topology::TopologyWriter,
    unit::Unit,
    vault::Vault,
};

impl Vault {
    /// Makes the new data key the current one, unless a row is still under the old one: then it says so by false.
    ///
    /// One unit of work. Until its commit both wrapper keys are needed, after it only the new one.
    pub(super) async fn finish_rotation(
        &self,
        caller: &Caller,
        rotation: &WrapperKeyRotation,
    ) -> Result<bool, VaultError> {
        // Nobody wraps a data key while it is being retired.
        let _turn = self.wraps_turn().lock().await;
        // Held until the end: what its rows add up to is computed anew.
        let topology = TopologyWriter::begin(self).await?;
        let mut unit = Unit::begin(self).await?;
        let new = rotation.data_key_id;
        if unit.data_keys().current().id == new {
            // A commit of which nobody had heard has done it: beginning the unit found out.
            return Ok(true);
        }
        let rows = self.rows_not_under(new, topology.rows_not_under(new));
        if rows.total() > 0 {
            return Ok(false);
        }
        unit.make_incoming_current(&topology).await?;
        let mut details = std::collections::BTreeMap::from([
            ("data_key_id".to_owned(), new.to_string()),
            (
                "retired_data_key_id".to_owned(),
                rotation.old_data_key_id.to_string(),
            ),
        ]);
        if let Some((kms, id)) = rotation.comes.first() {
            details.insert("kms".to_owned(), kms.clone());
            details.insert("wrapper_key_id".to_owned(), id.clone());
        }
        let incoming = super::incoming(unit.data_keys())?;
        details.extend([introduction(&AuditKey::of(incoming)?)]);
        let ends = AuditOperation::FinishWrapperKeyRotation;
        unit.audit(caller, ends, None, details).await?;
        // The last one of the old audit key: it vouches for the next one.
        unit.checkpoint(caller).await?;
        unit.commit().await?;
        topology.finish();
        tracing::info!(data_key = %new, "rotated the wrapper key");
        Ok(true)
    }
}
