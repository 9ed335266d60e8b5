//! `kms serve`: one KMS, offered to vaults as a driver.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use strongroom_config::{DRIVER_EXAMPLE, DriverConfig, DriverServerConfig};
use strongroom_kms_driver::{DriverServer, TlsIdentity, bind_unix_socket};
use tokio::{
    net::{TcpListener, UnixListener},
    signal::unix::{SignalKind, signal},
};

use crate::{
    args::Global,
    failure::CliError,
    open_kms::{OpenedKms, driver_identity},
    output, session,
};

/// Offer a KMS to vaults as a driver, so that only this process has what logs in there.
///
/// Any KMS that a vault can use can be offered: a token, a cloud, a key file, or another driver. The vault names the place
/// with 'init --kms driver'. It listens on a Unix socket, or on an address behind TLS, where both sides show certificates.
///
/// A call that fails is not repeated here: the vault that sent it does that. The KMS log of this process has every call. It
/// runs until it is interrupted, and answers what was under way then.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom kms serve --example > driver.toml\n  strongroom kms serve driver.toml\n  \
    strongroom init --dir my-vault --kms driver \\\n    --driver-socket /run/strongroom-kms/kms.sock"
)]
pub(crate) struct Options {
    /// What is offered, and where: see --example.
    #[arg(required_unless_present = "example")]
    file: Option<PathBuf>,
    /// Print a file with every field and its meaning.
    #[arg(long, conflicts_with = "file")]
    example: bool,
}

#[derive(Serialize)]
struct Report {
    /// What the KMS calls itself.
    kms: String,
    listening: String,
}

/// Where vaults come in.
enum Entrance {
    Socket(UnixListener),
    Tls(TcpListener, TlsIdentity),
}

pub(super) async fn run(global: &Global, options: &Options) -> anyhow::Result<()> {
    let Some(path) = &options.file else {
        return output::write(DRIVER_EXAMPLE.as_bytes());
    };
    let config = read(path)?;
    // Before it is said that it runs: whoever reads that may end it.
    let (mut interrupted, mut ended) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let kms = OpenedKms::open(&config.kms, &config.kms_log, &global.kms).await?;
    let entrance = Entrance::open(config.listen).await?;
    let report = Report {
        kms: kms.provider_name(),
        listening: entrance.place()?,
    };
    output::print(global.output, &report, |out| report.print(out))?;
    let end = async move {
        tokio::select! {
            _signal = interrupted.recv() => {}
            _signal = ended.recv() => {}
        }
    };
    let server = DriverServer::new(kms.shared());
    match entrance {
        Entrance::Socket(listener) => server.serve(listener, end).await,
        Entrance::Tls(listener, identity) => server.serve_tls(listener, &identity, end).await?,
    }
    Ok(())
}

/// The configuration, changed where it would harm: callers repeat what fails, and would each time repeat our repetitions.
fn read(path: &Path) -> anyhow::Result<DriverServerConfig> {
    let text = session::read_guarded_text(path)?;
    let mut config =
        DriverServerConfig::parse(&text).with_context(|| format!("in {}", path.display()))?;
    config.kms.calls.attempts = 1;
    Ok(config)
}

impl Entrance {
    async fn open(listen: DriverConfig) -> anyhow::Result<Self> {
        match listen {
            DriverConfig::Socket { socket, user } => {
                let actual = rustix::process::geteuid().as_raw();
                match user {
                    Some(expected) if expected != actual => {
                        Err(CliError::OtherUser { expected, actual }.into())
                    }
                    _ => Ok(Self::Socket(bind_unix_socket(&socket)?)),
                }
            }
            DriverConfig::Tls(tls) => {
                let identity = driver_identity(&tls)?;
                let address = tls.address;
                match TcpListener::bind(&address).await {
                    Ok(listener) => Ok(Self::Tls(listener, identity)),
                    Err(source) => Err(CliError::NotListening { address, source }.into()),
                }
            }
        }
    }

    fn place(&self) -> std::io::Result<String> {
        match self {
            Self::Socket(listener) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().unwrap_or(Path::new(""));
                Ok(path.display().to_string())
            }
            Self::Tls(listener, _identity) => Ok(listener.local_addr()?.to_string()),
        }
    }
}

impl Report {
    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "kms        {}", self.kms)?;
        writeln!(out, "listening  {}", self.listening)?;
        writeln!(out, "\nIt runs until it is interrupted.")
    }
}
