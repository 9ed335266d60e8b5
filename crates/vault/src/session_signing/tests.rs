//! Which session key signs, who waits, and what is forgotten.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use proptest::prelude::*;
use strongroom_crypto::{Fingerprint, Timestamp, ValidityPeriod};

use super::{Choice, Held, Signer, SigningTime, pool::Pool};
use crate::{error::VaultError, settings::SessionSigningSettings, turns::Failure};

const LONG_TERM: Fingerprint = Fingerprint::from_bytes([1; 32]);
const SUCCESSOR: Fingerprint = Fingerprint::from_bytes([2; 32]);
const SECOND: i64 = 1_000_000;
const VALIDITY: i64 = 300 * SECOND;
const TOLERANCE: i64 = 120 * SECOND;
const CUT_OFF: i64 = 60 * SECOND;
const NOW: i64 = 1_800_000_000 * SECOND;

const fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

const fn exact(micros: i64) -> SigningTime {
    SigningTime::Exact(at(micros))
}

const fn about(micros: i64) -> SigningTime {
    let until = None;
    let at = at(micros);
    SigningTime::Approximate { at, until }
}

const fn until(micros: i64, end: i64) -> SigningTime {
    let until = Some(at(end));
    let at = at(micros);
    SigningTime::Approximate { at, until }
}

/// What signs: a session key by the begin of its validity, or the long-term key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    BySession(i64),
    ByLongTerm { is_fallback: bool },
}

/// A synchronizer, a clock and a KMS that never fails.
struct Node {
    settings: SessionSigningSettings,
    pool: Pool<()>,
    elapsed: Duration,
    made: usize,
}

impl Node {
    fn new() -> Self {
        Self {
            settings: SessionSigningSettings::default(),
            pool: Pool::default(),
            elapsed: Duration::ZERO,
            made: 0,
        }
    }

    fn sign(&mut self, time: SigningTime) -> Signed {
        match self.sign_for(LONG_TERM, time) {
            Ok(held) => Signed::BySession(held.validity.from().as_micros()),
            Err(is_fallback) => Signed::ByLongTerm { is_fallback },
        }
    }

    fn sign_for(&mut self, by: Fingerprint, time: SigningTime) -> Result<Arc<Held<()>>, bool> {
        let wanted = match self.settings.signer(time) {
            Signer::Session(wanted) => wanted,
            Signer::LongTerm { is_fallback } => return Err(is_fallback),
        };
        let eviction = self.settings.eviction;
        match self.pool.choose(by, &wanted, eviction, self.elapsed) {
            Choice::Use(held) => Ok(held),
            Choice::Wait(_) | Choice::GoWithout => panic!("nobody makes one"),
            Choice::Make(making) => {
                let held = Arc::new(Held {
                    validity: wanted.new,
                    delegated_by: by,
                    made_at: self.elapsed,
                    key: (),
                });
                self.pool.put(Arc::clone(&held));
                making.made();
                self.made += 1;
                Ok(held)
            }
        }
    }
}

#[test]
fn row_105_the_validity_of_a_new_key_begins_a_tolerance_or_a_cut_off_before_the_time() {
    for (time, from) in [
        (exact(NOW), NOW - TOLERANCE),
        (about(NOW), NOW - TOLERANCE),
        (until(NOW, NOW + SECOND), NOW - CUT_OFF),
    ] {
        let mut node = Node::new();
        let held = node.sign_for(LONG_TERM, time).unwrap();
        assert_eq!(held.validity.from(), at(from));
        assert_eq!(held.validity.until(), at(from + VALIDITY));
    }
}

#[test]
fn row_107_an_exact_time_past_the_cut_off_uses_the_key_and_an_approximate_one_makes_another() {
    let first = NOW - TOLERANCE;
    let end = first + VALIDITY;
    let mut node = Node::new();
    assert_eq!(node.sign(exact(NOW)), Signed::BySession(first));
    assert_eq!(node.sign(exact(end - 1)), Signed::BySession(first));
    assert_eq!(node.sign(exact(first)), Signed::BySession(first));
    // An end that is not part of the validity any more.
    let late = end - CUT_OFF;
    assert_eq!(node.sign(about(late - 1)), Signed::BySession(first));
    assert_eq!(node.sign(about(late)), Signed::BySession(late - TOLERANCE));
    let mut node = Node::new();
    node.sign(exact(NOW));
    let early = first + CUT_OFF;
    assert_eq!(node.sign(about(early)), Signed::BySession(first));
    let before = early - 1;
    assert_eq!(
        node.sign(about(before)),
        Signed::BySession(before - TOLERANCE)
    );
}

