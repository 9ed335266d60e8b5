//! `wrapper-key add`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_kms::KmsKeyId;

use crate::{args::Global, client::Client, failure::CliError, output};

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
    let client = Client::open(global).await?;
    let added = client.add_wrap(&options.kms, options.wrapper_key).await;
    client.close().await;
    let report = Report {
        wrapper_key_id: added?,
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
