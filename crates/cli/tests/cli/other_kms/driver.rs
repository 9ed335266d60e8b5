//! A driver beside the vault: a server over the embedded KMS, or over a token.

use std::{fs, net::TcpListener, path::PathBuf, sync::Arc, thread};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_files::OsFiles;
use strongroom_kms::KmsProvider;
use strongroom_kms_driver::{DriverServer, TlsIdentity, bind_unix_socket};
use strongroom_kms_local::{LocalKms, Protection};
use strongroom_memory::SecretBytes;
use tokio::runtime::Builder;

use crate::support::Sandbox;

/// A sandbox, and the KMS of a driver.
struct Driver {
    sandbox: Sandbox,
    kms: LocalKms,
}

impl Driver {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let path = sandbox.path("driver.key");
        let (files, random) = (Arc::new(OsFiles::new()), Arc::new(SystemRandom));
        let protection = Protection::UnprotectedKeyFile;
        let kms = LocalKms::create(files, path, &protection, random, Arc::new(SystemClock));
        Self {
            kms: kms.unwrap(),
            sandbox,
        }
    }

    fn serving() -> Self {
        let driver = Self::new();
        let server = DriverServer::new(Arc::new(driver.kms.clone()));
        let socket = driver.socket();
        serve(async move |listening| {
            let listener = bind_unix_socket(&socket).unwrap();
            listening.send(()).unwrap();
            server.serve(listener, std::future::pending()).await;
        });
        driver
    }

    fn socket(&self) -> PathBuf {
        self.sandbox.path("run/kms.sock")
    }

    fn init(&self, more: &[&str]) -> Vec<String> {
        let socket = self.socket();
        let args = ["init", "--kms", "driver", "--driver-socket"];
        let args = args.into_iter().chain([socket.to_str().unwrap()]);
        let args = args.chain(more.iter().copied());
        args.map(ToOwned::to_owned).collect()
    }

    fn with_vault() -> Self {
        let driver = Self::serving();
        let init = driver.init(&["--kind", "participant"]);
        driver.sandbox.run(init).succeeded();
        driver
    }
}

/// Runs a server on a thread of its own until the test process ends; returns when it listens.
fn serve<F>(run: impl FnOnce(std::sync::mpsc::Sender<()>) -> F + Send + 'static)
where
    F: Future<Output = ()>,
{
    let (listening, heard) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(listening));
    });
    heard.recv().unwrap();
}

#[test]
fn a_node_lives_with_its_wrapper_key_behind_a_driver() {
    let driver = Driver::with_vault();
    let sandbox = &driver.sandbox;
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(doctor["healthy"], true, "{doctor}");
    assert_eq!(driver.kms.list_keys().len(), 1);
    assert!(!sandbox.keys_folder().join("kms.key").exists());
    let shown = sandbox.json(["kms", "show"]);
    assert_eq!(shown["kms"][0]["kind"], "driver");
    let place = shown["kms"][0]["place"].as_str().unwrap();
    assert!(place.contains("kms.sock"), "{place}");
    assert!(place.contains("local"), "the KMS behind it: {place}");
}

#[test]
fn quickstart_shows_a_node_whose_wrapper_key_is_behind_a_driver() {
    let driver = Driver::serving();
    let mut args = driver.init(&[]);
    "quickstart".clone_into(&mut args[0]);
    let shown = driver.sandbox.json(args);
    let checks = shown["checks"].as_array().unwrap();
    assert!(checks.len() > 5, "{shown}");
    let passed = checks.iter().all(|check| check["passed"] == true);
    assert!(passed, "{shown}");
    assert_eq!(driver.kms.list_keys().len(), 1);
}

