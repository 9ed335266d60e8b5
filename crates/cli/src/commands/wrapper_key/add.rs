//! `wrapper-key add`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_kms::KmsKeyId;
use strongroom_server::access::Operation;

use crate::{args::Global, failure::CliError, output, session::Session};

/// Let another wrapper key open the vault: of a second region, of another cloud, or of the same KMS.
///
/// It equals an export of every key: whoever commands that wrapper key can open the vault from then on, with every key in
/// it. The audit log says so before anything leaves. The KMS is one of those in the configuration; their
/// order is the order in which opening tries them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom wrapper-key add --kms ireland \\\n    --i-know-it-will-open-every-key\n  \
    strongroom wrapper-key add --kms ireland --wrapper-key mrk-1234 \\\n    --i-know-it-will-open-every-key")]
pub(crate) struct Options {
    /// The KMS, by its configured name.
    #[arg(long, value_name = "NAME")]
    kms: String,
    /// An existing wrapper key there, such as the replica of a key of several regions [default: a new one is made].
    #[arg(long, value_name = "ID")]
    wrapper_key: Option<KmsKeyId>,
    /// The same rights and approvals are needed as for an export of every key; nothing can check them but you.
    #[arg(long)]
    i_know_it_will_open_every_key: bool,
}

#[derive(Serialize)]
struct Report {
    kms: String,
    wrapper_key_id: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.i_know_it_will_open_every_key {
        return Err(CliError::NotConfirmed {
            flag: "--i-know-it-will-open-every-key",
        }
        .into());
    }
    let session = Session::open(global).await?;
    let request = format!(
        "wrapper-key add kms={} wrapper-key={}",
        options.kms,
        options.wrapper_key.as_ref().map_or("new", KmsKeyId::as_str)
    );
    session
        .approved(global, Operation::WrapperKeysAdd, &request)
        .await?;
    let wrapper_key = match options.wrapper_key {
        Some(id) => Some(id),
        None => session.vault.unused_wrapper_key(&options.kms).await?,
    };
    let added = session
        .vault
        .add_wrap(&session.caller, &options.kms, wrapper_key)
        .await;
    session.close().await;
    let report = Report {
        wrapper_key_id: added?.as_str().to_owned(),
        kms: options.kms,
    };
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "{} of {} opens the vault as well",
            report.wrapper_key_id, report.kms
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
