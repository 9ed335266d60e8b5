//! `kms simulate`, as a program beside vaults.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::support::{Sandbox, text};

/// `kms simulate`, until it is interrupted.
struct Simulating {
    child: Child,
    shown: Value,
}

impl Simulating {
    fn start(sandbox: &Sandbox, more: &[&str]) -> Self {
        let args = [&["kms", "simulate", "--output", "json"], more].concat();
        let mut child = sandbox
            .command(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut document = String::new();
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        for line in lines {
            let line = line.unwrap();
            document.push_str(&line);
            if line == "}" {
                break;
            }
        }
        let shown = serde_json::from_str(&document).unwrap();
        Self { child, shown }
    }

    fn interrupt(&mut self) -> i32 {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Simulating {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The body of an answer to a GET.
fn get(endpoint: &str, path: &str) -> Value {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_head, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn the_simulator_is_a_cloud_for_vaults_until_it_is_interrupted() {
    let sandbox = Sandbox::new();
    let mut simulator = Simulating::start(&sandbox, &["--seed", "7"]);
    assert_eq!(simulator.shown["seed"], 7);
    assert!(text(&simulator.shown, "warning").contains("guards nothing"));
    let endpoint = text(&simulator.shown, "endpoint");
    let init = ["init", "--kms", "aws", "--region", "eu-central-1"];
    let there = ["--kms-endpoint", &endpoint, "--rehearsal"];
    sandbox.run([&init[..], &there].concat()).succeeded();
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
    let control = text(&simulator.shown, "control_endpoint");
    let state = get(&control, "/control/state");
    assert_eq!(state["keys"].as_array().unwrap().len(), 1, "{state}");
    let rings = "/v1/projects/rehearsal/locations/europe-west1/keyRings";
    assert!(get(&endpoint, rings).is_object());
    assert_eq!(simulator.interrupt(), 0);
    sandbox.refuses(["keys", "list"], "NO_WRAP_OPENS", 3);
}

#[test]
fn the_simulator_takes_its_weather_from_a_scenario() {
    let sandbox = Sandbox::new();
    let scenario = "seed = 9\n[weather]\nlatency = { median-ms = 1.0, p99-ms = 2.0 }\n";
    let path = sandbox.write("scenario.toml", scenario);
    let more = ["--aws", "--scenario", path.to_str().unwrap()];
    let simulator = Simulating::start(&sandbox, &more);
    assert_eq!(simulator.shown["seed"], 9);
    let faces = simulator.shown["faces"].as_array().unwrap();
    assert_eq!(faces.len(), 1, "{faces:?}");
    assert_eq!(faces[0]["name"], "aws");
    let control = text(&simulator.shown, "control_endpoint");
    let weather = &get(&control, "/control/state")["weather"];
    assert_eq!(weather["latency"]["median-ms"], 1.0, "{weather}");
}

#[test]
fn what_is_no_scenario_is_refused_and_so_is_a_port_of_somebody_else() {
    let sandbox = Sandbox::new();
    sandbox.write("scenario.toml", "wether = 1");
    for file in ["scenario.toml", "missing.toml"] {
        let args = ["kms", "simulate", "--scenario", file];
        sandbox.refuses(args, "SIMULATOR_SCENARIO_INVALID", 2);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let args = ["kms", "simulate", "--port", &port];
    sandbox.refuses(args, "SIMULATOR_NOT_STARTED", 3);
}
