//! What a unit writes into the audit log.

use std::collections::BTreeMap;

use strongroom_crypto::Fingerprint;

use super::{Unit, contradicted};
use crate::{
    audit::{AuditCheckpoint, AuditEntry, AuditKey, AuditOperation, ChainPosition, Vouched},
    caller::Caller,
    error::VaultError,
};

impl Unit<'_> {
    /// Writes what is done into the audit log, in this same unit.
    pub(crate) async fn audit(
        &mut self,
        caller: &Caller,
        operation: AuditOperation,
        key: Option<Fingerprint>,
        details: BTreeMap<String, String>,
    ) -> Result<(), VaultError> {
        let before = self.next.audit_head();
        let entry = AuditEntry::new(
            ChainPosition::after(before, self.transaction.lease_token()),
            self.now,
            caller,
            operation,
            key,
            details,
        );
        self.append_audit(&entry).await?;
        let every = self.vault.settings().audit.records_per_checkpoint;
        if self.next.audit_records / every == before.records / every {
            return Ok(());
        }
        self.checkpoint(caller).await
    }

    /// Lets the audit key vouch for all records up to here, by one more.
    ///
    /// The key is the one as of the beginning: at the end of a rotation it vouches for the record that introduces the next.
    pub(crate) async fn checkpoint(&mut self, caller: &Caller) -> Result<(), VaultError> {
        let key = AuditKey::of(self.data_keys.current())?;
        let vouched = Vouched {
            vault: self.vault.id(),
            generation: self.next.generation + 1,
            head: self.next.audit_head(),
        };
        let lease = self.transaction.lease_token();
        let entry = AuditCheckpoint::sign(caller, &vouched, lease, self.now, &key)?;
        self.append_audit(&entry).await
    }

    async fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), VaultError> {
        let row = entry.to_row(&self.next.audit_head)?;
        self.next.audit_records = row.sequence;
        self.next.audit_head = row.hash;
        let appended = self.transaction.append_audit(row).await;
        appended
            .map_err(contradicted)
            .inspect_err(|error| self.vault.write_watch().failed(error))
    }
}
