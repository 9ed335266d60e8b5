//! What a rotation of the wrapper key will do, and what comes next: decided from what is durable, asking nobody.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_kms::{KmsKeyId, KmsOperation};

use crate::error::{VaultError, WrapperKeyError};

/// Which wrapper key shall take the place of which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RotationRequest {
    /// The configured name of the KMS that has, or makes, the new one; none: the KMS of the one that is replaced.
    pub kms: Option<String>,
    /// The wrapper key that is replaced; none: the only one that can be meant.
    pub from: Option<String>,
    /// The new one.
    pub to: NewWrapperKey,
}

/// The wrapper key that takes the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewWrapperKey {
    /// One that is there.
    Existing(KmsKeyId),
    /// One that the KMS makes.
    Generated {
        /// Usable from a second region.
        multi_region: bool,
    },
}

impl Default for NewWrapperKey {
    fn default() -> Self {
        Self::Generated {
            multi_region: false,
        }
    }
}

/// A wrap: the configured name of its KMS, and the wrapper key.
pub(in crate::operations::wraps) type WrapName = (String, String);

/// Who wraps the data key, and who shall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::operations::wraps) struct Choice {
    /// The KMS of the new wrapper key.
    pub(in crate::operations::wraps) kms: String,
    /// The new wrapper key; none: it has yet to be made.
    pub(in crate::operations::wraps) to: Option<KmsKeyId>,
    /// The wrap whose place it takes.
    pub(in crate::operations::wraps) replaced: WrapName,
    /// KMSs of other regions in which the replaced wrapper key wraps as well: there too the new one takes its place.
    pub(in crate::operations::wraps) replicas: Vec<String>,
    /// The wraps that stay.
    pub(in crate::operations::wraps) others: Vec<WrapName>,
}

impl Choice {
    /// Finds out what is meant. `wraps` are those of the current data key, in the configured order.
    pub(in crate::operations::wraps) fn of(
        wraps: &[WrapName],
        request: &RotationRequest,
    ) -> Result<Self, VaultError> {
        let in_kms = |wrap: &&WrapName| request.kms.as_ref().is_none_or(|kms| wrap.0 == *kms);
        let mut meant: Vec<&WrapName> = match &request.from {
            Some(from) => wraps.iter().filter(|wrap| wrap.1 == *from).collect(),
            None => wraps.iter().collect(),
        };
        if let Some(from) = &request.from
            && meant.is_empty()
        {
            return Err(VaultError::WrapNotFound {
                wrapper_key_id: from.clone(),
            });
        }
        // From one KMS to another, the only wrap is meant; within one, the only one there.
        if meant.iter().any(in_kms) {
            meant.retain(in_kms);
        }
        let [replaced] = *meant.as_slice() else {
            let kms = request.kms.clone();
            return Err(WrapperKeyError::WhichWrap { kms }.into());
        };
        let kms = request.kms.clone().unwrap_or_else(|| replaced.0.clone());
        let to = match &request.to {
            NewWrapperKey::Existing(id) => Some(id.clone()),
            NewWrapperKey::Generated { .. } => None,
        };
        if let Some(id) = &to
            && wraps.iter().any(|wrap| wrap.1 == id.as_str())
        {
            return Err(WrapperKeyError::AlreadyInUse {
                wrapper_key_id: id.as_str().to_owned(),
            }
            .into());
        }
        let others = wraps.iter().filter(|wrap| *wrap != replaced).cloned();
        let (replicas, others): (Vec<_>, Vec<_>) = others.partition(|wrap| wrap.1 == replaced.1);
        if kms != replaced.0
            && let Some((kms, wrapper_key_id)) = replicas.first().cloned()
        {
            // The new wrapper key cannot be where the replicas of the old one are.
            return Err(WrapperKeyError::Replicated {
                kms,
                wrapper_key_id,
            }
            .into());
        }
        Ok(Self {
            kms,
            to,
            replaced: replaced.clone(),
            replicas: replicas.into_iter().map(|(kms, _)| kms).collect(),
            others,
        })
    }

    /// Every wrap that there shall be when the new wrapper key is this one, its own first.
    pub(in crate::operations::wraps) fn wraps(&self, to: &KmsKeyId) -> Vec<WrapName> {
        let new = |kms: &String| (kms.clone(), to.as_str().to_owned());
        let replicas = self.replicas.iter().map(new);
        let own = [new(&self.kms)].into_iter();
        own.chain(replicas).chain(self.others.clone()).collect()
    }
}

