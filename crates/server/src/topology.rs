//! Canton's services of topology (reference: admin services, sections 1 to 4).

pub(crate) mod aggregation;
mod filters;
pub(crate) mod pieces;
pub(crate) mod read;
mod store_id;
pub(crate) mod write;

use std::time::Duration;

use crate::{
    context::Context,
    failure::{Failure, codes},
};

/// A snapshot that comes may have so many bytes: it is held in memory until all of it is there, and counts for its caller.
pub(crate) const MOST_SNAPSHOT_BYTES: usize = 256 * 1024 * 1024;

/// All of a snapshot comes within this time.
pub(crate) const RECEIVE_SNAPSHOT_WITHIN: Duration = Duration::from_secs(600);

/// Takes room for a piece of a snapshot behind others.
pub(crate) fn hold_snapshot(context: &Context, bytes: usize, more: usize) -> Result<(), Failure> {
    if bytes + more > MOST_SNAPSHOT_BYTES {
        return Err(Failure::own(
            codes::SNAPSHOT_TOO_LARGE,
            format!("a snapshot has at most {MOST_SNAPSHOT_BYTES} bytes"),
        ));
    }
    context.hold(more)
}
