//! `serve`: the vault over the network.

use std::{fmt, io::Write, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use serde::Serialize;
use strongroom_config::{BackupScheduleConfig, CallerConfig, NodeKindName, ServerConfig};
use strongroom_crypto::SystemRandom;
use strongroom_kms::KmsMetrics;
use strongroom_server::{
    DefaultSpecs, Features, KmsNumbers, Listener, ScheduledBackups, ServerSettings, Spool, serve,
};
use strongroom_topology::MemberCode;
use strongroom_vault::{Caller, Role, Vault};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use crate::{
    args::Global,
    backup_schedule,
    environment::ProcessLog,
    failure::CliError,
    open_kms::OpenKms,
    output,
    server::{self, Reload, configuration},
    session::{self, Session},
    settings,
};

/// Offer the vault over the network: Canton's admin services over gRPC.
///
/// What is offered, and where, stands in the section `server` of the configuration. Without `callers` in it that say who may do
/// what, everybody who reaches the server may do everything, and it listens on this machine only. Changed files of
/// certificates and of keys for tokens are taken over while it runs, at once on SIGHUP.
///
/// With a section `backup.schedule` it backs the vault up by itself.
///
/// That other callers, approvals or another audit level are configured than before is put on record. Where `configuration.change` needs a
/// second person ('strongroom config propose'), it does not begin with what nobody else has approved.
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
    /// Where probes and numbers are, if they are anywhere.
    http: Option<String>,
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
    let approvals = session.config.approvals.clone();
    let finding_limits = settings::finding_limits(&session.config);
    let config = ServerConfig {
        address: options.address.unwrap_or(session.config.server.address),
        ..session.config.server.clone()
    };
    // Secrets stand in it by reference only.
    let configuration = session.config.to_toml()?;
    let specs = DefaultSpecs {
        signing: session.default_signing_spec(),
        encryption: session.default_encryption_spec(),
    };
    let (schedule, caller) = (session.config.backup.schedule.clone(), session.caller);
    let vault = session.vault;
    let kms = session.kms;
    let served = async {
        config.validate(&callers)?;
        server::check_served_approvals(&approvals, &callers)?;
        if let Some(doubt) = server::http_doubt(&config) {
            tracing::warn!("{doubt}");
        }
        let settings = settings(&config, &callers, specs, &mut reload)?;
        let listener = listen(config.address).await?;
        let grpc = listener.local_addr()?;
        let http = match config.http {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let settings = ServerSettings {
            ports: [("admin".to_owned(), i32::from(grpc.port()))].into(),
            kms_numbers: Some(Arc::new(Numbers(Arc::clone(&kms)))),
            http,
            configuration: Some(configuration),
            finding_limits,
            spool: Some(Spool {
                folder: global.dir.clone(),
                files: session::files(),
            }),
            backups: schedule
                .map(|schedule| scheduled_backups(&schedule, caller.clone()))
                .transpose()?,
            ..settings
        };
        let report = Report {
            vault: vault.id().to_string(),
            grpc: grpc.to_string(),
            http: match &settings.http {
                Some(listener) => Some(listener.local_addr()?.to_string()),
                None => None,
            },
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
        let begun = configuration::note(&vault, &caller).await?;
        output::print(global.output, &report, |out| report.print(out))?;
        let (left, leaves) = oneshot::channel();
        let end = async move {
            tokio::select! {
                _signal = interrupted.recv() => {}
                _signal = ended.recv() => {}
                Ok(()) = leaves => {}
            }
            kms.begin_shutdown();
            tokio::spawn(end_at_once(interrupted, ended));
        };
        let random = Arc::new(SystemRandom);
        let serving = serve(Arc::clone(&vault), settings, random, listeners, end);
        let mut refused = None;
        let keep_noted = async {
            refused = Some(configuration::keep_noted(&vault, &caller, begun).await);
            let _ended = left.send(());
            std::future::pending().await
        };
        let served = tokio::select! {
            served = serving => served.map_err(anyhow::Error::from),
            // None of them ends.
            () = vault.tend(&caller) => Ok(()),
            () = keep_noted => Ok(()),
            () = reload.keep_up() => Ok(()),
        };
        match refused {
            Some(refused) => Err(refused.into()),
            None => served,
        }
    };
    let served = served.await;
    // Nobody serves any more, and what had begun is finished: nobody else has it.
    match Arc::try_unwrap(vault) {
        Ok(vault) => {
            // A server that could not begin leaves everything as it was.
            if served.is_ok() {
                sign_last_checkpoint(&vault, &caller).await;
            }
            session::close(vault).await;
        }
        Err(_held) => tracing::warn!(
            "somebody holds the vault still: the database is not closed, and the next start cleans up"
        ),
    }
    served.map(|()| ExitCode::SUCCESS)
}

/// Vouches for what was done while this process served, unless another one writes.
async fn sign_last_checkpoint(vault: &Vault, caller: &Caller) {
    if vault.standing().await.role == Role::Replica {
        return;
    }
    if let Err(error) = vault.sign_audit_checkpoint(caller).await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(
            error,
            "the last checkpoint of the audit log could not be signed"
        );
    }
}

/// Signals within this time are one.
const SAME_SIGNAL: Duration = Duration::from_millis(300);

/// Whoever asks a second time does not want to wait for what is under way. What was begun is durable or not there, as after a
/// crash.
async fn end_at_once(mut interrupted: Signal, mut ended: Signal) {
    // Who asks once may be heard twice: a terminal and timeout(1) tell the process and its group.
    let settled = tokio::time::sleep(SAME_SIGNAL);
    tokio::pin!(settled);
    loop {
        tokio::select! {
            () = &mut settled => break,
            _signal = interrupted.recv() => {}
            _signal = ended.recv() => {}
        }
    }
    tokio::select! {
        _signal = interrupted.recv() => {}
        _signal = ended.recv() => {}
    }
    tracing::warn!("ended without waiting for what is under way");
    std::process::exit(6);
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| CliError::NotListening {
            address: address.to_string(),
            source,
        })
}

