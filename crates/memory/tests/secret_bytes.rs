//! What holders of secrets may rely on.

use std::convert::Infallible;

use strongroom_memory::{SecretBytes, SecretWriter};
use subtle::ConstantTimeEq;

#[test]
fn a_secret_gives_back_what_was_put_in() {
    for len in [0usize, 1, 32, 33, 4096, 65_536, 65_537, 300_000] {
        let bytes: Vec<u8> = (0..=255u8).cycle().take(len).collect();
        let copied = SecretBytes::from_slice(&bytes);
        let taken = SecretBytes::take(bytes.clone());
        let filled = SecretBytes::fill_with(len, |buffer| {
            buffer.copy_from_slice(&bytes);
            Ok::<(), Infallible>(())
        });
        for secret in [copied, taken, filled.unwrap()] {
            assert_eq!(secret.len(), len);
            assert_eq!(secret.is_empty(), len == 0);
            assert_eq!(secret.expose(), bytes);
        }
    }
}

#[test]
fn a_failed_filling_hands_the_error_on() {
    let failed = SecretBytes::fill_with(16, |buffer| {
        buffer.fill(1);
        Err("no randomness today")
    });
    assert_eq!(failed.unwrap_err(), "no randomness today");
}

#[test]
fn truncation_keeps_the_front_and_only_shortens() {
    let mut secret = SecretBytes::from_slice(b"front and tail");
    secret.truncate(100);
    assert_eq!(secret.expose(), b"front and tail");
    secret.truncate(5);
    assert_eq!(secret.expose(), b"front");
    secret.truncate(0);
    assert!(secret.is_empty());
}

#[test]
fn equality_looks_at_every_byte_and_at_the_length() {
    let secret = SecretBytes::from_slice(b"correct horse");
    assert_eq!(secret, SecretBytes::from_slice(b"correct horse"));
    assert_ne!(secret, SecretBytes::from_slice(b"correct hors"));
    for position in 0..secret.len() {
        let mut other = SecretBytes::from_slice(secret.expose());
        other.expose_mut()[position] ^= 1;
        assert!(!bool::from(secret.ct_eq(&other)), "byte {position}");
    }
    assert_eq!(SecretBytes::zeroed(0), SecretBytes::from_slice(b""));
}

#[test]
fn debug_output_shows_the_length_only() {
    let secret = SecretBytes::from_slice(b"hunter2 hunter2");
    let mut writer = SecretWriter::with_capacity(4);
    writer.push(b"hunter2");
    assert_eq!(format!("{secret:?}"), "SecretBytes(15 bytes)");
    assert_eq!(
        format!("{secret:#?} {:?}", Some(&secret)),
        "SecretBytes(15 bytes) Some(SecretBytes(15 bytes))"
    );
    assert_eq!(format!("{writer:?}"), "SecretWriter(7 bytes)");
}

#[test]
fn a_writer_collects_pieces_across_any_growth() {
    for capacity in [0, 1, 7, 64, 1_000_000] {
        let mut writer = SecretWriter::with_capacity(capacity);
        assert!(writer.is_empty());
        let mut expected = Vec::new();
        for piece in 0..400usize {
            let bytes = vec![u8::try_from(piece % 251).unwrap(); piece];
            writer.push(&bytes);
            expected.extend(bytes);
            assert_eq!(writer.len(), expected.len());
        }
        assert_eq!(writer.finish().expose(), expected);
    }
}

#[test]
fn secrets_move_between_threads_and_are_shared() {
    fn assert_send_and_sync<T: Send + Sync>() {}
    assert_send_and_sync::<SecretBytes>();
    let secret = SecretBytes::from_slice(b"shared");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            // EXPOSE: compared in a test.
            scope.spawn(|| assert_eq!(secret.expose(), b"shared"));
        }
    });
    std::thread::spawn(move || drop(secret)).join().unwrap();
}

#[test]
fn the_types_forbid_copying_printing_silent_exposure_and_use_after_finishing() {
    trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
}
