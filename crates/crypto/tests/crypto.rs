//! How keys, signatures and their encodings behave, seen from outside.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what the tests share may fail as loudly as the tests"
)]

#[path = "crypto/delegations.rs"]
mod delegations;
#[path = "crypto/encryption.rs"]
mod encryption;
#[path = "crypto/jwks.rs"]
mod jwks;
#[path = "crypto/key_error_codes.rs"]
mod key_error_codes;
#[path = "crypto/known_answers.rs"]
mod known_answers;
#[path = "crypto/legacy_formats.rs"]
mod legacy_formats;
#[path = "crypto/payloads.rs"]
mod payloads;
#[path = "crypto/private_keys.rs"]
mod private_keys;
#[path = "crypto/properties.rs"]
mod properties;
#[path = "crypto/public_keys.rs"]
mod public_keys;
#[path = "crypto/sealing_error_codes.rs"]
mod sealing_error_codes;
#[path = "crypto/secp256k1.rs"]
mod secp256k1;
#[path = "crypto/secrets.rs"]
mod secrets;
#[path = "crypto/signatures.rs"]
mod signatures;
#[path = "crypto/support.rs"]
mod support;
#[path = "crypto/wycheproof_ml_dsa.rs"]
mod wycheproof_ml_dsa;
#[path = "crypto/wycheproof_signatures.rs"]
mod wycheproof_signatures;
