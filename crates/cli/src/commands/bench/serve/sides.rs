//! The two servers, each a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use serde::Deserialize;
use strongroom_config::SignatureRecordsName;
use strongroom_crypto::SigningKeySpec;
use strongroom_files::Access;

use super::authority::{Authority, CLIENT_NAME};
use crate::{
    commands::bench::rehearsal::{Rehearsal, generate_in},
    environment, session,
};

/// A server that ends with this.
struct Running {
    child: Child,
    address: SocketAddr,
}

/// What a server says first.
#[derive(Deserialize)]
struct Report {
    grpc: SocketAddr,
}

impl Running {
    /// Starts it, and waits until it says where it listens: one JSON document.
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let Some(output) = child.stdout.take() else {
            anyhow::bail!("a server has no standard output");
        };
        let mut document = String::new();
        for line in BufReader::new(output).lines() {
            document.push_str(&line?);
            if let Ok(Report { grpc }) = serde_json::from_str(&document) {
                let address = grpc;
                return Ok(Self { child, address });
            }
        }
        anyhow::bail!("a server has ended: what it says stands above")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is no failure, and nobody is left to tell another.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// This program, serving a vault.
pub(super) struct Ours {
    running: Running,
    keys: Vec<String>,
}

impl Ours {
    /// With a key of each spec.
    pub(super) async fn start(
        rehearsal: &Rehearsal,
        authority: &Authority,
        specs: &[SigningKeySpec],
        records: SignatureRecordsName,
    ) -> anyhow::Result<Self> {
        let vault = rehearsal.vault().await?;
        let mut keys = Vec::new();
        for spec in specs {
            let made = generate_in(&vault, 1, *spec).await?;
            keys.extend(made.iter().map(|key| key.fingerprint().to_string()));
        }
        vault.close().await?;
        let mut config = rehearsal.config.clone();
        config.audit.signatures = records;
        let file = rehearsal.folder().join("serve.toml");
        let text = format!(
            "{}\n[server]\naddress = \"127.0.0.1:0\"\n[server.tls]\ncertificate-file = {:?}\n\
             private-key-file = {:?}\nclient-certificates = \"required\"\nclient-ca-file = {:?}\n\
             [[callers]]\nname = \"load\"\ncertificates = [\"dns:{CLIENT_NAME}\"]\n\
             [[callers.grants]]\nrole = \"node\"\nusages = [\"protocol\"]\n",
            config.to_toml()?,
            authority.server.certificate,
            authority.server.private_key,
            authority.certificate,
        );
        session::files().write_new_durably(&file, text.as_bytes(), Access::OwnerOnly)?;
        let mut command = Command::new(environment::this_program()?);
        command.args(["serve", "--output", "json", "--dir"]);
        command.arg(rehearsal.database()).arg("--config").arg(file);
        Ok(Self {
            running: Running::start(&mut command)?,
            keys,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// The fingerprints of its keys, in the order of the specs.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Asks it to end, and waits until it has closed its vault.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        let id = rustix::process::Pid::from_child(&self.running.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        let status = self.running.child.wait()?;
        anyhow::ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// A bare server that makes the same signatures.
pub(super) struct Echo(Running);

impl Echo {
    pub(super) fn start(authority: &Authority) -> anyhow::Result<Self> {
        let mut command = Command::new(environment::this_program()?);
        command.args(["bench", "echo"]);
        command.arg(&authority.server.certificate);
        command.arg(&authority.server.private_key);
        command.arg(&authority.certificate);
        Running::start(&mut command).map(Self)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.address
    }
}
