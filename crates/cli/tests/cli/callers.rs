//! `serve`: certificates that change while it runs, the socket, and what `access` says of the rules.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;

use crate::support::Sandbox;

/// A server, until it is interrupted.
struct Serving {
    child: Child,
    shown: Value,
}

impl Serving {
    fn start(sandbox: &Sandbox) -> Self {
        let args = ["serve", "--address", "127.0.0.1:0", "--output", "json"];
        let mut command = sandbox.command(args);
        let log = fs::File::create(sandbox.path("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut document = String::new();
        while !document.ends_with("}\n") {
            let read = lines.read_line(&mut document).unwrap();
            let log = sandbox.read("log");
            assert_ne!(read, 0, "it ended: {}", String::from_utf8_lossy(&log));
        }
        let shown = serde_json::from_str(&document).unwrap();
        Self { child, shown }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    fn end(mut self) {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success());
    }

    /// The common name of the certificate that it shows.
    fn shows(&self) -> String {
        let address = self.shown["grpc"].as_str().unwrap();
        let shown = Command::new("openssl")
            .args(["s_client", "-connect", address, "-alpn", "h2"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("subject="));
        line.unwrap_or_default().replace(' ', "")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Waits until it is so; what has not come to pass after a minute never does.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(200));
    }
}

struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(Issuer::new(params, KeyPair::generate().unwrap()))
    }

