//! The second kind of anchor: a tag of a wrapper key, which holds the newest checkpoint that was written there.
//!
//! The KMS decides who may write tags, so the store's operator cannot. A call for every commit would cost too much: the tag is
//! written at checkpoints only, and what was committed since the last one is its undetected window. See ADR 0020.

mod commit;
mod configured;
mod keeper;
mod open;
mod restore;
mod show;

use data_encoding::BASE32_DNSSEC;
use strongroom_crypto::HashBuilder;
use strongroom_store::{DataKeyId, DataKeyRecord, VaultId, WrapRecord};

use crate::{anchor::AnchorRecord, data_keys::OpenedDataKey};

pub(crate) use self::{
    commit::prepare,
    configured::{ConfiguredTag, Looked},
    keeper::{Closing, Keeper, Plan, Turn},
    open::Judge,
    restore::TagBefore,
};
pub use self::{
    keeper::TagFailure,
    show::{AnchorTag, StoredTag},
};

/// Before the id of the vault, in the name of the tag that is an anchor: vaults that share a wrapper key have a tag each.
pub const ANCHOR_TAG_PREFIX: &str = "strongroom-anchor-";
/// Before the value: the version of its form.
const VERSION_PREFIX: &str = "1-";
const DATA_KEYS_LABEL: &[u8] = b"strongroom anchor tag data keys v1";

/// Bytes of the generation.
const GENERATION: usize = 6;
/// Bytes of each of the two proofs: to find another input for one takes 2^128 attempts.
const PROOF: usize = 16;
const BYTES: usize = GENERATION + 2 * PROOF;
/// More commits than a vault lives to see: a thousand a second for nine thousand years.
const MAX_GENERATION: u64 = (1 << (8 * GENERATION)) - 1;

/// The name of the tag of this vault.
pub(crate) fn tag_name(vault: VaultId) -> String {
    format!("{ANCHOR_TAG_PREFIX}{vault}")
}

/// What a tag says: a checkpoint, and which data keys are the vault's.
///
/// ```text
/// value = "1-" ‖ base32hex(generation(6) ‖ checkpoint(16) ‖ data keys(16))     63 characters, small letters and digits
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TagRecord {
    pub(crate) generation: u64,
    /// The first half of the checkpoint's tag: only holders of the data key can make it.
    pub(crate) checkpoint: [u8; PROOF],
    pub(crate) data_keys: DataKeySet,
}

impl TagRecord {
    /// What a tag says before there is a checkpoint: the data key, so that nobody puts another one in its place.
    pub(crate) const fn first(generation: u64, data_keys: DataKeySet) -> Self {
        Self {
            generation,
            checkpoint: [0; PROOF],
            data_keys,
        }
    }

    pub(crate) fn to_value(self) -> String {
        let generation = self.generation.min(MAX_GENERATION).to_be_bytes();
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend(generation.iter().skip(8 - GENERATION));
        bytes.extend(self.checkpoint);
        bytes.extend(self.data_keys.0);
        format!("{VERSION_PREFIX}{}", BASE32_DNSSEC.encode(&bytes))
    }

    /// None for what is no such value, or one of a later version.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let text = value.strip_prefix(VERSION_PREFIX)?;
        let bytes = BASE32_DNSSEC.decode(text.as_bytes()).ok()?;
        let (generation, rest) = bytes.split_at_checked(GENERATION)?;
        let (checkpoint, data_keys) = rest.split_at_checked(PROOF)?;
        let number = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        let record = Self {
            generation: generation.iter().fold(0, number),
            checkpoint: checkpoint.try_into().ok()?,
            data_keys: DataKeySet(data_keys.try_into().ok()?),
        };
        // One text for one record: capital letters decode too.
        (record.to_value() == value).then_some(record)
    }
}

/// A data key by its id and the commitment to it.
pub(crate) type DataKeyMark = (DataKeyId, [u8; 32]);

pub(crate) fn mark(record: &DataKeyRecord) -> DataKeyMark {
    (record.id, record.commitment)
}

/// Those that another anchor knows or knew.
pub(crate) fn marks_of(anchored: &AnchorRecord) -> Vec<DataKeyMark> {
    let keys = anchored.all_data_keys();
    keys.filter_map(|key| key.parse()).collect()
}

pub(crate) fn mark_of(key: &OpenedDataKey) -> DataKeyMark {
    (key.id, key.key.commitment())
}

