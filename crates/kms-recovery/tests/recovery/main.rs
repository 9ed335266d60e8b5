//! What recovery keys promise.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure is a failed test"
)]

mod sharing;
mod wrapping;

use std::sync::OnceLock;

use strongroom_kms_recovery::RecoveryKey;
use strongroom_memory::SecretBytes;

/// scrypt as cheap as it gets.
const WORK: Option<u8> = Some(2);

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

/// One file for all tests.
fn protected() -> &'static (String, Vec<u8>) {
    static FILE: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    FILE.get_or_init(|| {
        let key = RecoveryKey::generate();
        let file = key.to_protected(&secret("correct horse"), WORK).unwrap();
        (key.recipient().to_string(), file)
    })
}

#[test]
fn a_key_comes_back_out_of_its_file_with_its_passphrase_only() {
    let (recipient, file) = protected();
    let key = RecoveryKey::from_protected(file, &secret("correct horse")).unwrap();
    assert_eq!(key.recipient().to_string(), *recipient);
    let refused = RecoveryKey::from_protected(file, &secret("correct house")).unwrap_err();
    assert_eq!(code(&refused), "RECOVERY_PASSPHRASE_WRONG");
}

#[test]
fn the_file_is_text_that_says_it_is_age_and_not_the_key() {
    let (_, file) = protected();
    let text = std::str::from_utf8(file).unwrap();
    assert!(
        text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"),
        "{text}"
    );
    assert!(!text.contains("AGE-SECRET-KEY"));
}

#[test]
fn a_file_that_was_cut_or_changed_or_is_another_one_is_refused() {
    let (_, file) = protected();
    for end in [0, 1, 40, 100, file.len() / 2, file.len() - 40] {
        let refused = RecoveryKey::from_protected(&file[..end], &secret("correct horse"));
        assert!(refused.is_err(), "{end} of {} bytes", file.len());
    }
    for at in (0..file.len()).step_by(7) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        // The armor has a line end or two that do not count.
        if let Ok(key) = RecoveryKey::from_protected(&changed, &secret("correct horse")) {
            assert_eq!(key.recipient().to_string(), protected().0, "byte {at}");
        }
    }
    let other = age::encrypt(&age::x25519::Identity::generate().to_public(), b"x").unwrap();
    let refused = RecoveryKey::from_protected(&other, &secret("x")).unwrap_err();
    assert_eq!(code(&refused), "RECOVERY_KEY_INVALID");
}

#[test]
fn an_empty_passphrase_protects_nothing_and_is_refused() {
    let refused = RecoveryKey::generate().to_protected(&secret(""), WORK);
    assert_eq!(code(&refused.unwrap_err()), "RECOVERY_PASSPHRASE_EMPTY");
}

#[test]
fn nothing_that_is_printed_has_the_key() {
    let key = RecoveryKey::generate();
    let random = strongroom_crypto::SystemRandom;
    let shares = key.share(2, 3, &random).unwrap();
    let printed = format!("{key:?} {shares:?}").to_uppercase();
    assert!(!printed.contains("AGE-SECRET-KEY"), "{printed}");
}

fn code(error: &strongroom_kms_recovery::RecoveryError) -> &'static str {
    use strongroom_errors::Coded;
    error.code().name()
}
