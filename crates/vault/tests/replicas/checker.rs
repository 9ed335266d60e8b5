//! Holds what was answered against what is there in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;
use strongroom_crypto::{
    KeyUsage, KeyUsages, Signature, SignatureFormat, SigningAlgorithm, SigningKeySpec,
    SigningPublicKey,
};

use crate::{
    company::{BOUND, STRICT},
    history::{Event, History, Outcome},
    process::Act,
};

/// What the calls came to.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) writes: usize,
    pub(crate) made: usize,
    pub(crate) retired: usize,
    pub(crate) deleted: usize,
    /// How often somebody was asked to sign with a key that was gone for longer than the bound, and refused.
    pub(crate) refused_of_gone: usize,
    pub(crate) signatures: usize,
    pub(crate) refusals: BTreeMap<String, usize>,
    pub(crate) unanswered: usize,
    pub(crate) node_keys_rotated: usize,
    pub(crate) wrapper_keys_rotated: usize,
    /// The longest time between two writes that were answered, and between two signatures of anybody; from the last one to the end of
    /// the load as well. While the database was stopped and started again, no time passes.
    pub(crate) without_write: Duration,
    pub(crate) without_signature: Duration,
}

/// Checks every rule, and says what the calls came to that were made until `end_of_load`.
pub(crate) fn check(history: &History, dumps: &[Value], end_of_load: Duration) -> Figures {
    let events = &history.events();
    agree(dumps);
    let end = dumps.first().unwrap();
    assert_eq!(end["broken"], 0, "{end}");
    written_is_there(events, end);
    refused_is_not_there(events, end);
    nobody_wrote_who_was_fenced_off(events, end);
    keys_are_as_answered(events, end);
    signatures_verify(events);
    no_retired_key_signed(events);
    figures(history, end_of_load)
}

/// All replicas show the same.
fn agree(dumps: &[Value]) {
    for dump in dumps {
        assert_eq!(dump, dumps.first().unwrap());
    }
}

fn calls_in_audit(end: &Value) -> BTreeMap<u64, usize> {
    let mut calls = BTreeMap::new();
    for record in end["audit"].as_array().unwrap() {
        if let Ok(call) = record["call"].as_str().unwrap().parse() {
            *calls.entry(call).or_default() += 1;
        }
    }
    calls
}

fn is_write(act: &Act) -> bool {
    matches!(act, Act::Generate | Act::Retire(_) | Act::Delete(_))
}

/// A rotation that was answered, and certainly wrote steps of its own.
fn wrote_steps(event: &Event) -> bool {
    let written = event.done().and_then(|answer| answer["written"].as_u64());
    written.is_some_and(|steps| steps > 0)
}

/// The keys that a rotation of node keys says it retired.
fn rotated(answer: &Value) -> impl Iterator<Item = &str> {
    let keys = answer["retired"].as_array().into_iter().flatten();
    keys.filter_map(|it| it["key"].as_str())
}

/// Every write that was answered stands in the audit log, once; a rotation, whose steps several may have done, at least once.
fn written_is_there(events: &[Event], end: &Value) {
    let calls = calls_in_audit(end);
    for event in events.iter().filter(|event| wrote_steps(event)) {
        assert!(calls.contains_key(&event.id), "no record of {event:?}");
    }
    for event in events
        .iter()
        .filter(|event| is_write(&event.act) && event.done().is_some())
    {
        let found = calls.get(&event.id).copied().unwrap_or_default();
        // To retire a key that is retired already changes nothing.
        let least = usize::from(!matches!(event.act, Act::Retire(_)));
        assert!((least..=1).contains(&found), "{found} records of {event:?}");
    }
}

/// What was refused, by whoever was not the one that writes above all, was not written.
fn refused_is_not_there(events: &[Event], end: &Value) {
    let calls = calls_in_audit(end);
    for event in events.iter().filter(|event| event.is_refused()) {
        assert!(!calls.contains_key(&event.id), "was written: {event:?}");
    }
    let known: BTreeSet<u64> = events.iter().map(|event| event.id).collect();
    for call in calls.keys() {
        assert!(known.contains(call), "nobody asked for {call}");
    }
}

