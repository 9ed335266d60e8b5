//! Moving every other row: who the node is, its rotations, the journal of KMS keys, and topology.

use super::{Moved, incoming};
use crate::{error::VaultError, topology::TopologyWriter, unit::Unit, vault::Vault};

/// Topology transactions that move in one unit of work. Each is encoded again on an async thread, so they are few.
const BATCH: usize = 200;

impl Vault {
    pub(super) async fn move_node_rows(&self) -> Result<u64, VaultError> {
        let mut unit = Unit::begin(self).await?;
        let moved = unit.move_node_rows().await?;
        unit.commit().await?;
        Ok(moved)
    }

    /// Others may announce and follow between two batches.
    pub(super) async fn move_topology(&self, moved: &mut Moved<'_>) -> Result<(), VaultError> {
        loop {
            let mut writer = TopologyWriter::begin(self).await?;
            let mut unit = Unit::begin(self).await?;
            incoming(unit.data_keys())?;
            let batch = writer.move_rows(&mut unit, BATCH).await?;
            if batch == 0 {
                return Ok(());
            }
            unit.commit().await?;
            writer.finish();
            moved.add(batch)?;
        }
    }
}
