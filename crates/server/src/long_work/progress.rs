//! What the events of each kind of long work say of how far it has come.

use crate::contract::strongroom::{
    CreateBackupEvent, DropCopiesEvent, ExamineEvent, ExportAuditEvent, MigrateKeysEvent,
    OperationProgress, Problem, RotateNodeKeysEvent, RotateWrapperKeyEvent, create_backup_event,
    drop_copies_event, examine_event, export_audit_event, migrate_keys_event,
    rotate_node_keys_event, rotate_wrapper_key_event,
};

/// An event of long work: others hear of it as numbers.
pub(crate) trait Progressing: Send + 'static {
    /// How far it has come, when `before` was told of before; none: that is as before.
    fn progress(&self, before: u64) -> Option<OperationProgress>;

    /// Why the work ended before it was done, if this is the event that says so.
    fn problem(&self) -> Option<&Problem> {
        None
    }
}

fn progress(done: u64, of: u64, unit: &str) -> Option<OperationProgress> {
    let unit = unit.to_owned();
    Some(OperationProgress { done, of, unit })
}

impl Progressing for RotateWrapperKeyEvent {
    fn progress(&self, _before: u64) -> Option<OperationProgress> {
        use rotate_wrapper_key_event::Event;
        match self.event.as_ref()? {
            Event::Progress(told) => progress(told.moved, told.of, "rows"),
            Event::Done(_) => None,
        }
    }
}

impl Progressing for RotateNodeKeysEvent {
    fn progress(&self, before: u64) -> Option<OperationProgress> {
        use rotate_node_keys_event::Event;
        match self.event.as_ref()? {
            Event::Step(_) => progress(before + 1, 0, "steps"),
            Event::Done(_) => None,
        }
    }
}

/// Of work that goes from key to key, and may end early.
macro_rules! from_key_to_key {
    ($($event:ty => $events:path;)+) => {$(
        impl Progressing for $event {
            fn progress(&self, _before: u64) -> Option<OperationProgress> {
                use $events as Event;
                match self.event.as_ref()? {
                    Event::Progress(told) => progress(told.done, told.of, "keys"),
                    Event::Done(_) => None,
                }
            }

            fn problem(&self) -> Option<&Problem> {
                use $events as Event;
                match self.event.as_ref()? {
                    Event::Progress(_) => None,
                    Event::Done(done) => done.failed.as_ref(),
                }
            }
        }
    )+};
}

from_key_to_key! {
    MigrateKeysEvent => migrate_keys_event::Event;
    DropCopiesEvent => drop_copies_event::Event;
}

impl Progressing for CreateBackupEvent {
    fn progress(&self, _before: u64) -> Option<OperationProgress> {
        use create_backup_event::Event;
        match self.event.as_ref()? {
            Event::Progress(told) => progress(told.rows, 0, "rows"),
            Event::Chunk(_) | Event::Done(_) => None,
        }
    }
}

impl Progressing for ExportAuditEvent {
    fn progress(&self, before: u64) -> Option<OperationProgress> {
        use export_audit_event::Event;
        match self.event.as_ref()? {
            Event::Lines(lines) => progress(before + lines.len() as u64, 0, "bytes"),
            Event::Done(_) => None,
        }
    }
}

impl Progressing for ExamineEvent {
    fn progress(&self, _before: u64) -> Option<OperationProgress> {
        use examine_event::Event;
        match self.event.as_ref()? {
            Event::Progress(told) => progress(told.done, told.of, "keys"),
            Event::Done(_) => None,
        }
    }
}
