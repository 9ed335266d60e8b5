//! Noting what a server is told to do.

use crate::{
    audit::AuditOperation, caller::Caller, configuration::ConfigurationMark, error::VaultError,
    unit::Unit, vault::Vault,
};

impl Vault {
    /// Remembers what the configuration of a server says, with an audit record if it is not what it said before. Call it before the server
    /// does what it says. Answers whether it has changed.
    ///
    /// # Errors
    /// Those of every act that writes. What is remembered already is never an error.
    pub async fn note_configuration(
        &self,
        caller: &Caller,
        mark: &ConfigurationMark,
    ) -> Result<bool, VaultError> {
        if self.committed().lock().await.state.configuration.as_ref() == Some(mark) {
            return Ok(false);
        }
        let mut unit = Unit::begin(self).await?;
        let Some(details) = unit.set_configuration(*mark) else {
            return Ok(false);
        };
        let operation = AuditOperation::ChangeConfiguration;
        unit.audit(caller, operation, None, details).await?;
        unit.commit().await?;
        Ok(true)
    }
}
