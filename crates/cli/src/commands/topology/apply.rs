//! `topology apply`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Timestamp;
use strongroom_topology::{SignedTransaction, StoreId, Times};
use strongroom_vault::Added;

use super::{
    args::{ForceArg, StoreArg, moment},
    outcome::{Decisions, Known},
};
use crate::{args::Global, containers, exit, failure::CliError, output, session::Session};

/// Add signed transactions to a store: certificates and lists, also compressed with gzip.
///
/// Each transaction is decided on its own, in the order given; what is rejected is remembered as rejected. In the store of a
/// synchronizer only what it has sequenced counts: say when with --sequenced. Without it nothing is kept, and the answer is
/// what the synchronizer would say, all or none.
///
/// Exit status 1: a transaction was rejected.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology apply root.cert node.cert\n  \
    strongroom topology apply batch.bin.gz --store synchronizer:da::1220...::34-0 \\\n    \
    --sequenced 2026-07-01T12:00:00Z --effective 2026-07-01T12:00:00.250Z\n  \
    strongroom topology apply change.cert --store synchronizer:da::1220...::34-0")]
pub(crate) struct Options {
    /// The files, in the order in which they are to be applied; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    danger: ForceArg,
    /// When the synchronizer sequenced them (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    sequenced: Option<Timestamp>,
    /// From when on they hold (RFC 3339) [default: when they were sequenced].
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "sequenced")]
    effective: Option<Timestamp>,
}

#[derive(Serialize)]
struct Report {
    store: String,
    /// Whether nothing was kept.
    preview: bool,
    #[serde(flatten)]
    decisions: Decisions,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let times = options.times()?;
    let transactions = containers::transactions(&options.files, None)?;
    let known = Known::of(&transactions);
    let session = Session::open(global).await?;
    let added = options.apply(&session, times, transactions).await?;
    session.close().await;
    let report = Report {
        store: options.store.store.to_string(),
        preview: times.is_none() && matches!(options.store.store, StoreId::Synchronizer(_)),
        decisions: Decisions::of(&added, &known),
    };
    output::print(global.output, &report, |out| {
        report.decisions.write(out)?;
        if report.preview {
            writeln!(out, "a look ahead: nothing was kept")?;
        }
        Ok(())
    })?;
    let rejected = report.decisions.rejected > 0;
    Ok(ExitCode::from(if rejected { exit::NO } else { 0 }))
}

impl Options {
    fn times(&self) -> Result<Option<Times>, CliError> {
        let Some(sequenced) = self.sequenced else {
            return Ok(None);
        };
        if !matches!(self.store.store, StoreId::Synchronizer(_)) {
            return Err(CliError::BadArgument {
                value: self.store.store.to_string(),
                expected: "the store of a synchronizer, which --sequenced is for",
            });
        }
        let effective = self.effective.unwrap_or(sequenced);
        if effective < sequenced {
            return Err(CliError::BadArgument {
                value: output::moment(effective),
                expected: "a time after the one in --sequenced",
            });
        }
        Ok(Some(Times {
            sequenced,
            effective,
        }))
    }

    async fn apply(
        &self,
        session: &Session,
        times: Option<Times>,
        transactions: Vec<SignedTransaction>,
    ) -> anyhow::Result<Vec<Added>> {
        let (vault, caller) = (&session.vault, &session.caller);
        Ok(match (&self.store.store, times) {
            (StoreId::Synchronizer(id), Some(times)) => {
                vault.add_sequenced(caller, id, times, transactions).await?
            }
            (store, _) => {
                let force = self.danger.flags();
                vault
                    .add_transactions(caller, store, transactions, force)
                    .await?
            }
        })
    }
}
