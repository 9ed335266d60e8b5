//! `wrapper-key`: who can open the vault.

mod add;
pub(crate) mod check;
mod prune;
mod remove;
pub(crate) mod rotate;
pub(crate) mod show;

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use strongroom_vault::{Opening, WrapAttempt};

use crate::{args::Global, output};

/// What to do with the wraps of the vault.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Show(show::Options),
    Check(check::Options),
    Add(add::Options),
    Remove(remove::Options),
    Rotate(rotate::Options),
    Prune(prune::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show(options) => show::run(global, options).await,
        Command::Check(options) => check::run(global, options).await,
        Command::Add(options) => add::run(global, options).await,
        Command::Remove(options) => remove::run(global, options).await,
        Command::Rotate(options) => rotate::run(global, options).await,
        Command::Prune(options) => prune::run(global, options).await,
    }
}

/// A wrapper key of a KMS.
#[derive(Serialize)]
pub(crate) struct WrapperKeyView {
    pub(crate) kms: String,
    pub(crate) wrapper_key_id: String,
}

/// A wrap that was tried before the one that opened the vault.
#[derive(Serialize)]
pub(crate) struct AttemptView {
    pub(crate) kms: String,
    pub(crate) wrapper_key_id: String,
    pub(crate) code: String,
    pub(crate) reason: String,
}

impl AttemptView {
    fn of(attempt: &WrapAttempt) -> Self {
        Self {
            kms: attempt.kms.clone(),
            wrapper_key_id: attempt.wrapper_key_id.clone(),
            code: attempt.code.to_owned(),
            reason: attempt.reason.clone(),
        }
    }
}

impl WrapperKeyView {
    pub(crate) fn of((kms, wrapper_key_id): &(String, String)) -> Self {
        Self {
            kms: kms.clone(),
            wrapper_key_id: wrapper_key_id.clone(),
        }
    }
}

/// How the vault was opened for this command.
#[derive(Serialize)]
pub(crate) struct OpeningView {
    pub(crate) opened_by: WrapperKeyView,
    pub(crate) failed_before: Vec<AttemptView>,
}

impl OpeningView {
    pub(crate) fn of(opening: &Opening) -> Self {
        Self {
            opened_by: WrapperKeyView {
                kms: opening.kms.clone(),
                wrapper_key_id: opening.wrapper_key_id.clone(),
            },
            failed_before: opening.failed.iter().map(AttemptView::of).collect(),
        }
    }

    fn write(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        for failed in &self.failed_before {
            writeln!(
                out,
                "{} of {} did not open the vault: {} ({})",
                failed.wrapper_key_id, failed.kms, failed.reason, failed.code
            )?;
        }
        let by = &self.opened_by;
        writeln!(out, "{} of {} opened the vault", by.wrapper_key_id, by.kms)
    }
}

/// `1 private key`, `2 private keys`.
fn private_keys(count: usize) -> String {
    output::counted(count, "private key")
}
