//! `incident`: a key may be in wrong hands.

mod affected;
mod words;

use std::{io, io::Write, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Fingerprint;
use strongroom_vault::{IncidentPlan, Suspect};

use self::{affected::AffectedView, words::Words};
use crate::{args::Global, output, session::Session};

/// Say what to do when a key may be in wrong hands: what is affected, the steps in their order with their commands, and what
/// cannot be undone.
///
/// It reads the vault, its topology and its audit log, and changes nothing. The order of the steps matters: a new key is durable
/// and backed up before anybody hears of it, and the old one goes last.
#[derive(Args, Debug)]
#[command(
    group = clap::ArgGroup::new("suspect").required(true),
    after_help = "Examples:\n  strongroom incident 1220...\n  strongroom incident --wrapper-key\n  \
    strongroom incident --root --output json | jq -r '.steps[].commands[]'"
)]
pub(crate) struct Options {
    /// The key that may be in wrong hands.
    #[arg(group = "suspect")]
    fingerprint: Option<Fingerprint>,
    /// A wrapper key: what opens the vault [default: the only one].
    #[arg(long, group = "suspect", value_name = "ID", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "the flag, and its value")]
    wrapper_key: Option<Option<String>>,
    /// The root key of the node's namespace.
    #[arg(long, group = "suspect")]
    root: bool,
}

#[derive(Serialize)]
struct Report {
    affected: AffectedView,
    steps: Vec<StepView>,
    cannot_be_undone: Vec<LossView>,
}

#[derive(Serialize)]
struct StepView {
    #[serde(skip_serializing_if = "Option::is_none")]
    only_if: Option<&'static str>,
    what: String,
    commands: Vec<String>,
}

#[derive(Serialize)]
struct LossView {
    name: &'static str,
    what: &'static str,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let suspect = match (options.fingerprint, options.wrapper_key) {
        (Some(key), _) => Suspect::Key(key),
        (None, Some(id)) => Suspect::WrapperKey(id),
        (None, None) => Suspect::Root,
    };
    let session = Session::open(global).await?;
    let plan = session.vault.incident(&suspect).await;
    let words = Words::of(&session.config);
    session.close().await;
    let report = Report::of(&plan?, &words);
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn of(plan: &IncidentPlan, words: &Words) -> Self {
        let steps = plan.steps.iter().map(|step| {
            let (what, commands) = words.of_act(&step.act);
            StepView {
                only_if: step.only_if.map(words::of_condition),
                what,
                commands,
            }
        });
        let losses = plan.losses.iter().map(|loss| LossView {
            name: loss.name(),
            what: words::of_loss(*loss),
        });
        Self {
            affected: AffectedView::of(&plan.affected),
            steps: steps.collect(),
            cannot_be_undone: losses.collect(),
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "WHAT IS AFFECTED")?;
        for (name, value) in self.affected.lines() {
            writeln!(out, "  {name:<18} {value}")?;
        }
        writeln!(out, "\nWHAT TO DO, IN THIS ORDER")?;
        for (number, step) in (1..).zip(&self.steps) {
            let condition = step.only_if.map(|when| format!("If {when}: "));
            let condition = condition.unwrap_or_default();
            writeln!(out, "{number:>3}. {condition}{}", step.what)?;
            for command in &step.commands {
                writeln!(out, "       {command}")?;
            }
        }
        writeln!(out, "\nWHAT CANNOT BE UNDONE")?;
        for loss in &self.cannot_be_undone {
            writeln!(out, "  - {}", loss.what)?;
        }
        Ok(())
    }
}