#[test]
fn row_109_a_key_disappears_after_the_eviction_period_however_often_it_was_used_and_the_clock_was_set()
 {
    let mut node = Node::new();
    let first = node.sign(exact(NOW));
    let minute = Duration::from_secs(60);
    for _ in 0..9 {
        node.elapsed += minute;
        assert_eq!(node.sign(exact(NOW)), first);
    }
    assert_eq!((node.pool.len(), node.made), (1, 1));
    node.elapsed += minute;
    node.pool.evict(node.settings.eviction, node.elapsed);
    assert_eq!(node.pool.len(), 0);
    node.sign(exact(NOW));
    assert_eq!(node.made, 2);
}

#[test]
fn row_110_slightly_decreasing_times_share_a_key_and_one_beyond_the_validity_gets_another() {
    let mut node = Node::new();
    let first = node.sign(exact(NOW));
    for seconds in [3, 2, 1] {
        assert_eq!(node.sign(exact(NOW + seconds * SECOND)), first);
        assert_eq!(node.sign(about(NOW - seconds * SECOND)), first);
    }
    assert_ne!(node.sign(exact(NOW + VALIDITY)), first);
    assert_eq!(node.made, 2);
}

#[test]
fn row_111_an_end_is_covered_gets_another_key_or_falls_back_to_the_long_term_key() {
    let from = NOW - CUT_OFF;
    let end = from + VALIDITY;
    let mut node = Node::new();
    let first = node.sign(until(NOW, NOW + SECOND));
    assert_eq!(first, Signed::BySession(from));
    assert_eq!(node.sign(until(NOW, NOW + SECOND + 1)), first);
    assert_eq!(node.sign(until(NOW, end - 1)), first);
    // Before the time itself: then that is the end.
    assert_eq!(node.sign(until(NOW, NOW - SECOND)), first);
    // The exclusive end of the key is no longer covered, one moment later there is a key that does.
    let moment = NOW + 1;
    assert_eq!(node.sign(until(moment, end)), Signed::BySession(from + 1));
    let fallback = Signed::ByLongTerm { is_fallback: true };
    assert_eq!(node.sign(until(NOW, end)), fallback);
    assert_eq!(node.sign(until(NOW, NOW + VALIDITY)), fallback);
    let for_ever = until(NOW, Timestamp::LEDGER_MAX.as_micros());
    let is_fallback = false;
    assert_eq!(node.sign(for_ever), Signed::ByLongTerm { is_fallback });
}

#[test]
fn while_a_sequencer_starts_its_long_term_key_signs_and_nobody_counts_it() {
    let beginning = Timestamp::LEDGER_MIN.as_micros() + 365 * 86_400 * SECOND;
    let is_fallback = false;
    let mut node = Node::new();
    for time in [i64::MIN, Timestamp::LEDGER_MIN.as_micros(), beginning] {
        assert_eq!(node.sign(exact(time)), Signed::ByLongTerm { is_fallback });
    }
    let first = beginning + 1;
    assert_eq!(
        node.sign(exact(first)),
        Signed::BySession(first - TOLERANCE)
    );
}

#[test]
fn of_several_keys_that_fit_the_newest_signs_and_those_of_another_long_term_key_never_do() {
    let mut node = Node::new();
    node.sign(exact(NOW));
    let newer = node.sign(exact(NOW + VALIDITY - TOLERANCE));
    assert_eq!(node.sign(exact(NOW + TOLERANCE)), newer);
    let held = node.sign_for(SUCCESSOR, exact(NOW)).unwrap();
    assert_eq!((held.delegated_by, node.made), (SUCCESSOR, 3));
    node.pool.retain(|by| *by != LONG_TERM);
    assert_eq!(node.pool.len(), 1);
}

#[test]
fn whoever_comes_while_a_key_is_made_waits_and_hears_what_became_of_it() {
    let settings = SessionSigningSettings::default();
    let Signer::Session(wanted) = settings.signer(exact(NOW)) else {
        panic!("a session key would do");
    };
    let mut pool: Pool<()> = Pool::default();
    let mut choose = |by| pool.choose(by, &wanted, settings.eviction, Duration::ZERO);
    let Choice::Make(making) = choose(LONG_TERM) else {
        panic!("there is none");
    };
    let wait = |choice| match choice {
        Choice::Wait(waiting) => waiting,
        other => panic!("{other:?}"),
    };
    let (first, second) = (wait(choose(LONG_TERM)), wait(choose(LONG_TERM)));
    assert_eq!(first.clone().wait().now_or_never(), None);
    // Another long-term key is no concern of theirs.
    assert!(matches!(choose(SUCCESSOR), Choice::Make(_)));
    let failure = Failure::of(&VaultError::NotIdentified);
    making.failed(failure.clone());
    for waiting in [first, second] {
        assert_eq!(waiting.wait().now_or_never(), Some(Err(failure.clone())));
    }
    // Whoever makes the next one leaves without a word, which is no failure.
    let Choice::Make(making) = choose(LONG_TERM) else {
        panic!("it is over");
    };
    let waiting = wait(choose(LONG_TERM));
    drop(making);
    assert_eq!(waiting.wait().now_or_never(), Some(Ok(())));
    assert!(matches!(choose(LONG_TERM), Choice::Make(_)));
}

