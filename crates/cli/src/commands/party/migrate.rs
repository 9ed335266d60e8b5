//! `party migrate`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_topology::{Operation, PartyId, SignedTransaction, StoreId};

use crate::{
    args::Global,
    client::Client,
    commands::topology::args::{OutArg, SigningArgs, StoreArg},
    output,
};

/// Move the keys of a party out of the deprecated party-to-key mapping.
///
/// First they are stated beside the participants that host the party, then the deprecated mapping is taken back; at no moment
/// is the party without keys. Interrupted in between, it goes on when it is called again.
///
/// With the store of a synchronizer, --proposal or --signed-by there is one statement for each call: call again when the first is
/// in force. A synchronizer gets it from the file of --out, in which signatures of keys that are elsewhere are collected as well
/// ('topology authorize --file').
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party migrate bob::1220...\n  \
    strongroom party migrate bob::1220... \\\n    --store synchronizer:da::1220...::34-0 --out bob.cert")]
pub(crate) struct Options {
    /// The party: NAME::NAMESPACE.
    party: PartyId,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    out: OutArg,
}

#[derive(Serialize)]
struct Report {
    party: String,
    store: String,
    /// Whether nothing was kept: the store is a synchronizer's.
    preview: bool,
    file: Option<String>,
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
    options.out.check()?;
    let client = Client::open(global).await?;
    let signing = options.signing.of_party();
    let store = &options.store.store;
    let done = client.migrate_party_keys(store, &options.party, &signing);
    let done = done.await?;
    client.close().await;
    let signed = done.iter().map(|authorized| authorized.signed.clone());
    let signed: Vec<SignedTransaction> = signed.collect();
    options.out.write_transactions(&signed)?;
    let revoked = |it: &SignedTransaction| it.transaction().operation() == Operation::Remove;
    let goes_on = !signed.iter().any(revoked);
    let views = done.iter().map(|authorized| {
        let transaction = authorized.signed.transaction();
        View {
            hash: transaction.hash().to_string(),
            mapping: transaction.mapping().code().name(),
            operation: transaction.operation().name(),
            outcome: authorized.outcome,
        }
    });
    let report = Report {
        party: options.party.to_string(),
        store: store.to_string(),
        preview: matches!(store, StoreId::Synchronizer(_)),
        file: options.out.path().map(|path| path.display().to_string()),
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
        if let Some(file) = &report.file {
            writeln!(out, "wrote {file}")?;
        }
        if goes_on {
            writeln!(
                out,
                "call it again when that is in force: the deprecated mapping is still there"
            )?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
