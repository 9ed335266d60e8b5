//! The small numbers by which rows name things. They are stored and authenticated: a number is never reused.

use crate::{Custody, DataKeyState, JournalStep, KeyState, Sealing};
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};

/// A value that a column holds as a small number.
///
/// Every store uses the same numbers, so rows can move from one store to another without losing their MAC.
pub trait RowCode: Copy + Sized {
    /// The number in the row.
    fn code(self) -> u8;

    /// The value of a number; `None` for a number that this version does not know.
    fn from_code(code: u8) -> Option<Self>;
}

macro_rules! row_codes {
    ($type:ty { $($value:pat => $code:literal => $back:expr,)+ }) => {
        impl RowCode for $type {
            fn code(self) -> u8 {
                match self { $($value => $code,)+ }
            }

            fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some($back),)+ _ => None }
            }
        }
    };
}

row_codes!(Custody {
    Self::Clear => 0 => Self::Clear,
    Self::Envelope => 1 => Self::Envelope,
    Self::External => 2 => Self::External,
});

row_codes!(Sealing {
    Self::None => 0 => Self::None,
    Self::DataKey => 1 => Self::DataKey,
    Self::Direct => 2 => Self::Direct,
});

row_codes!(KeyState {
    Self::Active => 0 => Self::Active,
    Self::Retired => 1 => Self::Retired,
});

row_codes!(JournalStep {
    Self::Intended => 0 => Self::Intended,
    Self::Created => 1 => Self::Created,
    Self::Discarded => 2 => Self::Discarded,
    Self::Scheduled => 3 => Self::Scheduled,
});

row_codes!(DataKeyState {
    Self::Active => 0 => Self::Active,
    Self::Retired => 1 => Self::Retired,
});

// Signing specs have Canton's numbers; encryption specs start at 129, so the purpose can be read off the number.
row_codes!(KeySpec {
    Self::Signing(SigningKeySpec::EcCurve25519) => 1 => Self::Signing(SigningKeySpec::EcCurve25519),
    Self::Signing(SigningKeySpec::EcP256) => 2 => Self::Signing(SigningKeySpec::EcP256),
    Self::Signing(SigningKeySpec::EcP384) => 3 => Self::Signing(SigningKeySpec::EcP384),
    Self::Signing(SigningKeySpec::EcSecp256k1) => 4 => Self::Signing(SigningKeySpec::EcSecp256k1),
    Self::Signing(SigningKeySpec::MlDsa65) => 5 => Self::Signing(SigningKeySpec::MlDsa65),
    Self::Encryption(EncryptionKeySpec::EcP256) => 129 => Self::Encryption(EncryptionKeySpec::EcP256),
    Self::Encryption(EncryptionKeySpec::Rsa2048) => 130 => Self::Encryption(EncryptionKeySpec::Rsa2048),
});

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: RowCode + PartialEq + std::fmt::Debug>(values: &[T], codes: &[u8]) {
        assert_eq!(
            values.iter().map(|value| value.code()).collect::<Vec<_>>(),
            codes
        );
        let known = (0..=u8::MAX).filter_map(T::from_code).collect::<Vec<_>>();
        assert_eq!(known, values, "every number stands for one value");
    }

    #[test]
    fn the_numbers_of_rows_never_change() {
        check(
            &[Custody::Clear, Custody::Envelope, Custody::External],
            &[0, 1, 2],
        );
        check(
            &[Sealing::None, Sealing::DataKey, Sealing::Direct],
            &[0, 1, 2],
        );
        check(&[KeyState::Active, KeyState::Retired], &[0, 1]);
        check(
            &[
                JournalStep::Intended,
                JournalStep::Created,
                JournalStep::Discarded,
                JournalStep::Scheduled,
            ],
            &[0, 1, 2, 3],
        );
        check(&[DataKeyState::Active, DataKeyState::Retired], &[0, 1]);
        check(
            &[
                KeySpec::Signing(SigningKeySpec::EcCurve25519),
                KeySpec::Signing(SigningKeySpec::EcP256),
                KeySpec::Signing(SigningKeySpec::EcP384),
                KeySpec::Signing(SigningKeySpec::EcSecp256k1),
                KeySpec::Signing(SigningKeySpec::MlDsa65),
                KeySpec::Encryption(EncryptionKeySpec::EcP256),
                KeySpec::Encryption(EncryptionKeySpec::Rsa2048),
            ],
            &[1, 2, 3, 4, 5, 129, 130],
        );
    }
}
