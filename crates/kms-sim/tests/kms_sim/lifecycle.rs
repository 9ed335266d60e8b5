//! Starting and stopping.

use std::net::SocketAddr;

use serde_json::json;
use strongroom_kms_sim::{Scenario, Simulator, SimulatorError};

use crate::house::{Reply, call, request, standing};

fn port(simulator: &Simulator) -> u16 {
    let address = simulator.endpoint().strip_prefix("http://").unwrap();
    address.parse::<SocketAddr>().unwrap().port()
}

fn at(port: u16) -> Scenario {
    Scenario {
        port,
        ..Scenario::default()
    }
}

#[test]
fn a_simulator_that_was_stopped_listens_no_more_and_its_port_is_free() {
    let simulator = standing(Scenario::default());
    let (endpoint, port) = (simulator.endpoint().to_owned(), port(&simulator));
    call(&simulator, "ListKeys", &json!({})).good();
    simulator.stop();
    let reply = request(&endpoint, "GET", "/control/state", &[], b"");
    assert!(matches!(reply, Reply::Refused));
    let again = standing(at(port));
    assert_eq!(again.endpoint(), endpoint);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let first = standing(Scenario::default());
    let taken = port(&first);
    match Simulator::start(at(taken)) {
        Err(SimulatorError::Port { port, .. }) => assert_eq!(port, taken),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_starts_stops_and_is_dropped_inside_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        Simulator::start(Scenario::default()).unwrap().stop();
        drop(Simulator::start(Scenario::default()).unwrap());
    });
}

/// Nobody may wait for the simulator's threads on the threads of another runtime.
#[tokio::test]
async fn a_port_that_is_taken_is_an_error_inside_of_a_runtime_as_well() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = Simulator::start(at(taken.local_addr().unwrap().port()));
    assert!(matches!(refused, Err(SimulatorError::Port { .. })));
}