#[test]
fn an_init_that_lost_its_database_takes_up_the_wrapper_key_behind_the_driver() {
    let driver = Driver::with_vault();
    let sandbox = &driver.sandbox;
    // As it was left by an attempt that ended between the wrapper key and the first commit.
    fs::remove_file(sandbox.keys_folder().join("anchor.json")).unwrap();
    for entry in fs::read_dir(sandbox.vault()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "strongroom.toml" {
            fs::remove_file(path).unwrap();
        }
    }
    sandbox.run(driver.init(&[])).succeeded();
    assert_eq!(driver.kms.list_keys().len(), 1, "no second key");
}

#[test]
fn a_driver_that_is_gone_is_named_and_may_come_back() {
    let driver = Driver::new();
    let refused = driver.sandbox.run(driver.init(&[]));
    assert_eq!(refused.code(), Some("KMS_UNAVAILABLE"), "{refused:?}");
    assert_eq!(refused.status, 6);
    assert!(!driver.sandbox.config().exists(), "nothing was begun");
}

#[test]
fn a_driver_of_another_user_is_not_talked_to() {
    let driver = Driver::serving();
    let refused = driver
        .sandbox
        .run(driver.init(&["--driver-user", "4000000000"]));
    refused.failed("KMS_DRIVER_STRANGER", 4);
    assert_eq!(driver.kms.list_keys(), []);
}

#[test]
fn a_driver_is_named_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.refuses(["init", "--kms", "driver"], "FLAG_MISSING", 2);
    let address = ["init", "--kms", "driver", "--driver-address", "kms:1"];
    let refused = sandbox.refuses(address, "FLAG_MISSING", 2);
    assert!(refused.stderr.contains("--driver-ca-file"), "{refused:?}");
}

/// An authority, the driver's certificate and ours.
pub(crate) struct Certificates {
    pub(crate) ca: String,
    pub(crate) driver: (String, String),
    pub(crate) ours: (String, String),
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "ca");
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        Self {
            driver: issue("127.0.0.1"),
            ours: issue("participant1"),
            ca,
        }
    }

    fn of_driver(&self) -> TlsIdentity {
        let (certificate, key) = &self.driver;
        let key = SecretBytes::from_slice(key.as_bytes());
        TlsIdentity::from_pem(self.ca.as_bytes(), certificate.as_bytes(), &key).unwrap()
    }
}

#[test]
fn a_driver_on_another_machine_is_reached_through_tls_with_certificates_of_both_sides() {
    let (driver, certificates) = (Driver::new(), Certificates::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (server, identity) = (
        DriverServer::new(Arc::new(driver.kms.clone())),
        certificates.of_driver(),
    );
    serve(async move |listening| {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        listening.send(()).unwrap();
        let end = std::future::pending();
        server.serve_tls(listener, &identity, end).await.unwrap();
    });
    let sandbox = &driver.sandbox;
    sandbox.write("ca.pem", &certificates.ca);
    sandbox.write("node.pem", &certificates.ours.0);
    sandbox.write("node.key", &certificates.ours.1);
    let init = ["init", "--kms", "driver", "--driver-address", &address];
    let files = [
        ["--driver-ca-file", "ca.pem"],
        ["--driver-certificate-file", "node.pem"],
        ["--driver-private-key-file", "node.key"],
    ];
    let init = [&init[..], &files.concat()].concat();
    // A private key that others may read is refused before anybody is talked to.
    sandbox.set_mode("node.key", 0o644);
    sandbox.refuses(&init, "FILE_NOT_PRIVATE", 3);
    sandbox.set_mode("node.key", 0o600);
    sandbox.write("ca.pem", "no certificate");
    sandbox.refuses(&init, "KMS_DRIVER_TLS_MATERIAL", 2);
    sandbox.write("ca.pem", &certificates.ca);
    sandbox.run(&init).succeeded();
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
    let shown = sandbox.json(["kms", "show"]);
    let place = shown["kms"][0]["place"].as_str().unwrap();
    assert!(place.contains(&address), "{place}");
    assert_eq!(driver.kms.capabilities().provider, "local");
}
