//! `serve`: the vault over the network.

use std::{io::Write, net::SocketAddr, process::ExitCode, sync::Arc};

use clap::Args;
use serde::Serialize;
use strongroom_config::ServerConfig;
use strongroom_crypto::SystemRandom;
use strongroom_server::{DefaultSpecs, Features, Listener, ServerSettings, serve};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{args::Global, failure::CliError, output, session, session::Session};

/// Offer the vault over the network: Canton's admin services over gRPC.
///
/// What is offered, and where, stands in the section [server] of the configuration. As long as it does not say who may do
/// what, everybody who reaches the server may do everything, and it listens on this machine only.
///
/// It runs until it is interrupted; calls that are under way then get their answers.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom serve\n  strongroom serve --address 127.0.0.1:6012"
)]
pub(crate) struct Options {
    /// The address for gRPC, instead of the configured one; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<SocketAddr>,
}

#[derive(Serialize)]
struct Report {
    /// The vault.
    vault: String,
    /// Where it listens.
    grpc: String,
    /// Whether the configuration says who may do what.
    access_rules: bool,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    // Before it is said that it runs: whoever reads that may end it.
    let (mut interrupted, mut ended) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let session = Session::open(global).await?;
    let config = ServerConfig {
        address: options.address.unwrap_or(session.config.server.address),
        ..session.config.server.clone()
    };
    let specs = DefaultSpecs {
        signing: session.default_signing_spec(),
        encryption: session.default_encryption_spec(),
    };
    let vault = Arc::new(session.vault);
    let served = async {
        config.validate()?;
        let listener = listen(config.address).await?;
        let settings = settings(&config, specs);
        let report = Report {
            vault: vault.id().to_string(),
            grpc: listener.local_addr()?.to_string(),
            access_rules: settings.access.has_rules(),
        };
        output::print(global.output, &report, |out| report.print(out))?;
        let end = async move {
            tokio::select! {
                _signal = interrupted.recv() => {}
                _signal = ended.recv() => {}
            }
        };
        let listeners = vec![Listener::Tcp(listener)];
        let random = Arc::new(SystemRandom);
        let serving = serve(Arc::clone(&vault), settings, random, listeners, end);
        tokio::select! {
            served = serving => served.map_err(anyhow::Error::from),
            // Never ends.
            () = vault.keep_up() => Ok(()),
        }
    };
    let served = served.await;
    // Nobody serves any more, and what had begun is finished: nobody else has it.
    if let Ok(vault) = Arc::try_unwrap(vault) {
        session::close(vault).await;
    }
    served.map(|()| ExitCode::SUCCESS)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| CliError::NotListening {
            address: address.to_string(),
            source,
        })
}

fn settings(config: &ServerConfig, specs: DefaultSpecs) -> ServerSettings {
    ServerSettings {
        features: Features {
            export_of_private_keys: config.export_private_keys,
            identity_by_hand: config.init_identity,
        },
        specs,
        most_connections: config.most_connections,
        grace: config.grace,
        ..ServerSettings::default()
    }
}

impl Report {
    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "vault  {}", self.vault)?;
        writeln!(out, "gRPC   {}", self.grpc)?;
        if !self.access_rules {
            writeln!(
                out,
                "\nEverybody on this machine may do everything: nothing says who may do what."
            )?;
        }
        writeln!(out, "\nIt runs until it is interrupted.")
    }
}
