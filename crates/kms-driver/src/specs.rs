//! Specs, states and categories by their numbers in the contract.

use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};
use strongroom_errors::Category;
use strongroom_kms::{KeyKind, KeyState, KmsOperation};

use crate::contract::{
    EncryptionKeySpec as WireEncryption, ErrorCategory, KeyStatus, SigningKeySpec as WireSigning,
    found_key, import_key_request, kms_error_detail, public_key_response,
};

pub(crate) const fn signing(spec: SigningKeySpec) -> WireSigning {
    match spec {
        SigningKeySpec::EcCurve25519 => WireSigning::EcCurve25519,
        SigningKeySpec::EcP256 => WireSigning::EcP256,
        SigningKeySpec::EcP384 => WireSigning::EcP384,
        SigningKeySpec::EcSecp256k1 => WireSigning::EcSecp256k1,
        SigningKeySpec::MlDsa65 => WireSigning::MlDsa65,
    }
}

/// None for a spec that is not said or not known.
pub(crate) fn read_signing(number: i32) -> Option<SigningKeySpec> {
    let mut all = SigningKeySpec::ALL.into_iter();
    all.find(|spec| signing(*spec) as i32 == number)
}

pub(crate) const fn encryption(spec: EncryptionKeySpec) -> WireEncryption {
    match spec {
        EncryptionKeySpec::EcP256 => WireEncryption::EcP256,
        EncryptionKeySpec::Rsa2048 => WireEncryption::Rsa2048,
    }
}

/// None for a spec that is not said or not known.
pub(crate) fn read_encryption(number: i32) -> Option<EncryptionKeySpec> {
    let mut all = EncryptionKeySpec::ALL.into_iter();
    all.find(|spec| encryption(*spec) as i32 == number)
}

pub(crate) const fn spec_of_key(spec: KeySpec) -> public_key_response::Spec {
    match spec {
        KeySpec::Signing(spec) => public_key_response::Spec::Signing(signing(spec) as i32),
        KeySpec::Encryption(spec) => public_key_response::Spec::Encryption(encryption(spec) as i32),
    }
}

pub(crate) fn read_spec_of_key(spec: public_key_response::Spec) -> Option<KeySpec> {
    match spec {
        public_key_response::Spec::Signing(number) => read_signing(number).map(KeySpec::Signing),
        public_key_response::Spec::Encryption(number) => {
            read_encryption(number).map(KeySpec::Encryption)
        }
    }
}

pub(crate) const fn spec_to_import(spec: KeySpec) -> import_key_request::Spec {
    match spec {
        KeySpec::Signing(spec) => import_key_request::Spec::Signing(signing(spec) as i32),
        KeySpec::Encryption(spec) => import_key_request::Spec::Encryption(encryption(spec) as i32),
    }
}

pub(crate) fn read_spec_to_import(spec: import_key_request::Spec) -> Option<KeySpec> {
    match spec {
        import_key_request::Spec::Signing(number) => read_signing(number).map(KeySpec::Signing),
        import_key_request::Spec::Encryption(number) => {
            read_encryption(number).map(KeySpec::Encryption)
        }
    }
}

pub(crate) const fn kind_of_found(kind: KeyKind) -> found_key::Kind {
    match kind {
        KeyKind::Wrapper => found_key::Kind::Wrapper(true),
        KeyKind::Signing(spec) => found_key::Kind::Signing(signing(spec) as i32),
        KeyKind::Encryption(spec) => found_key::Kind::Encryption(encryption(spec) as i32),
    }
}

/// None for a kind that is not known.
pub(crate) fn read_kind_of_found(kind: found_key::Kind) -> Option<KeyKind> {
    match kind {
        found_key::Kind::Wrapper(wraps) => wraps.then_some(KeyKind::Wrapper),
        found_key::Kind::Signing(number) => read_signing(number).map(KeyKind::Signing),
        found_key::Kind::Encryption(number) => read_encryption(number).map(KeyKind::Encryption),
    }
}

