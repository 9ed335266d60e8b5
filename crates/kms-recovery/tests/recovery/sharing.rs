//! Shares of a key.

use strongroom_crypto::{Random, RandomError, SystemRandom};
use strongroom_kms_recovery::{RecoveryError, RecoveryKey, Share};
use strongroom_memory::SecretBytes;

use crate::{code, secret};

fn share(key: &RecoveryKey, threshold: u8, total: u8) -> Vec<Share> {
    key.share(threshold, total, &SystemRandom).unwrap()
}

/// Every choice of `wanted` out of so many.
fn choices(total: usize, wanted: u32) -> impl Iterator<Item = Vec<usize>> {
    (0..1_u32 << total)
        .filter(move |mask| mask.count_ones() == wanted)
        .map(move |mask| (0..total).filter(|at| mask >> at & 1 == 1).collect())
}

fn some(shares: &[Share], chosen: &[usize]) -> Vec<Share> {
    let copy = |at: &usize| Share::from_text(&shares[*at].to_text()).unwrap();
    chosen.iter().map(copy).collect()
}

#[test]
fn any_so_many_shares_give_the_key_back_and_fewer_do_not() {
    let key = RecoveryKey::generate();
    for (threshold, total) in [(2, 2), (2, 3), (3, 5), (5, 5)] {
        let shares = share(&key, threshold, total);
        assert_eq!(shares.len(), usize::from(total));
        for chosen in choices(total.into(), threshold.into()) {
            let found = RecoveryKey::from_shares(&some(&shares, &chosen)).unwrap();
            assert_eq!(found.recipient(), key.recipient(), "{chosen:?}");
        }
        for chosen in choices(total.into(), u32::from(threshold) - 1) {
            let refused = RecoveryKey::from_shares(&some(&shares, &chosen)).unwrap_err();
            assert_eq!(code(&refused), "RECOVERY_SHARES_TOO_FEW", "{chosen:?}");
        }
        let all: Vec<_> = (0..total.into()).collect();
        assert!(RecoveryKey::from_shares(&some(&shares, &all)).is_ok());
    }
}

#[test]
fn the_same_share_twice_counts_once() {
    let shares = share(&RecoveryKey::generate(), 2, 3);
    let refused = RecoveryKey::from_shares(&some(&shares, &[1, 1])).unwrap_err();
    assert!(matches!(
        refused,
        RecoveryError::SharesTooFew {
            needed: 2,
            found: 1
        }
    ));
    assert_eq!(
        code(&RecoveryKey::from_shares(&[]).unwrap_err()),
        "RECOVERY_SHARES_TOO_FEW"
    );
}

#[test]
fn shares_of_two_keys_or_of_two_times_do_not_mix() {
    let (one, other) = (RecoveryKey::generate(), RecoveryKey::generate());
    let (first, second) = (share(&one, 2, 3), share(&one, 2, 3));
    let foreign = share(&other, 2, 3);
    for mixed in [
        [some(&first, &[0]), some(&second, &[1])],
        [some(&first, &[0]), some(&foreign, &[1])],
        [some(&first, &[0]), some(&share(&one, 3, 3), &[1])],
    ] {
        let mixed: Vec<_> = mixed.into_iter().flatten().collect();
        let refused = RecoveryKey::from_shares(&mixed).unwrap_err();
        assert_eq!(code(&refused), "RECOVERY_SHARES_DIFFER");
    }
}

#[test]
fn a_share_says_what_it_is_and_a_wrong_letter_shows() {
    let key = RecoveryKey::generate();
    let share = &share(&key, 3, 5)[1];
    let text = share.to_text();
    let text = std::str::from_utf8(text.expose()).unwrap();
    assert!(text.starts_with("# Share 2 of 5"), "{text}");
    let read = Share::from_text(&secret(text)).unwrap();
    assert_eq!((read.number(), read.threshold(), read.total()), (2, 3, 5));
    assert_eq!(read.recipient(), &key.recipient());
    let line = text.lines().last().unwrap();
    for at in 0..line.len() {
        let mut changed = line.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let refused = Share::from_text(&SecretBytes::from_slice(&changed));
        assert!(refused.is_err(), "letter {at}");
    }
    for end in 0..line.len() {
        assert!(Share::from_text(&secret(&line[..end])).is_err(), "{end}");
    }
    for wrong in ["", "#", &format!("{line}\n{line}"), &"x".repeat(5000)] {
        let refused = Share::from_text(&secret(wrong)).unwrap_err();
        assert_eq!(code(&refused), "RECOVERY_SHARE_INVALID");
    }
}

#[test]
fn fewer_than_two_shares_or_fewer_than_needed_are_refused() {
    let key = RecoveryKey::generate();
    for (threshold, total) in [(0, 0), (0, 3), (1, 3), (3, 2)] {
        let refused = key.share(threshold, total, &SystemRandom).unwrap_err();
        assert_eq!(code(&refused), "RECOVERY_SHARING_INVALID");
    }
    assert_eq!(share(&key, 255, 255).len(), 255);
}

#[derive(Debug)]
struct Dry;

impl Random for Dry {
    fn fill(&self, _to: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError::Broken)
    }
}

#[test]
fn no_share_leaves_that_was_made_without_randomness() {
    let refused = RecoveryKey::generate().share(2, 3, &Dry).unwrap_err();
    assert!(matches!(refused, RecoveryError::Random(_)), "{refused:?}");
}
