//! Which call is which event.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::Timestamp;

use super::calls::{Event, OurCall};

/// The time that the cloud's log covers.
pub(super) struct Period {
    from: i64,
    to: i64,
    /// By how much the clocks may differ, in microseconds.
    tolerance: i64,
}

impl Period {
    pub(super) fn of(
        events: &[Event],
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        tolerance: i64,
    ) -> Self {
        let times = || events.iter().map(|event| event.time.as_micros());
        let from = from.map(Timestamp::as_micros).or_else(|| times().min());
        // Clouds write whole seconds: the last one is covered to its end.
        let last = || times().max().map(|time| time.saturating_add(999_999));
        let to = to.map(Timestamp::as_micros).or_else(last);
        Self {
            from: from.unwrap_or(i64::MAX),
            to: to.unwrap_or(i64::MIN),
            tolerance,
        }
    }

    fn covers(&self, time: Timestamp) -> bool {
        (self.from..=self.to).contains(&time.as_micros())
    }
}

/// What the two logs have in common, and what not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reconciled {
    pub(super) matched: u64,
    pub(super) not_ours: Vec<Event>,
    pub(super) not_theirs: Vec<OurCall>,
    pub(super) not_covered: u64,
    pub(super) other_keys: u64,
    /// Keys that were used of which nobody has said whether they are the vault's.
    pub(super) unknown_keys: BTreeSet<String>,
}

/// Compares the logs: first by the ids of requests; what has none, by key, operation and time.
///
/// `named` are all keys of the vault, beside those that its log names. A log names few: a vault that is opened once a week calls its
/// KMS once a week. So where none are named, a key that the log does not know may be the vault's, used by a stranger.
pub(super) fn reconcile(
    mut calls: Vec<OurCall>,
    mut events: Vec<Event>,
    named: &[String],
    period: &Period,
) -> Reconciled {
    calls.sort_by_key(|call| call.begun);
    events.sort_by_key(|event| event.time);
    let mut ours: BTreeSet<String> = calls.iter().flat_map(|call| call.keys.clone()).collect();
    ours.extend(named.iter().cloned());
    let mut taken = vec![false; events.len()];
    let by_id: BTreeMap<String, usize> = events
        .iter()
        .zip(0..)
        .filter_map(|(event, at)| Some((event.request_id.clone()?, at)))
        .collect();
    let found: Vec<_> = calls
        .iter()
        .map(|call| {
            let at = *by_id.get(call.request_id.as_ref()?)?;
            let event = events.get(at).filter(|event| is_same(call, event))?;
            // An alias and the key behind it: whoever uses either uses ours.
            ours.extend(event.keys.iter().cloned());
            *taken.get_mut(at)? = true;
            Some(())
        })
        .collect();

    let mut outcome = Reconciled::default();
    for (call, found) in calls.into_iter().zip(found) {
        let found = found.is_some() || find_by_time(&call, &events, &mut taken, period);
        if found {
            outcome.matched += 1;
            take_other_steps(&call, &events, &mut taken, period);
        } else if !period.covers(call.begun) {
            outcome.not_covered += 1;
        } else if call.answered {
            outcome.not_theirs.push(call);
        }
    }
    for (event, taken) in events.into_iter().zip(taken) {
        if taken || event.only_looks() || !period.covers(event.time) {
            continue;
        }
        if event.keys.iter().any(|key| ours.contains(key)) {
            outcome.not_ours.push(event);
        } else if named.is_empty() {
            outcome.unknown_keys.extend(event.keys);
        } else {
            outcome.other_keys += 1;
        }
    }
    outcome
}

fn is_same(call: &OurCall, event: &Event) -> bool {
    call.operations.contains(&event.operation.as_str())
}

/// Whether the event may be of this call, by all but its id.
fn fits(call: &OurCall, event: &Event, period: &Period) -> bool {
    let time = event.time.as_micros();
    let from = call.begun.as_micros().saturating_sub(period.tolerance);
    let to = call.ended.as_micros().saturating_add(period.tolerance);
    // The key of a call that was to make one is not known if there was no answer.
    let key = call.keys.is_empty() || call.keys.iter().any(|key| event.keys.contains(key));
    is_same(call, event) && (from..=to).contains(&time) && key
}

/// Takes the first event that this call may be. A call whose id is known is no event with another id.
fn find_by_time(call: &OurCall, events: &[Event], taken: &mut [bool], period: &Period) -> bool {
    for (event, taken) in events.iter().zip(taken) {
        let other_id = call.request_id.is_some() && event.request_id.is_some();
        // What was answered did not fail there.
        let other_end = call.answered && event.failed;
        if !*taken && !other_id && !other_end && fits(call, event, period) {
            *taken = true;
            return true;
        }
    }
    false
}

