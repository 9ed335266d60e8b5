//! `replicas list`.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use serde::Serialize;
use strongroom_config::ReplicaConfig;
use strongroom_store::{ReplicaRecord, Replicas as _};

use crate::{args::Global, output, remote::Server, session, store::ConfiguredStore};

/// List the processes that share the vault's database: who writes, how each is, and when it was last heard of.
///
/// The vault is not opened for it, and no KMS is asked. What a process says of itself is not authenticated: believe it as you
/// believe the database.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom replicas list\n  \
    strongroom replicas list --output json | jq .writer")]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    /// Whether several processes can share the vault.
    shared: bool,
    writer: Option<String>,
    replicas: Vec<View>,
}

#[derive(Serialize)]
struct View {
    id: String,
    name: String,
    role: &'static str,
    /// `ok`, `silent` or the code of what ails it.
    state: String,
    generation: u64,
    silent_for_ms: u64,
    version: String,
    since: String,
}

impl View {
    fn of(replica: ReplicaRecord, silent_after: Duration) -> Self {
        let state = match replica.report.degraded {
            _ if replica.silent_for > silent_after => "silent".to_owned(),
            Some(code) => code,
            None => "ok".to_owned(),
        };
        Self {
            id: replica.id.to_string(),
            name: replica.name,
            role: if replica.is_writer {
                "writer"
            } else {
                "replica"
            },
            state,
            generation: replica.report.generation,
            silent_for_ms: u64::try_from(replica.silent_for.as_millis()).unwrap_or(u64::MAX),
            version: replica.version,
            since: output::moment(replica.started_at),
        }
    }

    fn row(&self) -> [String; 7] {
        let heard = Duration::from_millis(self.silent_for_ms).as_secs_f64();
        [
            self.name.clone(),
            self.role.to_owned(),
            self.state.clone(),
            self.generation.to_string(),
            format!("{heard:.1} s ago"),
            self.version.clone(),
            self.since.clone(),
        ]
    }
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let report = match Server::connect(global).await? {
        Some(server) => there(&server).await?,
        None => here(global).await?,
    };
    output::print(global.output, &report, |out| {
        if !report.shared {
            return writeln!(
                out,
                "one process at a time has this vault, which is in a file: there are no replicas"
            );
        }
        if report.replicas.is_empty() {
            return writeln!(out, "no process has this vault open");
        }
        let header = [
            "NAME",
            "ROLE",
            "STATE",
            "GENERATION",
            "HEARD OF",
            "VERSION",
            "SINCE",
        ];
        let rows = report.replicas.iter().map(View::row);
        writeln!(out, "{}", output::table(header, rows))?;
        match report.writer {
            Some(_) => Ok(()),
            None => writeln!(out, "nobody writes: the next change takes the lease"),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn here(global: &Global) -> anyhow::Result<Report> {
    let config = session::read_config(global)?;
    let store = ConfiguredStore::of(&config, &global.dir)?
        .open_shared()
        .await?;
    Ok(match store {
        None => Report {
            shared: false,
            writer: None,
            replicas: Vec::new(),
        },
        Some(store) => {
            let listed = store.list().await;
            session::close_refused(store).await;
            let silent_after = config.replica.silent_after;
            let views = listed?.into_iter().map(|it| View::of(it, silent_after));
            let replicas: Vec<_> = views.collect();
            let writer = replicas.iter().find(|it| it.role == "writer");
            Report {
                shared: true,
                writer: writer.map(|it| it.name.clone()),
                replicas,
            }
        }
    })
}

/// As a server tells it, which calls nobody silent later than is usual.
async fn there(server: &Server) -> anyhow::Result<Report> {
    let (shared, listed) = server.replicas().await?;
    let silent_after = ReplicaConfig::default().silent_after;
    let views = listed.into_iter().map(|it| View::of(it, silent_after));
    let replicas: Vec<_> = views.collect();
    let writer = replicas.iter().find(|it| it.role == "writer");
    Ok(Report {
        shared,
        writer: writer.map(|it| it.name.clone()),
        replicas,
    })
}
