use data_encoding::HEXLOWER;
use strongroom_memory::SecretBytes;

use super::{
    Argon2Cost, PasswordError, PasswordSealed, derive_key, open_with_password, seal_with_password,
};
use crate::random::SystemRandom;

const SALT: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn password() -> SecretBytes {
    SecretBytes::from_slice("pässword ✓".as_bytes())
}

/// Constant from Python: `argon2.low_level.hash_secret_raw(password, salt, time_cost=3, memory_cost=12288,
/// parallelism=1, hash_len=16, type=Type.ID, version=0x13)` of argon2-cffi 25.
#[test]
fn the_cost_of_canton_gives_the_key_that_the_reference_implementation_gives() {
    let key = derive_key(&password(), &SALT, Argon2Cost::CANTON, 16).unwrap();
    assert_eq!(
        HEXLOWER.encode(key.expose()),
        "7d4923148a51a800072e0ccb93513840"
    );
}

/// As above, with `time_cost=2, memory_cost=64, parallelism=2, hash_len=32`.
#[test]
fn the_cost_is_configurable() {
    let cost = Argon2Cost {
        memory_kib: 64,
        iterations: 2,
        lanes: 2,
    };
    let key = derive_key(&SecretBytes::from_slice(b"password"), b"somesalt", cost, 32).unwrap();
    assert_eq!(
        HEXLOWER.encode(key.expose()),
        "94387415dfb84ed1977465a1e8626073adf42bd4eeae1faa1dd4e23a1ff6859f"
    );
}

/// The key above, then `AESGCM(key).encrypt(nonce, b"exported key", None)` of Python's `cryptography`.
#[test]
fn bytes_sealed_elsewhere_open() {
    let ciphertext =
        b"000102030405060708090a0bbd031cedfaca36ccf5c9a67d58201ee1aaf4d5be9db4a304adc06d14";
    let sealed = PasswordSealed {
        ciphertext: HEXLOWER.decode(ciphertext).unwrap(),
        salt: SALT,
    };
    assert_eq!(
        open_with_password(&sealed, &password()).unwrap().expose(),
        b"exported key"
    );
}

#[test]
fn only_the_right_password_and_unchanged_bytes_open() {
    let plaintext = SecretBytes::from_slice(b"exported key");
    let sealed = seal_with_password(&plaintext, &password(), &SystemRandom).unwrap();
    assert_eq!(open_with_password(&sealed, &password()).unwrap(), plaintext);

    let rejected = |sealed: &PasswordSealed, password: &SecretBytes| {
        matches!(
            open_with_password(sealed, password),
            Err(PasswordError::Rejected(_))
        )
    };
    assert!(rejected(
        &sealed,
        &SecretBytes::from_slice(b"another password")
    ));
    let mut changed = sealed.clone();
    changed.ciphertext[20] ^= 1;
    assert!(rejected(&changed, &password()));
    let mut changed = sealed.clone();
    changed.salt[0] ^= 1;
    assert!(rejected(&changed, &password()));
    let mut changed = sealed;
    changed.ciphertext.truncate(11);
    assert!(rejected(&changed, &password()));
}

#[test]
fn a_cost_out_of_range_is_refused_before_anything_is_allocated() {
    for (memory_kib, iterations, lanes) in [
        (u32::MAX, 1, 1),
        (64, u32::MAX, 1),
        (64, 1, 9),
        (64, 0, 1),
        (64, 1, 0),
        (0, 1, 1),
        (64, 1, u32::MAX),
    ] {
        let cost = Argon2Cost {
            memory_kib,
            iterations,
            lanes,
        };
        let refused = derive_key(&password(), &SALT, cost, 32).unwrap_err();
        assert!(
            matches!(
                refused,
                PasswordError::Cost { .. } | PasswordError::Parameters(_)
            ),
            "{cost:?}"
        );
    }
}

#[test]
fn a_salt_that_is_too_short_is_refused() {
    let cost = Argon2Cost {
        memory_kib: 64,
        iterations: 1,
        lanes: 1,
    };
    assert!(matches!(
        derive_key(&password(), b"7 bytes", cost, 32),
        Err(PasswordError::Parameters(_))
    ));
}
