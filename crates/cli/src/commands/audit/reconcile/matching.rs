//! Which call is which event.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::Timestamp;

use super::calls::{Event, OurCall};
use crate::{failure::CliError, output};

/// The time that the cloud's log covers.
pub(super) struct Period {
    from: Edge,
    to: Edge,
    /// By how much the clocks may differ, in microseconds.
    tolerance: i64,
}

/// Where it begins or ends.
#[derive(Clone, Copy)]
struct Edge {
    at: i64,
    /// Somebody said so. Otherwise an event is there, and whether the log lacks what is beyond it or does not reach so far
    /// nobody can tell.
    was_said: bool,
}

impl Edge {
    fn of(said: Option<Timestamp>, event: Option<i64>) -> Option<Self> {
        let (at, was_said) = match said {
            Some(said) => (said.as_micros(), true),
            None => (event?, false),
        };
        Some(Self { at, was_said })
    }
}

impl Period {
    /// # Errors
    /// [`CliError::NoPeriod`] if neither events nor anybody says when it was. [`CliError::EmptyPeriod`] if it ends before it begins:
    /// both logs would agree, since nothing of either is in it.
    pub(super) fn of(
        events: &[Event],
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        tolerance: i64,
    ) -> Result<Self, CliError> {
        let times = || events.iter().map(|event| event.time.as_micros());
        // Clouds write whole seconds: the last one is covered to its end.
        let last = times().max().map(|time| time.saturating_add(999_999));
        let from = Edge::of(from, times().min()).ok_or(CliError::NoPeriod)?;
        let to = Edge::of(to, last).ok_or(CliError::NoPeriod)?;
        if from.at >= to.at {
            let shown = |edge: Edge| output::moment(Timestamp::from_micros(edge.at));
            return Err(CliError::EmptyPeriod {
                from: shown(from),
                to: shown(to),
            });
        }
        Ok(Self {
            from,
            to,
            tolerance,
        })
    }

    fn covers(&self, time: Timestamp) -> bool {
        (self.from.at..=self.to.at).contains(&time.as_micros())
    }

    /// Whether what was from `begun` to `ended` may stand in one log before an edge that somebody said and in the other one behind it,
    /// by clocks that differ. The logs beside these have its counterpart then.
    fn is_at_edge(&self, begun: Timestamp, ended: Timestamp) -> bool {
        let earliest = begun.as_micros().saturating_sub(self.tolerance);
        let latest = ended.as_micros().saturating_add(self.tolerance);
        (self.from.was_said && earliest < self.from.at) || (self.to.was_said && latest > self.to.at)
    }

    /// Whether somebody said that the cloud's log need not have what was at this time, which it does not cover.
    fn leaves_out(&self, time: Timestamp) -> bool {
        let edge = if time.as_micros() < self.from.at {
            self.from
        } else {
            self.to
        };
        edge.was_said
    }
}

/// What the two logs have in common, and what not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reconciled {
    pub(super) matched: u64,
    pub(super) not_ours: Vec<Event>,
    /// Which may be of calls that got no answer, but by somebody who made none of ours that did.
    pub(super) perhaps_ours: Vec<Event>,
    pub(super) not_theirs: Vec<OurCall>,
    /// Like those, but so near an edge that the logs beside these may have the counterpart.
    pub(super) not_ours_at_edge: Vec<Event>,
    pub(super) not_theirs_at_edge: Vec<OurCall>,
    /// At times that the cloud's log does not cover.
    pub(super) not_covered: u64,
    /// Those of them of which nobody said that they are left out.
    pub(super) undecided: u64,
    pub(super) other_keys: u64,
    /// Keys that were used of which nobody has said whether they are the vault's.
    pub(super) unknown_keys: BTreeSet<String>,
}

