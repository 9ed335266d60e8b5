//! `access list`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_config::{CallerConfig, UnixUserConfig};
use strongroom_server::access::Operation;

use super::in_words;
use crate::{args::Global, client::configuration, output, server};

/// List who may come over the network, how each is known, and what each may do
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom access list\n  strongroom access list --output json"
)]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    /// Whether anybody is told apart.
    rules: bool,
    callers: Vec<View>,
}

#[derive(Serialize)]
struct View {
    name: String,
    known_by: Vec<String>,
    rate_limit: Option<u32>,
    grants: Vec<String>,
    /// Everything that it may do, perhaps with some keys only.
    operations: Vec<&'static str>,
}

pub(super) async fn run(global: &Global, _options: &Options) -> anyhow::Result<ExitCode> {
    let config = configuration(global).await?;
    let access = server::access(&config.callers)?;
    let view = |caller: &CallerConfig| {
        let subject = access.named(&caller.name);
        let may = |operation: &&Operation| subject.as_ref().is_some_and(|it| it.may(**operation));
        View {
            name: caller.name.clone(),
            known_by: known_by(caller),
            rate_limit: caller.rate_limit.map(Into::into),
            grants: caller.grants.iter().map(in_words).collect(),
            operations: Operation::ALL
                .iter()
                .filter(may)
                .map(|operation| operation.name())
                .collect(),
        }
    };
    let report = Report {
        rules: access.has_rules(),
        callers: config.callers.iter().map(view).collect(),
    };
    output::print(global.output, &report, |out| {
        if !report.rules {
            return writeln!(
                out,
                "Everybody on this machine may do everything: there are no [[callers]]."
            );
        }
        for caller in &report.callers {
            writeln!(out, "{}", caller.name)?;
            writeln!(out, "  known by  {}", caller.known_by.join(", "))?;
            if let Some(most) = caller.rate_limit {
                writeln!(out, "  at most   {most} calls per second")?;
            }
            for grant in &caller.grants {
                writeln!(out, "  granted   {grant}")?;
            }
            writeln!(out, "  may       {}", caller.operations.join(", "))?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn known_by(caller: &CallerConfig) -> Vec<String> {
    let certificates = caller.certificates.iter();
    let tokens = caller
        .tokens
        .iter()
        .map(|name| match &caller.token_service {
            Some(service) => format!("token:{name} of {service}"),
            None => format!("token:{name}"),
        });
    let users = caller.unix_users.iter().map(|user| match user {
        UnixUserConfig::Number(number) => format!("unix-user:{number}"),
        UnixUserConfig::Name(name) => format!("unix-user:{name}"),
    });
    certificates.cloned().chain(tokens).chain(users).collect()
}
