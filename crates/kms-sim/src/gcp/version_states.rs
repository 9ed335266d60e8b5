//! The states of a crypto key version.

use super::enums::ProtoEnum;

/// The states of a crypto key version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    PendingGeneration,
    PendingImport,
    ImportFailed,
    Enabled,
    Disabled,
    DestroyScheduled,
    Destroyed,
}

impl ProtoEnum for State {
    const FIELD: &'static str = "state";
    const VALUES: &'static [(Self, &'static str, u16)] = &[
        (Self::Enabled, "ENABLED", 1),
        (Self::Disabled, "DISABLED", 2),
        (Self::Destroyed, "DESTROYED", 3),
        (Self::DestroyScheduled, "DESTROY_SCHEDULED", 4),
        (Self::PendingGeneration, "PENDING_GENERATION", 5),
        (Self::PendingImport, "PENDING_IMPORT", 6),
        (Self::ImportFailed, "IMPORT_FAILED", 7),
    ];
}
