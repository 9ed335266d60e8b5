//! Which synchronizers are asked, and as of when.

use prost_types::Timestamp as WireTime;
use strongroom_proto::topology::read_timestamp;
use strongroom_topology::{At, PhysicalSynchronizerId, StoreId, SynchronizerId};
use strongroom_vault::Vault;

use crate::failure::{Failure, in_words};

/// The synchronizers with one of these logical ids; none means all.
pub(super) async fn wanted(
    vault: &Vault,
    ids: &[String],
) -> Result<Vec<PhysicalSynchronizerId>, Failure> {
    let ids = ids.iter().map(|id| id.parse::<SynchronizerId>());
    let ids = ids
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failure::unreadable(in_words(&error)))?;
    let stores = vault.topology_stores().await?.into_iter();
    let wanted = stores.filter_map(|store| match store {
        StoreId::Synchronizer(id) if ids.is_empty() || ids.contains(&id.synchronizer) => Some(id),
        _ => None,
    });
    Ok(wanted.collect())
}

/// The time of a request; not set: now.
pub(super) fn at(
    vault: &Vault,
    message: &'static str,
    as_of: Option<&WireTime>,
) -> Result<At, Failure> {
    match as_of {
        Some(time) => Ok(At::Time(read_timestamp(message, "as_of", time)?)),
        None => Ok(At::Time(vault.current_time())),
    }
}

/// A limit of a request, which must not be negative; 0 gives nothing.
pub(super) fn limit(limit: i32) -> Result<usize, Failure> {
    usize::try_from(limit).map_err(|_negative| Failure::unreadable("Field `limit` is negative"))
}
