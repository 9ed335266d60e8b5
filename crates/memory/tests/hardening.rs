//! The hardening of a whole process, in a process of its own: it cannot be undone.

use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
use strongroom_memory::{LockedPages, SecretBytes, harden_process, hardening};

#[test]
fn a_hardened_process_leaves_no_core_and_reports_what_holds() {
    let _early = SecretBytes::from_slice(&[1; 100]);
    let answer = harden_process();

    assert!(answer.not_dumpable && answer.no_core_files, "{answer:?}");
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let core = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().take(2).collect::<Vec<_>>(),
        ["0", "0"]
    );

    let report = hardening();
    assert_eq!(report.process, answer);
    assert!(report.arena.secrets >= 1 && report.arena.bytes_used >= 100);
    match answer.pages {
        LockedPages::All => assert_eq!(report.arena.pages_not_locked, 0),
        LockedPages::SecretsOnly { limit_bytes } => {
            assert_eq!(
                limit_bytes,
                getrlimit(Resource::Memlock).maximum,
                "the soft limit was raised"
            );
        }
        LockedPages::None { reason } => assert_eq!(report.arena.last_refusal, Some(reason)),
        other => panic!("new: {other:?}"),
    }
    // Everything goes on as before.
    let later: Vec<SecretBytes> = (0..2_000).map(|_| SecretBytes::zeroed(4096)).collect();
    assert!(later.iter().all(|secret| secret.len() == 4096));
}
