//! `keys delete`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Fingerprint;

use crate::{
    args::Global,
    client::{Client, Deletion},
    failure::CliError,
    output,
};

/// Destroy a key, both halves. Only a backup brings it back.
///
/// A key that a KMS holds leaves the vault, and is destroyed in the KMS some days later; 'kms orphans' shows when, and keeps it.
///
/// A key that topology refers to is kept: others verify with it or encrypt to it. Rotate it first, or revoke what refers to it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom keys delete 1220... --yes\n  \
    strongroom keys delete 1220... --yes --keep-in-kms\n  \
    strongroom keys delete 1220... --yes --danger-even-if-announced")]
pub(crate) struct Options {
    /// The key.
    fingerprint: Fingerprint,
    /// Yes, destroy it.
    #[arg(long)]
    yes: bool,
    /// Leave a key that a KMS holds there: it can be registered again.
    #[arg(long, conflicts_with = "danger_even_if_announced")]
    keep_in_kms: bool,
    /// Destroy it even if topology refers to it: nothing can be signed with it again, and what others encrypt to it is lost.
    #[arg(long)]
    danger_even_if_announced: bool,
}

#[derive(Serialize)]
struct Report {
    deleted: String,
    /// Where topology still refers to it.
    announced: Vec<String>,
    /// When its KMS is to destroy it, if that is yet to come and is up to this vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    destroyed_at: Option<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let deletion = if options.danger_even_if_announced {
        Deletion::EvenIfAnnounced
    } else if options.keep_in_kms {
        Deletion::KeepInKms
    } else {
        Deletion::Everywhere
    };
    let client = Client::open(global).await?;
    let deleted = client.delete_key(&options.fingerprint, deletion).await;
    client.close().await;
    let deleted = deleted?;
    let report = Report {
        deleted: options.fingerprint.to_string(),
        announced: deleted.announced,
        destroyed_at: deleted.due.map(output::moment),
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "deleted {}", report.deleted)?;
        if let Some(due) = &report.destroyed_at {
            writeln!(
                out,
                "its KMS is to destroy it at {due}; 'strongroom kms orphans' can keep it until then"
            )?;
        }
        let mut places = report.announced.iter();
        places.try_for_each(|place| writeln!(out, "still announced: {place}"))
    })?;
    Ok(ExitCode::SUCCESS)
}