    /// A certificate with this common name, and its key.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

#[test]
fn changed_certificates_are_taken_over_and_broken_ones_leave_the_old_ones_in_place() {
    let (sandbox, authority) = (Sandbox::with_vault(), Authority::new());
    let write = |(certificate, key): (String, String)| {
        sandbox.write("server.key", key);
        sandbox.set_mode("server.key", 0o600);
        sandbox.write("server.pem", certificate);
    };
    write(authority.issue("one"));
    let file = |name: &str| sandbox.path(name).display().to_string();
    let tls = format!(
        "\n[server.tls]\ncertificate-file = \"{}\"\nprivate-key-file = \"{}\"\n",
        file("server.pem"),
        file("server.key")
    );
    sandbox.edit_config(|text| text + &tls);
    let serving = Serving::start(&sandbox);
    assert_eq!(serving.shown["tls"], true);
    assert!(serving.shows().contains("CN=one"), "{}", serving.shows());
    write(authority.issue("two"));
    eventually("the second is shown", || serving.shows().contains("CN=two"));
    // The key of another certificate.
    let ((certificate, _), (_, key)) = (authority.issue("three"), authority.issue("four"));
    write((certificate, key));
    let told = |times| {
        let log = String::from_utf8(sandbox.read("log")).unwrap();
        assert!(!log.contains("BEGIN"), "{log}");
        log.matches("the old ones stay").count() >= times
    };
    eventually("it is told", || told(1));
    assert!(serving.shows().contains("CN=two"));
    serving.signal("-HUP");
    eventually("it is told again", || told(2));
    write(authority.issue("five"));
    serving.signal("-HUP");
    eventually("the last is shown", || serving.shows().contains("CN=five"));
    serving.end();
}

#[test]
fn a_server_without_callers_says_so_and_its_socket_is_for_its_owner() {
    let sandbox = Sandbox::with_vault();
    let socket = sandbox.path("sockets/vault.sock");
    let section = format!("\n[server]\nsocket = \"{}\"\n", socket.display());
    sandbox.edit_config(|text| text + &section);
    let serving = Serving::start(&sandbox);
    assert_eq!(serving.shown["access_rules"], false);
    assert_eq!(serving.shown["socket"], socket.display().to_string());
    let known = fs::metadata(&socket).unwrap();
    assert!(known.file_type().is_socket());
    assert_eq!(known.permissions().mode() & 0o777, 0o600);
    serving.end();
}

const CALLERS: &str = "\n[server]\nsocket = \"/run/strongroom/vault.sock\"\n\n[[callers]]\nname = \"p1\"\nunix-users = [\"root\"]\n\
    [[callers.grants]]\nrole = \"node\"\nkeys = [\"p1-*\"]\nusages = [\"protocol\"]\n\
    [[callers.grants]]\noperations = [\"keys.generate\"]\n";

#[test]
fn access_is_explained_from_the_configuration_and_the_vault() {
    let sandbox = Sandbox::with_vault();
    let generate = |name: &str, usage: &str| {
        let args = ["keys", "generate-signing", "--usage", usage, "--name", name];
        sandbox.run(args).succeeded();
        sandbox.key_named(name)
    };
    let own = generate("p1-signing", "protocol");
    let root = generate("p1-namespace", "namespace");
    let other = generate("p2-signing", "protocol");
    sandbox.edit_config(|text| text + CALLERS);
    sandbox.run(["config", "check"]).succeeded();
    let explain = |operation: &str, key: Option<&str>| {
        let mut args = vec!["access", "explain", "p1", operation];
        args.extend(key);
        sandbox.json(args)
    };
    for (operation, key, allowed) in [
        ("sign", None, true),
        ("sign", Some(&own), true),
        ("sign", Some(&other), false),
        ("sign", Some(&root), false),
        ("decrypt", Some(&other), false),
        ("keys.list", Some(&root), true),
        ("keys.generate", None, true),
        ("keys.export", None, false),
        ("health", None, true),
    ] {
        let told = explain(operation, key.map(String::as_str));
        assert_eq!(told["allowed"], allowed, "{operation} {key:?}: {told}");
        assert_eq!(told["why"].as_array().unwrap().len(), 2);
    }
    assert_eq!(explain("sign", Some(&own))["usages"][0], "protocol");
    let listed = sandbox.json(["access", "list"]);
    assert_eq!(listed["callers"][0]["known_by"][0], "unix-user:root");
    let unknown = ["access", "explain", "p2", "sign"];
    sandbox.run(unknown).failed("NO_CALLER", 3);
    // Who mistypes an operation is told which there are.
    let wrong = ["access", "explain", "p1", "everything"];
    let told = sandbox.run(wrong).failed("WRONG_USAGE", 2);
    assert!(
        told.stderr.contains("wrapper-keys.rotate"),
        "{}",
        told.stderr
    );
}

#[test]
fn what_only_the_server_knows_is_checked_too() {
    for (right, wrong, told) in [
        ("role = \"node\"", "role = \"god\"", "there is no role god"),
        (
            "keys.generate",
            "keys.make",
            "there is no operation keys.make",
        ),
        ("\"root\"", "\"nobody-of-this-name\"", "has no user"),
        ("\"root\"", "\"root\", 0", "named twice"),
        ("\"root\"", "\"nobody\"", "nobody is known by it"),
        ("\"root\"", "65534", "nobody is known by it"),
    ] {
        let sandbox = Sandbox::with_vault();
        let callers = CALLERS.replacen(right, wrong, 1);
        assert_ne!(callers, CALLERS);
        sandbox.edit_config(|text| text + &callers);
        let ran = sandbox.run(["config", "check"]).failed("ACCESS_INVALID", 2);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

#[test]
fn what_is_allowed_and_perhaps_not_meant_is_told() {
    let sandbox = Sandbox::with_vault();
    let callers = CALLERS
        .replace("role = \"node\"", "role = \"key-administrator\"")
        .replace("keys.generate", "keys.export");
    let callers = callers + "[[callers]]\nname = \"idler\"\nunix-users = [77]\n";
    sandbox.edit_config(|text| text + &callers);
    let told = sandbox.json(["config", "check"])["warnings"].to_string();
    let told_why = sandbox.json(["access", "explain", "p1", "keys.generate"]);
    assert_eq!(told_why["allowed"], false);
    let why = told_why["why"].to_string();
    assert!(why.contains("no key limits the operation"), "{why}");
    for warning in [
        "caller p1: its grant names keys, and so does not give configuration.change, examine, keys.generate, keys.register",
        "caller p1: it may get private keys, but 'export-private-keys' in [server] is off",
        "caller idler: it is granted nothing",
    ] {
        assert!(told.contains(warning), "{told}");
    }
}
