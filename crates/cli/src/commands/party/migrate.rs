//! `party migrate`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_topology::{PartyId, StoreId};

use crate::{args::Global, commands::topology::args::StoreArg, output, session::Session};

/// Move the keys of a party out of the deprecated party-to-key mapping.
///
/// First they are stated beside the participants that host the party, then the deprecated mapping is taken back; at no moment
/// is the party without keys. Interrupted in between, it goes on when it is called again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party migrate bob::1220...\n  \
    strongroom party migrate bob::1220... --output json")]
pub(crate) struct Options {
    /// The party: NAME::NAMESPACE.
    party: PartyId,
    #[command(flatten)]
    store: StoreArg,
}

#[derive(Serialize)]
struct Report {
    party: String,
    store: String,
    /// Whether nothing was kept: the store is a synchronizer's.
    preview: bool,
    transactions: Vec<View>,
}

#[derive(Serialize)]
struct View {
    hash: String,
    mapping: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    let store = &options.store.store;
    let done = session
        .vault
        .migrate_party_keys(&session.caller, store, &options.party)
        .await?;
    session.close().await;
    let views = done.iter().map(|authorized| {
        let transaction = authorized.signed.transaction();
        View {
            hash: transaction.hash().to_string(),
            mapping: transaction.mapping().code().name(),
            operation: transaction.operation().name(),
            outcome: authorized.outcome.name(),
        }
    });
    let report = Report {
        party: options.party.to_string(),
        store: store.to_string(),
        preview: matches!(store, StoreId::Synchronizer(_)),
        transactions: views.collect(),
    };
    output::print(global.output, &report, |out| {
        let rows = report.transactions.iter().map(|view| {
            [
                view.hash.clone(),
                view.mapping.to_owned(),
                view.operation.to_owned(),
                view.outcome.to_owned(),
            ]
        });
        let header = ["HASH", "MAPPING", "OPERATION", "OUTCOME"];
        writeln!(out, "{}", output::table(header, rows))?;
        if report.preview {
            writeln!(out, "{} would say so; nothing was kept", report.store)?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