/// How many rows there are to move, by what has to be done for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowsToMove {
    /// Keys sealed under the data key: opened, sealed and authenticated anew.
    pub sealed: u64,
    /// Keys that a KMS sealed itself: it opens and seals each.
    pub direct: u64,
    /// Keys that need only be authenticated anew: public ones, those that a KMS holds, those stored readable.
    pub tagged: u64,
    /// Who the node is, its rotations under way, and the journal of KMS keys.
    pub node: u64,
    /// Topology transactions.
    pub topology: u64,
}

impl RowsToMove {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.keys() + self.node + self.topology
    }

    /// Those of keys.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.sealed + self.direct + self.tagged
    }
}

/// What comes next in a rotation that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    MoveKeys,
    MoveNode,
    MoveTopology,
    /// No row needs the old data key any more.
    Finish,
}

/// The next step when the new data key is durable, under every wrap, and these rows are under the old one.
pub(super) const fn step(remaining: &RowsToMove) -> Step {
    if remaining.keys() > 0 {
        Step::MoveKeys
    } else if remaining.node > 0 {
        Step::MoveNode
    } else if remaining.topology > 0 {
        Step::MoveTopology
    } else {
        Step::Finish
    }
}

/// The next step of a rotation that somebody else began; `remaining` is none when none is under way.
pub(super) fn resume(remaining: Option<&RowsToMove>) -> Result<Step, WrapperKeyError> {
    remaining.map(step).ok_or(WrapperKeyError::NoRotation)
}

/// What a rotation of the wrapper key would do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationPlan {
    /// The KMS of the new wrapper key.
    pub kms: String,
    /// The new wrapper key; none: it is made.
    pub wrapper_key_id: Option<String>,
    /// KMS and wrapper key that it takes the place of.
    pub replaces: (String, String),
    /// KMS and wrapper key of every other wrap, which is renewed.
    pub renews: Vec<(String, String)>,
    /// The rows that move to the new data key.
    pub rows: RowsToMove,
    /// The calls that it takes, by KMS.
    pub calls: Vec<PlannedCalls>,
}

/// Calls of one kind to one KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedCalls {
    /// Its configured name.
    pub kms: String,
    /// What it is asked.
    pub operation: KmsOperation,
    /// How often.
    pub calls: u64,
}

/// What a plan is made from.
pub(super) struct Survey<'a> {
    pub(super) choice: &'a Choice,
    pub(super) rows: RowsToMove,
    /// Keys that a KMS sealed itself under the replaced wrapper key: the KMS that opens each, and how many.
    pub(super) direct: BTreeMap<String, u64>,
    /// KMSs that take a wrap from one wrapper key to another themselves.
    pub(super) rewrap_inside: BTreeSet<String>,
}

/// What will be done, counted.
pub(super) fn plan(survey: &Survey<'_>) -> RotationPlan {
    let choice = survey.choice;
    let mut calls: BTreeMap<(String, KmsOperation), u64> = BTreeMap::new();
    let mut call = |kms: &str, operation, number| {
        *calls.entry((kms.to_owned(), operation)).or_default() += number;
    };
    let first = match &choice.to {
        Some(_existing) => KmsOperation::WrapperKeyState,
        None => KmsOperation::GenerateWrapperKey,
    };
    call(&choice.kms, first, 1);
    let others = choice.others.iter().map(|(kms, _)| kms);
    for kms in [&choice.kms]
        .into_iter()
        .chain(&choice.replicas)
        .chain(others)
    {
        call(kms, KmsOperation::WrapKey, 1);
        call(kms, KmsOperation::UnwrapKey, 1);
    }
    for (kms, rows) in &survey.direct {
        if *kms == choice.kms && survey.rewrap_inside.contains(kms) {
            call(kms, KmsOperation::RewrapKey, *rows);
        } else {
            call(kms, KmsOperation::UnwrapKey, *rows);
            call(&choice.kms, KmsOperation::WrapKey, *rows);
        }
    }
    let planned = calls
        .into_iter()
        .map(|((kms, operation), calls)| PlannedCalls {
            kms,
            operation,
            calls,
        });
    let renewed_replicas = choice.replicas.iter().map(|kms| {
        let new = choice
            .to
            .as_ref()
            .map_or_else(String::new, |to| to.as_str().to_owned());
        (kms.clone(), new)
    });
    RotationPlan {
        kms: choice.kms.clone(),
        wrapper_key_id: choice.to.as_ref().map(|to| to.as_str().to_owned()),
        replaces: choice.replaced.clone(),
        renews: renewed_replicas.chain(choice.others.clone()).collect(),
        rows: survey.rows,
        calls: planned.collect(),
    }
}

#[cfg(test)]
mod tests;
