//! Searches the memory of this very process for a secret that is gone. A file of its own, hence a process of its own,
//! with one test: nothing else holds or drops secrets meanwhile.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;

use strongroom_memory::{SecretBytes, SecretWriter};

const LEN: usize = 48;
const PAGE: usize = 4096;
/// Above 64 KiB the arena gives pages of their own.
const WINDOW: usize = 128 * 1024;

/// The secret, computed byte by byte so that it stands nowhere as a constant.
fn secret_byte(position: usize) -> u8 {
    let mixed = (position as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    mixed.to_be_bytes()[3]
}

fn write_secret(buffer: &mut [u8]) {
    for (position, byte) in buffer.iter_mut().enumerate() {
        *byte = secret_byte(position);
    }
}

/// How often the second half of the secret stands in writable memory.
fn occurrences() -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    // In pages of its own, so that the search can leave out exactly what it read itself.
    let mut window = SecretBytes::zeroed(WINDOW);
    let own = window.expose().as_ptr().addr() as u64;
    let own = own..own + WINDOW as u64;
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (from, to) = (
            u64::from_str_radix(from, 16).unwrap(),
            u64::from_str_radix(to, 16).unwrap(),
        );
        for at in (from..to).step_by(PAGE).filter(|at| !own.contains(at)) {
            // A little of the next page too: the secret may lie across the border.
            let len = if own.contains(&(at + PAGE as u64)) {
                PAGE
            } else {
                PAGE + LEN
            };
            let read = memory
                .read_at(&mut window.expose_mut()[..len], at)
                .unwrap_or(0);
            let bytes = &window.expose()[..read];
            found += (0..read.min(PAGE))
                .filter(|start| half_at(&bytes[*start..]))
                .count();
        }
    }
    found
}

/// Compares with the computed bytes, so that the needle itself stands nowhere.
fn half_at(bytes: &[u8]) -> bool {
    (0..LEN / 2).all(|position| bytes.get(position) == Some(&secret_byte(position + LEN / 2)))
}

#[test]
fn no_copy_of_a_secret_is_left_after_growth_truncation_taking_and_drop() {
    let filled = SecretBytes::fill_with(LEN, |buffer| {
        write_secret(buffer);
        Ok::<(), std::convert::Infallible>(())
    })
    .unwrap();
    assert_eq!(
        occurrences(),
        1,
        "the search itself must find the live secret, once"
    );

    let mut writer = SecretWriter::with_capacity(1);
    for _ in 0..40 {
        writer.push(filled.expose());
    }
    assert_eq!(occurrences(), 41);
    let mut written = writer.finish();
    drop(filled);
    assert_eq!(occurrences(), 40, "growth left copies");
    written.truncate(LEN);
    assert_eq!(occurrences(), 1, "truncation left the tail");

    let mut plain = Vec::with_capacity(10 * LEN);
    plain.extend_from_slice(written.expose());
    drop(written);
    plain.truncate(1);
    assert_eq!(occurrences(), 1, "the spare capacity of the vector");
    let taken = SecretBytes::take(plain);
    assert_eq!(occurrences(), 0, "take wipes the spare capacity");
    drop(taken);
}
