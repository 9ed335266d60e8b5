//! Codes and advice.

use strongroom_errors::{Category, ErrorCode};

pub(super) const CALL_REFUSED: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_CALL_REFUSED",
    Category::Internal,
    "Look up the return code in the manual of the token, and its log; check the token's policy and free memory.",
);
pub(super) const DELETION_WINDOW_INVALID: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_DELETION_WINDOW_INVALID",
    Category::InvalidRequest,
    "Choose a waiting time of 7 to 30 days, in which the deletion can be cancelled.",
);
pub(super) const KEY_AMBIGUOUS: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_KEY_AMBIGUOUS",
    Category::FailedPrecondition,
    "Find out who put a second key with this CKA_ID onto the token; give the wrong one another CKA_ID or remove it.",
);
pub(super) const KEY_UNPROTECTED: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_KEY_UNPROTECTED",
    Category::FailedPrecondition,
    "Do not use this token for keys before its policy makes them sensitive and non-extractable.",
);
pub(super) const MODULE_UNUSABLE: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_MODULE_UNUSABLE",
    Category::FailedPrecondition,
    "Check the path of the PKCS#11 library, that it is built for this machine, and the vendor's own configuration.",
);
pub(super) const NOT_PENDING_DELETION: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_NOT_PENDING_DELETION",
    Category::FailedPrecondition,
    "Nothing to do: the key is not scheduled for deletion.",
);
pub(super) const PIN_REFUSED: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_PIN_REFUSED",
    Category::PermissionDenied,
    "Check the user PIN before you start the program again: tokens lock themselves after a few wrong ones. A locked PIN \
     is set anew by the security officer of the token.",
);
pub(super) const RECORD_DAMAGED: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_RECORD_DAMAGED",
    Category::DataCorrupted,
    "Use the newest version of the program. If that does not help, restore the token from its backup: the key itself is \
     probably unharmed.",
);
pub(super) const SETTINGS_INVALID: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_SETTINGS_INVALID",
    Category::InvalidRequest,
    "Name the token by its label or serial number, give its user PIN, and allow at least one session.",
);
pub(super) const TOKEN_AMBIGUOUS: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_TOKEN_AMBIGUOUS",
    Category::FailedPrecondition,
    "Name the token by its serial number instead of its label.",
);
pub(super) const TOKEN_MISSING: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_TOKEN_MISSING",
    Category::NotFound,
    "Check that the token is plugged in or reachable and initialized, and the label or serial number in the settings.",
);
pub(super) const TOKEN_UNFIT: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_TOKEN_UNFIT",
    Category::FailedPrecondition,
    "Use a token with AES-GCM, or with ECDSA or Ed25519; check that its policy allows them to this user.",
);
pub(super) const UNAVAILABLE: ErrorCode = ErrorCode::new(
    "KMS_PKCS11_UNAVAILABLE",
    Category::Unavailable,
    "Check that the token is plugged in or reachable, and its log; the program logs in again by itself.",
);
