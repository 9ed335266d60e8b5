//! The state record: what the whole vault adds up to.

use strongroom_crypto::{
    Random,
    encoding::{Decoder, Encoder, EncodingError},
};
use strongroom_store::VaultId;

use crate::{
    audit::AuditHead, configuration::ConfigurationMark, data_keys::OpenedDataKey,
    digest::MultisetDigest, error::VaultError, succession::Succession,
};

const STATE_LABEL: &str = "strongroom state record v1";
const STATE_VERSION: u8 = 1;
/// What follows the topology of a vault in quarantine.
const QUARANTINE: u8 = 1;
/// What follows that, or else topology, once the wrapper key was rotated.
const SUCCESSION: u8 = 2;
/// What follows that, or else topology, once a server has noted what it is told to do.
const CONFIGURATION: u8 = 3;
/// What follows that, if a change of it takes more than a record.
const GUARD: u8 = 4;
/// Beside it, in the byte that says which anchors know of the state: the tag of a wrapper key.
const TAGGED: u8 = 2;

/// What the whole vault adds up to after a commit.
///
/// One sealed row of the store holds it. Each commit replaces it, so that a row that was dropped, revived, or
/// brought from another point in time no longer adds up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VaultState {
    /// Number of commits so far.
    pub(crate) generation: u64,
    /// Number of entries in the digest: keys, wraps, data keys, and the vault itself.
    pub(crate) entries: u64,
    /// The digest over all of them.
    pub(crate) digest: MultisetDigest,
    /// Number of audit records.
    pub(crate) audit_records: u64,
    /// Hash of the newest audit record, zeros before the first.
    pub(crate) audit_head: [u8; 32],
    /// Whether an anchor knows of this state: taking the anchor out of the configuration does not go unnoticed.
    pub(crate) anchored: bool,
    /// The same for the tag of a wrapper key.
    pub(crate) tagged: bool,
    /// The rows of topology, which are read only when topology is asked for: opening does not wait for them.
    pub(crate) topology: RowSum,
    /// The vault was restored from a backup, and nobody has said yet that it may sign again.
    pub(crate) quarantine: bool,
    /// How the current data key came from those before.
    pub(crate) succession: Succession,
    /// What the configuration of a server said that is to be on record when it changes; none: no server has begun.
    pub(crate) configuration: Option<ConfigurationMark>,
}

/// What rows that are counted apart from the others add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowSum {
    /// How many there are.
    pub(crate) rows: u64,
    /// The digest over all of them.
    pub(crate) digest: MultisetDigest,
}

impl RowSum {
    pub(crate) fn add(&mut self, element: &[u8; 32]) {
        self.rows += 1;
        self.digest.add(element);
    }

    /// One row is another now.
    pub(crate) fn replace(&mut self, before: &[u8; 32], after: &[u8; 32]) {
        self.digest.remove(before);
        self.digest.add(after);
    }
}

impl VaultState {
    /// The sealed form: `version(1) ‖ sealed`.
    pub(crate) fn seal(
        &self,
        vault: VaultId,
        data_key: &OpenedDataKey,
        random: &dyn Random,
    ) -> Result<Vec<u8>, VaultError> {
        let sealed = data_key.key.seal(
            STATE_LABEL,
            &context(vault, data_key),
            &self.encode(),
            random,
        )?;
        let mut record = Vec::with_capacity(1 + sealed.len());
        record.push(STATE_VERSION);
        record.extend_from_slice(&sealed);
        Ok(record)
    }

    /// Reverses [`Self::seal`].
    pub(crate) fn open(
        record: &[u8],
        vault: VaultId,
        data_key: &OpenedDataKey,
    ) -> Result<Self, VaultError> {
        let (version, sealed) = record.split_first().ok_or(VaultError::StateNotAuthentic)?;
        if *version != STATE_VERSION {
            return Err(VaultError::UnknownFormat {
                what: "state record",
                version: *version,
            });
        }
        let opened = data_key
            .key
            .open(STATE_LABEL, &context(vault, data_key), sealed)
            .map_err(|_refused| VaultError::StateNotAuthentic)?;
        // EXPOSE: the state is not secret to us; it is sealed so that the store's operator cannot study the sums.
        Self::decode(opened.expose()).map_err(|_malformed| VaultError::StateNotAuthentic)
    }

    /// The newest audit record.
    pub(crate) const fn audit_head(&self) -> AuditHead {
        AuditHead {
            records: self.audit_records,
            hash: self.audit_head,
        }
    }

