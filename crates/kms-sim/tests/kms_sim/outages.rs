//! When the cloud does not answer as it should.

use std::time::Duration;

use serde_json::json;
use strongroom_kms_sim::{LostAnswer, Outage, OutageKind, Scenario, Simulator, Weather};

use crate::house::{Reply, call, call_in, call_in_vain, request, soon, standing, under};

fn outage(kind: OutageKind) -> Weather {
    Weather {
        outages: vec![Outage::of(kind)],
        ..Weather::default()
    }
}

fn list(simulator: &Simulator) -> Reply {
    call(simulator, "ListKeys", &json!({}))
}

#[test]
fn a_cloud_that_refuses_connections_can_still_be_controlled() {
    let simulator = standing(Scenario::default());
    simulator.set_weather(outage(OutageKind::Refuse)).unwrap();
    soon("refusing", || matches!(list(&simulator), Reply::Refused));
    let control = simulator.control_endpoint();
    request(control, "GET", "/control/state", &[], b"").good();
    assert!(matches!(
        request(control, "POST", "/", &[], b"{}"),
        Reply::Answer(404, ..)
    ));
    request(control, "POST", "/control/weather", &[], b"{}").good();
    soon("listening", || {
        matches!(list(&simulator), Reply::Answer(200, ..))
    });
}

#[test]
fn a_broken_cloud_answers_with_status_500() {
    let simulator = under(outage(OutageKind::InternalError));
    let Reply::Answer(500, _, body) = list(&simulator) else {
        panic!("no error");
    };
    assert_eq!(body["__type"], "KMSInternalException");
}

#[test]
fn a_reset_cuts_an_answer_in_the_middle() {
    let simulator = under(outage(OutageKind::Reset));
    assert!(matches!(list(&simulator), Reply::Reset));
    simulator.set_weather(Weather::default()).unwrap();
    list(&simulator).good();
}

#[test]
fn a_cloud_that_hangs_does_no_work() {
    let simulator = under(outage(OutageKind::Hang));
    assert!(matches!(
        call_in_vain(&simulator, "CreateKey", &json!({})),
        Reply::Silence
    ));
    assert!(simulator.keys().unwrap().is_empty());
    let count = simulator.calls().of("CreateKey");
    assert_eq!((count.arrived, count.succeeded, count.failed), (1, 0, 0));
}

#[test]
fn an_outage_has_its_time_its_region_and_its_operations() {
    let simulator = under(Weather {
        outages: vec![Outage {
            from_ms: 1_000,
            until_ms: Some(2_000),
            region: Some("eu-central-1".to_owned()),
            operations: vec!["ListKeys".to_owned()],
            ..Outage::of(OutageKind::InternalError)
        }],
        ..Weather::default()
    });
    list(&simulator).good();
    simulator.advance(Duration::from_millis(1_000));
    assert_eq!(list(&simulator).error(), "KMSInternalException");
    call(&simulator, "ListAliases", &json!({})).good();
    call_in(&simulator, "us-east-1", "ListKeys", &json!({})).good();
    simulator.advance(Duration::from_millis(1_000));
    list(&simulator).good();
}

#[test]
fn an_answer_that_gets_lost_leaves_the_work_done() {
    let simulator = under(Weather {
        lost_answers: vec![LostAnswer::next("CreateKey")],
        ..Weather::default()
    });
    assert!(matches!(
        call(&simulator, "CreateKey", &json!({})),
        Reply::Cut
    ));
    assert_eq!(simulator.keys().unwrap().len(), 1);
    let count = simulator.calls().of("CreateKey");
    assert_eq!((count.arrived, count.succeeded, count.lost), (1, 1, 1));
    call(&simulator, "CreateKey", &json!({})).good();
}

#[test]
fn the_call_whose_answer_gets_lost_can_be_chosen() {
    let simulator = under(Weather {
        lost_answers: vec![LostAnswer {
            operation: Some("ListKeys".to_owned()),
            call: Some(2),
        }],
        ..Weather::default()
    });
    call(&simulator, "ListAliases", &json!({})).good();
    let lost: Vec<bool> = (0..4)
        .map(|_| matches!(list(&simulator), Reply::Cut))
        .collect();
    assert_eq!(lost, [false, true, false, false]);
}
