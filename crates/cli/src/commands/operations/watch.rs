//! `operations watch`.

use std::process::ExitCode;

use clap::Args;

use super::view::OperationView;
use crate::{args::Global, exit, output, progress};

/// Watch long work of a server until it has ended, and say how it did: exit status 1 if it was not done.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom operations watch ID --endpoint https://vault.example:5018\n  \
    strongroom operations watch ID --output json | jq .problem"
)]
pub(crate) struct Options {
    /// The id: 'strongroom operations list' shows it.
    id: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let server = super::server(global).await?;
    let bar = progress::bar(global, 0, "waiting for its end");
    let tell = |seen: &OperationView| {
        if let Some(progress) = &seen.progress {
            bar.set_length(progress.of.unwrap_or_default());
            bar.set_position(progress.done);
        }
    };
    let watched = server.watch_operation(options.id, tell).await;
    bar.finish_and_clear();
    let view = watched?;
    output::print(global.output, &view, |out| view.print(out))?;
    Ok(match view.is_done() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(exit::NO),
    })
}
