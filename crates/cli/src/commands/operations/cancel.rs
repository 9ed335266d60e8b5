//! `operations cancel`.

use std::process::ExitCode;

use clap::Args;

use crate::{args::Global, output};

/// Call off long work of a server, whoever began it: it stops where all that it did is durable.
///
/// What is left is taken up by the same call again, or by '--resume' of 'wrapper-key rotate' and 'keys rotate'. That it was
/// called off, and by whom, stands in the audit log. This does not wait until it has stopped: 'strongroom operations watch' does.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom operations cancel ID --endpoint https://vault.example:5018\n  \
    strongroom operations watch ID"
)]
pub(crate) struct Options {
    /// The id: 'strongroom operations list' shows it.
    id: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let server = super::server(global).await?;
    let view = server.cancel_operation(options.id).await?;
    output::print(global.output, &view, |out| view.print(out))?;
    Ok(ExitCode::SUCCESS)
}
