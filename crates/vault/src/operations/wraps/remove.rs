//! One wrap less.

use strongroom_store::WrapRecord;

use super::wrap_details;
use crate::{
    audit::AuditOperation,
    caller::Caller,
    error::{VaultError, WrapAttempt},
    unit::Unit,
    vault::Vault,
    wraps::in_order,
};

impl Vault {
    /// Takes the wrap by this wrapper key away, of every data key. Its KMS need not be there any more.
    ///
    /// Another wrap must open the vault now, which is tried. The wrapper key stays in its KMS, since older backups need
    /// it; and whoever could use it could have unwrapped the data key before: only a new data key ends that.
    ///
    /// # Errors
    /// [`VaultError::WrapNotFound`]; [`VaultError::LastWrap`]; [`VaultError::NoOtherWrapOpens`];
    /// [`VaultError::WrapperKeySeals`] when private keys would be lost with it; errors of the store.
    pub async fn remove_wrap(
        &self,
        caller: &Caller,
        kms: &str,
        wrapper_key_id: &str,
    ) -> Result<(), VaultError> {
        let _turn = self.wraps_turn().lock().await;
        let before = self.wrap_records().all();
        let (leaving, staying): (Vec<_>, Vec<_>) = before
            .iter()
            .cloned()
            .partition(|wrap| wrap.kms == kms && wrap.wrapper_key_id == wrapper_key_id);
        if leaving.is_empty() {
            return Err(VaultError::WrapNotFound {
                wrapper_key_id: wrapper_key_id.to_owned(),
            });
        }
        self.check_others_open(&staying).await?;

        let mut unit = Unit::begin(self).await?;
        // What was tried must be what stays.
        unit.expect_wraps(&before)?;
        self.check_seals_nothing(wrapper_key_id, &staying)?;
        for record in leaving {
            unit.remove_wrap(record).await?;
        }
        let details = wrap_details(kms, wrapper_key_id);
        unit.audit(caller, AuditOperation::RemoveWrap, None, details)
            .await?;
        unit.commit().await?;
        tracing::info!(kms, wrapper_key_id, "removed a wrap");
        Ok(())
    }

    /// Each data key must still be opened by somebody: now, and not only on paper.
    pub(super) async fn check_others_open(&self, staying: &[WrapRecord]) -> Result<(), VaultError> {
        for data_key in self.data_keys().opened() {
            if !staying.iter().any(|wrap| wrap.data_key_id == data_key.id) {
                return Err(VaultError::LastWrap);
            }
            let mut attempts = Vec::new();
            let mut opens = false;
            for (_, wrap) in in_order(self.environment(), staying, data_key.id) {
                match self.unwraps(wrap).await {
                    Ok(()) => {
                        opens = true;
                        break;
                    }
                    Err(error) => attempts.push(WrapAttempt::new(wrap, &error)),
                }
            }
            if !opens {
                return Err(VaultError::NoOtherWrapOpens { attempts });
            }
        }
        Ok(())
    }

    /// Rows that name the wrapper key find its KMS through the wrap, unless another KMS has the same key.
    pub(super) fn check_seals_nothing(
        &self,
        wrapper_key_id: &str,
        staying: &[WrapRecord],
    ) -> Result<(), VaultError> {
        let mut others = staying.iter();
        if others.any(|wrap| wrap.wrapper_key_id == wrapper_key_id) {
            return Ok(());
        }
        let direct = self.direct_keys();
        let keys = direct.iter().filter(|(_, id)| id == wrapper_key_id).count();
        if keys == 0 {
            return Ok(());
        }
        Err(VaultError::WrapperKeySeals {
            wrapper_key_id: wrapper_key_id.to_owned(),
            keys,
        })
    }
}
