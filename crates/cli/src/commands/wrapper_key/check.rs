//! `wrapper-key check`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_vault::{ProviderLoss, WrapCheck, WrapStatus};

use super::{OpeningView, WrapperKeyView, private_keys};
use crate::{args::Global, exit, output, session::Session};

/// Try every wrap through its key management system, and say what would be lost with each.
///
/// One call for each wrap. Exit status 0: every wrap opens the vault; 1: one does not.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom wrapper-key check\n  \
    strongroom wrapper-key check --output json | jq '.losses[].keys_lost'")]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    all_open: bool,
    #[serde(flatten)]
    opening: OpeningView,
    wraps: Vec<StatusView>,
    losses: Vec<LossView>,
}

#[derive(Serialize)]
struct StatusView {
    kms: String,
    wrapper_key_id: String,
    data_key_id: String,
    opens: bool,
    code: Option<&'static str>,
    reason: Option<String>,
    latency_ms: Option<f64>,
}

#[derive(Serialize)]
struct LossView {
    kms: String,
    vault_lost: bool,
    remaining: Vec<WrapperKeyView>,
    keys_lost: Vec<String>,
}

impl StatusView {
    fn of(status: &WrapStatus) -> Self {
        Self {
            kms: status.kms.clone(),
            wrapper_key_id: status.wrapper_key_id.clone(),
            data_key_id: status.data_key_id.to_string(),
            opens: status.failure.is_none(),
            code: status.failure,
            reason: status.reason.clone(),
            latency_ms: status.latency.map(|time| time.as_secs_f64() * 1000.0),
        }
    }
}

impl LossView {
    fn of(loss: &ProviderLoss) -> Self {
        let remaining = loss.remaining.iter().cloned();
        let remaining = remaining.map(|(kms, wrapper_key_id)| WrapperKeyView {
            kms,
            wrapper_key_id,
        });
        Self {
            kms: loss.kms.clone(),
            vault_lost: loss.vault_lost,
            remaining: remaining.collect(),
            keys_lost: loss.keys_lost.iter().map(ToString::to_string).collect(),
        }
    }

    fn in_words(&self) -> String {
        if self.vault_lost {
            return "everything: no other wrap opens the vault now".to_owned();
        }
        let others: Vec<_> = self
            .remaining
            .iter()
            .map(|wrap| wrap.kms.as_str())
            .collect();
        let opens = format!("the vault opens with {}", others.join(", "));
        match self.keys_lost.len() {
            0 => format!("nothing: {opens}"),
            count => format!("{} that only it can use; {opens}", private_keys(count)),
        }
    }
}

impl Report {
    fn of(opening: OpeningView, check: &WrapCheck) -> Self {
        Self {
            all_open: check.all_open(),
            opening,
            wraps: check.wraps.iter().map(StatusView::of).collect(),
            losses: check.losses.iter().map(LossView::of).collect(),
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        self.opening.write(out)?;
        let rows = self.wraps.iter().map(|wrap| {
            [
                wrap.kms.clone(),
                wrap.wrapper_key_id.clone(),
                wrap.code.unwrap_or("opens").to_owned(),
                wrap.latency_ms
                    .map_or_else(|| "-".to_owned(), |time| format!("{time:.1} ms")),
            ]
        });
        let header = ["KMS", "WRAPPER KEY", "OUTCOME", "TOOK"];
        writeln!(out, "\n{}\n", output::table(header, rows))?;
        for wrap in &self.wraps {
            if let Some(reason) = &wrap.reason {
                writeln!(out, "{} of {}: {reason}", wrap.wrapper_key_id, wrap.kms)?;
            }
        }
        for loss in &self.losses {
            writeln!(out, "lost with {}: {}", loss.kms, loss.in_words())?;
        }
        Ok(())
    }
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    let opening = OpeningView::of(&session.vault.opening());
    let report = Report::of(opening, &session.vault.check_wraps().await);
    session.close().await;
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::from(if report.all_open { 0 } else { exit::NO }))
}