pub(crate) const fn spec_of_error(spec: KeySpec) -> kms_error_detail::Spec {
    match spec {
        KeySpec::Signing(spec) => kms_error_detail::Spec::Signing(signing(spec) as i32),
        KeySpec::Encryption(spec) => kms_error_detail::Spec::Encryption(encryption(spec) as i32),
    }
}

pub(crate) fn read_spec_of_error(spec: kms_error_detail::Spec) -> Option<KeySpec> {
    match spec {
        kms_error_detail::Spec::Signing(number) => read_signing(number).map(KeySpec::Signing),
        kms_error_detail::Spec::Encryption(number) => {
            read_encryption(number).map(KeySpec::Encryption)
        }
    }
}

pub(crate) const fn state(state: KeyState) -> KeyStatus {
    match state {
        KeyState::Enabled => KeyStatus::Enabled,
        KeyState::PendingCreation => KeyStatus::PendingCreation,
        KeyState::PendingDeletion => KeyStatus::PendingDeletion,
        // Whatever else there will be: the key is not to be used.
        _ => KeyStatus::Disabled,
    }
}

/// None for a state that is not said or not known.
pub(crate) fn read_state(number: i32) -> Option<KeyState> {
    match KeyStatus::try_from(number).ok()? {
        KeyStatus::Unspecified => None,
        KeyStatus::Enabled => Some(KeyState::Enabled),
        KeyStatus::Disabled => Some(KeyState::Disabled),
        KeyStatus::PendingCreation => Some(KeyState::PendingCreation),
        KeyStatus::PendingDeletion => Some(KeyState::PendingDeletion),
    }
}

/// None for an operation that is not known.
pub(crate) fn read_operation(name: &str) -> Option<KmsOperation> {
    let mut all = KmsOperation::ALL.into_iter();
    all.find(|operation| operation.name() == name)
}

const CATEGORIES: [(Category, ErrorCategory); 11] = [
    (Category::InvalidRequest, ErrorCategory::InvalidRequest),
    (
        Category::FailedPrecondition,
        ErrorCategory::FailedPrecondition,
    ),
    (Category::NotFound, ErrorCategory::NotFound),
    (Category::AlreadyExists, ErrorCategory::AlreadyExists),
    (Category::PermissionDenied, ErrorCategory::PermissionDenied),
    (Category::DataCorrupted, ErrorCategory::DataCorrupted),
    (Category::Unavailable, ErrorCategory::Unavailable),
    (Category::Contention, ErrorCategory::Contention),
    (
        Category::ResourceExhausted,
        ErrorCategory::ResourceExhausted,
    ),
    (Category::Unsupported, ErrorCategory::Unsupported),
    (Category::Internal, ErrorCategory::Internal),
];

pub(crate) fn category(category: Category) -> ErrorCategory {
    let mut all = CATEGORIES.into_iter();
    all.find(|(ours, _)| *ours == category)
        .map_or(ErrorCategory::Unspecified, |(_, wire)| wire)
}

/// None for a category that is not said or not known.
pub(crate) fn read_category(number: i32) -> Option<Category> {
    let mut all = CATEGORIES.into_iter();
    all.find(|(_, wire)| *wire as i32 == number)
        .map(|(ours, _)| ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spec_and_state_is_read_as_what_it_was_written_and_nothing_said_is_nothing() {
        for spec in KeySpec::ALL {
            assert_eq!(read_spec_of_key(spec_of_key(spec)), Some(spec));
            assert_eq!(read_spec_of_error(spec_of_error(spec)), Some(spec));
            assert_eq!(read_spec_to_import(spec_to_import(spec)), Some(spec));
        }
        for it in [
            KeyState::Enabled,
            KeyState::Disabled,
            KeyState::PendingCreation,
            KeyState::PendingDeletion,
        ] {
            assert_eq!(read_state(state(it) as i32), Some(it));
        }
        for number in [0, 99, -1] {
            assert_eq!(read_signing(number), None);
            assert_eq!(read_encryption(number), None);
            assert_eq!(read_state(number), None);
            assert_eq!(read_category(number), None);
        }
    }
}
