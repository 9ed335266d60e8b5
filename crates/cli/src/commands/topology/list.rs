//! `topology list`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use strongroom_topology::{MappingCode, Namespace, Operation, StoredTransaction};

use super::args::{AtArg, StoreArg, check_known};
use crate::{
    args::{Global, Names},
    client::Client,
    output,
    row_view::{HEADER, HISTORY_HEADER, RowView},
};

/// List the transactions of a store, those that pass every filter.
///
/// Without a flag that says otherwise: the statements that are in force. Mappings are named as on the wire or by three
/// letters: NAMESPACE_DELEGATION or nsd, OWNER_TO_KEY_MAPPING or otk, and so on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology list\n  \
    strongroom topology list --mapping otk,nsd --at 2026-07-01T12:00:00Z\n  \
    strongroom topology list --proposals --output json \\\n    | jq -r '.transactions[].hash'\n  \
    strongroom topology list --history --uid alice")]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    at: AtArg,
    /// Any of these kinds of mappings; also by their three letters: nsd, otk and so on.
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = Names::of_mappings())]
    mapping: Vec<MappingCode>,
    /// Statements of this namespace.
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<Namespace>,
    /// Statements about nodes, parties or synchronizers whose name begins like this.
    #[arg(long, value_name = "PREFIX")]
    uid: Option<String>,
    /// Statements that are made, or that are taken back; also as they are shown: ADD_REPLACE, REMOVE.
    #[arg(long, value_enum)]
    operation: Option<OperationArg>,
    /// Proposals that wait for signatures.
    #[arg(long, conflicts_with = "at")]
    proposals: bool,
    /// What was rejected, and why.
    #[arg(long, conflicts_with_all = ["at", "proposals"])]
    rejected: bool,
    /// Every transaction, whatever became of it.
    #[arg(long, conflicts_with_all = ["at", "proposals", "rejected"])]
    history: bool,
}

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OperationArg {
    /// It states something.
    #[value(alias = "ADD_REPLACE", alias = "add_replace")]
    AddReplace,
    /// It takes a statement back.
    #[value(alias = "REMOVE")]
    Remove,
}

#[derive(Serialize)]
struct Report {
    store: String,
    at: Option<String>,
    transactions: Vec<RowView>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let store = client.topology(&options.store.store).await?;
    let known = check_known(&store, &options.namespace);
    let rows = store.rows().iter().filter(|row| options.wants(row));
    let transactions = rows.map(RowView::of).collect();
    drop(store);
    client.close().await;
    known?;
    let report = Report {
        store: options.store.store.to_string(),
        at: options.at.time().map(output::moment),
        transactions,
    };
    output::print(global.output, &report, |out| {
        if report.transactions.is_empty() {
            return writeln!(out, "no transactions");
        }
        let rows = report.transactions.iter();
        let table = if options.history {
            output::table(HISTORY_HEADER, rows.map(RowView::cells_of_history))
        } else {
            output::table(HEADER, rows.map(RowView::cells))
        };
        writeln!(out, "{table}")?;
        let rejections = report.transactions.iter();
        rejections
            .filter_map(|row| Some((row.place.ordinal, row.place.rejection.as_ref()?)))
            .try_for_each(|(ordinal, why)| writeln!(out, "{ordinal}: {}", output::printable(why)))
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Options {
    fn wants(&self, row: &StoredTransaction) -> bool {
        let transaction = row.signed.transaction();
        let mapping = transaction.mapping();
        let begins = |prefix: &String| {
            let uid = mapping.uid().map(ToString::to_string);
            uid.is_some_and(|uid| uid.starts_with(prefix.as_str()))
        };
        self.is_in_question(row)
            && self.wants_operation(transaction.operation())
            && (self.mapping.is_empty() || self.mapping.contains(&mapping.code()))
            && self
                .namespace
                .as_ref()
                .is_none_or(|namespace| mapping.namespace() == namespace)
            && self.uid.as_ref().is_none_or(begins)
    }

    fn is_in_question(&self, row: &StoredTransaction) -> bool {
        if self.history {
            true
        } else if self.rejected {
            row.rejection.is_some()
        } else if self.proposals {
            row.signed.is_proposal() && row.is_open()
        } else {
            self.at.at().covers(row)
        }
    }

    /// What was taken back is nothing that is in force, unless it is asked for.
    fn wants_operation(&self, operation: Operation) -> bool {
        let only_stated = !(self.history || self.rejected || self.proposals);
        match self.operation {
            Some(OperationArg::AddReplace) => operation == Operation::AddReplace,
            Some(OperationArg::Remove) => operation == Operation::Remove,
            None => !only_stated || operation == Operation::AddReplace,
        }
    }
}
