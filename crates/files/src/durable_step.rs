//! The steps after which a crash leaves something different on the disk.

use std::path::Path;
use std::sync::Arc;

/// One step of a durable change, reported when it is done and before the next begins.
///
/// - [`write_durably`](crate::Files::write_durably) and its kin: `LeftoversRemoved`, `TemporaryCreated`, `ContentsWritten`,
///   `ContentsSynced`, `Renamed`, `FolderSynced`. A crash up to `ContentsSynced` leaves the old contents and at most
///   one leftover temporary file, which the next write of the same file removes; from `Renamed` on the new contents
///   are seen, and from `FolderSynced` on they also survive a loss of power.
/// - [`remove`](crate::Files::remove): `Removed`, `FolderSynced`.
/// - [`create_folder`](crate::Files::create_folder): `FolderCreated`, `FolderSynced` for each folder, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DurableStep {
    /// Temporary files of crashed writes of the same file are gone.
    LeftoversRemoved,
    /// An empty temporary file with the final permissions stands beside the file.
    TemporaryCreated,
    /// The temporary file holds all contents, perhaps in the system's cache only.
    ContentsWritten,
    /// The temporary file's contents are on the disk.
    ContentsSynced,
    /// The temporary file has taken the name of the file.
    Renamed,
    /// The file's name is gone.
    Removed,
    /// A folder exists.
    FolderCreated,
    /// The folder that contains the changed name is on the disk.
    FolderSynced,
}

impl DurableStep {
    /// The steps of one write, in order.
    pub const OF_WRITE: [Self; 6] = [
        Self::LeftoversRemoved,
        Self::TemporaryCreated,
        Self::ContentsWritten,
        Self::ContentsSynced,
        Self::Renamed,
        Self::FolderSynced,
    ];
}

/// Is told of each finished step and of the path that the caller named. It may end the process: that is its purpose.
pub type StepObserver = Arc<dyn Fn(DurableStep, &Path) + Send + Sync>;
