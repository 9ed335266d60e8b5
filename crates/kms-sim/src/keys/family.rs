//! What all regions share of a key: material, versions and rotation.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_crypto::{Random, Timestamp};

use super::error::KeyError;
use super::material::Material;
use super::random_text;
use super::ring::Source;
use super::spec::KeySpec;
use crate::clock::after_days;

/// One version of a key.
#[derive(Debug)]
pub(crate) struct Version {
    /// Counts from 1.
    pub(crate) number: u32,
    /// 64 hexadecimal digits that name the material.
    pub(crate) material_id: String,
    pub(super) material: Material,
}

/// When a key rotates by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RotationPlan {
    pub(crate) period_days: u32,
    pub(crate) next_at: Timestamp,
}

/// Who had a key rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RotationCause {
    Plan,
    Demand,
}

/// One rotation that happened.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    pub(crate) at: Timestamp,
    pub(crate) cause: RotationCause,
    /// The material that came into force.
    pub(crate) material_id: String,
}

/// Key material and what happened to it.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) spec: KeySpec,
    pub(super) multi_region: bool,
    pub(super) primary_region: String,
    /// The other regions that have it.
    pub(super) replica_regions: BTreeSet<String>,
    /// Whether its material comes from elsewhere.
    pub(super) external: bool,
    /// The public half of what was imported: the key takes no other material ever.
    pub(super) bound_to: Option<Vec<u8>>,
    pub(super) current: Arc<Version>,
    pub(super) former: Vec<Arc<Version>>,
    pub(super) plan: Option<RotationPlan>,
    pub(super) rotations: Vec<Rotation>,
}

impl Family {
    pub(super) fn new(
        spec: KeySpec,
        source: Source,
        multi_region: bool,
        primary_region: &str,
        random: &dyn Random,
    ) -> Result<Self, KeyError> {
        let external = !matches!(source, Source::Cloud);
        let material = match source {
            Source::Cloud => Material::generate(spec, random)?,
            Source::Awaited => Material::Awaited,
            Source::Given(material) => material,
        };
        Ok(Self {
            spec,
            external,
            bound_to: None,
            multi_region,
            primary_region: primary_region.to_owned(),
            replica_regions: BTreeSet::new(),
            current: Arc::new(Version::of(1, material, random)?),
            former: Vec::new(),
            plan: None,
            rotations: Vec::new(),
        })
    }

    /// A new version comes into force; the old ones go on decrypting.
    pub(super) fn rotate(
        &mut self,
        at: Timestamp,
        cause: RotationCause,
        random: &dyn Random,
    ) -> Result<(), KeyError> {
        let number = self.current.number.saturating_add(1);
        let material = Material::generate(self.spec, random)?;
        let next = Arc::new(Version::of(number, material, random)?);
        self.rotations.push(Rotation {
            at,
            cause,
            material_id: next.material_id.clone(),
        });
        self.former.push(std::mem::replace(&mut self.current, next));
        Ok(())
    }

    /// Makes up for the planned rotations whose time has come.
    pub(super) fn catch_up(&mut self, now: Timestamp, random: &dyn Random) -> Result<(), KeyError> {
        while let Some(plan) = self.plan.filter(|plan| plan.next_at <= now) {
            self.rotate(plan.next_at, RotationCause::Plan, random)?;
            self.plan = Some(RotationPlan {
                next_at: after_days(plan.next_at, plan.period_days),
                ..plan
            });
        }
        Ok(())
    }
}

impl Version {
    pub(super) fn of(
        number: u32,
        material: Material,
        random: &dyn Random,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            number,
            material_id: random_text::hex::<32>(random)?,
            material,
        })
    }
}