#[test]
fn whoever_signs_at_ever_other_times_does_not_fill_memory() {
    let mut node = Node::new();
    for number in 0..2000 {
        node.sign(exact(NOW + number * VALIDITY));
    }
    assert_eq!((node.pool.len(), node.made), (1000, 2000));
}

#[test]
fn no_more_than_32_keys_are_made_at_once_and_one_that_is_over_makes_room() {
    let settings = SessionSigningSettings::default();
    let mut pool: Pool<()> = Pool::default();
    let mut choose = |number: i64| {
        let Signer::Session(wanted) = settings.signer(exact(NOW + number * VALIDITY)) else {
            panic!("a session key would do");
        };
        pool.choose(LONG_TERM, &wanted, settings.eviction, Duration::ZERO)
    };
    let makings: Vec<_> = (0..32).map(&mut choose).collect();
    assert!(makings.iter().all(|it| matches!(it, Choice::Make(_))));
    assert!(matches!(choose(32), Choice::GoWithout));
    assert!(matches!(choose(31), Choice::Wait(_)));
    drop(makings);
    assert!(matches!(choose(32), Choice::Make(_)));
}

/// A message, and what happens before it.
#[derive(Clone, Debug)]
struct Step {
    time: SigningTime,
    by: Fingerprint,
    passes: Duration,
}

fn step() -> impl Strategy<Value = Step> {
    let near = -2 * VALIDITY..2 * VALIDITY;
    let end = prop::option::of(-CUT_OFF..2 * VALIDITY);
    let time = (near, any::<bool>(), end).prop_map(|(offset, is_exact, end)| {
        let time = NOW + offset;
        match end {
            _ if is_exact => exact(time),
            None => about(time),
            Some(end) => until(time, time + end),
        }
    });
    (time, any::<bool>(), 0..200_u64).prop_map(|(time, is_first, seconds)| Step {
        time,
        by: if is_first { LONG_TERM } else { SUCCESSOR },
        passes: Duration::from_secs(seconds),
    })
}

/// Durations that keep the rules of the configuration, and others.
fn settings() -> impl Strategy<Value = SessionSigningSettings> {
    (1..600_u32, 0..300_u64, 0..300_u64, 1..900_u64).prop_map(
        |(validity, tolerance, cut_off, eviction)| SessionSigningSettings {
            validity: validity.try_into().unwrap(),
            tolerance: Duration::from_secs(tolerance),
            cut_off: Duration::from_secs(cut_off),
            eviction: Duration::from_secs(eviction),
            ..SessionSigningSettings::default()
        },
    )
}

proptest! {
    #[test]
    fn every_time_that_a_session_key_signs_for_lies_in_its_delegation_and_none_is_used_past_its_expiry(
        settings in settings(), steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut node = Node { settings, ..Node::new() };
        for step in steps {
            node.elapsed += step.passes;
            let Ok(held) = node.sign_for(step.by, step.time) else { continue };
            prop_assert!(held.validity.contains(step.time.at()));
            if let SigningTime::Approximate { at, until } = step.time {
                let cut_off = i64::try_from(node.settings.cut_off.as_micros()).unwrap();
                let micros = at.as_micros();
                prop_assert!(held.validity.contains(Timestamp::from_micros(micros - cut_off)));
                let last = until.map_or(micros + cut_off, |until| until.as_micros().max(micros));
                prop_assert!(held.validity.contains(Timestamp::from_micros(last)));
            }
            prop_assert_eq!(held.delegated_by, step.by);
            prop_assert!(node.elapsed - held.made_at < node.settings.eviction);
        }
    }

    #[test]
    fn within_the_usable_interval_one_key_does_for_everything(
        offsets in prop::collection::vec(0..VALIDITY - TOLERANCE - CUT_OFF, 1..100)
    ) {
        let mut node = Node::new();
        node.sign(about(NOW));
        for offset in offsets {
            node.sign(about(NOW + offset));
            node.sign(exact(NOW + offset));
        }
        prop_assert_eq!(node.made, 1);
    }
}

#[test]
fn a_validity_ends_with_the_ledger_at_the_latest() {
    let seconds = 300.try_into().unwrap();
    let late = ValidityPeriod::new(at(Timestamp::LEDGER_MAX.as_micros() - 5), seconds);
    assert_eq!(late.until(), Timestamp::LEDGER_MAX);
    assert!(late.contains(at(Timestamp::LEDGER_MAX.as_micros() - 1)));
    assert!(!late.contains(Timestamp::LEDGER_MAX));
}