/// Read off the log alone: the token of the lease never falls, and under each of them one replica wrote.
fn nobody_wrote_who_was_fenced_off(events: &[Event], end: &Value) {
    let replicas: BTreeMap<u64, usize> = events.iter().map(|it| (it.id, it.replica)).collect();
    let (mut newest, mut writers) = (0, BTreeMap::new());
    for record in end["audit"].as_array().unwrap() {
        let lease = record["lease"].as_u64().unwrap();
        assert!(lease >= newest, "after lease {newest}: {record}");
        newest = lease;
        let call = record["call"].as_str().unwrap().parse::<u64>();
        if let Some(replica) = call.ok().and_then(|call| replicas.get(&call)) {
            let writer = *writers.entry(lease).or_insert(*replica);
            assert_eq!(writer, *replica, "under one lease: {record}");
        }
    }
    assert!(!writers.is_empty());
}

/// Keys that were made are there unless somebody deleted them, or may have; keys that were retired are.
fn keys_are_as_answered(events: &[Event], end: &Value) {
    let keys = end["keys"].as_object().unwrap();
    let of = |wanted: fn(&Act) -> Option<&String>, certain: bool| -> BTreeSet<&String> {
        let fits = |event: &&Event| {
            if certain {
                event.done().is_some()
            } else {
                !event.is_refused()
            }
        };
        events
            .iter()
            .filter(fits)
            .filter_map(|event| wanted(&event.act))
            .collect()
    };
    let (surely_deleted, perhaps_deleted) = (of(deleted, true), of(deleted, false));
    for key in &surely_deleted {
        assert!(!keys.contains_key(*key), "{key} was deleted and is there");
    }
    for event in events.iter().filter(|event| event.act == Act::Generate) {
        let Some(made) = event.done() else { continue };
        let key = made["key"].as_str().unwrap().to_owned();
        if !perhaps_deleted.contains(&key) {
            assert!(keys.contains_key(&key), "{key} was made and is gone");
        }
    }
    for key in of(retired, true) {
        if let Some(state) = keys.get(key) {
            assert_eq!(state, "retired", "{key}");
        }
    }
    for key in events.iter().filter_map(Event::done).flat_map(rotated) {
        assert_eq!(keys[key], "retired", "{key} was rotated");
    }
    let perhaps_retired = of(retired, false);
    for event in events.iter().filter(|event| event.act == Act::Generate) {
        let Some(made) = event.done() else { continue };
        let key = made["key"].as_str().unwrap().to_owned();
        if let Some(state) = keys.get(&key)
            && !perhaps_retired.contains(&key)
        {
            assert_eq!(state, "active", "{key}");
        }
    }
}

fn deleted(act: &Act) -> Option<&String> {
    match act {
        Act::Delete(key) => Some(key),
        _ => None,
    }
}

fn retired(act: &Act) -> Option<&String> {
    match act {
        Act::Retire(key) => Some(key),
        _ => None,
    }
}

/// Every key that a call has told of.
fn told_keys(events: &[Event]) -> BTreeMap<String, SigningPublicKey> {
    let usages = KeyUsages::only(KeyUsage::Protocol);
    let answers = events.iter().filter_map(Event::done);
    let told = answers.flat_map(|answer| {
        let retired = answer["retired"].as_array().into_iter().flatten();
        retired.chain([answer]).filter(|it| it["spki"].is_string())
    });
    let key = |told: &Value| {
        let spki = told["spki"].as_str().unwrap().as_bytes();
        let spki = data_encoding::HEXLOWER.decode(spki).unwrap();
        let key = SigningPublicKey::from_spki(SigningKeySpec::EcCurve25519, &spki, usages);
        (told["key"].as_str().unwrap().to_owned(), key.unwrap())
    };
    told.map(key).collect()
}

fn signatures_verify(events: &[Event]) {
    let usages = KeyUsages::only(KeyUsage::Protocol);
    let public = told_keys(events);
    for event in events {
        let (Act::Sign(key), Some(signed)) = (&event.act, event.done()) else {
            continue;
        };
        let key = public.get(key).unwrap();
        let signature = Signature {
            bytes: data_encoding::HEXLOWER
                .decode(signed["signature"].as_str().unwrap().as_bytes())
                .unwrap(),
            format: SignatureFormat::Concat,
            signed_by: key.fingerprint(),
            algorithm: Some(SigningAlgorithm::Ed25519),
        };
        key.verify(&event.id.to_be_bytes(), &signature, usages)
            .unwrap();
    }
}

