//! `topology show`.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_topology::{SignedTransaction, StoreId, TopologyError, TransactionHash};

use super::args::refuse_shortened;
use crate::{
    args::Global,
    client::Client,
    containers, exit, output,
    row_view::Place,
    transaction_view::{KnownKeys, SignedView},
};

/// Show everything about a transaction: what it says, who signed it, and what became of it in which store.
///
/// Exit status 1: a signature is not valid.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology show 1220...\n  \
    strongroom topology show node.cert --output json")]
pub(crate) struct Options {
    /// The hash of a transaction, or a file with transactions; `-` is standard input.
    #[arg(value_name = "HASH|FILE")]
    what: String,
    /// Look in this store only [default: in all of them].
    #[arg(long, value_name = "STORE")]
    store: Option<StoreId>,
}

#[derive(Serialize)]
struct Report {
    transactions: Vec<Shown>,
}

/// A transaction, and where it is.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    signed: SignedView,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    store: String,
    #[serde(flatten)]
    place: Place,
    signed_by: Vec<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    refuse_shortened(&options.what)?;
    let hash: Option<TransactionHash> = options.what.parse().ok();
    let given = match hash {
        Some(_) => Vec::new(),
        None => containers::transactions(&[PathBuf::from(&options.what)], None)?,
    };
    let client = Client::open(global).await?;
    let stores = match options.store {
        Some(store) => vec![store],
        None => client.topology_stores().await?.ids,
    };
    let shown = look_up(&client, &stores, hash, given).await?;
    client.close().await;
    if let (true, Some(hash)) = (shown.is_empty(), hash) {
        return Err(TopologyError::TransactionNotFound { hash }.into());
    }
    let report = Report {
        transactions: shown,
    };
    output::print(global.output, &report, |out| report.write(out))?;
    let sound = report.transactions.iter().all(|it| it.signed.is_sound());
    Ok(ExitCode::from(if sound { 0 } else { exit::NO }))
}

/// Each transaction with its rows. One that is asked for by its hash is shown with the signatures of its last row.
async fn look_up(
    client: &Client,
    stores: &[StoreId],
    hash: Option<TransactionHash>,
    given: Vec<SignedTransaction>,
) -> anyhow::Result<Vec<Shown>> {
    let hashes: BTreeSet<_> = given
        .iter()
        .map(SignedTransaction::hash)
        .chain(hash)
        .collect();
    let mut transactions = given;
    let mut keys = KnownKeys::default();
    for signed in &transactions {
        keys.add_those_in(signed.transaction().mapping());
    }
    let mut rows = Vec::new();
    for id in stores {
        let store = client.topology(id).await?;
        for row in store.rows() {
            keys.add_those_in(row.signed.transaction().mapping());
            if !hashes.contains(&row.signed.hash()) {
                continue;
            }
            rows.push((row.signed.hash(), Row::of(id, row)));
            if hash.is_some() {
                transactions.clear();
                transactions.push(row.signed.as_ref().clone());
            }
        }
    }
    let shown = transactions.iter().map(|signed| Shown {
        signed: SignedView::of(signed, &keys),
        rows: rows
            .extract_if(.., |(hash, _)| *hash == signed.hash())
            .map(|(_, row)| row)
            .collect(),
    });
    Ok(shown.collect())
}

impl Row {
    fn of(store: &StoreId, row: &strongroom_topology::StoredTransaction) -> Self {
        Self {
            store: store.to_string(),
            place: Place::of(row),
            signed_by: row.signed.signed_by().map(|key| key.to_string()).collect(),
        }
    }
}

impl Report {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (number, shown) in self.transactions.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            shown.signed.write(out)?;
            writeln!(out)?;
            if shown.rows.is_empty() {
                writeln!(out, "  in no store of this vault")?;
            }
            for row in &shown.rows {
                let place = &row.place;
                let until = place.valid_until.as_deref().unwrap_or("now");
                writeln!(
                    out,
                    "  {} #{}: {}, from {} until {until}, sequenced {}",
                    row.store, place.ordinal, place.state, place.valid_from, place.sequenced
                )?;
                if let Some(why) = &place.rejection {
                    writeln!(out, "    {}", output::printable(why))?;
                }
            }
        }
        Ok(())
    }
}
