//! A process that may lock little memory, in a process of its own: the limit cannot be raised again.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use strongroom_memory::{LockRefusal, LockedPages, SecretBytes, harden_process, hardening};

const LIMIT: u64 = 128 * 1024;

/// Root locks beyond any limit, unless it lays that right down. Capabilities belong to the thread.
fn be_held_to_the_limit() {
    let mut sets = capabilities(None).unwrap();
    sets.effective.remove(CapabilitySet::IPC_LOCK);
    set_capabilities(None, sets).unwrap();
    setrlimit(
        Resource::Memlock,
        Rlimit {
            current: Some(LIMIT),
            maximum: Some(LIMIT),
        },
    )
    .unwrap();
}

#[test]
fn secrets_beyond_the_lock_limit_still_work_and_are_counted() {
    be_held_to_the_limit();
    let answer = harden_process();
    assert_eq!(
        answer.pages,
        LockedPages::SecretsOnly {
            limit_bytes: Some(LIMIT)
        }
    );

    let secrets: Vec<SecretBytes> = (0..100u8)
        .map(|byte| SecretBytes::from_slice(&[byte; 4096]))
        .collect();
    let own_pages = SecretBytes::from_slice(&[7; 200_000]);
    for (byte, secret) in (0..100u8).zip(&secrets) {
        assert!(secret.expose().iter().all(|found| *found == byte));
    }
    assert!(own_pages.expose().iter().all(|found| *found == 7));

    let report = hardening();
    assert!(
        report.arena.bytes_locked > 0 && report.arena.bytes_locked as u64 <= LIMIT,
        "{report:?}"
    );
    assert!(report.arena.pages_not_locked > 0, "{report:?}");
    assert_eq!(report.arena.last_refusal, Some(LockRefusal::Limit));
    assert_eq!(
        report.process.pages,
        LockedPages::SecretsOnly {
            limit_bytes: Some(LIMIT)
        }
    );

    drop((secrets, own_pages));
    assert!(hardening().arena.pages_not_locked < report.arena.pages_not_locked);
}
