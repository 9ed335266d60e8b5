//! `keys delete`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Fingerprint;
use strongroom_server::access::Operation;

use crate::{args::Global, failure::CliError, output, session::Session};

/// Destroy a key, both halves. Only a backup brings it back.
///
/// A key that a KMS holds leaves the vault, and then the KMS destroys it or schedules that.
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
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let session = Session::open(global).await?;
    let (vault, caller, key) = (&session.vault, &session.caller, &options.fingerprint);
    let request = format!(
        "keys delete {key} keep-in-kms={} danger-even-if-announced={}",
        options.keep_in_kms, options.danger_even_if_announced
    );
    session
        .approved(global, Operation::KeysDelete, &request)
        .await?;
    let mut announced = Vec::new();
    if options.danger_even_if_announced {
        announced = vault
            .announced_keys()
            .await?
            .remove(key)
            .unwrap_or_default();
        vault.danger_delete_announced_key(caller, key).await?;
    } else if options.keep_in_kms {
        vault.release_key(caller, key).await?;
    } else {
        vault.delete_key(caller, key).await?;
    }
    session.close().await;
    let report = Report {
        deleted: options.fingerprint.to_string(),
        announced,
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "deleted {}", report.deleted)?;
        let mut places = report.announced.iter();
        places.try_for_each(|place| writeln!(out, "still announced: {place}"))
    })?;
    Ok(ExitCode::SUCCESS)
}
