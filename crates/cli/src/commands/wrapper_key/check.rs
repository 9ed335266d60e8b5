//! `wrapper-key check`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_vault::{ProviderLoss, WrapCheck, WrapStatus, WrapperKeyState, WrapperKeyStatus};

use super::{OpeningView, WrapperKeyView, private_keys};
use crate::{args::Global, client::Client, exit, output};

/// Try every wrap through its key management system, and say what would be lost with each.
///
/// One call for each wrap, and one that asks whether its wrapper key can be used. A recovery wrap is tried only if its private
/// half is brought. Where several processes share a vault, each may have other key management systems: this tells what those of
/// this configuration could do alone. Exit status 0: every wrap that was tried opens the vault; 1: one does not, or a wrapper key is disabled, pending deletion or gone.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom wrapper-key check\n  \
    strongroom wrapper-key check --output json | jq '.losses[].keys_lost'")]
pub(crate) struct Options {}

#[derive(Serialize)]
pub(crate) struct Report {
    all_open: bool,
    /// No wrapper key is known to be disabled, pending deletion or gone.
    all_usable: bool,
    #[serde(flatten)]
    opening: OpeningView,
    /// Each KMS that is configured here and has a wrap: whether it could open the vault were it the only one.
    alone: Vec<AloneView>,
    wraps: Vec<StatusView>,
    wrapper_keys: Vec<StateView>,
    losses: Vec<LossView>,
}

#[derive(Serialize)]
pub(crate) struct StatusView {
    pub(crate) kms: String,
    pub(crate) wrapper_key_id: String,
    pub(crate) data_key_id: String,
    pub(crate) opens: bool,
    /// Its private half is kept offline: it could not be tried.
    pub(crate) offline: bool,
    pub(crate) code: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) latency_ms: Option<f64>,
}

/// A KMS, by itself.
#[derive(Serialize)]
struct AloneView {
    kms: String,
    opens: bool,
}

impl AloneView {
    /// Of every KMS that was asked: of one that another replica has and this one does not, nothing can be said here.
    fn all(wraps: &[StatusView], alone: &[String]) -> Vec<Self> {
        let mut views: Vec<Self> = Vec::new();
        for wrap in wraps.iter().filter(|wrap| wrap.latency_ms.is_some()) {
            if views.iter().all(|view| view.kms != wrap.kms) {
                views.push(Self {
                    kms: wrap.kms.clone(),
                    opens: alone.contains(&wrap.kms),
                });
            }
        }
        views
    }

    fn in_words(&self) -> String {
        let opens = if self.opens { "opens" } else { "does not open" };
        format!(
            "with {} alone this configuration {opens} the vault",
            self.kms
        )
    }
}

/// What the KMS says of a wrapper key in use.
#[derive(Serialize)]
pub(crate) struct StateView {
    pub(crate) kms: String,
    pub(crate) wrapper_key_id: String,
    pub(crate) state: String,
    pub(crate) code: Option<String>,
    /// Since when it is known that it cannot be used, if it cannot.
    pub(crate) known_since: Option<String>,
    pub(crate) reason: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct LossView {
    pub(crate) kms: String,
    pub(crate) vault_lost: bool,
    pub(crate) remaining: Vec<WrapperKeyView>,
    pub(crate) offline: Vec<WrapperKeyView>,
    pub(crate) keys_lost: Vec<String>,
}

impl StatusView {
    fn of(status: &WrapStatus) -> Self {
        Self {
            kms: status.kms.clone(),
            wrapper_key_id: status.wrapper_key_id.clone(),
            data_key_id: status.data_key_id.to_string(),
            opens: status.failure.is_none(),
            offline: status.offline,
            code: status.failure.map(str::to_owned),
            reason: status.reason.clone(),
            latency_ms: status.latency.map(|time| time.as_secs_f64() * 1000.0),
        }
    }
}

impl StateView {
    fn of(key: &WrapperKeyStatus) -> Self {
        let (code, known_since, reason) = match &key.state {
            WrapperKeyState::Unusable { code, since, .. } => {
                (Some(code), Some(output::moment(*since)), None)
            }
            WrapperKeyState::NotKnown { code, reason, .. } => {
                (Some(code), None, Some(reason.clone()))
            }
            _ => (None, None, None),
        };
        Self {
            kms: key.kms.clone(),
            wrapper_key_id: key.wrapper_key_id.clone(),
            state: key.state.name().to_owned(),
            code: code.map(|code| (*code).to_owned()),
            known_since,
            reason,
        }
    }

