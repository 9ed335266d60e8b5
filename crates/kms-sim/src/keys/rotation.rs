//! Rotating the material of symmetric keys.

use super::error::KeyError;
use super::family::{Family, RotationCause, RotationPlan};
use super::ring::Keys;
use super::spec::KeySpec;
use crate::clock::after_days;

impl Keys {
    /// Has the key rotate every so many days from now on. The same period again changes nothing.
    pub(crate) fn plan_rotation(
        &self,
        region: &str,
        id: &str,
        period_days: u32,
    ) -> Result<(), KeyError> {
        self.with(|store, now| {
            store.visible(region, id, now)?.usable()?;
            let family = rotatable(store.families.get_mut(id), region)?;
            if family
                .plan
                .is_some_and(|plan| plan.period_days == period_days)
            {
                return Ok(());
            }
            let next_at = after_days(now, period_days);
            family.plan = Some(RotationPlan {
                period_days,
                next_at,
            });
            store.wake_at(next_at);
            Ok(())
        })
    }

    /// The key rotates by itself no more.
    pub(crate) fn unplan_rotation(&self, region: &str, id: &str) -> Result<(), KeyError> {
        self.with(|store, now| {
            store.visible(region, id, now)?.usable()?;
            rotatable(store.families.get_mut(id), region)?.plan = None;
            Ok(())
        })
    }

    /// Rotates at once. A planned rotation keeps its time.
    pub(crate) fn rotate(&self, region: &str, id: &str) -> Result<(), KeyError> {
        self.with(|store, now| {
            store.visible(region, id, now)?.usable()?;
            let family = rotatable(store.families.get_mut(id), region)?;
            let on_demand = |cause| cause == RotationCause::Demand;
            let rotations = family.rotations.iter();
            let done = rotations
                .filter(|rotation| on_demand(rotation.cause))
                .count();
            if done >= self.room.rotations_on_demand {
                return Err(KeyError::Limit("rotations on demand"));
            }
            family.rotate(now, RotationCause::Demand, self.random.as_ref())
        })
    }
}

/// Symmetric keys rotate, and where there are several regions, in the primary's: the replicas follow.
fn rotatable<'a>(family: Option<&'a mut Family>, region: &str) -> Result<&'a mut Family, KeyError> {
    let family = family.ok_or(KeyError::Unknown)?;
    if family.spec == KeySpec::Symmetric && family.primary_region == region {
        Ok(family)
    } else {
        Err(KeyError::Unsupported("rotate"))
    }
}