/// The data keys that a tag accepts, as a hash: one, or while a commit is under way that makes another one current, two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataKeySet([u8; PROOF]);

impl DataKeySet {
    pub(crate) fn one(vault: VaultId, key: DataKeyMark) -> Self {
        Self::of(vault, &[key])
    }

    /// Their order does not matter.
    pub(crate) fn two(vault: VaultId, one: DataKeyMark, other: DataKeyMark) -> Self {
        let mut keys = [one, other];
        keys.sort_unstable_by_key(|(id, _)| *id.as_bytes());
        Self::of(vault, &keys)
    }

    fn of(vault: VaultId, keys: &[DataKeyMark]) -> Self {
        let mut hash = HashBuilder::without_purpose()
            .raw(DATA_KEYS_LABEL)
            .raw(vault.as_bytes());
        for (id, commitment) in keys {
            hash = hash.raw(id.as_bytes()).raw(commitment);
        }
        Self(half(hash.finish().as_bytes()))
    }
}

/// The first half of 32 bytes.
pub(crate) fn half(bytes: &[u8; 32]) -> [u8; PROOF] {
    let mut half = [0; PROOF];
    half.iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    half
}

/// The wrapper key whose tag counts: the oldest one of this KMS that wraps this data key. None if the KMS has no wrap of it.
pub(crate) fn seat<'w>(
    kms: &str,
    wraps: impl IntoIterator<Item = &'w WrapRecord>,
    data_key: DataKeyId,
) -> Option<String> {
    let ours = wraps
        .into_iter()
        .filter(|wrap| wrap.kms == kms && wrap.data_key_id == data_key);
    let oldest = ours.min_by_key(|wrap| (wrap.created_at, &wrap.wrapper_key_id));
    oldest.map(|wrap| wrap.wrapper_key_id.clone())
}

#[cfg(test)]
mod tests {
    use strongroom_kms::check_tag;

    use super::*;

    const VAULT: VaultId = VaultId::from_bytes([0x5a; 16]);

    fn key(number: u8) -> DataKeyMark {
        (DataKeyId::from_bytes([number; 16]), [number; 32])
    }

    #[test]
    fn every_record_is_a_tag_that_every_cloud_takes_and_is_read_as_it_was() {
        for generation in [0, 1, 255, 256, MAX_GENERATION] {
            let record = TagRecord {
                generation,
                checkpoint: [0xff; PROOF],
                data_keys: DataKeySet::one(VAULT, key(1)),
            };
            let value = record.to_value();
            check_tag("any", &tag_name(VAULT), &value).unwrap();
            assert_eq!(value.len(), 63);
            assert_eq!(TagRecord::parse(&value), Some(record));
        }
    }

    #[test]
    fn the_form_of_a_tag_does_not_change() {
        let record = TagRecord {
            generation: 0x0102_0304_0506,
            checkpoint: [0x11; PROOF],
            data_keys: DataKeySet::two(VAULT, key(1), key(2)),
        };
        assert_eq!(
            record.to_value(),
            "1-041061050o8h248h248h248h248h248h248jq5abcio9gg9briobe74r58u18"
        );
    }

    #[test]
    fn what_is_no_tag_of_ours_is_none() {
        let record = TagRecord::first(1, DataKeySet::one(VAULT, key(1)));
        let value = record.to_value();
        for other in [
            String::new(),
            "1-".to_owned(),
            value.to_uppercase(),
            value.replacen('1', "2", 1),
            format!("{value}0"),
            value[..62].to_owned(),
            format!("{}z", &value[..62]),
        ] {
            assert_eq!(TagRecord::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn another_vault_another_key_and_another_number_of_keys_are_another_set() {
        let two = DataKeySet::two(VAULT, key(1), key(2));
        assert_eq!(two, DataKeySet::two(VAULT, key(2), key(1)));
        let vault = VaultId::from_bytes([1; 16]);
        let (id, _) = key(1);
        let all = [
            two,
            DataKeySet::one(VAULT, key(1)),
            DataKeySet::one(VAULT, key(2)),
            DataKeySet::one(VAULT, (id, [2; 32])),
            DataKeySet::one(vault, key(1)),
        ];
        for (index, set) in all.iter().enumerate() {
            assert!(!all[..index].contains(set), "{index}");
        }
    }
}
