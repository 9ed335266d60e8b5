//! `serve`: the vault over the network.

use std::{io::Write, net::SocketAddr, process::ExitCode, sync::Arc};

use clap::Args;
use serde::Serialize;
use strongroom_config::{CallerConfig, ServerConfig};
use strongroom_crypto::SystemRandom;
use strongroom_server::{DefaultSpecs, Features, Listener, ServerSettings, serve};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    args::Global,
    failure::CliError,
    output,
    server::{self, Reload},
    session,
    session::Session,
};

/// Offer the vault over the network: Canton's admin services over gRPC.
///
/// What is offered, and where, stands in the section [server] of the configuration. As long as no [[callers]] say who may do
/// what, everybody who reaches the server may do everything, and it listens on this machine only. Changed files of
/// certificates and of keys for tokens are taken over while it runs, at once on SIGHUP.
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
    /// Whether it is behind TLS.
    tls: bool,
    /// The socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<String>,
    /// Whether the configuration says who may do what.
    access_rules: bool,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    // Before it is said that it runs: whoever reads that may end it.
    let (mut interrupted, mut ended) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let mut reload = Reload::new()?;
    let session = Session::open(global).await?;
    let callers = session.config.callers.clone();
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
        config.validate(&callers)?;
        let settings = settings(&config, &callers, specs, &mut reload)?;
        let listener = listen(config.address).await?;
        let report = Report {
            vault: vault.id().to_string(),
            grpc: listener.local_addr()?.to_string(),
            tls: config.tls.is_some(),
            socket: config
                .socket
                .as_ref()
                .map(|path| path.display().to_string()),
            access_rules: settings.access.has_rules(),
        };
        let mut listeners = Vec::new();
        if let Some(path) = &config.socket {
            listeners.push(Listener::Unix(server::bind_socket(path, &callers)?));
        }
        listeners.push(match &config.tls {
            Some(files) => {
                let tls = server::open_tls(files, &mut reload)?;
                Listener::Tls(listener, tls)
            }
            None => Listener::Tcp(listener),
        });
        output::print(global.output, &report, |out| report.print(out))?;
        let end = async move {
            tokio::select! {
                _signal = interrupted.recv() => {}
                _signal = ended.recv() => {}
            }
        };
        let random = Arc::new(SystemRandom);
        let serving = serve(Arc::clone(&vault), settings, random, listeners, end);
        tokio::select! {
            served = serving => served.map_err(anyhow::Error::from),
            // Never ends.
            () = vault.keep_up() => Ok(()),
            () = reload.keep_up() => Ok(()),
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

fn settings(
    config: &ServerConfig,
    callers: &[CallerConfig],
    specs: DefaultSpecs,
    reload: &mut Reload,
) -> anyhow::Result<ServerSettings> {
    Ok(ServerSettings {
        access: server::access(callers)?,
        tokens: server::open_tokens(&config.tokens, reload)?,
        features: Features {
            export_of_private_keys: config.export_private_keys,
            identity_by_hand: config.init_identity,
        },
        specs,
        most_connections: config.most_connections,
        grace: config.grace,
    })
}

impl Report {
    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "vault  {}", self.vault)?;
        let tls = if self.tls { " (TLS)" } else { "" };
        writeln!(out, "gRPC   {}{tls}", self.grpc)?;
        if let Some(socket) = &self.socket {
            writeln!(out, "socket {socket}")?;
        }
        if !self.access_rules {
            writeln!(
                out,
                "\nEverybody on this machine may do everything: nothing says who may do what."
            )?;
        }
        writeln!(out, "\nIt runs until it is interrupted.")
    }
}
