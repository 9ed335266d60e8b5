//! Error codes are a promise to programs: none disappears, none changes its meaning.

use strongroom_crypto::encoding::EncodingError;
use strongroom_crypto::{
    DecryptError, EncryptError, HashError, OpenError, PasswordError, RandomError, SealError,
    SecretLengthError,
};

#[test]
fn the_codes_of_sealing_and_encrypting_are_frozen() {
    let codes = [
        EncodingError::CODES,
        HashError::CODES,
        RandomError::CODES,
        SecretLengthError::CODES,
        SealError::CODES,
        OpenError::CODES,
        PasswordError::CODES,
        EncryptError::CODES,
        DecryptError::CODES,
    ];
    let shown: Vec<String> = codes
        .concat()
        .iter()
        .map(|code| format!("{} {:?}", code.name(), code.category()))
        .collect();
    assert_eq!(
        shown,
        [
            "ENCODING_MALFORMED InvalidRequest",
            "HASH_INVALID InvalidRequest",
            "RANDOM_SOURCE_FAILED Unavailable",
            "HMAC_SECRET_LENGTH_INVALID InvalidRequest",
            "SYMMETRIC_KEY_LENGTH_INVALID InvalidRequest",
            "DATA_KEY_LENGTH_INVALID DataCorrupted",
            "SEAL_REFUSED ResourceExhausted",
            "SEALED_BYTES_NOT_AUTHENTIC DataCorrupted",
            "PASSWORD_COST_INVALID InvalidRequest",
            "PASSWORD_PARAMETERS_INVALID InvalidRequest",
            "PASSWORD_MEMORY_EXHAUSTED ResourceExhausted",
            "PASSWORD_REJECTED PermissionDenied",
            "ENCRYPT_MESSAGE_TOO_LONG InvalidRequest",
            "ENCRYPT_REFUSED Internal",
            "DECRYPT_WRONG_KEY InvalidRequest",
            "DECRYPT_ALGORITHM_MISMATCH InvalidRequest",
            "DECRYPT_FAILED InvalidRequest",
        ]
    );
}
