//! `topology stores`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_topology::TopologyStore;

use crate::{
    args::Global,
    client::{Client, Stores},
    output,
};

/// List the stores of topology: what this node has authorized, and the synchronizers that it follows.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom topology stores\n  strongroom topology stores --output json"
)]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    /// Who the node is; none before it has an identity.
    member: Option<String>,
    stores: Vec<View>,
}

#[derive(Serialize)]
struct View {
    store: String,
    /// All of its transactions.
    rows: usize,
    in_force: usize,
    proposals: usize,
    rejected: usize,
    last_sequenced: Option<String>,
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let Stores { ids, member } = client.topology_stores().await?;
    let mut stores = Vec::new();
    for id in ids {
        stores.push(View::of(&*client.topology(&id).await?));
    }
    client.close().await;
    let member = member.map(|member| member.to_string());
    let report = Report { member, stores };
    output::print(global.output, &report, |out| {
        let rows = report.stores.iter().map(|view| {
            [
                view.store.clone(),
                view.rows.to_string(),
                view.in_force.to_string(),
                view.proposals.to_string(),
                view.rejected.to_string(),
                view.last_sequenced
                    .clone()
                    .unwrap_or_else(|| "-".to_owned()),
            ]
        });
        let header = [
            "STORE",
            "ROWS",
            "IN FORCE",
            "PROPOSALS",
            "REJECTED",
            "LAST SEQUENCED",
        ];
        writeln!(out, "{}", output::table(header, rows))
    })?;
    Ok(ExitCode::SUCCESS)
}

impl View {
    fn of(store: &TopologyStore) -> Self {
        let rows = store.rows().iter();
        let proposals = rows
            .clone()
            .filter(|row| row.signed.is_proposal() && row.is_open());
        Self {
            store: store.id().to_string(),
            rows: store.rows().len(),
            in_force: store.head().count(),
            proposals: proposals.count(),
            rejected: rows.filter(|row| row.rejection.is_some()).count(),
            last_sequenced: store.last_sequenced().map(output::moment),
        }
    }
}
