//! Identifiers of stored things: 16 random bytes, printed as 32 lower-case hex digits.

use std::{fmt, str::FromStr};

macro_rules! identifier {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier with these 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes, as they are stored and bound into contexts.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let bytes = data_encoding::HEXLOWER.decode(text.as_bytes());
                let bytes = bytes.map_err(|_no_digits| NotAnId)?;
                bytes.try_into().map(Self).map_err(|_length| NotAnId)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

identifier!(
    /// Names one vault for its whole life; every sealed row is bound to it, so no row opens in another vault.
    VaultId
);

identifier!(
    /// Names one data key of a vault; rows say by it under which data key they are sealed and authenticated.
    DataKeyId
);

identifier!(
    /// Names one entry of the journal of KMS keys, and stands in a tag of the key that is created for it.
    JournalId
);

/// Something else than 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits")]
pub struct NotAnId;

identifier!(
    /// Names one approval that was asked for.
    ApprovalId
);

identifier!(
    /// Names one backup of a vault, in the backup itself and where the vault remembers it.
    BackupId
);

identifier!(
    /// Names one process on a store that several share; drawn anew at each start.
    ReplicaId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_prints_as_32_lower_case_hex_digits() {
        let id = VaultId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string(), "ab".repeat(16));
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "ab", &"AB".repeat(16), &"ab".repeat(17)] {
            assert_eq!(wrong.parse::<VaultId>(), Err(NotAnId), "{wrong:?}");
        }
        assert_eq!(
            format!("{:?}", DataKeyId::from_bytes([0; 16])),
            format!("DataKeyId({})", "00".repeat(16))
        );
    }
}