/// A call of several steps is several events, each of another operation.
fn take_other_steps(call: &OurCall, events: &[Event], taken: &mut [bool], period: &Period) {
    // Of two other operations, a call is one or the other.
    let imports = ["ImportKeyMaterial", "ImportCryptoKeyVersion"];
    if !call.operations.iter().any(|step| imports.contains(step)) {
        return;
    }
    for (event, taken) in events.iter().zip(taken) {
        if !*taken && fits(call, event, period) {
            *taken = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * SECOND)
    }

    fn call(seconds: i64, id: Option<&str>) -> OurCall {
        OurCall {
            begun: at(seconds),
            ended: at(seconds),
            operations: &["Decrypt"],
            keys: vec!["ours".to_owned()],
            kms: "cloud".to_owned(),
            request_id: id.map(str::to_owned),
            answered: true,
        }
    }

    fn event(seconds: i64, id: Option<&str>) -> Event {
        Event {
            time: at(seconds),
            operation: "Decrypt".to_owned(),
            keys: vec!["ours".to_owned()],
            request_id: id.map(str::to_owned),
            id: format!("event at {seconds}"),
            by: "node".to_owned(),
            failed: false,
        }
    }

    fn compared(calls: Vec<OurCall>, events: Vec<Event>) -> Reconciled {
        let whole = (Some(at(0)), Some(at(1000)));
        let period = Period::of(&events, whole, 5 * SECOND);
        reconcile(calls, events, &[], &period)
    }

    #[test]
    fn calls_are_found_by_their_ids_whatever_the_clocks_say() {
        let found = compared(
            vec![call(10, Some("a")), call(20, Some("b"))],
            vec![event(900, Some("a")), event(21, Some("b"))],
        );
        assert_eq!(
            (found.matched, found.not_ours.len(), found.not_theirs.len()),
            (2, 0, 0)
        );
    }

    #[test]
    fn a_use_that_is_not_in_our_log_is_told_even_beside_one_of_ours() {
        let stranger = event(10, Some("x"));
        let found = compared(
            vec![call(10, Some("a"))],
            vec![event(10, Some("a")), stranger.clone()],
        );
        assert_eq!(found.not_ours, [stranger]);
    }

    #[test]
    fn a_call_that_the_cloud_lacks_is_told() {
        let missing = call(20, Some("b"));
        let found = compared(
            vec![call(10, Some("a")), missing.clone()],
            vec![event(10, Some("a"))],
        );
        assert_eq!(found.not_theirs, [missing]);
        assert_eq!(found.not_ours, []);
    }

    #[test]
    fn without_ids_each_event_is_one_call_and_time_decides() {
        let found = compared(
            vec![call(10, None), call(11, None), call(500, None)],
            vec![event(12, None), event(13, None), event(14, None)],
        );
        assert_eq!(
            (found.matched, found.not_ours.len(), found.not_theirs.len()),
            (2, 1, 1)
        );
    }

    #[test]
    fn a_request_that_was_not_answered_may_be_there_or_not() {
        let unanswered = OurCall {
            answered: false,
            ..call(10, None)
        };
        let found = compared(
            vec![unanswered.clone(), unanswered],
            vec![event(10, Some("a"))],
        );
        assert_eq!(
            (found.matched, found.not_ours.len(), found.not_theirs.len()),
            (1, 0, 0)
        );
    }

    #[test]
    fn uses_of_other_keys_are_none_of_ours_once_it_is_said_which_are() {
        let other = Event {
            keys: vec!["another".to_owned()],
            ..event(10, Some("x"))
        };
        let logs = || {
            let events = vec![event(10, Some("a")), other.clone()];
            (vec![call(10, Some("a"))], events)
        };
        let (calls, events) = logs();
        let found = compared(calls, events);
        assert_eq!((found.other_keys, found.not_ours.len()), (0, 0));
        assert_eq!(found.unknown_keys, BTreeSet::from(["another".to_owned()]));

        let named = |key: &str| {
            let (calls, events) = logs();
            let period = Period::of(&events, (Some(at(0)), Some(at(1000))), 5 * SECOND);
            reconcile(calls, events, &[key.to_owned()], &period)
        };
        let found = named("ours");
        assert_eq!((found.other_keys, found.not_ours.len()), (1, 0));
        assert_eq!(found.unknown_keys, BTreeSet::new());
        // Our log need not know a key for a stranger's use of it to be told.
        assert_eq!(named("another").not_ours, [other]);
    }

    #[test]
    fn who_uses_the_key_behind_our_alias_uses_our_key() {
        let ours = Event {
            keys: vec!["behind".to_owned(), "ours".to_owned()],
            ..event(10, Some("a"))
        };
        let stranger = Event {
            keys: vec!["behind".to_owned()],
            ..event(30, Some("x"))
        };
        let found = compared(vec![call(10, Some("a"))], vec![ours, stranger.clone()]);
        assert_eq!(found.not_ours, [stranger]);
    }

    #[test]
    fn what_the_cloud_does_not_cover_is_not_judged() {
        let events = vec![event(100, Some("a")), event(200, Some("b"))];
        let period = Period::of(&events, (None, None), SECOND);
        let calls = vec![
            call(50, Some("z")),
            call(100, Some("a")),
            call(200, Some("b")),
        ];
        let found = reconcile(calls, events, &[], &period);
        assert_eq!(
            (found.matched, found.not_covered, found.not_theirs.len()),
            (2, 1, 0)
        );
    }

    #[test]
    fn looks_of_others_are_not_told() {
        let look = Event {
            operation: "DescribeKey".to_owned(),
            ..event(10, Some("x"))
        };
        assert_eq!(compared(vec![call(10, Some("a"))], vec![look]).not_ours, []);
    }
}
