//! `wrapper-key remove`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_server::access::Operation;

use crate::{args::Global, failure::CliError, output, session::Session};

/// Take a wrap away. Another one must open the vault now, which is tried.
///
/// The wrapper key stays in its KMS, since older backups need it. Who could use it may have unwrapped the data key
/// before: taking the wrap away answers no compromise.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom wrapper-key remove --kms frankfurt --wrapper-key mrk-1234 --yes")]
pub(crate) struct Options {
    /// The KMS, by the name that 'wrapper-key show' shows.
    #[arg(long, value_name = "NAME")]
    kms: String,
    /// The wrapper key.
    #[arg(long, value_name = "ID")]
    wrapper_key: String,
    /// Yes, the vault shall not be opened by it any more.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Report {
    kms: String,
    wrapper_key_id: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let session = Session::open(global).await?;
    let (kms, id) = (options.kms, options.wrapper_key);
    let request = format!("wrapper-key remove kms={kms} wrapper-key={id}");
    session
        .approved(global, Operation::WrapperKeysRemove, &request)
        .await?;
    let removed = session.vault.remove_wrap(&session.caller, &kms, &id).await;
    session.close().await;
    removed?;
    let report = Report {
        kms,
        wrapper_key_id: id,
    };
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "{} of {} does not open the vault any more",
            report.wrapper_key_id, report.kms
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
