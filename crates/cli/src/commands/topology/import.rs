//! `topology import`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_proto::topology::Container;
use strongroom_topology::StoreId;

use super::outcome::{Decisions, Known};
use crate::{
    args::{Global, Names},
    client::Client,
    containers, exit,
    failure::CliError,
    output, progress,
};

/// Take in a snapshot of what a synchronizer holds, into a store that is empty.
///
/// Every transaction is looked at again, in its order and at its times, and what does not hold is rejected as it would have
/// been then, and remembered as rejected. Both formats of snapshots are taken, also compressed with gzip; at most 1 GiB, decompressed,
/// and 256 MiB by a server.
///
/// Exit status 1: a transaction was rejected that the snapshot does not call rejected.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology import snapshot.bin.gz \\\n    --store synchronizer:da::1220...::34-0\n  \
    strongroom topology import snapshot.bin --as snapshot-v1 \\\n    --store synchronizer:da::1220...::34-0")]
pub(crate) struct Options {
    /// The snapshot; `-` is standard input.
    file: PathBuf,
    /// The store of the synchronizer: synchronizer:NAME::NAMESPACE::VERSION-SERIAL.
    #[arg(long, value_name = "STORE")]
    store: StoreId,
    /// Which format it has [default: found out by reading].
    #[arg(long = "as", value_name = "FORMAT", value_parser = Names::of_snapshots())]
    container: Option<Container>,
}

#[derive(Serialize)]
struct Report {
    store: String,
    /// How many were rejected here and not where the snapshot comes from.
    unexpected: usize,
    #[serde(flatten)]
    decisions: Decisions,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !matches!(options.store, StoreId::Synchronizer(_)) {
        return Err(CliError::BadArgument {
            value: options.store.to_string(),
            expected: "the store of a synchronizer",
        }
        .into());
    }
    let items = containers::snapshot(&options.file, options.container)?;
    let known = Known::of(items.iter().map(|item| &item.signed));
    let rejected_there: Vec<_> = items.iter().map(|item| item.rejection.is_some()).collect();
    let client = Client::open(global).await?;
    let spinner = progress::spinner(global, "replaying");
    let decided = client.import_snapshot(&options.store, items).await?;
    spinner.finish_and_clear();
    client.close().await;
    let report = Report {
        store: options.store.to_string(),
        unexpected: Decisions::unexpected(&decided, &rejected_there),
        decisions: Decisions::of(decided, &known).only_rejected(),
    };
    output::print(global.output, &report, |out| {
        report.decisions.write(out)?;
        match report.unexpected {
            0 => Ok(()),
            count => writeln!(
                out,
                "{} rejected here, which the snapshot does not call rejected",
                output::counted(count, "transaction")
            ),
        }
    })?;
    Ok(ExitCode::from(if report.unexpected > 0 {
        exit::NO
    } else {
        0
    }))
}