/// When somebody first heard that a key was retired or deleted.
fn gone_since(events: &[Event]) -> BTreeMap<String, Duration> {
    let mut gone: BTreeMap<String, Duration> = BTreeMap::new();
    for event in events {
        let Some(answer) = event.done() else { continue };
        let named = retired(&event.act).or(deleted(&event.act));
        for key in named.map(String::as_str).into_iter().chain(rotated(answer)) {
            let first = gone.entry(key.to_owned()).or_insert(event.ended);
            *first = event.ended.min(*first);
        }
    }
    gone
}

fn bound(event: &Event) -> Duration {
    if event.replica == STRICT {
        Duration::ZERO
    } else {
        BOUND
    }
}

/// A key signs for no longer than the bound after somebody heard that it was retired or deleted; in a strict process, not at
/// all. What counts is when the process was about to sign, by the clock of the machine: a call may have begun long before.
fn no_retired_key_signed(events: &[Event]) {
    let gone = gone_since(events);
    let mut late = 0;
    for event in events.iter().filter(|event| event.done().is_some()) {
        let Act::Sign(key) = &event.act else { continue };
        let signed = event.signed_at().unwrap();
        assert!(event.began <= signed && signed <= event.ended, "{event:?}");
        let Some(gone) = gone.get(key) else { continue };
        assert!(
            signed <= *gone + bound(event),
            "signed {:?} after it was gone: {event:?}",
            signed.saturating_sub(*gone)
        );
        late += usize::from(signed > *gone);
    }
    println!("{late} signatures within the bound after their key was gone");
}

fn refused_of_gone(events: &[Event]) -> usize {
    let gone = gone_since(events);
    let asked = events.iter().filter(|event| {
        let Act::Sign(key) = &event.act else {
            return false;
        };
        gone.get(key)
            .is_some_and(|gone| event.began > *gone + bound(event))
    });
    let refusals = ["KEY_RETIRED", "KEY_NOT_FOUND"];
    asked
        .filter(|event| matches!(&event.outcome, Outcome::Refused(code) if refusals.contains(&code.as_str())))
        .count()
}

/// What the calls came to that were answered by `now`.
pub(crate) fn figures(history: &History, now: Duration) -> Figures {
    let events = history.events();
    let mut figures = Figures {
        refused_of_gone: refused_of_gone(&events),
        ..Figures::default()
    };
    let between =
        |last: Duration, next: Duration| (next - last).saturating_sub(history.away(last..next));
    let (mut write, mut signature) = (Duration::ZERO, Duration::ZERO);
    let mut by_end: Vec<&Event> = events.iter().filter(|event| event.ended <= now).collect();
    by_end.sort_by_key(|event| event.ended);
    for event in by_end {
        match &event.outcome {
            Outcome::Done(_) if is_write(&event.act) => {
                figures.writes += 1;
                match event.act {
                    Act::Retire(_) => figures.retired += 1,
                    Act::Delete(_) => figures.deleted += 1,
                    _ => figures.made += 1,
                }
                figures.without_write = figures.without_write.max(between(write, event.ended));
                write = event.ended;
            }
            Outcome::Done(_) if matches!(event.act, Act::Sign(_)) => {
                figures.signatures += 1;
                let without = between(signature, event.ended);
                figures.without_signature = figures.without_signature.max(without);
                signature = event.ended;
            }
            Outcome::Done(_) => match event.act {
                Act::RotateNodeKey => {
                    figures.node_keys_rotated += usize::from(wrote_steps(event));
                }
                Act::RotateWrapperKey => figures.wrapper_keys_rotated += 1,
                _ => {}
            },
            Outcome::Refused(code) => *figures.refusals.entry(code.clone()).or_default() += 1,
            Outcome::NoAnswer => figures.unanswered += 1,
        }
    }
    figures.without_write = figures.without_write.max(between(write, now));
    figures.without_signature = figures.without_signature.max(between(signature, now));
    figures
}
