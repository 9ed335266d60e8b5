use std::{fmt, num::NonZeroU32};

use crate::mapping::MappingError;

/// The place of a transaction among those of the same unique key: 1 to 2^31 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(NonZeroU32);

impl Serial {
    /// The first: 1.
    pub const FIRST: Self = Self(NonZeroU32::MIN);
    /// The last: 2^31 - 1.
    pub const MAX: Self = match NonZeroU32::new(i32::MAX.cast_unsigned()) {
        Some(max) => Self(max),
        None => Self::FIRST,
    };

    /// The serial with this number.
    ///
    /// # Errors
    /// [`MappingError::Serial`] for 0 and above 2^31 - 1.
    pub fn try_new(serial: u32) -> Result<Self, MappingError> {
        NonZeroU32::new(serial)
            .map(Self)
            .filter(|serial| *serial <= Self::MAX)
            .ok_or(MappingError::Serial { serial })
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The next one; none behind the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::try_new(self.get().saturating_add(1)).ok()
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
