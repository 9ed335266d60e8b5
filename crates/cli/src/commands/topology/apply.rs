//! `topology apply`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{
    Timestamp,
    clock::{Clock, SystemClock},
};
use strongroom_topology::{StoreId, Times};

use super::{
    args::{BurnArg, DangerArg, StoreArg, moment},
    caution,
    outcome::{Decisions, Known},
};
use crate::{args::Global, client::Client, containers, exit, failure::CliError, output};

/// Add signed transactions to a store: certificates and lists, also compressed with gzip.
///
/// Each transaction is decided on its own, in the order given; what is rejected is remembered as rejected. In the store of a
/// synchronizer only what it has sequenced counts: say when with --sequenced. Without it nothing is kept, and the answer is
/// what the synchronizer would say, all or none.
///
/// What is to be thought of, such as that a root certificate makes a namespace or that a revocation is final, is told first, on
/// standard error. The revocation of a root certificate ends its namespace and is refused unless --danger-burn-namespace is said.
///
/// Exit status 1: a transaction was rejected.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology apply root.cert node.cert\n  \
    strongroom topology apply batch.bin.gz \\\n    --store synchronizer:da::1220...::34-0 \\\n    \
    --sequenced 2026-07-01T12:00:00Z --effective 2026-07-01T12:00:00.250Z\n  \
    strongroom topology apply change.cert --store synchronizer:da::1220...::34-0")]
pub(crate) struct Options {
    /// The files, in the order in which they are to be applied; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    danger: DangerArg,
    #[command(flatten)]
    burn: BurnArg,
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
    let preview = times.is_none() && matches!(options.store.store, StoreId::Synchronizer(_));
    if !preview {
        caution::check(&transactions, options.burn)?;
    }
    caution::tell(global, &transactions)?;
    let known = Known::of(&transactions);
    let client = Client::open(global).await?;
    let (store, force) = (&options.store.store, options.danger.flags());
    let decided = client
        .add_transactions(store, times, transactions, force)
        .await;
    client.close().await;
    let report = Report {
        store: options.store.store.to_string(),
        preview,
        decisions: Decisions::of(decided?, &known),
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

/// Clocks differ by less than a day; a year that was mistyped would leave every later time behind it.
fn check_not_ahead(moment: Timestamp, now: Timestamp) -> Result<(), CliError> {
    const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
    if moment.as_micros() <= now.as_micros().saturating_add(DAY_MICROS) {
        return Ok(());
    }
    Err(CliError::TimeAhead {
        moment: output::moment(moment),
        now: output::moment(now),
    })
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
        for moment in [sequenced, effective] {
            check_not_ahead(moment, SystemClock.now())?;
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_ahead_by_a_day_and_no_more() {
        let now = moment("2026-07-01T12:00:00Z").unwrap();
        for (text, taken) in [
            ("1999-01-01T00:00:00Z", true),
            ("2026-07-02T12:00:00Z", true),
            ("2026-07-02T12:00:00.000001Z", false),
            ("2062-07-01T12:00:00Z", false),
        ] {
            let checked = check_not_ahead(moment(text).unwrap(), now);
            assert_eq!(checked.is_ok(), taken, "{text}");
        }
    }
}