fn scheduled_backups(
    config: &BackupScheduleConfig,
    caller: Caller,
) -> anyhow::Result<ScheduledBackups> {
    let maker = backup_schedule::ScheduledBackups::of(config)?;
    Ok(ScheduledBackups::new(caller, Arc::new(maker)))
}

fn settings(
    config: &ServerConfig,
    callers: &[CallerConfig],
    specs: DefaultSpecs,
    reload: &mut Reload,
) -> anyhow::Result<ServerSettings> {
    Ok(ServerSettings {
        node: match config.node {
            NodeKindName::Participant => MemberCode::Participant,
            NodeKindName::Sequencer => MemberCode::Sequencer,
            NodeKindName::Mediator => MemberCode::Mediator,
        },
        access: server::access(callers)?,
        tokens: server::open_tokens(&config.tokens, reload)?,
        specs,
        features: Features {
            export_of_private_keys: config.export_private_keys,
            identity_by_hand: config.init_identity,
            rehearsal_synchronizer: settings::rehearsal_synchronizer(config)?,
        },
        log_level: Some(Arc::new(ProcessLog)),
        most_connections: config.most_connections,
        most_connections_of_one: config
            .most_connections_of_one
            .unwrap_or(config.most_connections.div_ceil(2)),
        idle_limit: config.idle_limit,
        grace: config.grace,
        ..ServerSettings::default()
    })
}

/// The numbers of the configured key management systems.
struct Numbers(Arc<OpenKms>);

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").finish_non_exhaustive()
    }
}

impl KmsNumbers for Numbers {
    fn now(&self) -> Vec<(String, KmsMetrics)> {
        let opened = self.0.iter();
        opened
            .map(|kms| (kms.name.clone(), kms.metrics()))
            .collect()
    }
}

impl Report {
    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "vault  {}", self.vault)?;
        let tls = if self.tls { " (TLS)" } else { "" };
        writeln!(out, "gRPC   {}{tls}", self.grpc)?;
        if let Some(http) = &self.http {
            writeln!(out, "HTTP   {http}")?;
        }
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
