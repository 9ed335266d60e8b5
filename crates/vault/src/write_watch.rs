//! Whether the last change could be kept. A disk that is full, or that failed, takes no more, and reads go on as if nothing were wrong:
//! whoever gives this process work would not hear of it.

use parking_lot::Mutex;
use strongroom_errors::Coded as _;
use strongroom_store::StoreError;

use crate::{caller::Caller, error::VaultError, unit::Unit, vault::Vault};

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct WriteWatch(Mutex<Option<&'static str>>);

impl WriteWatch {
    /// A unit of work was committed.
    pub(crate) fn succeeded(&self) {
        *self.0.lock() = None;
    }

    /// A unit of work could not begin, or not end. What speaks against the unit alone says nothing of the next one.
    pub(crate) fn failed(&self, error: &VaultError) {
        if is_of_storage(error) {
            *self.0.lock() = Some(error.code().name());
        }
    }
}

const fn is_of_storage(error: &VaultError) -> bool {
    use StoreError as S;
    match error {
        VaultError::Anchor(_) => true,
        VaultError::Store(error) => matches!(
            error,
            S::Full { .. }
                | S::Io { .. }
                | S::Refused { .. }
                | S::Corrupted { .. }
                | S::OutcomeUnknown { .. }
                | S::InDoubt
        ),
        _ => false,
    }
}

impl Vault {
    /// Why the last change could not be kept: the code of a failure of the store or of the anchor; none: it was kept. Asks nobody.
    #[must_use]
    pub fn write_failure(&self) -> Option<&'static str> {
        *self.write_watch().0.lock()
    }

    /// After a failure, finds out whether changes can be kept again: with a checkpoint, which takes space as every change does. What
    /// this process could not keep says nothing any more once another one writes.
    pub(crate) async fn try_to_write(&self, caller: &Caller) -> Result<(), VaultError> {
        if self.write_failure().is_none() {
            return Ok(());
        }
        if self.other_writer().is_some() {
            self.write_watch().succeeded();
        } else if self.is_known_to_write() {
            let mut unit = Unit::begin(self).await?;
            unit.checkpoint(caller).await?;
            unit.commit().await?;
        }
        Ok(())
    }
}
