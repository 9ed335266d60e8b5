//! The two servers, each a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;
use serde::Deserialize;
use strongroom_config::{Config, SignatureRecordsName};
use strongroom_crypto::SigningKeySpec;
use strongroom_files::Access;

use super::authority::{Authority, CLIENT_NAME};
use crate::{
    commands::bench::rehearsal::{Rehearsal, generate_in},
    environment, session,
};

/// A server that ends with this.
pub(in crate::commands::bench) struct Running {
    child: Child,
    /// Where it answers calls.
    pub(in crate::commands::bench) grpc: SocketAddr,
    /// Where it has its pages, if it has any.
    pub(in crate::commands::bench) http: Option<SocketAddr>,
}

/// What a server says first.
#[derive(Deserialize)]
struct Report {
    grpc: SocketAddr,
    http: Option<SocketAddr>,
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
            if let Ok(Report { grpc, http }) = serde_json::from_str(&document) {
                return Ok(Self { child, grpc, http });
            }
        }
        anyhow::bail!("a server has ended: what it says stands above")
    }

    /// Sends it a signal.
    pub(in crate::commands::bench) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        Ok(rustix::process::kill_process(id, signal)?)
    }

    /// Asks it to end, and waits until it has closed its vault.
    pub(in crate::commands::bench) fn end(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is no failure, and nobody is left to tell another.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A vault that this program serves, to whoever has the certificate of the client.
pub(in crate::commands::bench) struct Served<'a> {
    pub(in crate::commands::bench) config: &'a Config,
    /// The folder of the vault.
    pub(in crate::commands::bench) vault: &'a Path,
    pub(in crate::commands::bench) authority: &'a Authority,
    /// What the client may do: grants in TOML.
    pub(in crate::commands::bench) grants: &'a str,
}

impl Served<'_> {
    /// Starts a process that serves it. `file`, for its configuration, must not be there.
    pub(in crate::commands::bench) fn start(&self, file: &Path) -> anyhow::Result<Running> {
        let mut config = self.config.clone();
        config.server.address = SocketAddr::from(([127, 0, 0, 1], 0));
        let text = format!(
            "{}\n[server.tls]\ncertificate-file = {:?}\nprivate-key-file = {:?}\n\
             client-certificates = \"required\"\nclient-ca-file = {:?}\n\
             [[callers]]\nname = \"load\"\ncertificates = [\"dns:{CLIENT_NAME}\"]\n{}",
            config.to_toml()?,
            self.authority.server.certificate,
            self.authority.server.private_key,
            self.authority.certificate,
            self.grants,
        );
        session::files().write_new_durably(file, text.as_bytes(), Access::OwnerOnly)?;
        let mut command = Command::new(environment::this_program()?);
        command.args(["serve", "--output", "json", "--dir"]);
        command.arg(self.vault).arg("--config").arg(file);
        Running::start(&mut command)
    }
}

/// A grant of signatures.
const MAY_SIGN: &str = "[[callers.grants]]\nrole = \"node\"\nusages = [\"protocol\"]\n";

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
        let served = Served {
            config: &config,
            vault: &rehearsal.database(),
            authority,
            grants: MAY_SIGN,
        };
        let running = served.start(&rehearsal.folder().join("serve.toml"))?;
        Ok(Self { running, keys })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.running.grpc
    }

    /// The fingerprints of its keys, in the order of the specs.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Asks it to end, and waits until it has closed its vault.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.running.end()
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
        self.0.grpc
    }
}
