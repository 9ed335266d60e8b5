//! Whether the database may be written.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use strongroom_store::StoreError;

use crate::integrity;

/// What is known of an open database. Changed and asked on the thread of the writer only, so one job sees what the
/// job before has found.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    is_sound: AtomicBool,
    is_in_doubt: AtomicBool,
}

impl Condition {
    /// To be called before anything is written: refuses where that could lose what is stored.
    ///
    /// The structure is looked over once. A damaged page or free list shows in reads, or does no harm to them; but a
    /// write that takes a page which is in use elsewhere destroys what was whole. After that first look only this process writes.
    pub(crate) fn check_writable(&self, connection: &Connection) -> Result<(), StoreError> {
        if self.is_in_doubt.load(Ordering::SeqCst) {
            return Err(StoreError::InDoubt);
        }
        if !self.is_sound.load(Ordering::SeqCst) {
            integrity::check_structure(connection)?;
            self.is_sound.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// A commit failed while it was brought to the disk. The engine goes on without the change, but a recovery after a
    /// crash may find it in the log: what would be built on either state could be lost or contradicted.
    pub(crate) fn doubt(&self) {
        self.is_in_doubt.store(true, Ordering::SeqCst);
    }
}
