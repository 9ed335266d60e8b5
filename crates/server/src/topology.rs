//! Canton's services of topology (reference: admin services, sections 1 to 4).

pub(crate) mod aggregation;
mod filters;
pub(crate) mod read;
mod store_id;
pub(crate) mod write;

use std::time::Duration;

/// A snapshot may have so many bytes: it is held in memory until all of it is there.
pub(crate) const MOST_SNAPSHOT_BYTES: usize = 256 * 1024 * 1024;

/// All of a snapshot comes within this time.
pub(crate) const RECEIVE_SNAPSHOT_WITHIN: Duration = Duration::from_secs(600);