    /// What the anchor keeps of this state: a tag that only holders of the data key can make or read anything from.
    pub(crate) fn checkpoint_tag(&self, vault: VaultId, data_key: &OpenedDataKey) -> [u8; 32] {
        let mut encoder = Encoder::new();
        encoder.raw(vault.as_bytes()).raw(&self.encode());
        data_key.checkpoint_tag(&encoder.into_vec())
    }

    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::with_capacity(130);
        encoder
            .raw(&self.generation.to_be_bytes())
            .raw(&self.entries.to_be_bytes())
            .raw(&self.digest.to_bytes())
            .raw(&self.audit_records.to_be_bytes())
            .raw(&self.audit_head)
            .byte(u8::from(self.anchored) | (u8::from(self.tagged) * TAGGED));
        // Left out while there is no topology: so do the records and checkpoints of vaults from before there was any.
        let more = self.quarantine || !self.succession.is_empty() || self.configuration.is_some();
        if self.topology.rows > 0 || more {
            encoder
                .raw(&self.topology.rows.to_be_bytes())
                .raw(&self.topology.digest.to_bytes());
        }
        // Left out while there is none, for the same reason.
        if self.quarantine {
            encoder.byte(QUARANTINE);
        }
        if !self.succession.is_empty() {
            encoder.byte(SUCCESSION);
            self.succession.encode(&mut encoder);
        }
        if let Some(mark) = &self.configuration {
            encoder.byte(CONFIGURATION);
            mark.encode(&mut encoder);
            if mark.is_guarded() {
                encoder.byte(GUARD);
                mark.encode_guard(&mut encoder);
            }
        }
        encoder.into_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        let mut decoder = Decoder::new(bytes);
        let mut state = Self {
            generation: u64::from_be_bytes(decoder.array()?),
            entries: u64::from_be_bytes(decoder.array()?),
            digest: MultisetDigest::from_bytes(&decoder.array()?),
            audit_records: u64::from_be_bytes(decoder.array()?),
            audit_head: decoder.array()?,
            anchored: false,
            tagged: false,
            topology: RowSum::default(),
            quarantine: false,
            succession: Succession::default(),
            configuration: None,
        };
        let anchors = decoder.byte()?;
        if anchors > (1 | TAGGED) {
            return Err(EncodingError::UnknownTag { tag: anchors });
        }
        (state.anchored, state.tagged) = (anchors & 1 != 0, anchors & TAGGED != 0);
        if decoder.remaining() > 0 {
            state.topology = RowSum {
                rows: u64::from_be_bytes(decoder.array()?),
                digest: MultisetDigest::from_bytes(&decoder.array()?),
            };
        }
        while decoder.remaining() > 0 {
            match decoder.byte()? {
                QUARANTINE if !state.quarantine => state.quarantine = true,
                SUCCESSION if state.succession.is_empty() => {
                    state.succession = Succession::decode(&mut decoder)?;
                }
                CONFIGURATION if state.configuration.is_none() => {
                    state.configuration = Some(ConfigurationMark::decode(&mut decoder)?);
                }
                GUARD => match &mut state.configuration {
                    Some(mark) if !mark.is_guarded() => mark.decode_guard(&mut decoder)?,
                    _ => return Err(EncodingError::UnknownTag { tag: GUARD }),
                },
                tag => return Err(EncodingError::UnknownTag { tag }),
            }
        }
        decoder.finish()?;
        Ok(state)
    }
}

fn context(vault: VaultId, data_key: &OpenedDataKey) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder
        .byte(STATE_VERSION)
        .raw(vault.as_bytes())
        .raw(data_key.id.as_bytes());
    encoder.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::ConfigurationGuard;

    fn state(guard: ConfigurationGuard) -> VaultState {
        let mark = ConfigurationMark::of("callers", "approvals", "audit", guard);
        VaultState {
            configuration: Some(mark),
            ..VaultState::default()
        }
    }

    #[test]
    fn what_a_change_of_the_configuration_takes_is_written_last_and_read_again() {
        let before_guards = state(ConfigurationGuard::Record).encode();
        for (guard, expected) in [
            (ConfigurationGuard::Record, &[][..]),
            (ConfigurationGuard::Person, &[4, 1]),
            (ConfigurationGuard::PersonOrReason, &[4, 2]),
        ] {
            let encoded = state(guard).encode();
            assert_eq!(encoded, [&before_guards, expected].concat());
            assert_eq!(VaultState::decode(&encoded).unwrap(), state(guard));
        }
    }

    #[test]
    fn a_guard_that_nobody_writes_is_refused() {
        let guarded = state(ConfigurationGuard::Person).encode();
        let with = |more: &[u8]| VaultState::decode(&[&guarded, more].concat());
        assert!(with(&[4, 2]).is_err() && with(&[4]).is_err());
        let unguarded = state(ConfigurationGuard::Record).encode();
        for last in [0, 3] {
            let encoded = [&unguarded, &[4, last][..]].concat();
            assert!(VaultState::decode(&encoded).is_err(), "{last}");
        }
        let mut of_nothing = VaultState {
            quarantine: true,
            ..VaultState::default()
        }
        .encode();
        of_nothing.extend([4, 1]);
        assert!(VaultState::decode(&of_nothing).is_err());
    }
}
