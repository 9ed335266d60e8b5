//! Which quota and which price a call falls under.

use strongroom_crypto::{EncryptionKeySpec, KeySpec};

use crate::guarded::Subject;
use crate::operation::KmsOperation;

/// The classes that clouds count, limit and charge separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaClass {
    /// Wrap, unwrap, rewrap.
    Symmetric,
    /// Decryption with RSA.
    Rsa,
    /// Signing and decrypting on curves; ML-DSA too, which no cloud makes cheaper.
    Ecc,
    /// Creating, importing, describing, tagging and deleting keys, and reading public halves.
    Administration,
}

impl QuotaClass {
    /// Every class, in the order of declaration.
    pub const ALL: [Self; 4] = [Self::Symmetric, Self::Rsa, Self::Ecc, Self::Administration];

    /// The stable name: `symmetric`, `rsa`, `ecc`, `administration`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Symmetric => "symmetric",
            Self::Rsa => "rsa",
            Self::Ecc => "ecc",
            Self::Administration => "administration",
        }
    }

    /// The class of a call.
    #[must_use]
    pub const fn of(operation: KmsOperation, subject: &Subject) -> Self {
        match operation {
            KmsOperation::WrapKey | KmsOperation::UnwrapKey | KmsOperation::RewrapKey => {
                Self::Symmetric
            }
            KmsOperation::Sign | KmsOperation::Decrypt => match subject.spec {
                Some(KeySpec::Encryption(EncryptionKeySpec::Rsa2048)) => Self::Rsa,
                _ => Self::Ecc,
            },
            KmsOperation::GenerateWrapperKey
            | KmsOperation::WrapperKeyState
            | KmsOperation::GenerateSigningKey
            | KmsOperation::GenerateEncryptionKey
            | KmsOperation::ImportKey
            | KmsOperation::KeyState
            | KmsOperation::PublicKey
            | KmsOperation::DeleteKey
            | KmsOperation::ReadTag
            | KmsOperation::SetTag => Self::Administration,
        }
    }
}

/// One value for each [`QuotaClass`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerClass<T> {
    /// For [`QuotaClass::Symmetric`].
    pub symmetric: T,
    /// For [`QuotaClass::Rsa`].
    pub rsa: T,
    /// For [`QuotaClass::Ecc`].
    pub ecc: T,
    /// For [`QuotaClass::Administration`].
    pub administration: T,
}

impl<T> PerClass<T> {
    /// The value of one class.
    #[must_use]
    pub const fn of(&self, class: QuotaClass) -> &T {
        match class {
            QuotaClass::Symmetric => &self.symmetric,
            QuotaClass::Rsa => &self.rsa,
            QuotaClass::Ecc => &self.ecc,
            QuotaClass::Administration => &self.administration,
        }
    }

    /// What `change` makes of each value.
    #[must_use]
    pub fn map<U>(&self, change: impl Fn(&T) -> U) -> PerClass<U> {
        PerClass {
            symmetric: change(&self.symmetric),
            rsa: change(&self.rsa),
            ecc: change(&self.ecc),
            administration: change(&self.administration),
        }
    }
}