/// Compares the logs: first by the ids of requests; what has none, by key, operation and time.
///
/// A call that got no answer may be an event or none. It stands for one only if that is by somebody who made others of our calls: an
/// outage must not hide what a stranger did meanwhile.
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
    // Clouds deliver an event at least once.
    events.sort();
    events.dedup_by(|later, earlier| !later.id.is_empty() && later == earlier);
    let mut ours: BTreeSet<String> = calls.iter().flat_map(|call| call.keys.clone()).collect();
    ours.extend(named.iter().cloned());
    let mut taken = vec![false; events.len()];
    let mut by_id = BTreeMap::<String, Vec<usize>>::new();
    for (event, at) in events.iter().zip(0..) {
        if let Some(id) = &event.request_id {
            by_id.entry(id.clone()).or_default().push(at);
        }
    }
    let mut makers = BTreeSet::new();
    let found: Vec<_> = calls
        .iter()
        .map(|call| {
            let id = call.request_id.as_ref();
            let mut found = false;
            // Several: of one request, to the account of the key and to that of its user.
            for at in id.and_then(|id| by_id.get(id)).into_iter().flatten() {
                let event = events.get(*at).filter(|event| is_same(call, event));
                if let (Some(event), Some(taken)) = (event, taken.get_mut(*at)) {
                    // An alias and the key behind it: whoever uses either uses ours.
                    ours.extend(event.keys.iter().cloned());
                    makers.insert(event.by.clone());
                    (*taken, found) = (true, true);
                }
            }
            found
        })
        .collect();

    let mut outcome = Reconciled::default();
    // What is certain comes first: it tells who makes our calls.
    let (certain, uncertain): (Vec<_>, Vec<_>) = calls
        .into_iter()
        .zip(found)
        .partition(|(call, found)| *found || call.answered);
    // Where requests have no ids, time alone tells; a stranger among those whom it names would be taken for one of ours.
    let mut by_time = BTreeSet::new();
    for (call, found) in certain.into_iter().chain(uncertain) {
        if !call.answered && !found && makers.is_empty() && by_time.len() == 1 {
            makers.append(&mut by_time);
        }
        let mut find = |by_whom: &dyn Fn(&str) -> bool| {
            find_by_time(&call, &events, &mut taken, period, by_whom)
        };
        let found = if found {
            true
        } else if call.answered {
            let event = find(&|by| makers.contains(by)).or_else(|| find(&|_anybody| true));
            by_time.extend(event.map(|event| event.by.clone()));
            event.is_some()
        } else if find(&|by| !by.is_empty() && makers.contains(by)).is_some() {
            true
        } else if let Some(event) = find(&|_anybody| true) {
            outcome.perhaps_ours.push(event.clone());
            continue;
        } else {
            false
        };
        if found {
            outcome.matched += 1;
            take_other_steps(&call, &events, &mut taken, period);
        } else if !period.covers(call.begun) {
            outcome.not_covered += 1;
            outcome.undecided += u64::from(!period.leaves_out(call.begun));
        } else if call.answered {
            let lacking = if period.is_at_edge(call.begun, call.ended) {
                &mut outcome.not_theirs_at_edge
            } else {
                &mut outcome.not_theirs
            };
            lacking.push(call);
        }
    }
    for (event, taken) in events.into_iter().zip(taken) {
        if taken || event.only_looks() || !period.covers(event.time) {
            continue;
        }
        if event.keys.iter().any(|key| ours.contains(key)) {
            let strange = if period.is_at_edge(event.time, event.time) {
                &mut outcome.not_ours_at_edge
            } else {
                &mut outcome.not_ours
            };
            strange.push(event);
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

/// Takes the first event that this call may be, by somebody whom `by_whom` accepts. A call whose id is known is no event with another
/// id.
fn find_by_time<'e>(
    call: &OurCall,
    events: &'e [Event],
    taken: &mut [bool],
    period: &Period,
    by_whom: &dyn Fn(&str) -> bool,
) -> Option<&'e Event> {
    for (event, taken) in events.iter().zip(taken) {
        let other_id = call.request_id.is_some() && event.request_id.is_some();
        // What was answered did not fail there.
        let other_end = call.answered && event.failed;
        let may_be = !other_id && !other_end && by_whom(&event.by);
        if !*taken && may_be && fits(call, event, period) {
            *taken = true;
            return Some(event);
        }
    }
    None
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
            id: format!("event {id:?} at {seconds}"),
            by: "node".to_owned(),
            failed: false,
        }
    }

    fn compared(calls: Vec<OurCall>, events: Vec<Event>) -> Reconciled {
        let whole = (Some(at(0)), Some(at(1000)));
        let period = Period::of(&events, whole, 5 * SECOND).unwrap();
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
            vec![unanswered.clone(), unanswered, call(900, Some("b"))],
            vec![event(10, Some("a")), event(900, Some("b"))],
        );
        assert_eq!(
            (found.matched, found.not_ours.len(), found.not_theirs.len()),
            (2, 0, 0)
        );
        assert_eq!(found.perhaps_ours, []);
    }

    #[test]
    fn a_request_that_was_not_answered_stands_for_nothing_that_somebody_else_did() {
        let unanswered = || OurCall {
            answered: false,
            ..call(10, None)
        };
        let stranger = Event {
            by: "mallory".to_owned(),
            ..event(9, Some("x"))
        };
        let known = || (call(900, Some("b")), event(900, Some("b")));
        let (ours, theirs) = known();
        let found = compared(vec![unanswered(), ours], vec![stranger.clone(), theirs]);
        assert_eq!(
            (found.matched, found.perhaps_ours),
            (1, vec![stranger.clone()])
        );
        // One of ours is preferred, although it is later.
        let (ours, theirs) = known();
        let events = vec![stranger.clone(), event(11, Some("a")), theirs];
        let found = compared(vec![unanswered(), ours], events);
        assert_eq!((found.matched, found.not_ours), (2, vec![stranger]));
        // Where no call was answered nobody is known.
        let found = compared(vec![unanswered()], vec![event(10, Some("a"))]);
        assert_eq!((found.matched, found.perhaps_ours.len()), (0, 1));
    }

    #[test]
    fn without_ids_whoever_made_all_of_our_calls_is_known_and_nobody_of_several_is() {
        let unanswered = || OurCall {
            answered: false,
            ..call(500, None)
        };
        let by = |seconds, who: &str| Event {
            by: who.to_owned(),
            ..event(seconds, None)
        };
        let found = compared(
            vec![call(10, None), unanswered()],
            vec![by(10, "node"), by(500, "node")],
        );
        assert_eq!((found.matched, found.perhaps_ours.len()), (2, 0));
        // A stranger stands where one of our calls might: what is left over is nobody's for certain.
        let found = compared(
            vec![call(10, None), call(900, None), unanswered()],
            vec![by(10, "node"), by(900, "mallory"), by(500, "mallory")],
        );
        assert_eq!((found.matched, found.perhaps_ours.len()), (2, 1));
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
            let whole = (Some(at(0)), Some(at(1000)));
            let period = Period::of(&events, whole, 5 * SECOND).unwrap();
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
    fn what_the_cloud_does_not_cover_is_decided_by_who_says_so() {
        for (said, undecided) in [
            ((None, None), 2),
            ((Some(at(80)), None), 1),
            ((None, Some(at(220))), 1),
            ((Some(at(80)), Some(at(220))), 0),
        ] {
            let events = vec![event(100, Some("a")), event(200, Some("b"))];
            let period = Period::of(&events, said, SECOND).unwrap();
            let calls = vec![
                call(50, Some("y")),
                call(100, Some("a")),
                call(200, Some("b")),
                call(250, Some("z")),
            ];
            let found = reconcile(calls, events, &[], &period);
            assert_eq!(
                (found.matched, found.not_covered, found.not_theirs.len()),
                (2, 2, 0)
            );
            assert_eq!(found.undecided, undecided, "{said:?}");
        }
    }

    #[test]
    fn a_log_without_events_covers_what_somebody_says_and_nothing_otherwise() {
        for said in [(None, None), (Some(at(0)), None), (None, Some(at(9)))] {
            let refused = Period::of(&[], said, SECOND);
            assert!(matches!(refused, Err(CliError::NoPeriod)), "{said:?}");
        }
        let missing = call(5, Some("a"));
        let found = compared(vec![missing.clone()], Vec::new());
        assert_eq!(found.not_theirs, [missing]);
    }

    #[test]
    fn what_is_near_an_edge_that_was_said_may_be_in_the_logs_beside() {
        let compare = |said| {
            // Without a counterpart: one each near the edges, and one each well within.
            let events = vec![
                event(100, Some("v")),
                event(105, Some("w")),
                event(150, Some("x")),
                event(198, Some("y")),
                event(200, Some("z")),
            ];
            let calls = vec![
                call(103, Some("a")),
                call(160, Some("b")),
                call(199, Some("c")),
            ];
            let period = Period::of(&events, said, 5 * SECOND).unwrap();
            reconcile(calls, events, &[], &period)
        };
        let counted = |found: &Reconciled| {
            (
                (found.not_ours.len(), found.not_ours_at_edge.len()),
                (found.not_theirs.len(), found.not_theirs_at_edge.len()),
            )
        };
        let found = compare((Some(at(100)), Some(at(200))));
        assert_eq!(counted(&found), ((2, 3), (1, 2)));
        // Just as far from the edge as the clocks may differ is within.
        let within = [event(105, Some("w")), event(150, Some("x"))];
        assert_eq!(found.not_ours, within);
        assert_eq!(found.not_theirs, [call(160, Some("b"))]);
        // Where the events alone say when it was, nothing was cut off.
        assert_eq!(counted(&compare((None, None))), ((5, 0), (3, 0)));
        assert_eq!(counted(&compare((Some(at(100)), None))), ((4, 1), (2, 1)));
    }

    #[test]
    fn a_call_that_goes_over_an_edge_is_near_it() {
        let long = OurCall {
            ended: at(998),
            ..call(900, Some("a"))
        };
        let found = compared(vec![long.clone()], Vec::new());
        assert_eq!(found.not_theirs_at_edge, [long]);
        assert_eq!(found.not_theirs, []);
    }

    #[test]
    fn a_time_that_ends_before_it_begins_is_refused() {
        let events = vec![event(100, Some("a")), event(200, Some("b"))];
        for (said, why) in [
            ((Some(at(300)), Some(at(50))), "swapped"),
            ((Some(at(150)), Some(at(150))), "no time at all"),
            ((Some(at(201)), None), "only --from, after the last event"),
            ((None, Some(at(99))), "only --to, before the first"),
        ] {
            let refused = Period::of(&events, said, 5 * SECOND);
            assert!(
                matches!(refused, Err(CliError::EmptyPeriod { .. })),
                "{why}"
            );
        }
        // Within the second that the last event may be anywhere in.
        let said = (Some(Timestamp::from_micros(200 * SECOND + 500_000)), None);
        assert!(Period::of(&events, said, SECOND).is_ok());
    }

    #[test]
    fn an_event_that_was_delivered_twice_is_one() {
        for id in [Some("a"), None] {
            let found = compared(vec![call(10, id)], vec![event(10, id), event(10, id)]);
            assert_eq!((found.matched, found.not_ours), (1, Vec::new()), "{id:?}");
        }
        // Of one request there may be two, one in each account that has to do with it.
        let other_account = Event {
            id: "of the other account".to_owned(),
            ..event(10, Some("a"))
        };
        let both = vec![event(10, Some("a")), other_account];
        assert_eq!(compared(vec![call(10, Some("a"))], both).not_ours, []);
    }

    #[test]
    fn two_events_that_have_no_ids_are_two() {
        let nameless = Event {
            id: String::new(),
            ..event(10, None)
        };
        let found = compared(vec![call(10, None)], vec![nameless.clone(), nameless]);
        assert_eq!((found.matched, found.not_ours.len()), (1, 1));
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