    /// What there is to tell, if there is something.
    fn in_words(&self) -> Option<String> {
        let code = self.code.as_ref()?;
        let (id, kms, state) = (&self.wrapper_key_id, &self.kms, &self.state);
        Some(match (&self.known_since, &self.reason) {
            (Some(since), _) => {
                format!("{id} of {kms} cannot be used: {state}, known since {since} ({code})")
            }
            (None, Some(reason)) => {
                format!("whether {id} of {kms} can be used is not known: {reason} ({code})")
            }
            (None, None) => format!("{id} of {kms}: {state} ({code})"),
        })
    }
}

impl LossView {
    fn of(loss: &ProviderLoss) -> Self {
        let named = |wraps: &[(String, String)]| {
            let views = wraps.iter().cloned();
            let views = views.map(|(kms, wrapper_key_id)| WrapperKeyView {
                kms,
                wrapper_key_id,
            });
            views.collect()
        };
        Self {
            kms: loss.kms.clone(),
            vault_lost: loss.vault_lost,
            remaining: named(&loss.remaining),
            offline: named(&loss.offline),
            keys_lost: loss.keys_lost.iter().map(ToString::to_string).collect(),
        }
    }

    fn in_words(&self) -> String {
        if self.vault_lost {
            return "everything: no other wrap opens the vault now".to_owned();
        }
        let names = |wraps: &[WrapperKeyView]| {
            let names: Vec<_> = wraps.iter().map(|wrap| wrap.kms.as_str()).collect();
            names.join(", ")
        };
        let opens = match self.remaining.as_slice() {
            [] => format!(
                "the vault opens when the private half of {} is brought",
                names(&self.offline)
            ),
            remaining => format!("the vault opens with {}", names(remaining)),
        };
        match self.keys_lost.len() {
            0 => format!("nothing: {opens}"),
            count => format!("{} that only it can use; {opens}", private_keys(count)),
        }
    }
}

impl Report {
    pub(crate) fn of(opening: OpeningView, check: &WrapCheck, keys: &[WrapperKeyStatus]) -> Self {
        Self::new(
            opening,
            check.wraps.iter().map(StatusView::of).collect(),
            keys.iter().map(StateView::of).collect(),
            check.losses.iter().map(LossView::of).collect(),
            &check.alone,
        )
    }

    /// `alone`: each KMS that could open the vault were it the only one.
    pub(crate) fn new(
        opening: OpeningView,
        wraps: Vec<StatusView>,
        wrapper_keys: Vec<StateView>,
        losses: Vec<LossView>,
        alone: &[String],
    ) -> Self {
        Self {
            all_open: wraps.iter().all(|wrap| wrap.opens || wrap.offline),
            all_usable: wrapper_keys.iter().all(|key| key.known_since.is_none()),
            opening,
            alone: AloneView::all(&wraps, alone),
            wraps,
            wrapper_keys,
            losses,
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        self.opening.write(out)?;
        let rows = self.wraps.iter().map(|wrap| {
            [
                wrap.kms.clone(),
                wrap.wrapper_key_id.clone(),
                match &wrap.code {
                    None => "opens",
                    Some(_) if wrap.offline => "offline, not tried",
                    Some(code) => code,
                }
                .to_owned(),
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
        for told in self.wrapper_keys.iter().filter_map(StateView::in_words) {
            writeln!(out, "{told}")?;
        }
        for alone in &self.alone {
            writeln!(out, "{}", alone.in_words())?;
        }
        for loss in &self.losses {
            writeln!(out, "lost with {}: {}", loss.kms, loss.in_words())?;
        }
        Ok(())
    }
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let report = client.check_wraps().await;
    client.close().await;
    let report = report?;
    output::print(global.output, &report, |out| report.print(out))?;
    let is_well = report.all_open && report.all_usable;
    Ok(ExitCode::from(if is_well { 0 } else { exit::NO }))
}
