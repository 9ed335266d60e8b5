//! `kms serve`: a KMS in a process of its own, which vaults reach as a driver.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use super::{SOFTHSM, Token, driver::Certificates};
use crate::support::{Ran, Sandbox};

/// `kms serve`, until it is interrupted.
pub(crate) struct Serving {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) shown: Value,
}

impl Serving {
    /// Starts `command`, and returns when it listens.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut document = String::new();
        while !document.ends_with("}\n") {
            let read = lines.read_line(&mut document).unwrap();
            assert_ne!(read, 0, "it ended: {document}");
        }
        Self {
            shown: serde_json::from_str(&document).unwrap(),
            child,
            lines,
        }
    }

    fn interrupt(mut self) -> i32 {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
        let status = self.child.wait().unwrap().code().unwrap();
        let mut rest = String::new();
        assert_eq!(self.lines.read_line(&mut rest).unwrap(), 0, "{rest}");
        status
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Token {
    /// A file for `kms serve` that offers this token where `listen` says.
    fn offered(&self, listen: &str) -> String {
        let (log, pin) = (self.sandbox.path("kms.log"), self.pin.display());
        let text = format!(
            "[listen]\n{listen}\n[kms]\nname = \"hsm\"\ntype = \"pkcs11\"\nmodule = \"{SOFTHSM}\"\n\
             token-label = \"vault\"\npin = {{ file = \"{pin}\" }}\n[kms-log]\nfile = \"{}\"\n",
            log.display()
        );
        let file = self.sandbox.write("driver.toml", text);
        file.to_str().unwrap().to_owned()
    }

    fn serve(&self, listen: &str) -> Serving {
        let file = self.offered(listen);
        let args = ["kms", "serve", &file, "--output", "json"];
        let mut command = self.sandbox.command(args);
        command.env("SOFTHSM2_CONF", &self.configuration);
        Serving::start(command)
    }

    fn socket(&self) -> String {
        format!("socket = \"{}\"", self.socket_path())
    }

    fn socket_path(&self) -> String {
        let socket = self.sandbox.path("run/kms.sock");
        socket.to_str().unwrap().to_owned()
    }

    /// `init` against the driver. It sees no token.
    fn init_behind_driver(&self) -> Ran {
        let socket = self.socket_path();
        // SoftHSM holds no keys that decrypt, and a mediator needs none.
        let init = ["init", "--kind", "mediator", "--custody", "external"];
        let there = ["--kms", "driver", "--driver-socket", &socket];
        self.sandbox.run([&init[..], &there].concat())
    }
}

#[test]
fn a_token_that_is_served_keeps_the_keys_of_vaults_that_cannot_reach_it() {
    let token = Token::new();
    let serving = token.serve(&token.socket());
    assert_eq!(serving.shown["listening"], token.socket_path());
    token.init_behind_driver().succeeded();
    let sandbox = &token.sandbox;
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
    let config = fs::read_to_string(sandbox.config()).unwrap();
    assert!(!config.contains("pin"), "{config}");
    let log = fs::read_to_string(sandbox.path("kms.log")).unwrap();
    assert!(log.contains("Decrypt"), "the driver has every call: {log}");
    assert_eq!(serving.interrupt(), 0);
    let refused = sandbox.run(["keys", "list"]);
    assert_eq!(refused.code(), Some("KMS_UNAVAILABLE"), "{refused:?}");
}

#[test]
fn vaults_find_a_driver_again_that_was_stopped_and_started() {
    let token = Token::new();
    let serving = token.serve(&token.socket());
    token.init_behind_driver().succeeded();
    assert_eq!(serving.interrupt(), 0);
    token.pull_out();
    let file = token.offered(&token.socket());
    let serve = ["kms", "serve", &file];
    token.run(&serve).failed("KMS_PKCS11_TOKEN_MISSING", 3);
    token.put_back();
    let _serving = token.serve(&token.socket());
    token.sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn a_served_kms_is_reached_through_tls_with_certificates_of_both_sides() {
    let (token, certificates) = (Token::new(), Certificates::new());
    let sandbox = &token.sandbox;
    for (name, pem) in [
        ("ca.pem", &certificates.ca),
        ("driver.pem", &certificates.driver.0),
        ("driver.key", &certificates.driver.1),
        ("node.pem", &certificates.ours.0),
        ("node.key", &certificates.ours.1),
    ] {
        sandbox.write(name, pem);
        sandbox.set_mode(name, 0o600);
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap().to_string();
    let path = |name: &str| sandbox.path(name).display().to_string();
    let listen = format!(
        "address = \"{address}\"\nca-file = \"{}\"\ncertificate-file = \"{}\"\nprivate-key-file = \"{}\"",
        path("ca.pem"),
        path("driver.pem"),
        path("driver.key")
    );
    let file = token.offered(&listen);
    token
        .run(&["kms", "serve", &file])
        .failed("ADDRESS_NOT_AVAILABLE", 3);
    drop(port);
    sandbox.write("driver.pem", "no certificate");
    token
        .run(&["kms", "serve", &file])
        .failed("KMS_DRIVER_TLS_MATERIAL", 2);
    sandbox.write("driver.pem", &certificates.driver.0);
    let _serving = token.serve(&listen);
    let init = ["init", "--kms", "driver", "--driver-address", &address];
    let files = [
        ["--driver-ca-file", "ca.pem"],
        ["--driver-certificate-file", "node.pem"],
        ["--driver-private-key-file", "node.key"],
    ];
    sandbox
        .run([&init[..], &files.concat()].concat())
        .succeeded();
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
}

#[test]
fn what_cannot_be_served_is_refused_before_anybody_is_heard() {
    let token = Token::new();
    let serve = |file: &str| token.run(&["kms", "serve", file]);
    let other = token.offered(&format!("{}\nuser = 4000000000", token.socket()));
    serve(&other).failed("OTHER_USER", 3);
    serve("missing.toml").failed("NO_CONFIG", 3);
    token
        .sandbox
        .write("wrong.toml", "[listen]\nsocket = \"/a\"");
    serve("wrong.toml").failed("CONFIG_UNREADABLE", 2);
    token.run(&["kms", "serve"]).failed("WRONG_USAGE", 2);
    token.pull_out();
    let file = token.offered(&token.socket());
    serve(&file).failed("KMS_PKCS11_TOKEN_MISSING", 3);
    assert!(!token.sandbox.path("run").exists());
}

#[test]
fn the_example_of_a_driver_is_one() {
    let sandbox = Sandbox::new();
    let example = sandbox.run(["kms", "serve", "--example"]).succeeded();
    sandbox.write("driver.toml", example.text());
    // It is read; there is no such PIN here.
    sandbox.refuses(["kms", "serve", "driver.toml"], "NO_SECRET_FILE", 3);
}
