//! `access`: who may do what over the network, from the configuration.

mod explain;
mod list;

use std::process::ExitCode;

use clap::Subcommand;
use strongroom_config::GrantConfig;

use crate::args::Global;

/// What to ask.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Options),
    Explain(explain::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => list::run(global, &options).await,
        Command::Explain(options) => explain::run(global, options).await,
    }
}

/// A grant in one line, as it is configured.
fn in_words(grant: &GrantConfig) -> String {
    let what = match (&grant.role, &grant.operations) {
        (Some(role), _) => format!("role {role}"),
        (None, operations) => operations.as_deref().unwrap_or_default().join(", "),
    };
    let list = |what: &str, items: &Option<Vec<String>>| match items {
        Some(items) => format!("; {what} {}", items.join(", ")),
        None => String::new(),
    };
    let (keys, usages) = (list("keys", &grant.keys), list("for", &grant.usages));
    format!("{what}{keys}{usages}")
}
