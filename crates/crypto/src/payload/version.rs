//! What differs between the versions of payloads.

use super::PAYLOAD_CHUNK_LEN;

/// The versions that are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// With chunks of 256 KiB. No longer written.
    One,
    /// The one that is written.
    Two,
}

impl Version {
    pub(super) const CURRENT: Self = Self::Two;

    pub(super) const fn of_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }

    pub(super) const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// Bytes of plaintext in every chunk but the last.
    pub(super) const fn chunk_len(self) -> usize {
        match self {
            Self::One => 256 * 1024,
            Self::Two => PAYLOAD_CHUNK_LEN,
        }
    }

    /// Stands before the header where that is hashed, so that the version is bound to the key as the header is.
    pub(super) const fn header_label(self) -> &'static [u8] {
        match self {
            Self::One => b"strongroom payload header v1",
            Self::Two => b"strongroom payload header v2",
        }
    }
}
