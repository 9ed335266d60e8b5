//! `topology authorize`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_topology::{Rejection, SignedTransaction, TopologyError, TransactionHash};
use strongroom_vault::VaultError;

use super::{
    announcement,
    args::{BurnArg, OutArg, SigningArgs, StoreArg},
    caution,
};
use crate::{args::Global, client::Client, containers, failure::CliError, output};

/// Add this vault's signatures to a proposal in a store, or to the transactions of a file.
///
/// Those of a file are signed as the store is now, and kept in no store: the result goes to the file of --out, in the order
/// in which they came. A transaction to which the vault has nothing to add is written as it is.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology authorize 1220...\n  \
    strongroom topology authorize 1220... --signed-by 1220... --proposal \\\n    --out proposal.cert\n  \
    strongroom topology authorize --file proposal.cert --out signed.cert")]
pub(crate) struct Options {
    /// The hash of a proposal: 'strongroom topology list --proposals' shows those that wait.
    #[arg(required_unless_present = "file")]
    hash: Option<TransactionHash>,
    /// Sign the transactions of this file instead; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hash", "proposal"], requires = "out")]
    file: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    burn: BurnArg,
    #[command(flatten)]
    out: OutArg,
}

#[derive(Serialize)]
struct Report {
    file: String,
    /// How many signatures were added, to all transactions together.
    added: usize,
    transactions: Vec<View>,
}

#[derive(Serialize)]
struct View {
    hash: String,
    /// The keys that have signed now and had not before.
    signed_by: Vec<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    options.out.check()?;
    match (&options.file, options.hash) {
        (Some(file), _) => sign_file(global, file, &options).await,
        (None, Some(hash)) => authorize(global, hash, &options).await,
        (None, None) => Err(CliError::FlagMissing {
            flag: "a hash or --file",
        }
        .into()),
    }
}

async fn authorize(
    global: &Global,
    hash: TransactionHash,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let (store, signing) = (&options.store.store, &options.signing);
    let found = client.topology(store).await?;
    if let Ok(row) = found.find(hash) {
        let transaction = row.signed.transaction();
        options
            .burn
            .check(transaction.operation(), transaction.mapping())?;
    }
    drop(found);
    let authorized = client
        .authorize(store, hash, signing.signing())
        .await
        .map_err(|refused| still_missing(refused, signing))?;
    announcement::print(global, client, store, &authorized, &options.out).await
}

/// Where signatures of others are missing, a proposal may wait for them with what this vault adds.
fn still_missing(refused: anyhow::Error, signing: &SigningArgs) -> anyhow::Error {
    // A server does not say what is missing to whoever may be an attacker.
    let is_missing = matches!(
        refused.downcast_ref(),
        Some(VaultError::Topology(TopologyError::Rejected(
            Rejection::NotFullyAuthorized { .. }
        )))
    );
    if is_missing && !signing.proposal {
        refused.context(
            "signatures are still missing, and nothing was kept: with --proposal it gets this vault's signature and waits for the others",
        )
    } else {
        refused
    }
}

async fn sign_file(global: &Global, file: &PathBuf, options: &Options) -> anyhow::Result<ExitCode> {
    let before = containers::transactions(std::slice::from_ref(file), None)?;
    caution::check(&before, options.burn)?;
    let client = Client::open(global).await?;
    let (store, signing) = (&options.store.store, options.signing.signing());
    let after = client
        .sign_transactions(store, before.clone(), signing)
        .await;
    client.close().await;
    let after = after?;
    options.out.write_transactions(&after)?;
    let path = options.out.path().map(|path| path.display().to_string());
    let report = Report::of(path.unwrap_or_default(), &before, &after);
    output::print(global.output, &report, |out| report.write(out))?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn of(file: String, before: &[SignedTransaction], after: &[SignedTransaction]) -> Self {
        let pairs = before.iter().zip(after);
        let views = pairs.map(|(before, after)| View {
            hash: after.hash().to_string(),
            signed_by: announcement::added_signers(before, after),
        });
        let transactions: Vec<_> = views.collect();
        Self {
            file,
            added: transactions.iter().map(|view| view.signed_by.len()).sum(),
            transactions,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for view in &self.transactions {
            if view.signed_by.is_empty() {
                writeln!(out, "{}: nothing to add", view.hash)?;
            }
            for key in &view.signed_by {
                writeln!(out, "{}: signed by {key}", view.hash)?;
            }
        }
        writeln!(
            out,
            "added {}, wrote {}",
            output::counted(self.added, "signature"),
            self.file
        )
    }
}
