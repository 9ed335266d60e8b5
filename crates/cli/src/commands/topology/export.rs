//! `topology export`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use strongroom_crypto::Timestamp;
use strongroom_files::Access;
use strongroom_proto::topology::{
    SnapshotItem, encode_signed_transaction, encode_signed_transactions, write_snapshot_v1,
    write_snapshot_v2,
};
use strongroom_topology::{
    MappingCode, SignedTransaction, StoredTransaction, TopologyStore, TransactionHash,
};

use super::args::{AtArg, StoreArg};
use crate::{
    args::{Format, Global, Names},
    client::Client,
    failure::CliError,
    input::{Destination, Encoding},
    output,
};

/// Write topology to a file: the history of a store as a snapshot, or transactions for others to apply or to sign.
///
/// A snapshot holds every row with its times, also what has ended, waits or was rejected, so that replaying it comes to the
/// same. With --at it holds what the store knew at that time. Transactions and certificates are those in force; by their hashes
/// also proposals that wait.
///
/// What is in force need not stand alone: the keys of a rotation have signed the announcement with which they came, not the one
/// that came after it, so another store takes the last one only on top of those before. With --history a list holds every
/// transaction that was accepted, in order, what has ended and what was taken back included: another store that applies it
/// comes to the same. It is needed for a node that has rotated keys, and wherever a key was let sign and revoked again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology export --out snapshot.bin\n  \
    strongroom topology export --format transactions --history \\\n    --mapping nsd,otk --out node.bin\n  \
    strongroom topology export 1220... --format certificate --out proposal.cert")]
pub(crate) struct Options {
    /// Only these transactions, by their hashes.
    #[arg(value_name = "HASH")]
    hashes: Vec<TransactionHash>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    at: AtArg,
    /// Any of these kinds of mappings; also by their three letters: nsd, otk and so on.
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = Names::of_mappings())]
    mapping: Vec<MappingCode>,
    /// The form of the file [default: snapshot-v2, or transactions if there are hashes or --history].
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// With --format transactions: every accepted transaction in order, not only those in force.
    #[arg(long, conflicts_with = "hashes")]
    history: bool,
    #[command(flatten)]
    destination: Destination,
}

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Rows, each behind its length.
    SnapshotV2,
    /// Rows in one message.
    SnapshotV1,
    /// A list of signed transactions.
    Transactions,
    /// One signed transaction.
    Certificate,
}

#[derive(Serialize)]
struct Report {
    store: String,
    file: String,
    transactions: usize,
    bytes: usize,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    options.check_history()?;
    options.destination.check(Encoding::Binary)?;
    let client = Client::open(global).await?;
    let store = client.topology(&options.store.store).await?;
    let written = options.write(&store);
    drop(store);
    client.close().await;
    let (transactions, bytes) = written?;
    options.destination.write(&bytes, Access::Readable)?;
    let report = Report {
        store: options.store.store.to_string(),
        file: options.destination.out.display().to_string(),
        transactions,
        bytes: bytes.len(),
    };
    if !options.destination.is_stdout() {
        output::print(global.output, &report, |out| {
            writeln!(
                out,
                "wrote {} to {}",
                output::counted(report.transactions, "transaction"),
                report.file
            )
        })?;
    } else if global.output == Format::Json {
        tracing::warn!("the export went to standard output; there is no JSON document");
    }
    Ok(ExitCode::SUCCESS)
}

impl Options {
    fn form(&self) -> Form {
        let default = if self.hashes.is_empty() && !self.history {
            Form::SnapshotV2
        } else {
            Form::Transactions
        };
        self.format.unwrap_or(default)
    }

    /// A snapshot holds the whole history anyway.
    fn check_history(&self) -> Result<(), CliError> {
        if self.history && self.form() != Form::Transactions {
            return Err(CliError::BadArgument {
                value: "--format".to_owned(),
                expected: "transactions, which --history is for: a snapshot holds the history anyway",
            });
        }
        Ok(())
    }

    /// How many transactions there are, and their bytes.
    fn write(&self, store: &TopologyStore) -> anyhow::Result<(usize, Vec<u8>)> {
        let mut bytes = Vec::new();
        match self.form() {
            Form::SnapshotV2 => {
                let items = self.items(store);
                write_snapshot_v2(&items, &mut bytes)?;
                Ok((items.len(), bytes))
            }
            Form::SnapshotV1 => {
                let items = self.items(store);
                write_snapshot_v1(&items, &mut bytes)?;
                Ok((items.len(), bytes))
            }
            Form::Transactions => {
                let transactions = self.transactions(store)?;
                let bytes = encode_signed_transactions(transactions.iter().copied());
                Ok((transactions.len(), bytes))
            }
            Form::Certificate => match self.transactions(store)?.as_slice() {
                [only] => Ok((1, encode_signed_transaction(only))),
                several => Err(CliError::NotOneTransaction {
                    found: several.len(),
                }
                .into()),
            },
        }
    }

    fn wants(&self, row: &StoredTransaction) -> bool {
        let code = row.signed.transaction().mapping().code();
        (self.mapping.is_empty() || self.mapping.contains(&code))
            && (self.hashes.is_empty() || self.hashes.contains(&row.signed.hash()))
    }

    fn is_past(&self, moment: Timestamp) -> bool {
        self.at.time().is_none_or(|time| moment < time)
    }

    /// The rows that the store had then, as it knew them then.
    fn items(&self, store: &TopologyStore) -> Vec<SnapshotItem> {
        let is_past = |moment| self.is_past(moment);
        let rows = store.rows().iter();
        rows.filter(|row| self.wants(row) && is_past(row.valid_from))
            .map(|row| SnapshotItem {
                sequenced: row.sequenced,
                valid_from: row.valid_from,
                valid_until: row.valid_until.filter(|until| is_past(*until)),
                signed: row.signed.as_ref().clone(),
                rejection: row.rejection.as_deref().map(str::to_owned),
            })
            .collect()
    }

    fn transactions<'s>(
        &self,
        store: &'s TopologyStore,
    ) -> anyhow::Result<Vec<&'s SignedTransaction>> {
        if self.history {
            let accepted = store.rows().iter().filter(|row| row.is_accepted());
            let rows = accepted.filter(|row| self.wants(row) && self.is_past(row.valid_from));
            return Ok(rows.map(|row| row.signed.as_ref()).collect());
        }
        if self.hashes.is_empty() {
            let rows = store.in_force(self.at.at()).filter(|row| self.wants(row));
            return Ok(rows.map(|row| row.signed.as_ref()).collect());
        }
        let mut found = Vec::with_capacity(self.hashes.len());
        for hash in &self.hashes {
            found.push(store.find(*hash)?.signed.as_ref());
        }
        Ok(found)
    }
}
